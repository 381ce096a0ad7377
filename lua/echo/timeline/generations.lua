--- A table that forgets: it keeps at least the latest `size` entries, and at most twice as many.

local generations = {}

local Generations = {}
Generations.__index = Generations

function generations.new(size)
  return setmetatable({ size = size, count = 0, young = {}, old = {} }, Generations)
end

--- Sets an entry. What was forgotten is gone without a word.
function Generations:set(key, value)
  if self.count >= self.size then
    self.young, self.old, self.count = {}, self.young, 0
  end
  self.young[key] = value
  self.count = self.count + 1
end

--- The entry, which is removed.
function Generations:take(key)
  local value = self.young[key]
  if value ~= nil then
    self.young[key] = nil
    return value
  end
  value = self.old[key]
  self.old[key] = nil
  return value
end

--- Calls fn(value) for each entry.
function Generations:each(fn)
  for _, generation in ipairs { self.old, self.young } do
    for _, value in pairs(generation) do
      fn(value)
    end
  end
end

return generations
