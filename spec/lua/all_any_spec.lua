-- echo.all and echo.any.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local refusal = require "spec.lua.support.refusal"
local tasks = require "spec.lua.support.tasks"
local until_status = require "spec.lua.support.until_status"

local here = debug.getinfo(1, "S").short_src
local run, run_on, fail = tasks.run, tasks.run_on, tasks.fail

describe("echo.all", function()
  it("returns the first result of each, in the order of the list", function()
    assert.same({ true, { 1, 2, 3 } }, { run_on(1, function()
      local list = {}
      for i = 1, 3 do
        list[i] = echo.submit(function()
          echo.sleep(0.02 * (3 - i))
          return i, "more"
        end)
      end
      return echo.all(list)
    end) })
  end)

  it("leaves a hole for a task without a result", function()
    assert.same({ true, 1, "nil", 3 }, { run(function()
      local list = { echo.submit(math.abs, 1), echo.submit(function() end), echo.submit(math.abs, 3) }
      local results = echo.all(list)
      return results[1], tostring(results[2]), results[3]
    end) })
  end)

  it("returns an empty list for none", function()
    assert.same({ true, {} }, { run(function()
      return echo.all({})
    end) })
  end)

  it("raises the first failure at once, and the others go on", function()
    assert.same({ true, "second", "child", false, "done" }, { run_on(1, function()
      local slow = echo.submit(echo.sleep, 0.1)
      local _, err = pcall(echo.all, { slow, echo.submit({ name = "child" }, error, "second") })
      local ended = slow:status() == "done"
      echo.await(slow)
      return err.message, err.task, ended, slow:status()
    end) })
  end)

  it("cancels the others in a scope", function()
    assert.same({ true, "second", "cancelled" }, { run_on(1, function()
      local slow
      local _, err = pcall(echo.scope, function()
        slow = echo.submit(echo.sleep, 100)
        echo.all({ slow, echo.submit(error, "second") })
      end)
      return err.message, slow:status()
    end) })
  end)

  it("has the task's traceback and the caller's when it fails", function()
    local line = debug.getinfo(1, "l").currentline + 3
    local err = fail(function()
      local list = { echo.submit({ name = "child" }, error, "x") }
      echo.all(list)
    end)
    includes("in function 'error'", err.traceback)
    includes("awaited by", err.traceback)
    includes(("%s:%d: in function"):format(here, line), err.traceback)
    assert.equal("child", err.task)
  end)

  it("waits on the main thread of a host, and in a coroutine of one", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    assert.same({ 1, 2 }, echo.all({ s:submit(math.abs, 1), s:submit(math.abs, -2) }))
    local result
    local co = coroutine.create(function(list)
      result = echo.all(list)
    end)
    assert(coroutine.resume(co, { s:submit(math.abs, 3), s:submit(math.abs, -4) }))
    while not result do
      s:poll(1)
    end
    assert.same({ 3, 4 }, result)
  end)

  it("travels as an upvalue", function()
    local all = echo.all
    assert.same({ true, { 5 } }, { run(function()
      return all({ echo.submit(math.abs, 5) })
    end) })
  end)

  it("refuses what is no list of tasks, at the caller's position", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local err = refusal(function() echo.all({ 1 }) end)
    includes(("%s:%d: bad argument #1 to 'all' (item 1: a task expected, got number)"):format(here,
      line), err)
    includes("a list of tasks expected, got no value", refusal(echo.all))
  end)
end)

describe("echo.any", function()
  it("returns all results of the first that succeeds, and the others go on", function()
    assert.same({ true, "a", nil, "c", false }, { run_on(1, function()
      local slow = echo.submit(echo.sleep, 100)
      local a, b, c = echo.any({ slow, echo.submit(error, "no"), echo.submit(function()
        echo.sleep(0.01)
        return "a", nil, "c"
      end) })
      local ended = slow:status() == "done"
      slow:cancel()
      return a, b, c, ended
    end) })
  end)

  it("raises an error with those of all the tasks if none succeeds", function()
    local err = fail(function()
      local list = {}
      for i = 1, 3 do
        list[i] = echo.submit({ name = "t" .. i }, function()
          echo.sleep(0.01 * (4 - i))
          error("failure " .. i, 0)
        end)
      end
      echo.any(list)
    end)
    assert.equal("error", err.kind)
    assert.equal("none of the 3 tasks succeeded; the first in the list: failure 1", err.message)
    assert.equal(3, #err.others)
    for i = 1, 3 do
      assert.equal("echo.error", getmetatable(err.others[i]))
      assert.same({ "failure " .. i, "t" .. i }, { err.others[i].message, err.others[i].task })
    end
    includes("in function 'echo.any'", err.traceback)
  end)

  it("raises an error for an empty list", function()
    includes("the list is empty: no task can succeed", fail(function()
      echo.any({})
    end).message)
  end)

  it("waits on the main thread of a host", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    assert.equal(4, echo.any({ s:submit(error, "x"), s:submit(math.abs, -4) }))
    assert.equal(2, #refusal(echo.any, { s:submit(error, "x"), s:submit(error, "y") }).others)
  end)

  it("refuses what is no list of tasks", function()
    includes("bad argument #1 to 'any' (item 1: a task expected, got boolean)", (refusal(function()
      echo.any({ true })
    end):gsub("'echo.any'", "'any'")))
  end)
end)

describe("a traceback of", function()
  -- Each line without the tab, and without what stands before the name of this file.
  local function frames_of(traceback)
    local frames = {}
    for line in traceback:gmatch "\n\t([^\n]*)" do
      frames[#frames + 1] = line:gsub("%.lua:%d+: in .*", ".lua"):gsub("^.*/", "")
    end
    return frames
  end

  local function expect_own(name, traceback)
    assert.same({ ("[C]: in function 'echo.%s'"):format(name), "all_any_spec.lua" }, frames_of(traceback))
  end

  it("echo.any shows where it was called, and nothing above", function()
    expect_own("any", fail(function()
      local _ = echo.any({})
    end).traceback)
    expect_own("any", fail(function()
      local _ = echo.any({ echo.submit(error, "x"), echo.submit(error, "y") })
    end).traceback)
  end)

  it("echo.all shows where it was called, after the task's own", function()
    local traceback = fail(function()
      local _ = echo.all({ echo.submit(error, "x") })
    end).traceback
    expect_own("all", traceback:match "awaited by.*")
  end)

  it("a task that is cancelled in them shows the same", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    for _, name in ipairs { "all", "any" } do
      local child = s:submit({ delay = 10 }, math.abs, 1)
      local task = s:submit(function()
        local _ = echo[name]({ child })
      end)
      until_status(task, "suspended")
      task:cancel()
      local _, err = task:pwait()
      assert.equal("cancelled", err.kind)
      expect_own(name, err.traceback)
      child:cancel()
    end
  end)
end)
