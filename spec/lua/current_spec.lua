-- echo.current: what a task knows of itself.

local echo = require "echo"
local assert = require "luassert"
local it = require "spec.lua.support.it"

local here = debug.getinfo(1, "S").short_src

describe("echo.current", function()
  it("returns nothing outside of tasks", function()
    assert.equal(0, select("#", echo.current()))
  end)

  it("tells what the submit has said", function()
    local s <close> = echo.builder():with_worker_count(1):with_queue("disk", { limit = 1 }):build()
    local before = echo.now()
    local options = { name = "read", priority = "high", queue = "disk", timeout = 20 }
    local current = s:submit(options, echo.current):wait(20)
    assert.is_true(current.deadline >= before + 20 and current.deadline <= echo.now() + 20)
    current.deadline = nil
    assert.same({ name = "read", priority = "high", queue = "disk", worker = 1, attempt = 1 }, current)
  end)

  it("tells the place of a task without a name, and has no deadline without a time limit", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local line = debug.getinfo(1, "l").currentline + 1
    local current = s:submit(function()
      local inside = coroutine.wrap(echo.current)()
      assert(inside.name == echo.current().name)
      return inside
    end):wait(20)
    assert.same({ name = here .. ":" .. line, priority = "normal", worker = 1, attempt = 1 }, current)
    assert.equal("echo.current", s:submit(echo.current):wait(20).name)
  end)

  it("tells the priority as it stands", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit({ priority = "low" }, function()
      echo.progress(echo.current().priority)
      local before = echo.now()
      while echo.current().priority == "low" and echo.now() < before + 20 do
        echo.sleep(0.001)
      end
      return echo.current().priority
    end)
    while task:progress() == nil do
      pcall(task.wait, task, 0.001)
    end
    assert.equal("low", (task:progress()))
    task:set_priority("high")
    assert.equal("high", task:wait(20))
  end)

  it("counts attempts", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.equal(3, s:submit({ retries = 5 }, function()
      local attempt = echo.current().attempt
      if attempt < 3 then
        error("again")
      end
      return attempt
    end):wait(20))
  end)

  it("tells the worker, which a task keeps", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local list = s:map(function()
      local before = echo.current().worker
      echo.sleep(0.001)
      return { before, echo.current().worker }
    end, { 1, 2, 3, 4, 5, 6, 7, 8 }):wait(20)
    for _, pair in ipairs(list) do
      assert.equal(pair[1], pair[2])
      assert.is_true(pair[1] == 1 or pair[1] == 2)
    end
  end)
end)
