-- One library, one question, one round, in a process of its own, with the clock inside it:
--
--   lua5.4 bench/peers/child.lua LIBRARY QUESTION WORKERS [DATA]
--
-- Started by bench/peers.lua, which sets the paths.

local floor = require "floor"
local questions = require "peers.questions"
local report = require "report"

local name, question, workers, folder = arg[1], arg[2], tonumber(arg[3]), arg[4]
local sheet = report.new()

local function ask_of(library)
  return {
    sheet = sheet, who = name, workers = workers, data = folder,
    count = function(number, least) return report.count(number * (library.slow or 1), least) end,
  }
end

-- A pool is made, does one task, and is gone. The first is not counted.
local function measure_start(library)
  local times = {}
  for i = 1, report.count(20, 2) + 1 do
    local before = floor.now()
    local pool = library.start(workers)
    assert(pool:call("increment", 1) == 2)
    pool:stop()
    times[i] = (floor.now() - before) * 1e3
  end
  table.remove(times, 1)
  sheet:add("start, one task, stop", name, "ms", report.median(times))
end

local needs = { urgent = "urgent", sleepers = "sleepers" }

local function measure(library)
  local pool = library.start(workers, question)
  if needs[question] and not pool[needs[question]] then
    sheet:skip(("%s, %s"):format(question, name), "n/a")
  else
    questions[question](pool, ask_of(library))
  end
  pool:stop()
end

local function main()
  if name == "bare" then
    require "peers.bare"(sheet, question)
    return
  end
  local found, library = pcall(require, "peers." .. name)
  if not found then
    if not tostring(library):find("module '" .. name, 1, true) then error(library, 0) end
    sheet:skip(name, "not installed")
  elseif library.only and not library.only[question] then
    return
  elseif library.run then
    library.run(question, workers, folder, sheet)
    return
  elseif question ~= "start" then
    measure(library)
  elseif library.is_never_stopped then
    sheet:skip("start, " .. name, "n/a")
  else
    measure_start(library)
  end
end

main()
sheet:print()
