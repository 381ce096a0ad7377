-- How soon an urgent task starts when all workers run endless Lua loops, and what that costs the loops.
--
--   floor     as many bare threads that spin, of which one is sent a signal: until it has seen it
--   loops     all workers in endless loops of low priority, a high task each millisecond: from before
--             the submit to its first instruction; by signal, and by count
--   speed     loops of a fixed length on all workers, beside the same in bare states and threads:
--             Echo idle otherwise, by signal and by count, and with a high task each millisecond
--   stop      with cancel, all workers in endless loops and as many tasks asleep or queued
--
-- Usage: LUA_CPATH="build/release/module/?.so;;" lua5.4 bench/preempt.lua [workers [rounds]]

package.path = (arg[0]:match ".*/" or "./") .. "?.lua;" .. package.path
local echo = require "echo"
local floor = require "floor"
local report = require "report"

local WORKERS = tonumber(arg[1]) or 2
local ROUNDS = tonumber(arg[2]) or 5
local SAMPLES, PAUSE = report.count(400, 5), 0.001

local low, high = { priority = "low" }, { priority = "high" }

local function endless()
  while true do
  end
end

-- Arithmetic, tables and calls, and no memory: the workers' allocator is not the question.
local code = ("local turns = %d\n"):format(report.count(10000000, 1000)) .. [[
  local t = {}
  for i = 1, 256 do t[i] = i end
  local function step(x, i) return (x * 31 + t[i % 256 + 1]) % 1000003 end
  local x = 1
  for i = 1, turns do x = step(x, i) end
  return x
]]

local function loop(text)
  return load(text)()
end

local function new(how)
  return echo.builder():with_worker_count(WORKERS):with_interrupts(how):build()
end

-- Calls the body while all workers are in endless loops; returns the seconds of the stop.
local function busy(how, body)
  local scheduler = new(how)
  for _ = 1, WORKERS do scheduler:submit(low, endless) end
  floor.pause(0.02)
  body(scheduler)
  for _ = 1, 1000 do scheduler:submit(low, endless) end
  local before = echo.now()
  assert(scheduler:stop { mode = "cancel" })
  return echo.now() - before
end

local sheet = report.new()

local function urgent(who)
  return function(scheduler)
    local times = {}
    for i = 1, SAMPLES do
      floor.pause(PAUSE)
      local before = echo.now()
      times[i] = (scheduler:submit(high, echo.now):wait() - before) * 1e6
    end
    sheet:add_quantiles("urgent among endless Lua loops", who, "us", times)
  end
end

local function seconds_of_loops(how, disturb)
  local scheduler <close> = new(how)
  for _ = 1, WORKERS do scheduler:submit(math.abs, 1):wait() end
  local tasks, before = {}, echo.now()
  for i = 1, WORKERS do tasks[i] = scheduler:submit(low, loop, code) end
  if disturb then disturb(scheduler, tasks) end
  for i = 1, WORKERS do tasks[i]:wait() end
  return echo.now() - before
end

local function each_millisecond(scheduler, tasks)
  repeat
    floor.pause(PAUSE)
    scheduler:submit(high, math.abs, 1):wait()
  until tasks[1]:status() == "done"
end

for _ = 1, ROUNDS do
  sheet:add_quantiles("urgent among endless Lua loops", "bare signal", "us",
    floor.signals(SAMPLES, PAUSE, WORKERS), true)
  sheet:add("stop with cancel, endless loops", "echo", "ms", busy("signal", urgent "echo") * 1e3)
  busy("count", urgent "echo, by count")
  sheet:add_floor("Lua loops on all workers", "bare threads", "ms", floor.run(code, WORKERS) * 1e3)
  sheet:add("Lua loops on all workers", "echo", "ms", seconds_of_loops("signal") * 1e3)
  sheet:add("Lua loops on all workers", "echo, by count", "ms", seconds_of_loops("count") * 1e3)
  sheet:add("Lua loops on all workers", "echo, each ms a task", "ms",
    seconds_of_loops("signal", each_millisecond) * 1e3)
end
sheet:print()
