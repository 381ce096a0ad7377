-- What it costs that values travel: in time beside a task that takes none along, and in memory.
-- bench/peers.lua measures text and records beside other libraries.
--
--   buffer      an echo.buffer of 64 MB there and back, beside an empty task
--   tiny        100,000 tasks one by one, a handle each, and what memory is left over afterwards
--   peak        how much memory a result of 100 MB takes at the worst moment (Linux)
--
-- Usage: lua5.4 bench/values.lua [workers [rounds]]

package.path = (arg[0]:match ".*/" or "./") .. "?.lua;" .. package.path
local echo = require "echo"
local report = require "report"

local WORKERS = tonumber(arg[1]) or 2
local ROUNDS = tonumber(arg[2]) or 11
local TASKS, TRIPS = report.count(100000, 100), report.count(1000)
local PEAK = report.count(100 << 20)

local function seconds(repeats, work, ...)
  collectgarbage()
  local start = echo.now()
  for _ = 1, repeats do work(...) end
  return (echo.now() - start) / repeats
end

local function identity(...) return ... end

local function there_and_back(scheduler, value)
  return (scheduler:submit(identity, value):wait())
end

local function tiny(scheduler)
  local tasks = {}
  for i = 1, TASKS do tasks[i] = scheduler:submit(identity, i) end
  for i = 1, TASKS do assert(tasks[i]:wait() == i) end
end

local function status_kilobytes(field)
  local file <close> = assert(io.open("/proc/self/status"))
  return tonumber(file:read("a"):match(field .. ":%s*(%d+)")) or error("no " .. field)
end

local function collect_everywhere(scheduler)
  collectgarbage()
  collectgarbage()
  local tasks = {}
  for i = 1, 2 * WORKERS do
    tasks[i] = scheduler:submit(function()
      collectgarbage()
      collectgarbage()
      local until_ = require "echo".now() + 0.02
      while require "echo".now() < until_ do end -- so that each worker gets one
    end)
  end
  for _, task in ipairs(tasks) do task:wait() end
end

-- In a process of its own, as the system keeps the highest mark of the whole life.
local peak_script = [[
local echo = require "echo"
local function kilobytes(field)
  local file <close> = assert(io.open("/proc/self/status"))
  return tonumber(file:read("a"):match(field .. ":%s*(%d+)"))
end
local s = echo.builder():with_worker_count(1):build()
s:submit(math.abs, 1):wait()
local before = kilobytes("VmRSS")
local result = s:submit(string.rep, "x", tonumber(arg[1])):wait()
print((kilobytes("VmHWM") - before) * 1024 / #result)
]]

local function peak()
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(peak_script)
  file:close()
  local pipe = assert(io.popen(("lua5.4 %s %d"):format(path, PEAK)))
  local factor = pipe:read("n")
  pipe:close()
  os.remove(path)
  return assert(factor)
end

local sheet = report.new()

local scheduler <close> = echo.builder():with_worker_count(WORKERS):build()
scheduler:submit(identity, 1):wait()
local buffer = echo.buffer(("x"):rep(64 << 20))

local function measure_buffers()
  sheet:add("a buffer of 64 MB there and back", "echo", "us",
    seconds(TRIPS, there_and_back, scheduler, buffer) * 1e6)
  sheet:add_floor("a buffer of 64 MB there and back", "empty task", "us",
    seconds(TRIPS, there_and_back, scheduler, nil) * 1e6)
end

local function measure_tiny()
  sheet:add("a handle each", "echo", "M/s", TASKS / seconds(1, tiny, scheduler) / 1e6)
end

-- The first round fills what is kept for the next one.
local function measure_memory()
  tiny(scheduler)
  collect_everywhere(scheduler)
  local before = status_kilobytes("VmRSS")
  tiny(scheduler)
  collect_everywhere(scheduler)
  sheet:add("left over after tiny tasks", "echo", "KB", status_kilobytes("VmRSS") - before)
end

for round = 1, ROUNDS do
  measure_buffers()
  measure_tiny()
  if round <= 3 then
    measure_memory()
    sheet:add("peak of memory of a result", "echo", "times its size", peak())
  end
end

sheet:print()
