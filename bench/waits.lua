-- What waiting costs.
--
--   idle      from a pool at rest: submit to result in the host, a millisecond between two; beside a
--             round trip of two bare threads over a futex, and luv's new_work with its loop
--   sleepers  100,000 tasks asleep at once: memory each, all told, and how late they wake
--
-- Usage: LUA_CPATH="build/release/module/?.so;;" lua5.4 bench/waits.lua [workers [rounds]]

local echo = require "echo"
local floor = require "floor"
local has_luv, uv = pcall(require, "luv")

local WORKERS = tonumber(arg[1]) or 2
local ROUNDS = tonumber(arg[2]) or 5
local TRIPS, PAUSE = 400, 0.001
local SLEEPERS = 100000

local function increment(x) return x + 1 end

local function echo_trips(scheduler)
  local times = {}
  for i = 1, TRIPS do
    floor.pause(PAUSE)
    local start = echo.now()
    assert(scheduler:submit(increment, i):wait() == i + 1)
    times[i] = (echo.now() - start) * 1e6
  end
  return times
end

local function luv_trips()
  local times, done = {}
  local work = uv.new_work(function(x) return x + 1 end, function(x) done = x end)
  for i = 1, TRIPS do
    floor.pause(PAUSE)
    local start = echo.now()
    work:queue(i)
    repeat uv.run("once") until done == i + 1
    times[i] = (echo.now() - start) * 1e6
  end
  return times
end

local function append(all, times)
  table.move(times, 1, #times, #all + 1, all)
end

local function quantile(times, q)
  return times[math.max(1, math.ceil(#times * q))]
end

local function report(name, times, beside)
  table.sort(times)
  local p50, p99 = quantile(times, 0.5), quantile(times, 0.99)
  local ratio = beside and ("  %5.2f times the futex's median"):format(p50 / quantile(beside, 0.5)) or ""
  print(("%-34s p50 %8.1f us  p99 %8.1f us%s"):format(name, p50, p99, ratio))
end

local function idle()
  local scheduler <close> = echo.builder():with_worker_count(WORKERS):build()
  local bare, ours, luvs = {}, {}, {}
  echo_trips(scheduler)
  for _ = 1, ROUNDS do
    append(bare, floor.round_trips(TRIPS, PAUSE))
    append(ours, echo_trips(scheduler))
    if has_luv then append(luvs, luv_trips()) end
  end
  table.sort(bare)
  report("idle: bare futex round trip", bare)
  report("idle: submit to result", ours, bare)
  if has_luv then report("idle: luv new_work", luvs, bare) else print("luv is not installed: skipped") end
end

local function resident()
  for line in io.lines("/proc/self/status") do
    local kilobytes = line:match("^VmRSS:%s+(%d+)")
    if kilobytes then return tonumber(kilobytes) * 1024 end
  end
end

local function sleep_until_late(seconds)
  local here = require "echo"
  local due = here.now() + seconds
  here.sleep(seconds)
  return here.now() - due
end

local function sleepers()
  local scheduler <close> = echo.builder():with_worker_count(WORKERS):build()
  scheduler:submit(sleep_until_late, 0.001):wait()
  collectgarbage()
  collectgarbage("stop")
  local before, tasks = resident(), {}
  for i = 1, SLEEPERS do
    tasks[i] = scheduler:submit(sleep_until_late, 3 + 4 * i / SLEEPERS)
  end
  for i = 1, SLEEPERS do
    while tasks[i]:status() ~= "suspended" do floor.pause(PAUSE) end
  end
  local bytes = (resident() - before) / SLEEPERS
  local late = {}
  for i = 1, SLEEPERS do late[i] = tasks[i]:wait() * 1e6 end
  collectgarbage("restart")
  print(("sleepers: %d at once, %.0f bytes each"):format(SLEEPERS, bytes))
  report("sleepers: late by", late)
end

print(("%d workers, %d rounds"):format(WORKERS, ROUNDS))
idle()
sleepers()
