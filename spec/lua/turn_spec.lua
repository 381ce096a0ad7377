-- Tasks that have begun are bound to their worker: none of them may keep the others from going on.
local assert = require "luassert"
local echo = require "echo"
local it = require "spec.lua.support.it"

local function new_scheduler()
  return echo.builder():with_worker_count(1):build()
end

describe("a task that could go on gets its turn beside an endless loop", function()
  for _, priority in ipairs { "high", "normal", "low" } do
    it("of its own priority: " .. priority, function()
      local s <close> = new_scheduler()
      local result = s:submit({ priority = priority }, function()
        local here = require "echo"
        local endless = here.submit(function()
          while true do
          end
        end)
        local went_well, err = here.pawait(endless, 0.02)
        local cancelled = endless:cancel()
        return went_well, err.kind, cancelled, select(2, here.pawait(endless)).kind
      end)
      local went_well, kind, cancelled, how = result:wait(20)
      assert.is_false(went_well)
      assert.equal("timeout", kind)
      assert.is_true(cancelled)
      assert.equal("cancelled", how)
    end)
  end

  it("and so do many of them", function()
    local s <close> = new_scheduler()
    local loops, counts = {}, {}
    local begun, turn, count = echo.channel(8), echo.channel(3), echo.channel(5)
    for i = 1, 3 do
      loops[i] = s:submit(function()
        begun:send(true)
        turn:receive()
        while true do
        end
      end)
    end
    for i = 1, 5 do
      counts[i] = s:submit(function()
        local here, n = require "echo", 0
        begun:send(true)
        count:receive()
        for _ = 1, 10 do
          here.sleep(0.001)
          n = n + 1
        end
        return n
      end)
    end
    for _ = 1, 8 do -- what has not begun would not get a turn
      begun:receive()
    end
    for _ = 1, 3 do
      turn:send(true)
    end
    for _ = 1, 5 do
      count:send(true)
    end
    for i = 1, 5 do
      assert.equal(10, counts[i]:wait(50))
    end
    for i = 1, 3 do
      assert.is_true(loops[i]:cancel())
    end
  end)

  it("which echo.timeout then ends", function()
    local s <close> = new_scheduler()
    local task = s:submit(function()
      local here = require "echo"
      return here.timeout(0.02, here.submit(function()
        while true do
        end
      end))
    end)
    local _, err = task:pwait(20)
    assert.equal("the time of 0.02 s ran out", err.message)
  end)
end)

describe("a child", function()
  it("is as urgent as the task that submits it, unless the options say otherwise", function()
    local s <close> = new_scheduler()
    local function priority()
      return require("echo").current().priority
    end
    local own, other, handle = s:submit({ priority = "low" }, function(scheduler)
      local here = require "echo"
      return here.await(here.submit(priority)),
        here.await(here.submit({ priority = "high" }, priority)),
        here.await(scheduler:submit(priority))
    end, s):wait()
    assert.equal("low", own)
    assert.equal("high", other)
    assert.equal("low", handle)
    assert.equal("normal", s:submit(priority):wait())
  end)
end)
