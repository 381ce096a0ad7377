-- echo.progress and t:progress: what a task tells while it runs.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"
local tasks = require "spec.lua.support.tasks"

local here = debug.getinfo(1, "S").short_src
local run, fail = tasks.run, tasks.fail

describe("t:progress", function()
  it("returns nothing before the first values, and then the last ones", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local first <close> = new_gate()
    local second <close> = new_gate()
    local task = s:submit(function(pass, one, two)
      pass(one)
      echo.progress(1, "begun")
      echo.progress(2, nil, { of = { 10 } }, nil)
      pass(two)
    end, first.pass, first.path, second.path)
    first:await_arrival()
    assert.equal(0, select("#", task:progress()))
    first:open()
    second:await_arrival()
    for _ = 1, 2 do
      local values = table.pack(task:progress())
      assert.same({ n = 4, 2, nil, { of = { 10 } }, nil }, values)
    end
    second:open()
    task:wait(20)
    assert.equal(2, (task:progress()))
  end)

  it("returns nothing for a task that tells nothing, or nothing any more", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit(math.abs, 1)
    task:wait(20)
    assert.equal(0, select("#", task:progress()))
    task = s:submit(function()
      echo.progress(1)
      echo.progress()
    end)
    task:wait(20)
    assert.equal(0, select("#", task:progress()))
  end)

  it("works in another task", function()
    assert.same({ true, 5 }, { run(function()
      local task = echo.submit(echo.progress, 5)
      echo.await(task)
      return task:progress()
    end) })
  end)

  it("gives each caller a copy of its own", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit(echo.progress, { 1 })
    task:wait(20)
    task:progress()[1] = 2
    assert.same({ 1 }, (task:progress()))
  end)

  it("tells of a map, too", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local task = s:map(function(_, index)
      echo.progress(index)
    end, { 1, 2, 3 })
    task:wait(20)
    assert.is_true(({ true, true, true })[task:progress()])
  end)

  it("is never half a message, while the values change all the time", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local task = s:submit(function()
      for i = 1, 20000 do
        echo.progress(i, ("x"):rep(i % 300), { i })
      end
    end)
    local last = 0
    repeat
      local number, text, list = task:progress()
      if number then
        assert.is_true(number >= last)
        assert.equal(number % 300, #text)
        assert.same({ number }, list)
        last = number
      end
    until task:status() == "done"
    assert.equal(20000, (task:progress()))
  end)
end)

describe("echo.progress", function()
  it("refuses what cannot travel, and keeps the values before", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local line = debug.getinfo(1, "l").currentline + 3
    local task = s:submit(function()
      echo.progress(1)
      echo.progress(2, { print, coroutine.create(print) })
    end)
    local _, err = task:pwait(20)
    assert.equal("transfer", err.kind)
    includes("argument 2: [2]: thread", err.message)
    includes(("%s:%d: in function"):format(here, line), err.traceback)
    assert.equal(1, (task:progress()))
  end)

  it("is for tasks", function()
    includes("echo.progress is for tasks", refusal(echo.progress, 1))
  end)

  it("can tell many values", function()
    assert.same({ true, 5000 }, { run(function()
      local task = echo.submit(function()
        local list = {}
        for i = 1, 5000 do
          list[i] = i
        end
        echo.progress(table.unpack(list))
      end)
      echo.await(task)
      return select("#", task:progress())
    end) })
  end)

  it("leaves an error in a task that does not catch it", function()
    assert.equal("transfer", fail(function()
      echo.progress(io.stdout)
    end).kind)
  end)
end)
