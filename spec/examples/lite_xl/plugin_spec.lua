-- The Lite XL plugin as it is installed, with real workers, in a stand-in for the editor.

local HERE = "spec/examples/lite_xl"
local LINES = [[
  local lines = {}
  for i = 1, 3000 do
    lines[i] = ("word %d if\n"):format(i)
  end
  for i = 100, 3000, 300 do
    lines[i], lines[i + 350 % 290] = "/* begins\n", "ends */\n"
  end
]]

local folder

local function sh(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local output = pipe:read("a")
  assert(pipe:close(), output)
  return output
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs a script in the editor; returns what it writes.
local function edit(script, without, environment)
  return sh(("%s timeout 60 lua5.4 %s/editor.lua %s %s %s"):format(environment or "", HERE, folder,
    quote(script), without or ""))
end

describe("the Lite XL plugin", function()
  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    local module = assert(package.searchpath("echo", package.cpath))
    sh(("CFLAGS=-Werror sh examples/lite-xl/install.sh %s %s"):format(folder, module))
    sh(("cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fPIC -shared $(pkg-config --cflags lua5.4)"
      .. " -o %s/host.so %s/host.c"):format(folder, HERE))
  end)

  teardown(function()
    sh("rm -rf " .. folder)
  end)

  it("gives each line the tokens of the editor's tokenizer", function()
    assert.equal("", edit(LINES .. [[
      local doc = editor.open("a.script", lines)
      editor.until_true(editor.is_done(doc))
      io.write(editor.differing(doc), table.unpack(editor.core.errors))
    ]]))
  end)

  it("does so where syntaxes are embedded", function()
    assert.equal("", edit([[
      local lines = {}
      for i = 1, 2000 do
        lines[i] = i % 500 == 30 and "<script>\n" or i % 500 == 470 and "</script>\n"
          or i % 500 == 90 and "/* begins\n" or i % 500 == 95 and "ends */\n" or "#if 1 if <--a-->\n"
      end
      local doc = editor.open("a.page", lines)
      editor.until_true(editor.is_done(doc))
      io.write(editor.differing(doc), table.unpack(editor.core.errors))
    ]]))
  end)

  it("draws tokens of the text that is there, or none", function()
    assert.equal("", edit(LINES .. [[
      local doc, view = editor.open("a.script", lines)
      math.randomseed(3)
      for _ = 1, 300 do
        view.first = math.random(#lines - 100)
        local line = view.first + math.random(0, 9)
        if math.random(2) == 1 then
          doc:insert(line, { "changed " .. line .. "\n", math.random(2) == 1 and "/*\n" or "*/\n" })
        else
          doc:remove(line, math.random(3))
        end
        editor.core.step()
        for line, drawn in pairs(editor.core.drawn) do
          local text = table.concat(drawn.tokens, "", 2):gsub("comment", "")
          assert(drawn.text == lines[line])
          for i = 2, #drawn.tokens, 2 do
            assert(drawn.text:find(drawn.tokens[i], 1, true))
          end
        end
      end
      editor.until_true(editor.is_done(doc))
      io.write(editor.differing(doc), table.unpack(editor.core.errors))
    ]]))
  end)

  it("waits a little for lines that are drawn, and draws them at once if they come", function()
    assert.equal("keyword", edit(LINES .. [[
      package.loaded["core.config"].plugins.echo_highlight.grace = 30
      local doc, view = editor.open("a.script", lines)
      view.first = 2000
      editor.core.step()
      io.write(editor.core.drawn[2005].tokens[9])
      doc:insert(2005, { "x\n" })
      editor.core.step()
      assert(table.concat(editor.core.drawn[2005].tokens, "|") == "symbol|x|normal|\n")
    ]]))
  end)

  it("has frames drawn again when their lines have come, and others not", function()
    assert.equal("", edit(LINES .. [[
      local settings, core = package.loaded["core.config"].plugins.echo_highlight, editor.core
      settings.grace = 0
      local doc = editor.open("a.script", lines)
      core.step()
      assert(core.drawn[1].tokens[1] == "normal" and not core.redraw)
      editor.until_true(function() return core.redraw end)
      editor.until_true(editor.is_done(doc))
      assert(table.concat(core.drawn[1].tokens, "|") == table.concat(doc.highlighter:get_line(1).tokens, "|"))
      core.redraw = false
      local arrived = editor.plugin.background_of(doc.highlighter).arrived
      arrived(500, 600)
      assert(not core.redraw and doc.highlighter.notified[2] == 600)
      editor.show(doc, 590)
      core.step()
      arrived(500, 600)
      assert(core.redraw)
      core.redraw = false
      arrived(5, 6)
      assert(core.redraw)
    ]]))
  end)

  it("draws lines without tokens in pieces, of whole characters", function()
    assert.equal("2000 2000 true", edit([[
      package.loaded["core.config"].plugins.echo_highlight.grace = 0
      editor.open("a.script", { ("x"):rep(3000) .. "\n", "xx" .. ("\u{e9}"):rep(3000) .. "\n" })
      editor.core.step()
      local first, second = editor.core.drawn[1].tokens, editor.core.drawn[2].tokens
      io.write(#first[2] + 1, " ", #second[2], " ", tostring(utf8.len(second[4]) ~= nil))
      assert(first[2] .. first[4] == ("x"):rep(3000) .. "\n")
    ]]))
  end)

  it("gives to who does not draw what the editor would give", function()
    assert.equal("true", edit(LINES .. [[
      local doc = editor.open("a.script", lines)
      io.write(tostring(doc.highlighter:get_line(1).here))
      editor.until_true(editor.is_done(doc))
      assert(not doc.highlighter:get_line(1).here)
    ]]))
  end)

  it("leaves texts without a syntax alone", function()
    assert.equal("true", edit([[
      local doc = editor.open("a.txt", { "some\n", "text\n" })
      editor.core.step()
      io.write(tostring(editor.core.drawn[2].here))
    ]]))
  end)

  it("gives a document up that is closed, or loaded anew", function()
    assert.equal("", edit(LINES .. [[
      local doc = editor.open("a.script", lines)
      editor.core.step()
      local first = editor.plugin.background_of(doc.highlighter)
      assert(next(first.jobs))
      doc:reset()
      doc.lines = lines
      assert(first.closed and not next(first.jobs))
      editor.core.step()
      local second = editor.plugin.background_of(doc.highlighter)
      doc:on_close()
      assert(second ~= first and second.closed and not next(second.jobs))
    ]]))
  end)

  local FAILURES = {
    ["a worker fails"] = { "doc.syntax.symbols.broken = true", "broken" },
    ["it is stopped"] = { "editor.plugin.scheduler:stop()", "it was stopped" },
    ["its syntax cannot travel"] = {
      "for i = 1, 300 do doc.syntax.symbols[i] = 'type ' .. i end",
      "the syntax Script has more than 256 types of tokens",
    },
  }

  for where, failure in pairs(FAILURES) do
    it("leaves a document to the editor's highlighter where " .. where, function()
      local output = edit(LINES .. [[
        local doc = editor.open("a.script", lines)
      ]] .. failure[1] .. [[

        editor.until_true(function() return editor.core.errors[1] end)
        editor.core.step()
        assert(editor.core.drawn[1].here and #editor.core.errors == 1)
        io.write(editor.core.errors[1])
      ]])
      assert.truthy(output:find("^Echo highlighter: a.script is left to the editor's own: "), output)
      assert.truthy(output:find(failure[2], 1, true), output)
    end)
  end

  it("leaves a document to it where a line is too long, which is no error", function()
    assert.equal("Echo highlighter: a.script is left to the editor's own: line 2 is too long", edit([[
      editor.open("a.script", { "short\n", ("x"):rep(20000) .. "\n" })
      editor.core.step()
      assert(editor.core.drawn[2].here and #editor.core.errors == 0)
      io.write(editor.core.logged)
    ]]))
  end)

  it("wakes the editor's loop by an event, or by a file that it watches", function()
    local script = LINES .. [[
      local doc = editor.open("a.script", lines)
      editor.core.step()
      local function woken()
        local monitor = dirmonitor.watched[1]
        return editor.host.events() > 0 or monitor and monitor.file:seek("end") > 0
      end
      while not woken() do end
      editor.core.step()
      io.write(#dirmonitor.watched, " ", editor.host.events() > 0 and 1 or 0, " ", dirmonitor.checks)
    ]]
    assert.equal("0 1 0", edit(script, nil, "EDITOR_SDL=1"))
    assert.equal("1 0 2", edit(script))
  end)

  for without, path in pairs { echo = "echo", native = "plugins.echo_highlight.native" } do
    it("says what is missing, and leaves the editor as it was: " .. without, function()
      local output = edit(LINES .. [[
        editor.open("a.script", lines)
        editor.core.step()
        assert(editor.core.drawn[1].here and #editor.core.errors == 1)
        io.write(editor.core.errors[1])
      ]], without)
      assert.truthy(output:find(("Echo highlighter: module '%s' not found"):format(path), 1, true), output)
      assert.truthy(output:find("Install echo.so (built for Lua 5.4) and native.so", 1, true))
    end)
  end

  it("carries no function over that has upvalues, and is not opened without a function of Lua's", function()
    local output = edit([[
      local native = require "plugins.echo_highlight.native"
      local path = package.searchpath("plugins.echo_highlight.native", package.cpath)
      print(pcall(editor.host.load, "native", path, "lua_setfield"))
      print(pcall(native.address, string.gmatch("a", "a")))
      print(pcall(native.address, print) == true)
      print(pcall(native.wake, "/nowhere/echo.so", "x"))
    ]])
    assert.equal("false\tentrypoint must return a value\nfalse\ta C function without upvalues expected\ntrue\n"
      .. "false\t/nowhere/echo.so is not the Echo that was loaded\n", output)
  end)
end)
