-- What a pipeline costs over the bare tasks: 100,000 elements of a step that does next to nothing, in
-- rounds that are interleaved. The figures are microseconds for each element.
--
--   tasks        a task for each, on_complete, poll: what a script would write by hand
--   map          one scheduler:map
--   pipeline     one step of elements
--   one by one   the same with group = 1: a task for each
--   chain        two steps, the second each of the first, and a step that takes all (for each element of both)
--   stream       a stream, a step of its elements, a fold, window 256
--   journal      one step with a journal in a temporary file, and the second run, which only reads it
--
-- Usage: lua5.4 bench/pipeline.lua [workers [rounds [elements]]]

package.path = (arg[0]:match ".*/" or "./") .. "?.lua;" .. package.path
local echo = require "echo"
local pipeline = require "echo.pipeline"
local report = require "report"

local WORKERS = tonumber(arg[1]) or 2
local ROUNDS = tonumber(arg[2]) or 5
local COUNT = tonumber(arg[3]) or report.count(100000, 10)

local function increment(x) return x + 1 end

local list = {}
for i = 1, COUNT do list[i] = i end

local scheduler <close> = echo.builder():with_worker_count(WORKERS):build()

local function seconds(work)
  collectgarbage()
  local start = echo.now()
  work()
  return echo.now() - start
end

local function tasks()
  local results, left = {}, COUNT
  for i = 1, COUNT do
    scheduler:submit(increment, i):on_complete(function(task)
      results[i], left = task:wait(), left - 1
    end)
  end
  while left > 0 do scheduler:poll(1) end
  assert(results[COUNT] == COUNT + 1)
end

local function map()
  assert(scheduler:map(increment, list):wait()[COUNT] == COUNT + 1)
end

local function run_of(made, options)
  return function()
    local results = made:run(scheduler, { list = list }, options)
    assert(results.last == nil or results.last == COUNT)
  end
end

local function with_list(...)
  return pipeline.new { params = { list = "table" }, ... }
end

local function count(all) return #all end

local one = with_list(pipeline.step { name = "a", each = "list", run = increment })
local alone = with_list(pipeline.step { name = "a", each = "list", group = 1, run = increment })
local chain = with_list(pipeline.step { name = "a", each = "list", run = increment },
  pipeline.step { name = "b", each = "a", run = increment }, pipeline.step { name = "last", needs = "b", run = count })
local stream = with_list(
  pipeline.step { name = "a", stream = true, window = 256, needs = "list", run = function(emit, all)
    for i = 1, #all do emit(all[i]) end
  end },
  pipeline.step { name = "b", each = "a", run = increment },
  pipeline.step { name = "last", fold = "b", initial = 0, run = increment })

local rows = {
  { "tasks by hand", tasks }, { "map", map }, { "pipeline", run_of(one) }, { "one by one", run_of(alone) },
  { "chain", run_of(chain), 2 }, { "stream", run_of(stream) },
}

local path = os.tmpname()
os.remove(path)

local function forget()
  for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(path .. ending) end
end

if pcall(require, "luasql.sqlite3") then
  rows[#rows + 1] = { "journal, new", function() run_of(one, { journal = path })() end, 1, forget }
  rows[#rows + 1] = { "journal, again", run_of(one, { journal = path }) }
end

local sheet = report.new()
for round = 0, ROUNDS do
  for _, row in ipairs(rows) do
    if row[4] then row[4]() end
    local spent = seconds(row[2]) / COUNT / (row[3] or 1) * 1e6
    -- The first round is for warming up.
    local add = row[1] == "tasks by hand" and sheet.add_floor or sheet.add
    if round > 0 then add(sheet, "an element of a pipeline", row[1], "us", spent) end
  end
end
forget()
sheet:print()
