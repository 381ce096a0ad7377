-- Recordings made at random, as a scheduler of some workers could have written them, and stranger ones.

local written_trace = require "spec.lua.support.written_trace"

local random_trace = {}

local PRIORITIES = { "high", "normal", "low" }
local ENDS = { "done", "failed", "cancelled", "suspended", "interrupted", "yielded", "running" }
local NAMES = { "task", "index", "<&>\"'", "ünï", "}{][", "\\\"", "a name that is too long for most of its slices", "" }

local function pick(list)
  return list[math.random(#list)]
end

local function goes_on(ended)
  return ended == "suspended" or ended == "interrupted" or ended == "yielded"
end

-- The stretches of one worker, one after the other.
local function work(made, tid, span)
  local events, time = made.events, 0
  local length = span / math.random(1, 60)
  while true do
    local from = time + math.random(0, math.max(span // 50, 1))
    local to = from + math.random(0, math.max(length // 1, 1))
    if to > span then
      return
    end
    local priority, ended, id = pick(PRIORITIES), pick(ENDS), #events
    events[#events + 1] = written_trace.stretch(from, to - from, tid, priority,
      { id = id, name = pick(NAMES), args = { ended = ended, queue = math.random(9) == 1 and "disk" or nil } })
    if math.random(3) > 1 then
      events[#events + 1] = written_trace.submitted(id, 1025, math.random(0, from))
      events[#events + 1] = written_trace.started(id, tid, from)
      made.flows = made.flows + 1
    end
    made.busy = made.busy + to - from
    made.tasks = made.tasks + (goes_on(ended) and 0 or 1)
    time = to
  end
end

local function counters(made, span)
  for time = 1, span - 1, span // 20 + 1 do
    made.events[#made.events + 1] = { ph = "C", pid = 7, ts = time, name = "queued",
      args = { high = math.random(0, 3), normal = math.random(0, 30), low = math.random(0, 300) } }
  end
end

-- A recording of `span` microseconds: { events =, workers =, tasks =, busy = (microseconds of all workers),
-- flows = }.
function random_trace.sound(span)
  local made = { events = {}, workers = math.random(1, 8), tasks = 0, busy = 0, flows = 0 }
  for tid = 1, made.workers do
    made.events[#made.events + 1] = written_trace.name(tid, "worker " .. tid)
    -- The whole time can be seen, whatever else there is.
    made.events[#made.events + 1] = written_trace.stretch(0, span, tid, "idle", { name = "parked" })
    work(made, tid, span)
  end
  counters(made, span)
  return made
end

local KINDS = { "X", "B", "E", "i", "I", "C", "s", "t", "f", "M", "b", "N" }
local NUMBERS = { 0, -1, 1, 1e-9, 1e9, 1e17, -1e17, 1e18, 1e308, 123456.789, 3 }

local function strange_value(depth)
  local kind = math.random(6)
  if kind == 1 then
    return pick(NAMES)
  elseif kind == 2 then
    return pick(NUMBERS)
  elseif kind == 3 then
    return math.random(2) == 1
  elseif kind == 4 and depth < 3 then
    return { strange_value(depth + 1), [pick(NAMES)] = strange_value(depth + 1) }
  end
  return math.random(1000)
end

local function sometimes(value)
  return math.random(12) == 1 and strange_value(0) or value
end

-- Events of all kinds, with members of the wrong kind now and then.
function random_trace.strange(count)
  local events = {}
  for index = 1, count do
    events[index] = {
      ph = sometimes(pick(KINDS)), ts = sometimes(math.random(0, 5000) / 7), dur = sometimes(math.random(0, 400)),
      pid = sometimes(7), tid = sometimes(math.random(1, 4)), cat = sometimes(pick(PRIORITIES)),
      name = sometimes(pick(NAMES)), id = sometimes(math.random(1, 60)),
      args = sometimes { ended = sometimes(pick(ENDS)), queue = sometimes "q", name = sometimes "x",
        high = sometimes(3), low = sometimes(4), events = sometimes(9) },
    }
  end
  return events
end

return random_trace
