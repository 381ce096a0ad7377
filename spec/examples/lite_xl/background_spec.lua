-- The Lite XL plugin without an editor: which lines it does when. Tasks are run by hand, in whatever
-- order.
local modules = dofile "spec/examples/lite_xl/modules.lua"

describe("the Lite XL plugin:", function()
  local background, language, packing, syntaxes, tokenizer

  setup(function()
    modules.enter()
    background = require "plugins.echo_highlight.background"
    language = require "plugins.echo_highlight.language"
    packing = require "plugins.echo_highlight.packing"
    syntaxes, tokenizer = require "syntaxes", require "core.tokenizer"
  end)

  teardown(modules.leave)

  describe("a document's background", function()
    local doc, tasks, tested, arrived

    -- What the tokenizer makes of the lines from the top.
    local function serial(syntax, lines)
      local all, state = {}, nil
      for i, text in ipairs(lines) do
        all[i], state = tokenizer.tokenize(syntax, text, state)
      end
      return all
    end

    local function tokens_of(line)
      local packed = tested:get(line)
      return packed and packing.unpack(packed, doc.lines[line], tested.language.types).tokens
    end

    local function submit(priority, made, text, state)
      local task = { priority = priority, text = text, state = state, current = "queued" }
      function task:cancel() self.current = "cancelled" end
      function task:status() return self.current end
      function task:set_priority(to) self.priority = to end
      function task:on_complete(fn) self.complete = fn end
      function task:pwait() return self.ok, self.results end
      function task:run()
        self.ok, self.results, self.current = true, {}, "done"
        for line in self.text:gmatch("[^\n]*\n") do
          local tokens, after = tokenizer.tokenize(made.syntax, line, state)
          table.insert(self.results, packing.pack(line, tokens, state, after, made.number_of))
          state = after
        end
        self:complete()
      end
      tasks[#tasks + 1] = task
      return task
    end

    local function open(syntax, lines, options)
      doc, tasks, arrived = { lines = lines }, {}, {}
      tested = background.new {
        doc = doc, submit = submit, depth = options and options.depth or 2,
        language = language.new(syntax, syntaxes.find),
        arrived = function(first, last) table.insert(arrived, first .. "-" .. last) end,
        failed = function(err) arrived.failed = err end,
      }
    end

    local function under_way()
      local list = {}
      for _, task in ipairs(tasks) do
        if task.current == "queued" then
          list[#list + 1] = task
        end
      end
      return list
    end

    -- Runs what is under way, in any order, until nothing is.
    local function run_all()
      local list = under_way()
      while #list > 0 do
        list[math.random(#list)]:run()
        list = under_way()
      end
    end

    local function numbered(count)
      local lines = {}
      for i = 1, count do
        lines[i] = ("word %d\n"):format(i)
      end
      return lines
    end

    local function described()
      local list = {}
      for _, task in ipairs(under_way()) do
        local first, last = task.text:match("(%d+)\n"), task.text:match("(%d+)\n[^\n]*$")
        list[#list + 1] = ("%s %s-%s"):format(task.priority, first, last)
      end
      table.sort(list)
      return list
    end

    before_each(function()
      math.randomseed(11)
    end)

    it("does the rest low from the top, so many jobs at a time", function()
      open(syntaxes.script, numbered(1000))
      tested:advance()
      assert.same({ "low 1-400", "low 401-800" }, described())
      tested:advance()
      assert.equal(2, #tasks)
      tasks[1]:run()
      assert.same({ "low 401-800", "low 801-1000" }, described())
      assert.same({ "1-400" }, arrived)
      run_all()
      assert.is_true(tested:is_done())
      assert.equal(3, #tasks)
    end)

    it("does what is seen high, and what is near normal, each line once", function()
      open(syntaxes.script, numbered(1000))
      tested:want(500, 550, "high")
      tested:want(551, 600, "normal")
      assert.same({ "high 500-531", "high 532-550", "normal 551-600" }, described())
      tested:want(490, 610, "normal")
      assert.same({ "high 500-531", "high 532-550", "normal 490-499", "normal 551-600", "normal 601-610" },
        described())
      tested:want(551, 560, "high")
      assert.same({ "high 500-531", "high 532-550", "high 551-600", "normal 490-499", "normal 601-610" },
        described())
    end)

    it("does what is seen though it is part of the rest that is under way", function()
      open(syntaxes.script, numbered(1000))
      tested:advance()
      tested:want(100, 120, "high")
      assert.same({ "high 100-120", "low 1-400", "low 401-800" }, described())
      tasks[3]:run()
      assert.same({ "symbol", "word", "normal", " ", "number", "110", "normal", "\n" }, tokens_of(110))
      assert.is_nil(tokens_of(121))
      run_all()
      assert.is_true(tested:is_done())
    end)

    it("leaves for later what is not seen any more", function()
      open(syntaxes.script, numbered(1000))
      tested:want(500, 563, "high")
      tasks[1].current = "running"
      tested:look_at { { first = 1, last = 20 }, { first = 800, last = 900 } }
      assert.same({ "low", "cancelled" }, { tasks[1].priority, tasks[2].current })
      tested:look_at { { first = 1, last = 20 }, { first = 800, last = 900 } }
      tested:want(532, 563, "high")
      assert.same({ "high 532-563" }, described())
      tested:look_at { { first = 1, last = 20 }, { first = 563, last = 600 } }
      assert.same({ "high 532-563" }, described())
    end)

    it("stays within the document", function()
      open(syntaxes.script, numbered(10))
      tested:want(-20, 30, "high")
      assert.same({ "high 1-10" }, described())
      tasks[1]:run()
      tested:want(-20, 30, "high")
      tested:advance()
      assert.equal(1, #tasks)
      assert.is_true(tested:is_done())
    end)

    it("cancels the jobs of lines that are edited, and moves the others", function()
      open(syntaxes.script, numbered(1200), { depth = 3 })
      tested:advance()
      table.insert(doc.lines, 500, "new\n")
      doc.lines[501] = "changed\n"
      tested:edit(500, 1, 2)
      assert.same({ "low 1-400", "low 801-1200" }, described())
      assert.equal("cancelled", tasks[2].current)
      tasks[2]:run()
      assert.is_nil(tokens_of(450))
      tasks[3]:run()
      assert.same({ "802-1201" }, arrived)
      assert.same({ "symbol", "word", "normal", " ", "number", "1200", "normal", "\n" }, tokens_of(1201))
      run_all()
      assert.is_true(tested:is_done())
      tested:edit(500, 1, 1)
      assert.is_nil(tokens_of(500))
      assert.same({ "symbol", "changed", "normal", "\n" }, tokens_of(501))
    end)

    it("does not take what is of another text, nor show it", function()
      open(syntaxes.script, numbered(100))
      tested:want(1, 20, "high")
      doc.lines[7] = "unannounced\n"
      tasks[1]:run()
      assert.is_nil(tokens_of(6))
      assert.same({}, arrived)
      run_all()
      assert.is_true(tested:is_done())
      doc.lines[9] = "unannounced too\n"
      assert.is_nil(tokens_of(9))
      tested:want(1, 20, "high")
      run_all()
      assert.same(serial(syntaxes.script, doc.lines)[9], tokens_of(9))
    end)

    it("makes anew what was made from a wrong guess, and nothing else", function()
      local lines = numbered(1200)
      lines[390], lines[430] = "/* 390\n", "430 */\n"
      open(syntaxes.script, lines, { depth = 3 })
      tested:advance()
      for _, number in ipairs { 3, 2, 1 } do
        tasks[number]:run()
      end
      assert.same({ "low 401-464" }, described())
      assert.is_false(tested:is_done())
      run_all()
      assert.equal(4, #tasks)
      assert.same({ "comment", "word 420\n" }, tokens_of(420))
      assert.is_true(tested:is_done())
    end)

    it("does not replace what is right by what was guessed", function()
      local lines = numbered(100)
      lines[1] = "/* 1\n"
      open(syntaxes.script, lines)
      tested:want(50, 60, "high")
      tested:advance()
      tasks[2]:run()
      tasks[1]:run()
      assert.same({ "comment", "word 55\n" }, tokens_of(55))
      assert.same({ "1-100" }, arrived)
    end)

    it("makes anew what is seen when an edit changes the state before it", function()
      open(syntaxes.script, numbered(200))
      tested:advance()
      run_all()
      doc.lines[20] = "/* 20\n"
      tested:edit(20, 1, 1)
      tested:want(1, 60, "high")
      assert.same({ "high 20-20" }, described())
      tasks[#tasks]:run()
      tested:want(1, 60, "high")
      assert.same({ "high 21-52", "low 21-84" }, described())
      run_all()
      assert.same(serial(syntaxes.script, doc.lines)[200], tokens_of(200))
    end)

    it("says once what has failed, and does nothing more", function()
      open(syntaxes.script, numbered(1000))
      tested:advance()
      tasks[1].pwait = function() return false, "broken" end
      tasks[1].complete()
      assert.equal("broken", arrived.failed)
      assert.equal("cancelled", tasks[2].current)
      tested:want(1, 10, "high")
      tested:advance()
      assert.equal(2, #tasks)
      open(syntaxes.script, numbered(10))
      tested.submit = function() error("refused", 0) end
      tested:want(1, 10, "high")
      assert.equal("refused", arrived.failed)
    end)

    it("gives a document up that has a line which is too long", function()
      local lines = numbered(1000)
      lines[450] = ("x"):rep(20000) .. "\n"
      open(syntaxes.script, lines)
      tested:want(1, 10, "high")
      assert.is_nil(arrived.failed)
      tested:want(440, 460, "high")
      assert.same({ kind = "long", message = "line 450 is too long" }, arrived.failed)
      assert.equal("cancelled", tasks[1].current)
    end)

    local PIECES = {
      script = { "if\n", "a 1\n", "/* b\n", "c */ 2\n", "#define\n", "/* d */\n", "\n" },
      page = { "<script>\n", "</script>\n", "if 1\n", "/*\n", "*/\n", "<--\n", "-->\n", "a\n", "#b <script> if\n" },
    }

    for name, pieces in pairs(PIECES) do
      it("has in the end what the tokenizer makes of it from the top: " .. name, function()
        for _ = 1, 25 do
          local lines = {}
          for i = 1, math.random(40) do
            lines[i] = pieces[math.random(#pieces)]
          end
          open(syntaxes[name], lines, { depth = math.random(4) })
          tested.SIZES = { high = 3, normal = 4, low = 5, again = 2 }
          for _ = 1, 60 do
            local list, act = under_way(), math.random(8)
            local line = math.random(#lines)
            if act == 1 then
              local removed = math.random(0, math.min(2, #lines - line))
              local inserted = math.random(0, 2)
              for _ = 1, removed do
                table.remove(lines, line)
              end
              for _ = 1, inserted do
                table.insert(lines, line, pieces[math.random(#pieces)])
              end
              lines[line] = pieces[math.random(#pieces)]
              tested:edit(line, removed + 1, inserted + 1)
            elseif act == 2 then
              tested:want(line, line + math.random(8), math.random(2) == 1 and "high" or "normal")
            elseif act == 3 then
              tested:look_at { { first = line, last = line + 5 } }
            elseif act == 4 then
              tested:advance()
            elseif #list > 0 then
              list[math.random(#list)]:run()
            end
          end
          tested:advance()
          run_all()
          assert.is_true(tested:is_done())
          for line, expected in ipairs(serial(tested.language.copy.syntax, lines)) do
            assert.same(expected, tokens_of(line))
          end
        end
      end)
    end
  end)
end)
