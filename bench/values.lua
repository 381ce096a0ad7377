-- What it costs that values travel, beside what does the same and beside the copies that it needs;
-- all of it in one process, interleaved.
--
--   records     10,000 records {id=, name=, score=} there and back, beside a lane of Lanes that
--               gets and sends them by a linda, and luv's new_work with the records as text by cjson
--               or cmsgpack
--   string      a string of 1 MB there and back, beside two copies of it within one state
--   buffer      an echo.buffer of 64 MB there and back, beside an empty task
--   tiny        100,000 tasks one by one, a handle each, and what memory is left over afterwards
--   peak        how much memory a result of 100 MB takes at the worst moment (Linux)
--
-- Codecs, luv and Lanes are skipped if they are not installed.
--
-- Usage: lua5.4 bench/values.lua [workers [rounds]]

local echo = require "echo"
local floor = require "floor"
local has_luv, uv = pcall(require, "luv")

local WORKERS = tonumber(arg[1]) or 2
local ROUNDS = tonumber(arg[2]) or 11
local RECORDS, TASKS, PEAK = 10000, 100000, 100 << 20
local MEGABYTE, REPEATS = 1 << 20, 20

local function seconds(repeats, work, ...)
  collectgarbage()
  local start = echo.now()
  for _ = 1, repeats do work(...) end
  return (echo.now() - start) / repeats
end

local function identity(...) return ... end

local function make_records()
  local list = {}
  for i = 1, RECORDS do
    list[i] = { id = i, name = "record " .. i, score = i / 7 }
  end
  return list
end

local function there_and_back(scheduler, value)
  return (scheduler:submit(identity, value):wait())
end

-- What a codec's work item does on luv's threads: text to records and records to text.
local function by_codec(name, text)
  local codec = require(name)
  local decode, encode = codec.decode or codec.unpack, codec.encode or codec.pack
  return encode(decode(text))
end

local function new_peer(name)
  local installed, codec = pcall(require, name)
  if not installed or not has_luv then return nil end
  local decode, encode = codec.decode or codec.unpack, codec.encode or codec.pack
  local back
  local work = uv.new_work(by_codec, function(text) back = decode(text) end)
  return function(records)
    work:queue(name, encode(records))
    uv.run()
    assert(#back == RECORDS and back[RECORDS].id == RECORDS)
  end
end

-- One lane stands ready, so that no round pays for a thread.
local function new_lane()
  local installed, lanes = pcall(require, "lanes")
  if not installed then return nil end
  if lanes.configure then lanes.configure() end
  local linda = lanes.linda()
  lanes.gen("*", function()
    for _ = 1, math.huge do
      local _, records = linda:receive("there")
      linda:send("back", records)
    end
  end)()
  return function(records)
    linda:send("there", records)
    local _, back = linda:receive("back")
    assert(#back == RECORDS and back[RECORDS].id == RECORDS)
  end
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

local samples, order = {}, {}

local function record(name, value)
  if not samples[name] then
    samples[name] = {}
    order[#order + 1] = name
  end
  table.insert(samples[name], value)
  return value
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

local peers, missing = {}, {}
for _, name in ipairs { "cjson", "cmsgpack" } do
  local peer = new_peer(name)
  if peer then peers[#peers + 1] = { "luv and " .. name, peer } else missing[#missing + 1] = name end
end
local lane = new_lane()
if lane then peers[#peers + 1] = { "lanes", lane } else missing[#missing + 1] = "lanes" end
if not has_luv then missing[#missing + 1] = "luv" end

local scheduler <close> = echo.builder():with_worker_count(WORKERS):build()
scheduler:submit(identity, 1):wait()
if has_luv then uv.os_setenv("UV_THREADPOOL_SIZE", tostring(WORKERS)) end
local records, text = make_records(), ("0123456789abcdef"):rep(MEGABYTE // 16)
local buffer = echo.buffer(("x"):rep(64 << 20))

local function measure_records()
  local echo_rate = record("records, k/s", RECORDS / seconds(3, there_and_back, scheduler, records) / 1e3)
  for _, peer in ipairs(peers) do
    local rate = RECORDS / seconds(3, peer[2], records) / 1e3
    record("records, " .. peer[1] .. ", k/s", rate)
    record("records, times " .. peer[1], echo_rate / rate)
  end
end

local function measure_strings()
  local took = record("string of 1 MB, us", seconds(REPEATS, there_and_back, scheduler, text) * 1e6)
  local copies = record("string of 1 MB, two copies, us", seconds(REPEATS, floor.copy, text, 2) * 1e6)
  record("string, times two copies", took / copies)
  took = record("buffer of 64 MB, us", seconds(1000, there_and_back, scheduler, buffer) * 1e6)
  local empty = record("empty task, us", seconds(1000, there_and_back, scheduler, nil) * 1e6)
  record("buffer, times an empty task", took / empty)
end

local function measure_tiny()
  record("tiny tasks, M/s", TASKS / seconds(1, tiny, scheduler) / 1e6)
end

-- The first round fills what is kept for the next one.
local function measure_memory()
  tiny(scheduler)
  collect_everywhere(scheduler)
  local before = status_kilobytes("VmRSS")
  tiny(scheduler)
  collect_everywhere(scheduler)
  record("tiny tasks, KB left over", status_kilobytes("VmRSS") - before)
end

for round = 1, ROUNDS do
  measure_records()
  measure_strings()
  measure_tiny()
  if round <= 3 then
    measure_memory()
    record("peak of a 100 MB result, times", peak())
  end
end

print(("%d workers, %d rounds%20s %9s %9s"):format(WORKERS, ROUNDS, "min", "median", "max"))
for _, name in ipairs(order) do
  local values = samples[name]
  local middle = median(values)
  print(("%-34s %9.2f %9.2f %9.2f"):format(name, values[1], middle, values[#values]))
end
if #missing > 0 then print("not installed, skipped: " .. table.concat(missing, ", ")) end
