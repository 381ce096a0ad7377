--- How much of each pixel column is covered by stretches of time. Adding a stretch takes the same time
--- however wide it is: what begins and ends is noted, and summed up at the end.

local columns = {}

local Columns = {}
Columns.__index = Columns

--- `width` columns, from 0 to width - 1, with nothing on them.
function columns.new(width)
  return setmetatable({ width = width, steps = {}, parts = {} }, Columns)
end

--- Covers x1 to x2, both from 0 to `width`.
function Columns:cover(x1, x2)
  local steps, parts = self.steps, self.parts
  local first, last = x1 // 1, x2 // 1
  steps[first] = (steps[first] or 0) + 1
  steps[last] = (steps[last] or 0) - 1
  parts[first] = (parts[first] or 0) - (x1 - first)
  parts[last] = (parts[last] or 0) + (x2 - last)
end

--- A list by column, from 0 on: 1 is covered once as a whole.
function Columns:sum()
  local sums, depth = {}, 0
  for column = 0, self.width - 1 do
    depth = depth + (self.steps[column] or 0)
    -- Rounding leaves traces of nothing.
    local covered = depth + (self.parts[column] or 0)
    sums[column] = covered > 1e-9 and covered or 0
  end
  return sums
end

return columns
