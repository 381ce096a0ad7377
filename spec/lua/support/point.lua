-- A class as one writes it, registered. In a file of its own, because busted gives spec files another
-- environment, with which no method could travel.

local Point = { __name = "Point" }
Point.__index = Point

function Point.new(x, y)
  return setmetatable({ x = x, y = y }, Point)
end

function Point:sum()
  return self.x + self.y
end

function Point.__add(a, b)
  return Point.new(a.x + b.x, a.y + b.y)
end

return require("echo").register("spec.Point", Point)
