-- echo.timeout: a time limit for a task, or for a call.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local logs = require "spec.lua.support.log"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"
local tasks = require "spec.lua.support.tasks"

local run, run_on, fail = tasks.run, tasks.run_on, tasks.fail
local sleep, write = logs.sleep, logs.write

describe("echo.timeout with a task", function()
  it("returns the results if there is time enough", function()
    assert.same({ true, 1, nil, 3 }, { run(function()
      return echo.timeout(20, echo.submit(function()
        echo.sleep(0.01)
        return 1, nil, 3
      end))
    end) })
  end)

  it("raises the task's error", function()
    local err = fail(function()
      echo.timeout(20, echo.submit({ name = "child" }, error, "x"))
    end)
    assert.same({ "x", "child", "error" }, { err.message, err.task, err.kind })
  end)

  it("cancels the task when the time is up, and raises an error of kind 'timeout'", function()
    assert.same({ true, "timeout", "the time of 0.01 s ran out", "slow", "cancelled", "timeout" }, {
      run_on(1, function()
        local task = echo.submit({ name = "slow" }, echo.sleep, 100)
        local _, err = pcall(echo.timeout, 0.01, task)
        local _, of_task = echo.pawait(task)
        return err.kind, err.message, err.task, task:status(), of_task.kind
      end),
    })
  end)

  it("does not wait for what the task does then", function()
    local lines <close> = logs.new()
    local gate <close> = new_gate()
    local s <close> = echo.builder():with_worker_count(2):build()
    local task = s:submit(function(path, pass, gate_path)
      echo.timeout(0.5, echo.submit(function()
        local _, err = pcall(echo.sleep, 100)
        pass(gate_path)
        write(path, err.kind)
      end))
    end, lines.path, gate.pass, gate.path)
    local _, err = task:pwait(20)
    assert.equal("timeout", err.kind)
    gate:await_arrival()
    assert.same({}, lines:read())
    gate:open()
    lines:await(1)
    assert.same({ "timeout" }, lines:read())
  end)

  it("returns the results of a task that has ended, with no time at all", function()
    assert.same({ true, 7 }, { run(function()
      local task = echo.submit(math.abs, -7)
      echo.await(task)
      return echo.timeout(0, task)
    end) })
  end)

  it("fails the task that does not catch it, with this kind", function()
    local err = fail(function()
      echo.timeout(0.01, echo.submit({ name = "slow" }, echo.sleep, 100))
    end)
    assert.same({ "timeout", "slow" }, { err.kind, err.task })
    includes("in function 'echo.timeout'", err.traceback)
  end)

  it("works on the main thread of a host", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.equal(3, echo.timeout(20, s:submit(math.abs, -3)))
    local task = s:submit(echo.sleep, 100)
    assert.equal("timeout", refusal(echo.timeout, 0.01, task).kind)
    assert.equal("timeout", select(2, task:pwait(20)).kind)
  end)
end)

describe("echo.timeout with a function", function()
  it("calls it here, with the arguments, and returns its results", function()
    assert.same({ true, 3, nil, "c", 1 }, { run(function()
      local count = 0
      local a, b, c = echo.timeout(20, function(x, y)
        count = count + 1
        return x + y, nil, "c"
      end, 1, 2)
      return a, b, c, count
    end) })
  end)

  it("ends it when the time is up, where it waits and where it runs", function()
    assert.same({ true, "timeout", "timeout", "the time of 0.01 s ran out" }, { run_on(1, function()
      local _, waits = pcall(echo.timeout, 0.01, echo.sleep, 100)
      local _, runs = pcall(echo.timeout, 0.01, function()
        while true do
        end
      end)
      return waits.kind, runs.kind, runs.message
    end) })
  end)

  it("ends it however often it catches that", function()
    assert.equal("timeout", fail(function()
      echo.timeout(0.01, function()
        while true do
          pcall(echo.sleep, 100)
        end
      end)
    end).kind)
  end)

  it("raises its error", function()
    local err = fail(function()
      echo.timeout(20, function()
        error({ code = 1 })
      end)
    end)
    assert.same({ "error", 1 }, { err.kind, err.value.code })
  end)

  it("ends the tasks that it started", function()
    local lines <close> = logs.new()
    assert.equal("timeout", fail(function(path)
      echo.timeout(0.5, function()
        echo.submit(sleep, path, "ended")
      end)
    end, lines.path).kind)
    assert.same({ "ended" }, lines:read())
  end)

  it("nests: the shorter one counts", function()
    assert.same({ true, "the time of 0.01 s ran out", "the time of 0.02 s ran out" }, {
      run_on(1, function()
        local _, inner = pcall(echo.timeout, 100, echo.timeout, 0.01, echo.sleep, 100)
        local _, outer = pcall(echo.timeout, 0.02, echo.timeout, 100, echo.sleep, 100)
        return inner.message, outer.message
      end),
    })
  end)

  it("leaves nothing behind: the task goes on after it", function()
    assert.same({ true, "fine" }, { run_on(1, function()
      for _ = 1, 100 do
        echo.timeout(100, math.abs, 1)
      end
      pcall(echo.timeout, 0, echo.sleep, 100)
      echo.sleep(0.01)
      return "fine"
    end) })
  end)
end)

describe("echo.timeout refuses", function()
  it("bad arguments", function()
    includes("bad argument #1 to", refusal(echo.timeout))
    includes("seconds: a number from 0 on expected, got -1", refusal(echo.timeout, -1, print))
    includes("task or function expected, got nil", refusal(echo.timeout, 1, nil))
    includes("is for tasks", refusal(echo.timeout, 1, print))
  end)
end)
