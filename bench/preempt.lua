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

local echo = require "echo"
local floor = require "floor"

local WORKERS = tonumber(arg[1]) or 2
local ROUNDS = tonumber(arg[2]) or 5
local SAMPLES, PAUSE = 400, 0.001

local low, high = { priority = "low" }, { priority = "high" }

local function endless()
  while true do
  end
end

-- Arithmetic, tables and calls, and no memory: the workers' allocator is not the question.
local code = [[
  local t = {}
  for i = 1, 256 do t[i] = i end
  local function step(x, i) return (x * 31 + t[i % 256 + 1]) % 1000003 end
  local x = 1
  for i = 1, 10000000 do x = step(x, i) end
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

local function urgent(times)
  return function(scheduler)
    for _ = 1, SAMPLES do
      floor.pause(PAUSE)
      local before = echo.now()
      times[#times + 1] = (scheduler:submit(high, echo.now):wait() - before) * 1e6
    end
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

local function quantile(values, q)
  table.sort(values)
  return values[math.max(1, math.ceil(#values * q))]
end

local function report(name, times, bare)
  local p50, p99 = quantile(times, 0.5), quantile(times, 0.99)
  print(("%-32s p50 %7.1f us  p99 %8.1f us  %5.2f %5.2f times the floor"):format(name, p50, p99,
    p50 / quantile(bare, 0.5), p99 / quantile(bare, 0.99)))
end

local bare, by_signal, by_count, stops = {}, {}, {}, {}
local ratios = { signal = {}, count = {}, disturbed = {} }
for _ = 1, ROUNDS do
  table.move(floor.signals(SAMPLES, PAUSE, WORKERS), 1, SAMPLES, #bare + 1, bare)
  stops[#stops + 1] = busy("signal", urgent(by_signal)) * 1e3
  busy("count", urgent(by_count))
  local seconds = floor.run(code, WORKERS)
  table.insert(ratios.signal, seconds_of_loops("signal") / seconds)
  table.insert(ratios.count, seconds_of_loops("count") / seconds)
  table.insert(ratios.disturbed, seconds_of_loops("signal", each_millisecond) / seconds)
end

print(("%d workers, %d rounds"):format(WORKERS, ROUNDS))
report("floor: signal to a spinning thread", bare, bare)
report("loops, by signal", by_signal, bare)
report("loops, by count", by_count, bare)
for _, row in ipairs {
  { "speed: by signal, idle", ratios.signal },
  { "speed: by count, idle", ratios.count },
  { "speed: by signal, each ms a task", ratios.disturbed },
} do
  print(("%-34s %.3f times the time in bare threads (%.3f to %.3f)"):format(row[1], quantile(row[2], 0.5),
    quantile(row[2], 0), quantile(row[2], 1)))
end
print(("stop with cancel, loops and %d queued: median %.1f ms, worst %.1f ms"):format(1000,
  quantile(stops, 0.5), quantile(stops, 1)))
