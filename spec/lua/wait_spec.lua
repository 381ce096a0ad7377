-- task:wait, task:pwait and task:status.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler()
  return echo.builder():with_worker_count(1):build()
end

describe("wait", function()
  it("returns the results, however often it is called", function()
    local s <close> = new_scheduler()
    local task = s:submit(function()
      return 1, nil, { "table" }
    end)
    local first = table.pack(task:wait())
    local second = table.pack(task:wait())
    assert.same({ 1, nil, { "table" }, n = 3 }, first)
    assert.same(first, second)
    assert.not_equal(first[3], second[3])
    assert.same({ true, 1, nil, { "table" } }, { task:pwait() })
  end)

  it("raises the task's error, however often it is called", function()
    local s <close> = new_scheduler()
    local task = s:submit(error, "no", 0)
    for _ = 1, 3 do
      local err = refusal(task.wait, task)
      assert.equal("error", err.kind)
      assert.equal("no", err.message)
    end
  end)

  it("works after the scheduler was stopped, and after its handle is gone", function()
    local s = new_scheduler()
    local first, second = s:submit(math.abs, -1), s:submit(math.abs, -2)
    s:stop()
    assert.equal(1, first:wait())
    s = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.equal(2, second:wait())
  end)

  it("works inside a coroutine of the host's", function()
    local s <close> = new_scheduler()
    local co = coroutine.wrap(function()
      coroutine.yield(s:submit(math.abs, -1):wait())
      s:submit(error, "in a coroutine", 0):wait()
    end)
    assert.equal(1, co())
    assert.equal("in a coroutine", refusal(co).message)
  end)

  it("may come in any order", function()
    local s <close> = new_scheduler()
    local tasks = {}
    for i = 1, 100 do
      tasks[i] = s:submit(math.abs, -i)
    end
    for i = 100, 1, -1 do
      assert.equal(i, tasks[i]:wait())
    end
  end)
end)

describe("a wait with a time-out", function()
  it("raises kind timeout while the task goes on, and a later one gets the results", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task = s:submit({ name = "slow" }, gate.pass, gate.path, "result")
    gate:await_arrival()
    local err = refusal(task.wait, task, 0.01)
    assert.equal("timeout", err.kind)
    assert.equal("the wait ran out of time; the task goes on", err.message)
    assert.equal("slow", err.task)
    assert.is_nil(err.value)
    includes(err.message, tostring(err))
    assert.equal("running", task:status())
    gate:open()
    assert.equal("result", task:wait())
  end)

  it("takes as long as it says", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task = s:submit(gate.pass, gate.path)
    for _, seconds in ipairs { 0.05, 0.25 } do
      local before = echo.now()
      assert.is_false((task:pwait(seconds)))
      assert.is_true(echo.now() - before >= seconds)
    end
  end)

  it("of 0 only looks", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task = s:submit(gate.pass, gate.path, 5)
    local went_well, err = task:pwait(0)
    assert.is_false(went_well)
    assert.equal("timeout", err.kind)
    gate:open()
    task:wait()
    assert.same({ true, 5 }, { task:pwait(0) })
  end)

  it("that is long enough gets the results", function()
    local s <close> = new_scheduler()
    assert.equal(1, s:submit(math.abs, -1):wait(1000))
    assert.equal(1, s:submit(math.abs, -1):wait(1e300))
    assert.equal(1, s:submit(math.abs, -1):wait(math.huge))
  end)

  it("of nil has none", function()
    local s <close> = new_scheduler()
    assert.equal(1, s:submit(math.abs, -1):wait(nil))
    assert.same({ true, 1 }, { s:submit(math.abs, -1):pwait(nil) })
  end)

  for _, seconds in ipairs { "x", "1", -1, -math.huge, 0 / 0, {}, true } do
    it(("of %s is refused"):format(type(seconds) == "table" and "a table" or seconds), function()
      local s <close> = new_scheduler()
      local task = s:submit(math.abs, -1)
      local message = "seconds: a number from 0 on expected, got "
      includes("to 'wait' (" .. message, refusal(function()
        task:wait(seconds)
      end))
      includes("to 'pwait' (" .. message, refusal(function()
        task:pwait(seconds)
      end))
      assert.equal(1, task:wait())
    end)
  end
end)

describe("pwait", function()
  it("returns true and the results, every nil among them", function()
    local s <close> = new_scheduler()
    local results = table.pack(s:submit(function()
      return nil, 2, nil
    end):pwait())
    assert.same({ true, nil, 2, nil, n = 4 }, results)
    assert.same({ true, n = 1 }, table.pack(s:submit(function() end):pwait()))
  end)

  it("returns false and the error", function()
    local s <close> = new_scheduler()
    local results = table.pack(s:submit(error, "no", 0):pwait(10))
    assert.equal(2, results.n)
    assert.is_false(results[1])
    assert.equal("no", results[2].message)
  end)
end)

describe("status", function()
  it("goes from queued over running to done", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local first = s:submit(gate.pass, gate.path)
    local second = s:submit(math.abs, 1)
    gate:await_arrival()
    assert.equal("running", first:status())
    assert.equal("queued", second:status())
    gate:open()
    second:wait()
    assert.equal("done", first:status())
    assert.equal("done", second:status())
  end)

  it("ends at failed after an error", function()
    local s <close> = new_scheduler()
    for _, failing in ipairs { error, coroutine.yield, io.tmpfile } do
      local task = s:submit(failing)
      task:pwait()
      assert.equal("failed", task:status())
    end
  end)

  it("is the task's, also after the scheduler stopped", function()
    local s = new_scheduler()
    local done, failed = s:submit(math.abs, 1), s:submit(error)
    s:stop()
    assert.equal("done", done:status())
    assert.equal("failed", failed:status())
  end)
end)

describe("a task's method", function()
  it("refuses what is not a task", function()
    local s <close> = new_scheduler()
    local task = s:submit(math.abs, 1)
    for _, name in ipairs { "wait", "pwait", "status", "cancel" } do
      includes("echo.task expected, got echo.scheduler", refusal(task[name], s))
      includes("echo.task expected, got no value", refusal(task[name]))
      includes("echo.task expected, got table", refusal(task[name], {}))
    end
    assert.equal("echo.task", getmetatable(task))
    assert.matches("^echo%.task: ", tostring(task))
  end)
end)
