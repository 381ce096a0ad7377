--- The first look at a recording: from when to when it is, and whose lanes it has.

local event = require "echo.timeline.event"
local read = require "echo.timeline.read"

local survey = {}

local MOST_LANES = 1024
local TIMED = { X = true, B = true, E = true, i = true, I = true, C = true, s = true, t = true, f = true }
local IS_WORKERS = { high = true, normal = true, low = true, other = true, idle = true }

local Facts = {}
Facts.__index = Facts

--- The lane of the event's thread, or nil: there are too many.
function Facts:lane(members)
  local process, thread = event.key(members.pid) or 0, event.key(members.tid) or 0
  local threads = self.processes[process]
  if not threads then
    threads = {}
    self.processes[process] = threads
  end
  local lane = threads[thread]
  if not lane and #self.lanes < MOST_LANES then
    lane = { process = process, thread = thread }
    threads[thread], self.lanes[#self.lanes + 1] = lane, lane
  end
  return lane
end

local function take_name(facts, members)
  local name = event.argument(members, "name")
  if type(name) ~= "string" then
    return
  elseif members.name == "thread_name" then
    local lane = facts:lane(members)
    if lane then
      lane.name = name
    end
  elseif members.name == "process_name" then
    facts.process_names[event.key(members.pid) or 0] = name
  end
end

local function take_lane(facts, members)
  local lane = facts:lane(members)
  if lane then
    lane.used = true
    lane.is_worker = lane.is_worker or members.ph ~= "i" and IS_WORKERS[event.class(members)]
  end
end

-- Takes an event; false if it is none that could be drawn.
local function take(facts, members)
  local phase = members.ph
  if phase == "M" then
    take_name(facts, members)
  elseif TIMED[phase] then
    local time = event.time(members.ts)
    local length = phase == "X" and (members.dur == nil and 0 or event.time(members.dur)) or 0
    if not time or not length or length < 0 then
      return false
    end
    facts.first = math.min(facts.first, time)
    facts.last = math.max(facts.last, time + length)
    if phase == "X" or phase == "B" then
      take_lane(facts, members)
    end
  end
end

-- A name without the number at its end, together with the process; workers for urgent tasks have the family of
-- the others.
local function family(lane)
  local name = lane.name:match("^(.-)%d*$"):gsub("%-urgent$", "-")
  return ("%s %s"):format(lane.process, name)
end

-- Workers that did nothing at all have no events but their names, which are like those of the others.
local function find_idle_workers(facts)
  local families = {}
  for _, lane in ipairs(facts.lanes) do
    if lane.is_worker and lane.name then
      families[family(lane)] = true
    end
  end
  for _, lane in ipairs(facts.lanes) do
    if not lane.used and lane.name and families[family(lane)] then
      lane.used, lane.is_worker = true, true
    end
  end
end

local function before(a, b)
  if type(a) == type(b) then
    return a < b
  end
  return type(a) == "number"
end

local function in_order(a, b)
  if (a.is_worker or false) ~= (b.is_worker or false) then
    return a.is_worker
  elseif a.process ~= b.process then
    return before(a.process, b.process)
  end
  return a.thread ~= b.thread and before(a.thread, b.thread)
end

--- The facts: `first` and `last` in microseconds, `lanes` in the order in which they are drawn, workers
--- first. Or nil and what is wrong with the file.
function survey.of(path, decode)
  local facts = setmetatable({ first = math.huge, last = -math.huge, lanes = {}, processes = {},
    process_names = {} }, Facts)
  local report, problem = read.events(path, decode, function(members)
    return take(facts, members)
  end)
  if not report then
    return nil, problem
  elseif facts.first > facts.last then
    return nil, "has names only: nothing was recorded"
  end
  facts.events, facts.damaged = report.events, report.damaged
  find_idle_workers(facts)
  table.sort(facts.lanes, in_order)
  return facts
end

return survey
