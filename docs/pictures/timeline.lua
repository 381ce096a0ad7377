-- lua5.4 docs/pictures/timeline.lua [OUT]
--
-- Makes docs/pictures/timeline.svg, the picture of a run of a mixed load: an index in the background, pages
-- that wait for a disk, and keystrokes which come when every worker is busy. To be run where the sources
-- are, with the module in LUA_CPATH and lua/?.lua in LUA_PATH.

local echo = require "echo"

local out = arg[1] or "docs/pictures/timeline.svg"
local trace = os.tmpname()
local scheduler <close> = echo.builder():with_worker_count(3):with_queue("disk", { limit = 2 }):build()

-- Counts, and no clock: what is interrupted has as much left to do afterwards.
local function count(rounds)
  local sum = 0
  for index = 1, rounds // 1 do sum = sum ~ index end
  return sum
end

local function rounds_a_second()
  local best = 0
  for _ = 1, 5 do
    local start = echo.now()
    count(1e6)
    best = math.max(best, 1e6 / (echo.now() - start))
  end
  return best
end

local speed = rounds_a_second()

local function compute(seconds)
  return count(seconds * speed)
end

local function page(number)
  compute(0.002 + number % 3 * 0.001)
  echo.sleep(0.003 + number % 4 * 0.002)
  return compute(0.003)
end

local function keystroke()
  return compute(0.0015)
end

local tasks = {}
local function submit(options, ...)
  tasks[#tasks + 1] = scheduler:submit(options, ...)
end

-- Waits, as a program does that has a window to draw.
local function pause(seconds)
  local last = echo.now() + seconds
  repeat
    os.execute "sleep 0.001"
  until echo.now() >= last
end

-- The workers are up, and the code is there, before anything is recorded.
for _ = 1, 6 do
  submit({}, compute, 0.005)
  submit({}, page, 1)
  submit({}, keystroke)
end
for _, task in ipairs(tasks) do task:wait() end

scheduler:trace(trace)
for number = 1, 16 do
  submit({ priority = "low", name = "index " .. number }, compute, 0.006 + number % 5 * 0.003)
end
for number = 1, 10 do
  pause(0.007)
  submit({ priority = "high", name = "key" }, keystroke)
  submit({ queue = number % 2 == 0 and "disk" or nil, name = "page " .. number }, page, number)
end
for _, task in ipairs(tasks) do task:wait() end
scheduler:trace(false)

echo.timeline(trace, out, { title = "Keystrokes and pages while an index is made", width = 1100 })
os.remove(trace)
