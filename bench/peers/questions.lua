-- What the libraries are asked, each in a process of its own: `questions.NAME(pool, ask)`, where the
-- pool is that of peers/LIBRARY.lua and `ask` holds
--
--   sheet   where to report     who      the library's name
--   count   a function that says how many, as the scale and the library's speed allow
--   data    the folder with the input of real work (see peers/data.lua)
--
-- A pool has `call(name, value)`, there and back; `each(name, list)`, a task for each, the results in
-- order; and, if the library can, `share` (the same in whatever pieces it likes), `flood`, `urgent` and
-- `drain` (priorities), `sleepers`, and `rest` (instead of a pause of the thread). The names are of
-- functions in peers/work.lua. It is made by the library's `start(workers, question)`.

local data = require "peers.data"
local floor = require "floor"
local report = require "report"

local questions = {}

local PAUSE = 0.001

local function microseconds(work, ...)
  local start = floor.now()
  work(...)
  return (floor.now() - start) * 1e6
end

-- Submit to result, from a pool at rest. Where the one who asks is on one of the pool's threads, it
-- rests as the library likes.
function questions.idle(pool, ask)
  local times = {}
  for _ = 1, 50 do assert(pool:call("increment", 1) == 2) end
  for i = 1, ask.count(pool.rest and 500 or 2000, 20) do
    (pool.rest or floor.pause)(PAUSE)
    times[i] = microseconds(function() assert(pool:call("increment", i) == i + 1) end)
  end
  ask.sheet:add_quantiles("idle, submit to result", ask.who, "us", times)
end

-- Of the whole process, while there is nothing to do.
function questions.rest(pool, ask)
  local seconds = 2 * report.count(100, 5) / 100
  pool:each("increment", { 1, 2 })
  floor.pause(0.05)
  local before, spent = floor.now(), os.clock();
  (pool.rest or floor.pause)(seconds)
  spent = os.clock() - spent
  ask.sheet:add("processor time at rest", ask.who, "us/s used", spent * 1e6 / (floor.now() - before))
end

-- What the work takes on all processors; on a busy machine this is what can be compared.
local function timed(ask, title, work)
  local spent, time = os.clock(), microseconds(work)
  ask.sheet:add(title .. ", processor time", ask.who, "ms", (os.clock() - spent) * 1e3)
  return time / 1e3
end

local function numbers(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return list
end

function questions.tiny(pool, ask)
  local list = numbers(ask.count(100000, 100))
  local function measure(title, way)
    way(pool, "increment", list) -- so that memory is there, and code loaded
    collectgarbage()
    local results
    local time = microseconds(function() results = way(pool, "increment", list) end)
    assert(#results == #list and results[#list] == #list + 1)
    ask.sheet:add(title, ask.who, "k/s", #list / time * 1e3)
  end
  measure("tiny tasks", pool.each)
  if pool.share then measure("tiny tasks, a list in pieces", pool.share) end
end

function questions.cpu(pool, ask)
  local list = numbers(report.count(2000, 8))
  for i = 1, #list do list[i] = 20 end
  pool:each("fib", { 20, 20 })
  local results
  local title = ("%d times fib(20)"):format(#list)
  local time = timed(ask, title, function() results = pool:each("fib", list) end)
  assert(results[#list] == 6765)
  ask.sheet:add(title, ask.who, "ms", time)
end

function questions.strings(pool, ask)
  local text, repeats = ("0123456789abcdef"):rep(1 << 16), ask.count(50, 3)
  local function trip() assert(#pool:call("identity", text) == #text) end
  trip()
  ask.sheet:add("1 MB of text there and back", ask.who, "us",
    microseconds(function() for _ = 1, repeats do trip() end end) / repeats)
end

function questions.records(pool, ask)
  local records = {}
  for i = 1, report.count(10000, 10) do
    records[i] = { id = i, name = "record " .. i, score = i / 7 }
  end
  local function trip()
    local back = pool:call("identity", records)
    assert(#back == #records and back[#records].id == #records)
  end
  trip()
  local trips, start = 0, floor.now()
  repeat
    trip()
    trips = trips + 1
  until floor.now() - start > 0.2 or trips == 10
  ask.sheet:add("records there and back", ask.who, "k/s", trips * #records / (floor.now() - start) / 1e3)
end

-- From before the submit to the task's beginning, all workers busy and thousands queued before it.
function questions.urgent(pool, ask)
  local times = {}
  pool:flood("spin", 20, report.count(25000, 50) * ask.workers)
  for i = 1, report.count(200, 10) do
    floor.pause(PAUSE)
    local before = floor.now()
    times[i] = (pool:urgent("started", 0) - before) * 1e6
  end
  pool:drain()
  ask.sheet:add_quantiles("high among low, to its start", ask.who, "us", times)
end

local function resident()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmRSS:%s+(%d+)"
    if kilobytes then return tonumber(kilobytes) * 1024 end
  end
  error "no VmRSS"
end

-- All asleep at the same time, to wake one after the other.
function questions.sleepers(pool, ask)
  local times = {}
  local count = math.min(report.count(100000, 50), pool.most_sleepers or math.huge)
  for i = 1, count do times[i] = 0.2 + 3 * report.count(1000) / 1000 + i / 25000 end
  pool:sleepers({ 0.001 }, function() end)
  collectgarbage()
  collectgarbage "stop"
  local before, after = resident(), nil
  local late = pool:sleepers(times, function() after = resident() end)
  for i = 1, #late do late[i] = late[i] * 1e6 end
  ask.sheet:add("sleepers, each", ask.who, "bytes", (after - before) / count)
  ask.sheet:add_quantiles("sleepers, late by", ask.who, "us", late)
end

local function real_work(name, title)
  questions[name] = function(pool, ask)
    local list, expected = data.read(ask.data, name)
    pool:each("increment", { 1, 2 })
    local text
    local time = timed(ask, title, function()
      text = data.join[name]((pool.share or pool.each)(pool, name, list))
    end)
    assert(text == expected, "the result is another than the serial program's")
    ask.sheet:add(title, ask.who, "ms", time)
  end
end

real_work("mandelbrot", "Mandelbrot picture")
real_work("json", "JSON, many files")
real_work("words", "word count")

return questions
