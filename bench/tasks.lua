-- What a Lua task costs: each submitted alone, each result collected, beside luv's thread pool
-- (new_work) on the same work in the same run, interleaved. luv is skipped if it is not installed.
--
--   tiny        N times function(x) return x + 1 end, one handle each
--   map         the same over a list, the chunks chosen by the scheduler
--   fib         2000 times fib(20): the speed-up over this state alone
--
-- Usage: lua5.4 bench/tasks.lua [workers [rounds]]

local echo = require "echo"
local has_luv, uv = pcall(require, "luv")

local WORKERS = tonumber(arg[1]) or 2
local ROUNDS = tonumber(arg[2]) or 7
local TASKS, FIBS = 100000, 2000

local function increment(x) return x + 1 end

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local function seconds(work, ...)
  collectgarbage()
  local start = echo.now()
  work(...)
  return echo.now() - start
end

local function tiny(scheduler)
  local tasks = {}
  for i = 1, TASKS do tasks[i] = scheduler:submit(increment, i) end
  for i = 1, TASKS do assert(tasks[i]:wait() == i + 1) end
end

local function map(scheduler)
  local list = {}
  for i = 1, TASKS do list[i] = i end
  local results = scheduler:map(increment, list):wait()
  assert(#results == TASKS and results[TASKS] == TASKS + 1)
end

local function fibs(scheduler)
  local tasks = {}
  for i = 1, FIBS do tasks[i] = scheduler:submit(fib, 20) end
  for i = 1, FIBS do assert(tasks[i]:wait() == 6765) end
end

local function fibs_alone()
  for _ = 1, FIBS do assert(fib(20) == 6765) end
end

local function luv_tiny()
  local done = 0
  local work = uv.new_work(increment, function() done = done + 1 end)
  for i = 1, TASKS do work:queue(i) end
  uv.run()
  assert(done == TASKS)
end

local samples, order = {}, {}

local function record(name, value)
  if not samples[name] then
    samples[name] = {}
    order[#order + 1] = name
  end
  table.insert(samples[name], value)
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

local scheduler <close> = echo.builder():with_worker_count(WORKERS):build()
scheduler:submit(increment, 1):wait()
if has_luv then uv.os_setenv("UV_THREADPOOL_SIZE", tostring(WORKERS)) end

for _ = 1, ROUNDS do
  record("tiny tasks, M/s", TASKS / seconds(tiny, scheduler) / 1e6)
  if has_luv then record("tiny tasks, luv new_work, M/s", TASKS / seconds(luv_tiny) / 1e6) end
  record("map, M items/s", TASKS / seconds(map, scheduler) / 1e6)
  record("fib(20), times one state", seconds(fibs_alone) / seconds(fibs, scheduler))
end

print(("%d workers, %d rounds%14s %8s %8s"):format(WORKERS, ROUNDS, "min", "median", "max"))
for _, name in ipairs(order) do
  local values = samples[name]
  local middle = median(values)
  print(("%-28s %8.2f %8.2f %8.2f"):format(name, values[1], middle, values[#values]))
end
if not has_luv then print("luv: not installed, skipped") end
