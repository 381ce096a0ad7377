-- The lines that have tokens, as stretches: in each of them every line begins in the state that the
-- one before it ends in. Tokens of the stretch that begins with line 1 are the right ones; those of
-- others were made from a guess, which the stretch before it proves or not when it gets there.
--
-- Stretches are in the order of their lines and do not overlap. Two that touch differ in the state.
local Stretches = {}
Stretches.__index = Stretches

-- `links(line)` tells whether that line begins in the state that the line before it ends in.
function Stretches.new(links)
  return setmetatable({ links = links }, Stretches)
end

-- The index of the first stretch that ends at `line` or after it.
function Stretches:search(line)
  local low, high = 1, #self + 1
  while low < high do
    local middle = (low + high) // 2
    if self[middle].last < line then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

-- The first and last line of the stretch that has `line`; or nil, and the first line of the next
-- one if there is one.
function Stretches:find(line)
  local stretch = self[self:search(line)]
  if stretch and stretch.first <= line then
    return stretch.first, stretch.last
  end
  return nil, stretch and stretch.first
end

-- The number of lines from the first one on whose tokens are the right ones.
function Stretches:proven()
  local stretch = self[1]
  return stretch and stretch.first == 1 and stretch.last or 0
end

-- These lines have no tokens any more.
function Stretches:cut(first, last)
  local at = self:search(first)
  while self[at] and self[at].first <= last do
    local stretch = table.remove(self, at)
    if stretch.first < first then
      table.insert(self, at, { first = stretch.first, last = first - 1 })
      at = at + 1
    end
    if stretch.last > last then
      table.insert(self, at, { first = last + 1, last = stretch.last })
      at = at + 1
    end
  end
end

-- All that is after `line` moves by so many lines; no stretch reaches over that place.
function Stretches:move(line, by)
  for at = self:search(line + 1), #self do
    self[at].first, self[at].last = self[at].first + by, self[at].last + by
  end
end

function Stretches:join(at)
  local left, right = self[at], self[at + 1]
  if left and right and left.last + 1 == right.first and self.links(right.first) then
    left.last = right.last
    table.remove(self, at + 1)
  end
end

-- These lines, which had no tokens, have some now that hold together.
function Stretches:add(first, last)
  local at = self:search(first)
  table.insert(self, at, { first = first, last = last })
  self:join(at)
  self:join(at - 1)
end

return Stretches
