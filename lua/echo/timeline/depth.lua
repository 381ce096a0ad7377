--- A counter's samples by pixel column: of each column the sample with the highest sum. Where there is no
--- sample the latest one still holds.

local depth = {}

local Depth = {}
Depth.__index = Depth

local MOST_SERIES = 8
local ORDER = { high = 1, normal = 2, low = 3, running = 1, waiting = 2 }
local NOTHING = { sum = 0, time = -math.huge, values = {} }

function depth.new(name, window)
  return setmetatable({ name = name, window = window, names = {}, has = {}, highest = {}, latest = {},
    before = NOTHING }, Depth)
end

local function is_known(self, name)
  if not self.has[name] and #self.names < MOST_SERIES then
    self.has[name], self.names[#self.names + 1] = true, name
  end
  return self.has[name]
end

local function checked(self, time, values)
  local sample = { sum = 0, time = time, values = {} }
  for name, value in pairs(values) do
    if type(name) == "string" and type(value) == "number" and value >= 0 and value < 1e18 and is_known(self, name) then
      sample.values[name] = value
      sample.sum = sample.sum + value
    end
  end
  return sample
end

--- A sample: values by the names of the series.
function Depth:sample(time, values)
  local window = self.window
  if time > window.to or time < window.from and time < self.before.time then
    return
  end
  local sample = checked(self, time, values)
  if time < window.from then
    self.before = sample
    return
  end
  local column = math.min(window:x(time) // 1, window.width - 1)
  local highest, latest = self.highest[column], self.latest[column]
  self.highest[column] = highest and highest.sum > sample.sum and highest or sample
  self.latest[column] = latest and latest.time > time and latest or sample
end

local function in_order(a, b)
  local first, second = ORDER[a] or 9, ORDER[b] or 9
  return first < second or first == second and a < b
end

--- The names of the series; a list by column, from 0 on, of their values by name; and the highest sum.
function Depth:columns()
  table.sort(self.names, in_order)
  local values, current, most = {}, self.before, 0
  for column = 0, self.window.width - 1 do
    local highest = self.highest[column]
    local shown = highest and highest.sum > current.sum and highest or current
    values[column], most = shown.values, math.max(most, shown.sum)
    current = self.latest[column] or current
  end
  return self.names, values, most
end

return depth
