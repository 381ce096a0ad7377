--- The signs at the end of a stretch, and what they say.

local svg = require "echo.timeline.svg"

local signs = {}

local number = svg.number

local function triangle(x, y)
  return ("M%s %sh8l-4 6z"):format(number(x - 4), number(y - 3))
end

local function ring(x, y)
  return ("M%s %sa2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0 -5.2 0z"):format(number(x - 2.6), number(y))
end

local function cross(x, y)
  return ("M%s %sl6 6m0 -6l-6 6"):format(number(x - 3), number(y - 3))
end

--- What stands for any of them where they would cover each other.
function signs.tick(x, y)
  return ("M%s %sv4"):format(number(x), number(y - 2))
end

--- `at` is where in a lane it stands, from its top (0) to its bottom (1).
signs.list = {
  { what = "suspended", text = "suspended: it waits", class = "pause", draw = ring, at = 1 },
  { what = "interrupted", text = "interrupted: it made way", class = "way", draw = triangle, at = 0 },
  { what = "failed", text = "failed", class = "cross", draw = cross, at = 0.5 },
  { what = "cancelled", text = "cancelled", class = "cross", draw = cross, at = 0.5 },
}

return signs
