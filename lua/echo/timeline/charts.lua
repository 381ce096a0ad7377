--- What stands below the lanes: how long tasks waited for their start, and how many there were.

local delays = require "echo.timeline.delays"
local svg = require "echo.timeline.svg"
local words = require "echo.timeline.words"

local charts = {}

local MARGIN, LETTER = 16, 6.2
local DELAY_HEIGHT, DEPTH_HEIGHT, BETWEEN = 92, 44, 18
local FEW_POINTS = 1500
local LOW_TO_HIGH = { "other", "low", "normal", "high" }
local CLASS_OF_SERIES = { high = "high", normal = "normal", low = "low", waiting = "wait", running = "submit" }

local number = svg.number

local function frame(sheet, name, height)
  sheet:put(svg.rect("lane", sheet.left, sheet.y, sheet.columns, height))
  sheet:put(svg.text("small", MARGIN, sheet.y + 11, svg.shortened(name, (sheet.left - MARGIN - 60) // LETTER)))
end

--- Delays -------------------------------------------------------------------------------------------

local function decades(data)
  local highest = math.max(math.ceil(math.log(math.max(data.delays.longest, 10), 10)), 1)
  local lowest = math.huge
  for _, rows in pairs(data.delays.cells) do
    for row in pairs(rows) do
      lowest = math.min(lowest, delays.of_bin(row))
    end
  end
  lowest = math.floor(math.log(lowest, 10) + 1e-9)
  return lowest, math.max(highest, lowest + 2)
end

-- The columns of a row as lines, neighbours in one.
local function row_lines(cells, left, y, parts)
  local sorted = {}
  for column in pairs(cells) do
    sorted[#sorted + 1] = column
  end
  table.sort(sorted)
  local first
  for index, column in ipairs(sorted) do
    first = first or column
    if sorted[index + 1] ~= column + delays.point_columns then
      parts[#parts + 1] = ("M%s %sh%d"):format(number(left + first), number(y),
        column + delays.point_columns - first)
      first = nil
    end
  end
end

local function draw_points(sheet, data, class, y_of)
  local parts = {}
  for row, cells in pairs(data.delays.cells[class] or {}) do
    row_lines(cells, sheet.left, y_of(delays.of_bin(row + 0.5)), parts)
  end
  table.sort(parts)
  if parts[1] then
    local form = data.delays.count > FEW_POINTS and "points" or "dots"
    sheet:put(svg.path(form .. " s-" .. class, parts))
  end
end

local function draw_delays(sheet, data)
  local lowest, highest = decades(data)
  local bottom = sheet.y + DELAY_HEIGHT
  local function y_of(delay)
    local share = (math.log(delay, 10) - lowest) / (highest - lowest)
    return bottom - math.min(math.max(share, 0), 1) * DELAY_HEIGHT
  end
  frame(sheet, "delay", DELAY_HEIGHT)
  sheet:put(svg.text("small faint", MARGIN, sheet.y + 25, "until start"))
  local step = math.ceil((highest - lowest) / 6)
  for power = lowest, highest, step do
    local y = y_of(10.0 ^ power)
    sheet:put(svg.line("grid", sheet.left, y, sheet.left + sheet.columns, y))
    sheet:put(svg.text("small faint end", sheet.left - 8, math.min(math.max(y + 4, sheet.y + 8), bottom),
      (words.duration(10.0 ^ power):gsub("%.0+ ", " "))))
  end
  for _, class in ipairs(LOW_TO_HIGH) do
    draw_points(sheet, data, class, y_of)
  end
  sheet.y = bottom + BETWEEN
end

--- Counters -----------------------------------------------------------------------------------------

-- The outline of the columns' sums up to a series, from left to right and back along the one below.
local function outline(sheet, upper, lower, y_of)
  local parts = { ("M%d %s"):format(sheet.left, number(y_of(upper[0]))) }
  local function along(values, first, last, step, offset, current)
    for column = first, last, step do
      if values[column] ~= current then
        parts[#parts + 1] = ("H%dV%s"):format(sheet.left + column + offset, number(y_of(values[column])))
        current = values[column]
      end
    end
  end
  along(upper, 0, sheet.columns - 1, 1, 0, upper[0])
  along(lower, sheet.columns - 1, 0, -1, 1)
  parts[#parts + 1] = ("H%dz"):format(sheet.left)
  return parts
end

local function draw_depth(sheet, chart)
  local names, values, most = chart:columns()
  if most == 0 then
    return
  end
  local bottom = sheet.y + DEPTH_HEIGHT
  frame(sheet, chart.name, DEPTH_HEIGHT)
  sheet:put(svg.text("small faint end", sheet.left - 8, sheet.y + 10, words.count(most)))
  sheet:put(svg.text("small faint end", sheet.left - 8, bottom, "0"))
  local lower = {}
  for column = 0, sheet.columns - 1 do
    lower[column] = 0
  end
  for _, name in ipairs(names) do
    local upper = {}
    for column = 0, sheet.columns - 1 do
      upper[column] = lower[column] + (values[column][name] or 0)
    end
    sheet:put(svg.path(CLASS_OF_SERIES[name] or "other", outline(sheet, upper, lower, function(value)
      return bottom - value / most * DEPTH_HEIGHT
    end)))
    lower = upper
  end
  sheet.y = bottom + BETWEEN
end

-- What is queued in all comes first.
local function in_order(a, b)
  if (a.name == "queued") ~= (b.name == "queued") then
    return a.name == "queued"
  end
  return a.name < b.name
end

--- Draws what there is below what is there.
function charts.draw(sheet, data)
  sheet.y = sheet.y + 10
  if data.delays.count > 0 then
    draw_delays(sheet, data)
  end
  table.sort(data.charts, in_order)
  for _, chart in ipairs(data.charts) do
    draw_depth(sheet, chart)
  end
end

return charts
