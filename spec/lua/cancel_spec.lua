-- task:cancel, before the task starts and too late.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler()
  return echo.builder():with_worker_count(1):build()
end

describe("a task that has not started", function()
  it("can be cancelled and never runs", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local task = s:submit({ name = "unwanted" }, function()
      ran = true -- luacheck: ignore 111
    end)
    gate:await_arrival()
    assert.is_true(task:cancel())
    assert.equal("cancelled", task:status())
    local err = refusal(task.wait, task)
    assert.equal("cancelled", err.kind)
    assert.equal("the task was cancelled", err.message)
    assert.equal("unwanted", err.task)
    includes("the task was cancelled", tostring(err))
    gate:open()
    assert.is_nil(s:submit(function()
      return ran -- luacheck: ignore 113
    end):wait())
    assert.equal("cancelled", task:status())
    assert.is_false((task:pwait()))
  end)

  it("is cancelled once", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local task = s:submit(math.abs, 1)
    assert.is_true(task:cancel())
    assert.is_false(task:cancel())
    assert.equal("cancelled", task:status())
  end)

  it("leaves the others alone", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local tasks = {}
    for i = 1, 1000 do
      tasks[i] = s:submit(math.abs, -i)
    end
    for i = 1, 1000, 2 do
      assert.is_true(tasks[i]:cancel())
    end
    gate:open()
    for i = 1, 1000 do
      local went_well, result = tasks[i]:pwait()
      assert.equal(i % 2 == 0, went_well)
      assert.equal(i % 2 == 0 and i or "cancelled", went_well and result or result.kind)
    end
  end)

  it("can be cancelled in a named queue, which goes on", function()
    local s <close> = echo.builder():with_worker_count(2):with_queue("one", { limit = 1 }):build()
    local gate <close> = new_gate()
    s:submit({ queue = "one" }, gate.pass, gate.path)
    local second = s:submit({ queue = "one" }, math.abs, -2)
    local third = s:submit({ queue = "one" }, math.abs, -3)
    gate:await_arrival()
    assert.is_true(second:cancel())
    gate:open()
    assert.equal(3, third:wait())
    assert.equal("cancelled", second:status())
  end)

  it("is cancelled by cancel(reason) too", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    assert.is_true(s:submit(math.abs, 1):cancel("no longer wanted"))
  end)
end)

describe("a cancel that comes too late", function()
  it("returns false while the task runs, which goes on", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task = s:submit(gate.pass, gate.path, "result")
    gate:await_arrival()
    assert.is_false(task:cancel())
    assert.equal("running", task:status())
    gate:open()
    assert.equal("result", task:wait())
  end)

  it("returns false after the task ended, well or not", function()
    local s <close> = new_scheduler()
    local done, failed = s:submit(math.abs, -1), s:submit(error, "no", 0)
    done:wait()
    failed:pwait()
    assert.is_false(done:cancel())
    assert.is_false(failed:cancel())
    assert.equal(1, done:wait())
    assert.equal("no", refusal(failed.wait, failed).message)
  end)
end)

describe("racing cancels", function()
  it("end every task exactly once", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local tasks, cancelled, done = {}, 0, 0
    for i = 1, 5000 do
      tasks[i] = s:submit(math.abs, -i)
      if i % 3 == 0 and tasks[i - 1]:cancel() then
        cancelled = cancelled + 1
      end
    end
    for i = 1, 5000 do
      local went_well, result = tasks[i]:pwait()
      if went_well then
        done = done + 1
        assert.equal(i, result)
      else
        assert.equal("cancelled", result.kind)
      end
    end
    assert.equal(5000, done + cancelled)
  end)
end)
