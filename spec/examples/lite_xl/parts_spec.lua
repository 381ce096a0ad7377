-- What the Lite XL plugin is made of, without an editor: packed lines, syntaxes that travel, stretches.
local modules = dofile "spec/examples/lite_xl/modules.lua"

describe("the Lite XL plugin:", function()
  local language, packing, stretches, syntaxes

  setup(function()
    modules.enter()
    language = require "plugins.echo_highlight.language"
    packing = require "plugins.echo_highlight.packing"
    stretches = require "plugins.echo_highlight.stretches"
    syntaxes = require "syntaxes"
  end)

  teardown(modules.leave)

  describe("the tokens of a line", function()
    local number_of = { normal = 0, word = 1 }
    local types = { [0] = "normal", "word" }

    local function there_and_back(text, tokens)
      return packing.unpack(packing.pack(text, tokens, "\0", "\3\1", number_of), text, types)
    end

    it("are what they were, with the states", function()
      local line = there_and_back("ab  c\n", { "word", "ab", "normal", "  ", "word", "c\n" })
      assert.same({ "word", "ab", "normal", "  ", "word", "c\n" }, line.tokens)
      assert.same({ "\0", "\3\1", "ab  c\n" }, { line.init_state, line.state, line.text })
      assert.same({ "\0", "\3\1" }, { packing.states(line.packed) })
    end)

    it("may be any number, and of any size", function()
      local tokens, size = {}, 70000
      for i = 1, 1000 do
        tokens[2 * i - 1], tokens[2 * i] = i % 2 == 0 and "word" or "normal", ("x"):rep(i)
      end
      tokens[#tokens + 1], tokens[#tokens + 2] = "word", ("y"):rep(size)
      local text = table.concat(tokens, "", 2):gsub("word", ""):gsub("normal", "")
      assert.same(tokens, there_and_back(text, tokens).tokens)
    end)

    it("need not make up the line", function()
      for _, tokens in ipairs { { "word", "a?" }, { "word", "a" }, { "word", "ab", "normal", "c" }, {} } do
        assert.same(tokens, there_and_back("ab", tokens).tokens)
      end
    end)
  end)

  describe("a syntax that travels", function()
    it("has the syntaxes with it that it embeds, each once", function()
      local page = language.new(syntaxes.page, syntaxes.find).copy.syntax
      assert.equal("Script", page.patterns[2].syntax.name)
      assert.same(syntaxes.script.symbols, page.patterns[2].syntax.symbols)
      local ring = { patterns = {}, symbols = {} }
      ring.patterns[1] = { pattern = { "a", "b" }, type = "x", syntax = ring }
      local copy = language.new(ring).copy.syntax
      assert.equal(copy, copy.patterns[1].syntax)
    end)

    it("is as the tokenizer leaves it after its first use, and the original as it was", function()
      local original = {
        patterns = { { pattern = "^a", type = "x" }, { regex = { "^b", "c" }, type = "x", _regex = print } },
        symbols = {},
      }
      local copy = language.new(original).copy.syntax.patterns
      assert.same({ pattern = "a", type = "x", whole_line = { true } }, copy[1])
      assert.same({ regex = { "b", "c" }, type = "x", whole_line = { true, false } }, copy[2])
      assert.same({ pattern = "^a", type = "x" }, original.patterns[1])
      assert.same({ "^b", "c" }, original.patterns[2].regex)
    end)

    it("is not settled twice", function()
      local used = { patterns = { { pattern = "^a", type = "x", whole_line = { true } } }, symbols = {} }
      assert.equal("^a", language.new(used).copy.syntax.patterns[1].pattern)
    end)

    it("numbers the types of tokens", function()
      local page = language.new(syntaxes.page, syntaxes.find)
      for _, kind in ipairs { "normal", "comment", "tag", "text", "keyword", "number" } do
        assert.equal(kind, page.types[page.copy.number_of[kind]])
      end
      local several = { "x", "y" }
      local pair = language.new({ patterns = { { pattern = { "a", "b" }, type = several } }, symbols = {} })
      local copied = pair.copy.syntax.patterns[1].type
      assert.not_equal(several, copied)
      assert.equal(several, pair.types[pair.copy.number_of[copied]])
      local many = { patterns = {}, symbols = {} }
      for i = 1, 300 do
        many.symbols[i] = "type " .. i
      end
      local made, message = language.new(many)
      assert.is_nil(made)
      assert.equal("the syntax unnamed has more than 256 types of tokens", message)
    end)

    it("gives a state to begin with: what is embedded stays, a comment does not", function()
      local page = language.new(syntaxes.page, syntaxes.find)
      assert.same({ "\0", "\0", "\2", "\2\0", "\2\0" }, {
        language.guess(page, "\0"), language.guess(page, "\1"), language.guess(page, "\2"),
        language.guess(page, "\2\0"), language.guess(page, "\2\1"),
      })
    end)
  end)

  it("stretches are what a list of lines is", function()
    math.randomseed(5)
    for _ = 1, 50 do
      local marks, links = {}, {}
      for line = 1, 31 do
        marks[line], links[line] = false, math.random(2) == 1
      end
      local tested = stretches.new(function(line) return links[line] end)
      for _ = 1, 30 do
        local first = math.random(30)
        local last = math.min(30, first + math.random(0, 8))
        tested:cut(first, last)
        local mark = math.random(3) > 1
        if mark then
          tested:add(first, last)
        end
        for line = first, last do
          marks[line] = mark and (line == first and "first" or "inner")
        end
        if marks[last + 1] == "inner" then
          marks[last + 1] = "cut"
        end
        for line = 2, 31 do -- those that have come to touch are one if they link
          if mark and (line == first or line == last + 1) and marks[line] and marks[line - 1] then
            marks[line] = links[line] and "inner" or "first"
          end
        end
        local start
        for line = 1, 30 do
          start = marks[line] and (marks[line] ~= "inner" and line or start) or nil
          assert.equal(start, (tested:find(line)))
        end
      end
    end
  end)
end)
