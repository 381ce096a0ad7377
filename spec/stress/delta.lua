-- Delta debugging: of a list for which something holds, a part for which it still does, and from which
-- no single entry can be left out. (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
-- Input", 2002; complements only.)

local delta = {}

local function without(list, first, last)
  local rest = table.move(list, 1, first - 1, 1, {})
  return table.move(list, last + 1, #list, first, rest)
end

-- The list without one of its parts, if it still holds.
local function reduced(list, size, holds)
  -- From the back: what comes later depends on what comes before it.
  for first = (#list - 1) // size * size + 1, 1, -size do
    local rest = without(list, first, math.min(first + size - 1, #list))
    if holds(rest) then
      return rest
    end
  end
end

--- Shrinks the list as long as holds(list) does. What it was called with last that held is returned.
function delta.shrink(list, holds)
  local size = math.max(#list // 2, 1)
  while #list > 0 do
    local rest = reduced(list, size, holds)
    if rest then
      list = rest
      size = math.max(math.min(size, #list // 2), 1)
    elseif size == 1 then
      return list
    else
      size = size // 2
    end
  end
  return list
end

return delta
