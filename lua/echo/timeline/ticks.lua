--- Where a time axis has its ticks: at ones, twos and fives, as close as their labels allow.

local words = require "echo.timeline.words"

local ticks = {}

local LETTER, BETWEEN = 6.6, 28
local CLOSEST = 70
local MOST = 400

local function round(step)
  local power = 10 ^ math.floor(math.log(step, 10) + 1e-9)
  for _, factor in ipairs { 1, 2, 5 } do
    if factor * power >= step * (1 - 1e-9) then
      return factor * power
    end
  end
  return 10 * power
end

local function labeller(to, step)
  local name, size = words.unit(math.max(to, step))
  local decimals = math.min(math.max(math.ceil(-math.log(step / size, 10) - 1e-9), 0), 15)
  local format = ("%%.%df %s"):format(decimals, name)
  return function(time)
    return (format:format(time / size):gsub(",", "."))
  end
end

local function room_for(label)
  return math.max(utf8.len(label) * LETTER + BETWEEN, CLOSEST)
end

--- The ticks of `from` to `to`, in microseconds, over so many pixels: a list of { time =, label = }.
function ticks.of(from, to, width)
  local pixel = (to - from) / width
  local step = round(pixel * CLOSEST)
  local label = labeller(to, step)
  while room_for(label(to)) * pixel > step and step < to - from do
    step = round(step * 1.5)
    label = labeller(to, step)
  end
  local list = {}
  for index = math.ceil(from / step - 1e-9), math.min(math.floor(to / step + 1e-9), from / step + MOST) do
    list[#list + 1] = { time = index * step, label = label(index * step) }
  end
  return list
end

return ticks
