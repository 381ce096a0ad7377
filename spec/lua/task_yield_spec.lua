-- Tasks that yield by themselves, and are resumed with their coroutine.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local logs = require "spec.lua.support.log"
local tasks = require "spec.lua.support.tasks"

local run_on, fail = tasks.run_on, tasks.fail

describe("a task that yields where luv is loaded", function()
  it("goes on when a call-back resumes its coroutine", function()
    assert.same({ true, 1, nil, "c" }, { run_on(1, function()
      local uv = require "luv"
      local co = coroutine.running()
      uv.new_timer():start(5, 0, function()
        coroutine.resume(co, 1, nil, "c")
      end)
      return coroutine.yield()
    end) })
  end)

  it("runs there and then, and gives what it yields next", function()
    assert.same({ true, "1 true next 2 true 3 true 4 false" }, { run_on(1, function()
      local uv = require "luv"
      _G.said = {}
      echo.await(echo.submit(function()
        local co = coroutine.running()
        local function say(...)
          for _, word in ipairs { ... } do table.insert(_G.said, tostring(word)) end
        end
        uv.new_timer():start(1, 0, function()
          say(1)
          say(coroutine.resume(co))
          say(2)
          say(coroutine.resume(co))
          say(3)
          say(coroutine.resume(co))
          say(4)
          say((coroutine.resume(co)))
        end)
        coroutine.yield("nobody sees this")
        coroutine.yield("next")
        coroutine.yield()
      end))
      while #_G.said < 9 do echo.sleep(0.001) end
      return table.concat(_G.said, " ")
    end) })
  end)

  it("waits anew for something else inside of the resume", function()
    assert.same({ true, "true", "slept" }, { run_on(1, function()
      local uv = require "luv"
      local task = echo.submit(function()
        local co = coroutine.running()
        uv.new_timer():start(1, 0, function()
          _G.outcome = table.concat({ tostring((coroutine.resume(co))) }, " ")
        end)
        coroutine.yield()
        echo.sleep(0.005)
        return "slept"
      end)
      local result = echo.await(task)
      return _G.outcome, result
    end) })
  end)

  it("can be resumed by another task", function()
    assert.same({ true, "given by a task", "true" }, { run_on(1, function()
      require "luv"
      local sleeper = echo.submit(function()
        _G.asleep = coroutine.running()
        return coroutine.yield()
      end)
      while not _G.asleep do echo.checkpoint() end
      while coroutine.status(_G.asleep) ~= "suspended" do echo.checkpoint() end
      local well = coroutine.resume(_G.asleep, "given by a task")
      return echo.await(sleeper), tostring(well)
    end) })
  end)

  it("fails with its own error, which the resume does not raise", function()
    local well, resumed, why, message = run_on(1, function()
      local uv = require "luv"
      local task = echo.submit(function()
        local co = coroutine.running()
        uv.new_timer():start(1, 0, function() _G.resumed, _G.why = coroutine.resume(co) end)
        coroutine.yield()
        error("after the yield")
      end)
      local _, err = echo.pawait(task)
      while _G.resumed == nil do echo.sleep(0.001) end
      return _G.resumed, _G.why, err.message
    end)
    assert.is_true(well)
    assert.is_false(resumed)
    includes("the task failed", why)
    includes("after the yield", message)
  end)

  it("does not meet a resume that comes when it has ended", function()
    local well, resumed, why, result = run_on(1, function()
      require "luv"
      echo.await(echo.submit(function()
        _G.ended = coroutine.running()
      end))
      local next_task = echo.submit(function()
        _G.began = true
        return coroutine.yield()
      end)
      while not _G.began do echo.checkpoint() end
      local resumed, why = coroutine.resume(_G.ended, "too late")
      local s = echo.pawait(next_task, 0.01)
      next_task:cancel()
      return resumed, why, s
    end)
    assert.is_true(well)
    assert.is_false(resumed)
    includes("dead coroutine", why)
    assert.is_false(result)
  end)

  it("is not disturbed where it waits for something else", function()
    local well, resumed, why, self, slept = run_on(1, function()
      local uv = require "luv"
      local co = coroutine.running()
      local resumed, why
      uv.new_timer():start(0, 0, function() resumed, why = coroutine.resume(co) end)
      local before = echo.now()
      echo.sleep(0.02)
      local slept = echo.now() - before
      local _, self = coroutine.resume(co)
      return resumed, why, self, slept >= 0.02
    end)
    assert.is_true(well)
    assert.is_false(resumed)
    includes("cannot resume a task that waits for something else", why)
    includes("cannot resume non-suspended coroutine", self)
    assert.is_true(slept)
  end)

  it("ends when it is cancelled, and a failing scope ends it", function()
    local lines <close> = logs.new()
    local path, write = lines.path, logs.write
    local s <close> = echo.builder():with_worker_count(2):build()
    local task = s:submit(function()
      require "luv"
      local _guard <close> = setmetatable({}, { __close = function() write(path, "closed") end })
      write(path, "yields")
      coroutine.yield()
    end)
    lines:await(1)
    task:cancel()
    local _, err = task:pwait(20)
    assert.equal("cancelled", err.kind)
    assert.same({ "yields", "closed" }, lines:read())
    local _, failure = s:submit(function()
      require "luv"
      echo.scope(function(scope)
        scope:submit(function()
          echo.sleep(0.001)
          error("a child fails")
        end)
        coroutine.yield()
      end)
    end):pwait(20)
    includes("a child fails", failure.message)
  end)

  it("does so inside of pcall, but not inside of a C function that calls back", function()
    assert.same({ true, true, "in" }, { run_on(1, function()
      local uv = require "luv"
      local co = coroutine.running()
      uv.new_timer():start(1, 0, function() coroutine.resume(co, "in") end)
      return pcall(function() return coroutine.yield() end)
    end) })
    includes("coroutine.yield cannot wait here", fail(function()
      require "luv"
      table.sort({ 2, 1 }, function() coroutine.yield() end)
    end).message)
  end)

  it("cannot have its coroutine closed", function()
    local _, err = run_on(1, function()
      require "luv"
      echo.submit(function()
        _G.victim = coroutine.running()
        _G.began = true
        coroutine.yield()
      end)
      while not _G.began do echo.checkpoint() end
      echo.checkpoint()
      local _, why = pcall(coroutine.close, _G.victim)
      return why, coroutine.resume(_G.victim)
    end)
    includes("a task's coroutine cannot be closed: cancel the task instead", err)
  end)

  it("leaves yields of its own coroutines alone", function()
    assert.same({ true, 1, 2, "dead" }, { run_on(1, function()
      require "luv"
      local co = coroutine.create(function()
        coroutine.yield(1)
        return 2
      end)
      local _, first = coroutine.resume(co)
      local _, second = coroutine.resume(co)
      return first, second, coroutine.status(co)
    end) })
  end)
end)

describe("a task that yields where luv is not loaded", function()
  it("fails: nobody could resume it", function()
    includes("a task cannot coroutine.yield() to the scheduler", fail(function()
      coroutine.yield()
    end).message)
  end)
end)
