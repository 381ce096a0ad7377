--- The part of a recording that is drawn: which pixel column a time is in.

local window = {}

local Window = {}
Window.__index = Window

-- A recording of a single moment has to have some width, too.
local SHORTEST = 0.01

--- From `from` to `to`, in microseconds of the recording's clock, on so many columns.
function window.new(from, to, width, origin)
  local span = math.max(to - from, SHORTEST)
  return setmetatable({ from = from, to = from + span, span = span, width = width, scale = width / span,
    origin = origin }, Window)
end

function Window:has(time)
  return time >= self.from and time <= self.to
end

--- The position of a time, from 0 to the width.
function Window:x(time)
  local x = (time - self.from) * self.scale
  return x < 0 and 0 or x > self.width and self.width or x
end

return window
