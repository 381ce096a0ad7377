--- What is too narrow to be a stretch: how much of each column it covers, by class.

local event = require "echo.timeline.event"
local svg = require "echo.timeline.svg"
local words = require "echo.timeline.words"

local blurred = {}

local HOVER_COLUMNS = 12

local number = svg.number

-- By class what is covered of each column; and by column how high a whole one is, and what is drawn already.
local function sums_of(lane, height)
  local sums, below = {}, {}
  for _, class in ipairs(event.classes) do
    sums[class] = lane.covered[class] and lane.covered[class]:sum()
  end
  for column = 0, lane.window.width - 1 do
    local total = 0
    for _, class in ipairs(event.classes) do
      total = total + (sums[class] and sums[class][column] or 0)
    end
    below[column] = { y = 0, scale = height / math.max(total, 1) }
  end
  return sums, below
end

-- Rectangles of a column's width, by class, from left to right.
local function stack(lane, height)
  local sums, below = sums_of(lane, height)
  local rows = {}
  for _, class in ipairs(event.classes) do
    local covered = sums[class]
    for column = 0, covered and lane.window.width - 1 or -1 do
      local base = below[column]
      -- However little there is, it can be seen.
      local tall = covered[column] > 0 and math.max(covered[column] * base.scale, 1.5) or 0
      local y = math.min(base.y, height - tall)
      rows[#rows + 1] = tall > 0 and { class = class, column = column, y = y, height = tall } or nil
      base.y = y + tall
    end
  end
  return rows
end

-- To half a pixel: so neighbours are alike more often, and drawn as one.
local function halved(value)
  return (value * 2 + 0.5) // 1 / 2
end

local function goes_on(run, row)
  return run and run.class == row.class and run.y == row.y and run.height == row.height
    and run.column + run.width == row.column
end

-- Neighbours of the same height as one.
local function runs(rows)
  local list, run = {}, nil
  for _, row in ipairs(rows) do
    row.y, row.height = halved(row.y), math.max(halved(row.height), 1)
    if goes_on(run, row) then
      run.width = run.width + 1
    else
      run, row.width = row, 1
      list[#list + 1] = row
    end
  end
  return list
end

local function draw_columns(sheet, lane, bottom, height)
  local paths = {}
  for _, run in ipairs(runs(stack(lane, height))) do
    local parts = paths[run.class] or {}
    paths[run.class] = parts
    parts[#parts + 1] = ("M%s %sh%dv%sh-%dz"):format(number(sheet.left + run.column), number(bottom - run.y),
      run.width, number(-run.height), run.width)
  end
  for _, class in ipairs(event.classes) do
    if paths[class] then
      sheet:put(svg.path(class, paths[class]))
    end
  end
end

local function count_text(lane, first, last)
  local words_of = {}
  for _, class in ipairs(event.classes) do
    local count = 0
    for column = first, last do
      count = count + (lane.counts[class] and lane.counts[class][column] or 0)
    end
    if count > 0 then
      words_of[#words_of + 1] = words.count(count) .. " " .. class
    end
  end
  return words_of[1] and table.concat(words_of, "\n")
end

-- What is shown where the pointer is over many.
local function draw_hovers(sheet, lane, y, height)
  if not next(lane.counts) then
    return
  end
  for first = 0, sheet.columns - 1, HOVER_COLUMNS do
    local last = math.min(first + HOVER_COLUMNS, sheet.columns) - 1
    local text = count_text(lane, first, last)
    if text then
      sheet:put(svg.rect("hover", sheet.left + first, y, last - first + 1, height, text))
    end
  end
end

--- Draws what a lane has of it, from its top `y` on.
function blurred.draw(sheet, lane, y, height)
  draw_columns(sheet, lane, y + height, height)
  draw_hovers(sheet, lane, y, height)
end

return blurred
