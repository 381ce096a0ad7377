-- What more workers bring, and what more tasks cost.
--
--   workers   the same work (fib(20)) with one worker, two and so on to the machine's processors, and
--             with 16 and 64 on however few there are; beside it the bare state
--   tasks     what a tiny task costs when there are a thousand of them, and up to ten million; submitted
--             one by one, each without a handle kept, and waited for by a stop
--
-- Usage: LUA_CPATH="build/release/module/?.so;;" lua5.4 bench/scaling.lua [rounds [processors [most tasks]]]

package.path = (arg[0]:match ".*/" or "./") .. "?.lua;" .. package.path
local echo = require "echo"
local report = require "report"

-- Those that this process may use.
local function processors()
  local pipe <close> = assert(io.popen "nproc")
  return pipe:read "n" or 2
end

local ROUNDS = tonumber(arg[1]) or 5
local PROCESSORS = tonumber(arg[2]) or processors()
local MOST_TASKS = tonumber(arg[3]) or 10000000
local FIBS = report.count(1000, 8)

local sheet = report.new()

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local function nothing() end

local function new(workers)
  local scheduler = echo.builder():with_worker_count(workers):build()
  scheduler:submit(nothing):wait()
  return scheduler
end

local function alone()
  local start = echo.now()
  for _ = 1, FIBS do assert(fib(20) == 6765) end
  return echo.now() - start
end

local function together(workers)
  local scheduler <close> = new(workers)
  local tasks, start = {}, echo.now()
  for i = 1, FIBS do tasks[i] = scheduler:submit(fib, 20) end
  for i = 1, FIBS do assert(tasks[i]:wait() == 6765) end
  return echo.now() - start
end

-- Nanoseconds for each of so many.
local function cost(count)
  local scheduler = new(2)
  local start = echo.now()
  for _ = 1, count do scheduler:submit(nothing) end
  scheduler:stop()
  return (echo.now() - start) / count * 1e9
end

local crews = {}
for workers = 1, PROCESSORS do crews[#crews + 1] = workers end
for _, workers in ipairs { 16, 64 } do
  if workers > PROCESSORS then crews[#crews + 1] = workers end
end

for _ = 1, ROUNDS do
  local one = alone()
  for _, workers in ipairs(crews) do
    sheet:add("speed-up by workers", ("%d workers"):format(workers), "times one", one / together(workers))
  end
  local tasks = 1000
  while tasks <= MOST_TASKS do
    local count = report.count(tasks, 10)
    sheet:add("a task, of so many", ("of %d tasks"):format(tasks), "ns", cost(count))
    tasks = tasks * 10
  end
end
sheet:print()
