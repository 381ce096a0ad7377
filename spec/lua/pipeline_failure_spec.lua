-- Runs of pipelines that do not go well.

local assert = require "luassert"
local echo = require "echo"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local pipeline = require "echo.pipeline"

local step = pipeline.step

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 2):build()
end

local function numbers(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return list
end

local function failing(p, s, params, options)
  local ok, err = pcall(p.run, p, s, params, options)
  assert.is_false(ok)
  return err
end

describe("a failure", function()
  it("says the step, the element, and what was raised where", function()
    local s <close> = new_scheduler()
    local line = debug.getinfo(1, "l").currentline
    local p = step { name = "a", items = { "x", "y" }, run = function(item)
      if item == "y" then error { code = 7 } end
    end }
    local err = failing(p, s)
    assert.same({ "a", 2, "y", "error", { code = 7 }, 1 },
      { err.step, err.index, err.item, err.kind, err.value, err.attempt })
    assert.equal(("spec/lua/pipeline_failure_spec.lua:%d"):format(line + 1), err.where)
    includes(("pipeline_failure_spec.lua:%d: in function"):format(line + 2), err.traceback)
    assert.is_nil(err.traceback:find("xpcall", 1, true))
    assert.equal("failed", err.run:status())
    p = step { name = "b", run = function() error "boom" end }
    err = failing(p, s)
    assert.matches('^step "b" %(spec/lua/pipeline_failure_spec.lua:%d+%): spec/lua/.-: boom$', err:line())
    assert.matches("^step .-boom\nstack traceback:\n", tostring(err))
  end)

  it("cancels the others, and nothing is left", function()
    local s <close> = new_scheduler(2)
    local after = echo.channel(10)
    local p = pipeline.new {
      step { name = "endless", run = function() while true do end end },
      step { name = "bad", run = function() error "boom" end },
      step { name = "after", needs = "bad", run = function() after:send(1) end },
    }
    local err = failing(p, s)
    assert.same({ "bad", 0 }, { err.step, #after })
    assert.same({ true, 0 }, { s:stop { timeout = 20 }, err.run.inflight })
  end)

  it("lets the others go on if that is wished", function()
    local s <close> = new_scheduler()
    local p = pipeline.new {
      step { name = "a", items = { 1, 2, 3, 4 }, run = function(x)
        if x % 2 == 0 then error("no " .. x, 0) end
        return x
      end },
      step { name = "b", each = "a", run = function(x) return 10 * x end },
      step { name = "all", needs = "b", run = error },
      step { name = "beyond", after = "all", run = error },
      step { name = "apart", run = function() return "fine" end },
      step { name = "folded", fold = "b", initial = 0, run = function(total, x) return total + x end },
    }
    local err, seen = failing(p, s, nil, { on_failure = "continue" }), {}
    seen[err.message], seen[err.others[1].message] = true, true
    assert.same({ ["no 2"] = true, ["no 4"] = true }, seen)
    assert.equal(1, #err.others)
    assert.equal("fine", err.results.apart)
    local status = {}
    for _, part in ipairs(err.run:explain().steps) do status[part.name] = part.status end
    assert.same({ a = "failed", b = "blocked", all = "blocked", beyond = "blocked", apart = "done",
      folded = "blocked" }, status)
    assert.equal(2, err.run.nodes.b.blocked)
  end)

  it("blocks the elements of a list that never came", function()
    local s <close> = new_scheduler()
    local p = pipeline.new {
      step { name = "list", run = function() error "no list" end },
      step { name = "a", each = "list", run = math.abs }, step { name = "b", each = "a", run = math.abs },
      step { name = "c", fold = "b", run = math.abs },
    }
    local err = failing(p, s, nil, { on_failure = "continue" })
    local status = {}
    for _, part in ipairs(err.run:explain().steps) do status[#status + 1] = part.status end
    assert.same({ "failed", "blocked", "blocked", "blocked" }, status)
  end)

  it("is a list that is none", function()
    local s <close> = new_scheduler()
    local p = pipeline.new { step { name = "list", run = function() return 3 end },
      step { name = "a", each = "list", run = math.abs } }
    assert.matches('step "list".-it should give a list to "a", and gave a number', tostring(failing(p, s)))
    assert.matches('gave a number', tostring(failing(p, s, nil, { on_failure = "continue" })))
  end)

  it("is a result of another type than the step says", function()
    local s <close> = new_scheduler()
    local p = step { name = "a", result = "table", run = function() return 3 end }
    assert.equal("the step says that it gives a table, and gave a number", failing(p, s).message)
  end)

  it("is a result that cannot travel, and that of its element alone", function()
    -- With so little room the first have ended before the last are submitted, which then go in groups.
    local s <close> = echo.builder():with_worker_count(1):with_capacity(64):build()
    local p = step { name = "a", items = numbers(2000), group = 50, run = function(x)
      return x == 1900 and coroutine.create(print) or x
    end }
    local err = failing(p, s, nil, { on_failure = "continue" })
    assert.same({ "transfer", 1900, nil }, { err.kind, err.index, err.others })
    assert.equal(1999, err.run.nodes.a.finished - err.run.nodes.a.failed)
    -- It was in a group: that one failed, and its elements were begun again.
    assert.is_true(err.run.nodes.a.tasks < 2000)
  end)

  it("is a raised value that cannot travel, by its text", function()
    local s <close> = new_scheduler(1)
    local p = step { name = "a", run = function()
      error(setmetatable({ print }, { __tostring = function() return "odd" end }))
    end }
    local err = failing(p, s)
    assert.same({ "error", "odd" }, { err.kind, err.message })
  end)

  it("of a fold lets go of what was on its way to it", function()
    local s <close> = new_scheduler()
    -- The fold begins when all have arrived: they are two messages, the second of which waits.
    local p = pipeline.new {
      step { name = "source", stream = true, window = 300, run = function(emit) for i = 1, 300 do emit(i) end end },
      step { name = "late", run = function() echo.sleep(0.3) end },
      step { name = "total", fold = "source", needs = "late", initial = 0, run = function()
        echo.sleep(0.05)
        error "boom"
      end },
    }
    local err = failing(p, s, nil, { on_failure = "continue" })
    assert.same({ "total", 300, 0 }, { err.step, err.run.domains.source.count, err.run.domains.source.alive })
  end)

  for _, policy in ipairs { "cancel", "continue" } do
    it("of a stream, a fold, or between them ends the run (" .. policy .. ")", function()
      local s <close> = new_scheduler()
      local function with(bad)
        return pipeline.new {
          step { name = "source", stream = true, window = 3, run = function(emit)
            for i = 1, 100 do
              if bad == "source" and i == 50 then error "boom" end
              emit(i)
            end
          end },
          step { name = "middle", each = "source", run = function(x)
            if bad == "middle" and x == 50 then error "boom" end
            return x
          end },
          step { name = "total", fold = "middle", initial = 0, run = function(total, x)
            echo.sleep(0.0005)
            if bad == "total" and x == 50 then error "boom" end
            return total + x
          end },
        }
      end
      for _, bad in ipairs { "source", "middle", "total" } do
        local err = failing(with(bad), s, nil, { on_failure = policy })
        assert.same({ bad, nil }, { err.step, err.others })
        includes("boom", err.message)
        -- Every element has left, wherever it was when the others ended.
        if policy == "continue" and bad ~= "source" then
          assert.equal(0, err.run.domains.source.alive)
        end
      end
    end)
  end
end)

describe("retries", function()
  it("try an element again, with a back-off that doubles", function()
    local s <close> = new_scheduler()
    local tries = echo.channel(100)
    local p = step { name = "a", items = { 1, 2, 3 }, retries = 3, backoff = 0.01, run = function(x)
      tries:send(x, echo.now())
      if x == 2 and #tries < 6 then error "not yet" end
      return x
    end }
    local results, run = p:run(s)
    assert.same({ 1, 2, 3 }, results.a)
    assert.equal(3, run:explain().steps[1].retried)
    local times = {}
    while #tries > 0 do
      local x, at = tries:receive()
      if x == 2 then times[#times + 1] = at end
    end
    assert.is_true(times[2] - times[1] >= 0.01 and times[3] - times[2] >= 0.02 and times[4] - times[3] >= 0.04)
  end)

  it("end", function()
    local s <close> = new_scheduler()
    local tries = echo.channel(100)
    local p = step { name = "a", retries = 2, run = function() tries:send(1) error "never" end }
    assert.equal(3, failing(p, s).attempt)
    assert.equal(3, #tries)
  end)
end)

describe("a time-out", function()
  it("is each element's, counted from when it runs", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    local path, pass = gate.path, gate.pass
    local run <close> = pipeline.new {
      step { name = "holds", priority = "high", run = function() pass(path) end },
      step { name = "a", items = numbers(8), timeout = 2, run = function(x) return x end },
    }:start(s)
    gate:await_arrival()
    local till = echo.now() + 2.5
    repeat s:poll(0.1) until echo.now() > till
    gate:open()
    assert.equal(8, #run:wait().a)
    local p = step { name = "a", timeout = 0.02, run = function() while true do end end }
    assert.equal("timeout", failing(p, s).kind)
  end)
end)

describe("a fallback", function()
  it("is a value that stands in", function()
    local s <close> = new_scheduler()
    local p = step { name = "a", items = { 1, 2 }, fallback = false, run = function(x) return x == 1 or error "no" end }
    assert.same({ true, false }, p:run(s).a)
  end)

  it("is a function of the failure and the arguments", function()
    local s <close> = new_scheduler()
    local p = step { name = "a", items = { 5, 6 }, retries = 1, run = function() error("no", 0) end,
      fallback = function(err, x, index) return ("%s %s %d %d"):format(err.kind, err.message, x, index) end }
    local results, run = p:run(s)
    assert.same({ "error no 5 1", "error no 6 2" }, results.a)
    assert.equal(2, run:explain().retried)
  end)

  it("may fail, too", function()
    local s <close> = new_scheduler()
    local p = step { name = "a", run = function() error "first" end, fallback = function() error "second" end }
    includes("second", failing(p, s).message)
  end)
end)

describe("a cancel", function()
  local function gated(s, gate)
    local path, pass = gate.path, gate.pass
    return pipeline.new {
      step { name = "a", run = function() pass(path) return 1 end },
      step { name = "b", needs = "a", run = function() return 2 end },
      step { name = "source", stream = true, window = 2, run = function(emit) for i = 1, 10 do emit(i) end end },
      step { name = "stuck", each = "source", needs = "a", run = math.abs },
      step { name = "total", fold = "stuck", run = math.abs },
    }:start(s)
  end

  it("ends what runs", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local run = gated(s, gate)
    gate:await_arrival()
    assert.is_true(run:cancel "enough")
    gate:open()
    local ok, err = pcall(run.wait, run)
    assert.same({ false, "cancelled", "the run was cancelled: enough", "cancelled" },
      { ok, err.kind, err.message, run:status() })
    assert.is_false(run:cancel())
  end)

  it("that drains lets what runs end", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local run = gated(s, gate)
    gate:await_arrival()
    assert.is_true(run:drain())
    assert.is_false(run:drain())
    gate:open()
    local ok, err = pcall(run.wait, run)
    assert.same({ false, "cancelled", "the run was drained before its end" }, { ok, err.kind, err.message })
    assert.same({ a = 1 }, err.results)
  end)

  it("that drains starts nothing that was only queued", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local gate <close> = new_gate()
    local path, pass, ran = gate.path, gate.pass, echo.channel(100)
    local run = step { name = "a", items = numbers(50), group = 1, run = function(x)
      ran:send(x)
      if x == 1 then pass(path) end
    end }:start(s)
    gate:await_arrival()
    run:drain()
    gate:open()
    local ok, err = pcall(run.wait, run)
    assert.same({ false, "cancelled", 1 }, { ok, err.kind, #ran })
  end)

  it("comes with the end of a block", function()
    local s <close> = new_scheduler()
    local kept
    do
      local run <close> = step { name = "a", run = function() while true do end end }:start(s)
      kept = run
    end
    assert.equal("cancelled", kept:status())
    assert.same({ true, 0 }, { s:stop { timeout = 20 }, kept.inflight })
  end)
end)
