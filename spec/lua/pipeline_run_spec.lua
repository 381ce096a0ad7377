-- Runs of pipelines: results, order, width, urgency, progress and reports.

local assert = require "luassert"
local echo = require "echo"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local pipeline = require "echo.pipeline"

local step = pipeline.step

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 2):with_queue("one", { limit = 1 }):build()
end

local function numbers(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return list
end

-- Travels from here, where busted's globals are not Lua's: it uses none.
local function sum(list)
  local total = 0
  for i = 1, #list do total = total + list[i] end
  return total
end

for _, workers in ipairs { 1, 2 } do
  describe(("a run with %d workers"):format(workers), function()
    it("gives the results by step", function()
      local s <close> = new_scheduler(workers)
      local p = pipeline.new {
        params = { count = "number", factor = { default = 2 } },
        step { name = "list", needs = "count", run = numbers },
        step { name = "scaled", each = "list", needs = "factor", run = function(x, _, factor) return x * factor end },
        step { name = "sum", needs = { "scaled", "count" }, run = function(list, count) return sum(list) + count end },
      }
      local results, run = p:run(s, { count = 3 })
      assert.same({ list = { 1, 2, 3 }, scaled = { 2, 4, 6 }, sum = 15 }, results)
      assert.equal("done", run:status())
      assert.equal(30, p:run(s, { count = 4, factor = 2.6 }).sum)
    end)

    it("keeps the order of the elements whatever they take", function()
      local s <close> = new_scheduler(workers)
      local p = step { name = "a", items = numbers(60), run = function(x, index)
        echo.sleep((60 - x) / 5000)
        return x * 10 + index
      end }
      local expected = {}
      for i = 1, 60 do expected[i] = i * 11 end
      assert.same(expected, p:run(s).a)
    end)

    it("has many elements", function()
      local s <close> = new_scheduler(workers)
      local p = step { name = "a", items = numbers(30000), run = function(x) return x + 1 end }
        .. step { name = "b", each = "...", run = function(x) return 2 * x end } .. step { name = "c", run = sum }
      local results, run = p:run(s)
      assert.equal(30000 * 30001 + 60000, results.c)
      assert.equal(60001, run:progress().done)
    end)

    it("streams into a fold, in order, with so many elements about and no more", function()
      local s <close> = new_scheduler(workers)
      local emitted, folded = echo.channel(2000), echo.channel(2000)
      local p = pipeline.new {
        step { name = "source", stream = true, window = 5, run = function(emit)
          for i = 1, 500 do
            emit(i)
            emitted:send(i)
            -- One more than the window: the last emit returns before its element has gone anywhere.
            if #emitted - #folded > 5 + 1 then error(("%d too many"):format(#emitted - #folded)) end
          end
        end },
        step { name = "half", each = "source", run = function(x)
          if x % 7 == 0 then echo.sleep(0.002) end
          return x / 2
        end },
        step { name = "total", fold = "half", initial = { sum = 0, last = 0 }, run = function(total, x, index)
          if x * 2 ~= total.last + 1 or index ~= total.last + 1 then error "out of order" end
          folded:send(x)
          return { sum = total.sum + x, last = index }
        end },
      }
      local results = p:run(s)
      assert.same({ sum = 500 * 501 / 4, last = 500 }, results.total)
      assert.is_nil(results.half)
    end)

    it("counts an element of a stream as about until the slower of two ways is done with it", function()
      local s <close> = new_scheduler(workers)
      local emitted, folded = echo.channel(1000), echo.channel(1000)
      local p = pipeline.new {
        step { name = "source", stream = true, window = 4, run = function(emit)
          for i = 1, 200 do
            emit(i)
            emitted:send(i)
            if #emitted - #folded > 4 + 1 then error(("%d too many"):format(#emitted - #folded)) end
          end
        end },
        step { name = "quick", fold = "source", initial = 0, run = function(total, x) return total + x end },
        step { name = "slow", each = "source", run = function(x)
          if x % 9 == 0 then echo.sleep(0.002) end
          return 2 * x
        end },
        step { name = "late", fold = "slow", initial = 0, run = function(total, x)
          folded:send(x)
          return total + x
        end },
      }
      local results = p:run(s)
      assert.same({ 20100, 40200 }, { results.quick, results.late })
    end)

    it("lets a window's worth of a list through at a time", function()
      local s <close> = new_scheduler(workers)
      local begun, folded = echo.channel(1000), echo.channel(1000)
      local p = pipeline.new {
        step { name = "a", items = numbers(300), window = 3, run = function(x)
          begun:send(x)
          if #begun - #folded > 3 then error(("%d too many"):format(#begun - #folded)) end
          return x
        end },
        step { name = "b", each = "a", run = function(x) return x end },
        step { name = "c", fold = "b", initial = 0, run = function(total, x)
          folded:send(x)
          return total + x
        end },
      }
      assert.equal(300 * 301 / 2, p:run(s).c)
    end)

    it("folds a list, an empty one too", function()
      local s <close> = new_scheduler(workers)
      local p = pipeline.new { params = { list = "table" },
        step { name = "total", fold = "list", initial = 0, run = function(total, x) return total + x end } }
      assert.equal(6, p:run(s, { list = { 1, 2, 3 } }).total)
      assert.equal(0, p:run(s, { list = {} }).total)
    end)
  end)
end

describe("a run", function()
  it("may have nothing to do", function()
    local s <close> = new_scheduler()
    assert.same({}, (pipeline.new({}):run(s)))
    assert.matches("critical path:", tostring(pipeline.new({}):start(s):explain()))
  end)

  it("has empty lists and streams", function()
    local s <close> = new_scheduler()
    local p = pipeline.new {
      step { name = "none", run = function() return {} end },
      step { name = "each", each = "none", run = math.abs },
      step { name = "count", needs = "each", run = function(list) return #list end },
      step { name = "silent", stream = true, run = function() end },
      step { name = "heard", each = "silent", run = math.abs },
      step { name = "after", after = "heard", run = function() return "end" end },
    }
    local results = p:run(s)
    assert.same({ 0, {}, "end" }, { results.count, results.each, results.after })
  end)

  it("starts an element when it is ready, not when the step is", function()
    local s <close> = new_scheduler(2)
    local gate <close> = new_gate()
    local path, pass, seen = gate.path, gate.pass, echo.channel(10)
    local p = pipeline.new {
      step { name = "a", items = { 1, 2 }, group = 1, run = function(x)
        if x == 1 then pass(path) end
        return x
      end },
      step { name = "b", each = "a", group = 1, run = function(x) seen:send(x) end },
    }
    local run <close> = p:start(s)
    gate:await_arrival()
    repeat s:poll(0.05) until #seen == 1
    gate:open()
    run:wait()
    assert.equal(2, (seen:receive()))
    assert.equal(1, (seen:receive()))
  end)

  it("joins elements of several steps", function()
    local s <close> = new_scheduler()
    local p = pipeline.new {
      step { name = "x", items = { 1, 2, 3 }, run = function(x) return x end },
      step { name = "y", each = "x", run = function(x) return x * 10 end },
      step { name = "z", each = { "x", "y" }, run = function(x, y, index) return x + y + 100 * index end },
    }
    assert.same({ 111, 222, 333 }, p:run(s).z)
  end)

  it("is no wider than a step says", function()
    local s <close> = new_scheduler(2)
    local semaphore = echo.semaphore(2)
    local p = step { name = "a", items = numbers(20), limit = 2, run = function()
      if not semaphore:try_acquire() then error "too wide" end
      echo.sleep(0.001)
      semaphore:release()
    end }
    p:run(s)
    p = step { name = "a", items = numbers(20), queue = "one", run = function()
      if not semaphore:try_acquire() or not semaphore:try_acquire() then error "too wide" end
      semaphore:release()
      semaphore:release()
    end }
    p:run(s)
  end)

  it("leaves out what its condition says, and gives nil for it", function()
    local s <close> = new_scheduler()
    local p = pipeline.new {
      step { name = "odd", items = { 1, 2, 3, 4 }, when = function(x) return x % 2 == 1 end,
        run = function(x) return x end },
      step { name = "never", when = function() return false end, run = error },
      step { name = "then", needs = "never", run = function(x) return x == nil end },
    }
    local results, run = p:run(s)
    assert.same({ [1] = 1, [3] = 3, n = 4 }, results.odd)
    assert.is_true(results["then"])
    assert.same({ 2, 1 }, { run:explain().steps[1].skipped, run:explain().steps[2].skipped })
  end)

  it("gives a step's priority to its tasks", function()
    local s <close> = new_scheduler(1)
    local p = pipeline.new {
      step { name = "a", priority = "high", run = function() return echo.current().priority end },
      step { name = "b", priority = "low", items = { 1 }, run = function() return echo.current().priority end },
      step { name = "c", queue = "one", run = function() return echo.current().queue .. echo.current().name end },
    }
    assert.same({ a = "high", b = { "low" }, c = "onec" }, p:run(s))
  end)

  it("runs pipelines in pipelines", function()
    local s <close> = new_scheduler()
    local inner = pipeline.new { params = { by = "number" },
      step { name = "scale", needs = { "...", "by" }, run = function(x, _, by) return x * by end },
    }
    local p = pipeline.new {
      step { name = "list", run = function() return { 1, 2 } end },
      step { name = "scaled", pipeline = pipeline.each(inner), needs = "list", with = { by = 3 } },
      step { name = "sum", needs = "scaled", run = sum },
    }
    assert.equal(9, p:run(s).sum)
  end)

  it("works where tasks are refused when there are many", function()
    local s <close> = echo.builder():with_worker_count(1):with_capacity(4):build()
    local p = step { name = "a", items = numbers(200), group = 1, run = function(x) return x end }
      .. step { name = "b", each = "...", group = 1, run = function(x) return x end } .. step { name = "c", run = sum }
    assert.equal(20100, p:run(s).c)
  end)

  it("gives each element a task of its own, in order, whatever room there is for them", function()
    local s <close> = echo.builder():with_worker_count(2):with_capacity(4):build()
    local function first(x) return echo.current().name .. x end
    local p = pipeline.new {
      params = { list = "table" },
      step { name = "a", each = "list", group = 1, run = first },
      step { name = "b", each = { "a", "list" }, group = 1, limit = 3, run = function(text, x)
        return text .. "b" .. x
      end },
    }
    local expected = {}
    for i = 1, 200 do expected[i] = ("a%db%d"):format(i, i) end
    local results, run = p:run(s, { list = numbers(200) })
    assert.same(expected, results.b)
    local report = run:explain()
    assert.same({ 200, 200 }, { report.steps[1].tasks, report.steps[2].tasks })
    assert.equal(400, s:stats().completed)
  end)

  it("does little for an element beside its task", function()
    local s <close> = new_scheduler()
    local count, instructions = 1000, 0
    local p = step { name = "a", group = 1, items = numbers(count), run = function(x) return x end }
    debug.sethook(function() instructions = instructions + 1 end, "", 1)
    local ok, err = pcall(p.run, p, s)
    debug.sethook()
    assert(ok, err)
    -- It is some 210, of which next to nothing is done once, and not for each of them.
    assert.is_true(instructions < 300 * count, instructions / count)
  end)

  it("waits in a coroutine without holding the program up", function()
    local s <close> = new_scheduler()
    local result
    coroutine.wrap(function()
      result = step { name = "a", run = function() return 7 end }:run(s).a
    end)()
    assert.is_nil(result)
    local deadline = echo.now() + 60
    repeat s:poll(0.1) until result or echo.now() > deadline
    assert.equal(7, result)
  end)

  if pcall(require, "luv") then
    it("goes on by itself on an attached loop", function()
      local uv = require "luv"
      local s <close> = new_scheduler():attach(uv)
      local p = step { name = "a", items = numbers(20), run = function(x) return x end }
        .. step { name = "b", run = sum }
      local run = p:start(s)
      uv.run()
      assert.same({ "done", 210 }, { run:status(), run.results.b })
      s:attach(nil)
      -- luv's handle is gone when its loop has turned once more.
      uv.run "nowait"
    end)
  end

  it("can be waited for in vain for a while, and goes on", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local path, pass = gate.path, gate.pass
    local run <close> = step { name = "a", run = function() pass(path) return 1 end }:start(s)
    local ok, err = pcall(run.wait, run, 0.01)
    assert.same({ false, "timeout", "running" }, { ok, err.kind, run:status() })
    gate:open()
    assert.equal(1, run:wait().a)
  end)
end)

describe("progress", function()
  it("is told from the beginning to the end", function()
    local s <close> = new_scheduler()
    local last, calls = nil, 0
    local p = step { name = "a", items = numbers(50), run = function(x) return x end }
    p:run(s, nil, { progress = function(tally) last, calls = tally, calls + 1 end })
    assert.same({ 50, 50, 0, 0 }, { last.done, last.total, last.failed, last.running })
    assert.is_true(calls >= 1 and last.rate > 0)
  end)

  it("is a bar", function()
    local s <close> = new_scheduler()
    local text = {}
    local stream = { write = function(_, ...) for _, part in ipairs { ... } do text[#text + 1] = part end end }
    local p = pipeline.new { name = "counting", step { name = "a", items = numbers(50), run = math.abs } }
    p:run(s, nil, { progress = pipeline.bar { stream = stream, terminal = false } })
    assert.matches("counting: 100 %% %(50 steps", table.concat(text))
  end)

  it("ends the run if it fails", function()
    local s <close> = new_scheduler()
    local p = step { name = "a", run = math.abs, items = { 1 } }
    local ok, err = pcall(p.run, p, s, nil, { progress = function() error "no paper" end })
    assert.is_false(ok)
    assert.matches("no paper", err.message)
  end)
end)

describe("an explanation", function()
  it("says where the time went", function()
    local s <close> = new_scheduler()
    local p = pipeline.new {
      step { name = "a", run = function() echo.sleep(0.02) end },
      step { name = "quick", run = function() end },
      step { name = "b", needs = { "a", "quick" }, run = function() echo.sleep(0.01) end },
    }
    local _, run = p:run(s)
    local report = p:explain()
    assert.same({ "a", "b" }, report.path)
    assert.is_true(report.elapsed >= 0.03 and report.steps[1].running_seconds >= 0.02)
    assert.same({ 1, 0, 0 }, { report.steps[1].tasks, report.steps[1].failed, report.retried })
    assert.matches("critical path: a %-> b", tostring(run:explain()))
    assert.error_matches(function() step({ name = "x", run = math.abs }):explain() end, "was not run yet")
  end)
end)
