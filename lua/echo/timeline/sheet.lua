--- What is drawn on: elements one after the other, and how far down the picture goes already. Names stand in a
--- margin on the left, and the window's columns begin right of it.

local sheet = {}

local Sheet = {}
Sheet.__index = Sheet

local LEFT, RIGHT = 150, 24

--- The number of columns of a picture of this width.
function sheet.columns(width)
  return width - LEFT - RIGHT
end

function sheet.new(width, window)
  return setmetatable({ width = width, window = window, left = LEFT, columns = sheet.columns(width), y = 0,
    parts = {} }, Sheet)
end

function Sheet:put(element)
  self.parts[#self.parts + 1] = element
end

--- Keeps a place for an element that is not known yet: sheet.parts[place].
function Sheet:reserve()
  self:put ""
  return #self.parts
end

return sheet
