--- What the members of an event say, as far as they say it soundly: see docs/trace.md for what Echo writes.
--- Other programs' recordings have other categories; their stretches are of the class "other".

local event = {}

--- The classes, in the order in which they are stacked and told.
event.classes = { "high", "normal", "low", "other", "submit", "wait" }

local CLASS_OF_CATEGORY = { high = "high", normal = "normal", low = "low", submit = "submit", wait = "wait",
  idle = "idle" }
local LATEST = 1e18

--- A time in microseconds, or nil.
function event.time(value)
  if type(value) == "number" and value > -LATEST and value < LATEST then
    return value
  end
end

--- A value that can be a key, or nil.
function event.key(value)
  local kind = type(value)
  if kind == "string" or kind == "number" and value == value then
    return value
  end
end

function event.class(members)
  return CLASS_OF_CATEGORY[members.cat] or "other"
end

--- An entry of `args`, or nil.
function event.argument(members, name)
  local arguments = members.args
  if type(arguments) == "table" then
    return arguments[name]
  end
end

--- Whether a flow goes from a submit to the first stretch.
function event.is_start_flow(members)
  return members.cat ~= "resume" and members.cat ~= "result"
end

return event
