--- luaecho bench: a quick look at what this machine does, in about a second.

local echo = require "echo"
local pipeline = require "echo.pipeline"

local COUNT, IDLE, FIBS = 50000, 200, 64

local function increment(x) return x + 1 end

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local function seconds(work, ...)
  local start = echo.now()
  work(...)
  return echo.now() - start
end

local function tasks(scheduler)
  local list = {}
  for i = 1, COUNT do list[i] = scheduler:submit(increment, i) end
  for i = 1, COUNT do list[i]:wait() end
end

local function idle(scheduler)
  for _ = 1, IDLE do scheduler:submit(increment, 1):wait() end
end

local function fibs(scheduler)
  local list = {}
  for i = 1, FIBS do list[i] = 22 end
  scheduler:map(fib, list):wait()
end

local function fibs_alone()
  for _ = 1, FIBS do fib(22) end
end

--- Runs the command; returns the exit status.
return function(parsed)
  local builder = echo.builder()
  if parsed.workers then
    builder:with_worker_count(parsed.workers)
  end
  local scheduler <close> = builder:build()
  local list = {}
  for i = 1, COUNT do list[i] = i end
  local elements = pipeline.step { name = "a", items = list, run = increment }
  idle(scheduler)
  print(("workers                 %d"):format(scheduler:stats().workers))
  print(("a task, there and back  %.2f us of %d at once"):format(seconds(tasks, scheduler) / COUNT * 1e6, COUNT))
  print(("a task when all is idle %.1f us"):format(seconds(idle, scheduler) / IDLE * 1e6))
  print(("a pipeline's element    %.2f us"):format(seconds(elements.run, elements, scheduler) / COUNT * 1e6))
  print(("fib on all workers      %.2f times one"):format(seconds(fibs_alone) / seconds(fibs, scheduler)))
  return 0
end
