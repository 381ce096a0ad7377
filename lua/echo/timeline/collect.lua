--- The second look at a recording: what falls into the window, gathered for the picture.

local delays = require "echo.timeline.delays"
local depth = require "echo.timeline.depth"
local event = require "echo.timeline.event"
local lane = require "echo.timeline.lane"
local read = require "echo.timeline.read"

local collect = {}

local MOST_STRETCHES = 6000
local MOST_COUNTERS = 5
local DEEPEST = 256

local function text(value)
  return type(value) == "string" and value or nil
end

local function add_stretch(data, thread, first, last, members, ended)
  local class = event.class(members)
  local drawn = data.of_thread[thread]
  if class == "idle" or not drawn then
    return
  end
  local id = event.key(members.id)
  drawn:add { first = first, last = last, class = class, name = text(members.name), id = id,
    ended = ended or text(event.argument(members, "ended")), queue = text(event.argument(members, "queue")) }
  if id and class ~= "submit" and class ~= "wait" then
    data.delays:stretch(id, class)
  end
end

local function flow(method)
  return function(data, thread, time, members)
    local id = event.key(members.id)
    if id and event.is_start_flow(members) then
      data.delays[method](data.delays, id, time, data.of_thread[thread])
    end
  end
end

local function instant(data, _, time, members)
  if data.window:has(time) then
    data.steals = data.steals + (members.name == "steal" and 1 or 0)
    data.never_ran = data.never_ran + (members.name == "cancelled" and 1 or 0)
  end
end

local function counter(data, _, time, members)
  local name, values = text(members.name), members.args
  if not name or type(values) ~= "table" then
    return
  elseif name == "dropped" then
    data.dropped = math.max(data.dropped, event.time(values.events) or 0)
    return
  end
  local chart = data.counters[name]
  if not chart and #data.charts < MOST_COUNTERS then
    chart = depth.new(name, data.window)
    data.counters[name], data.charts[#data.charts + 1] = chart, chart
  end
  if chart then
    chart:sample(time, values)
  end
end

local phases = {
  X = function(data, thread, time, members)
    add_stretch(data, thread, time, time + (members.dur or 0), members)
  end,
  B = function(data, thread, time, members)
    local open = data.open[thread] or {}
    data.open[thread] = open
    if #open < DEEPEST then
      open[#open + 1] = { time = time, members = members }
    end
  end,
  E = function(data, thread, time, members)
    local open = data.open[thread]
    local begun = open and table.remove(open)
    if begun and time >= begun.time then
      add_stretch(data, thread, begun.time, time, begun.members, text(event.argument(members, "ended")))
    end
  end,
  s = flow "submit", f = flow "start", i = instant, I = instant, C = counter,
}

-- What had begun, and not ended, when the recording did.
local function close_open(data, last)
  for thread, open in pairs(data.open) do
    for _, begun in ipairs(open) do
      add_stretch(data, thread, begun.time, math.max(last, begun.time), begun.members, "running")
    end
  end
end

local function new(window, threads)
  local data = { window = window, lanes = {}, of_thread = {}, open = {}, counters = {}, charts = {},
    delays = delays.new(window), steals = 0, never_ran = 0, dropped = 0 }
  local budget = lane.budget(MOST_STRETCHES)
  for index, thread in ipairs(threads) do
    data.lanes[index] = lane.new(thread, window, budget)
    data.of_thread[thread] = data.lanes[index]
  end
  return data
end

--- What the threads did in the window, or nil and what is wrong with the file.
function collect.from(path, decode, facts, window, threads)
  local data = new(window, threads)
  local report, problem = read.events(path, decode, function(members)
    local take, time = phases[members.ph], event.time(members.ts)
    local thread = take and time and facts:lane(members)
    if thread and (members.dur == nil or event.time(members.dur) and members.dur >= 0) then
      take(data, thread, time, members)
    end
  end)
  if not report then
    return nil, problem
  end
  close_open(data, facts.last)
  data.delays:finish()
  return data
end

return collect
