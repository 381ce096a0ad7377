--- The lanes: a row for each thread, with its stretches, what is too narrow to be one, and signs.

local blurred = require "echo.timeline.blurred"
local signs = require "echo.timeline.signs"
local svg = require "echo.timeline.svg"
local words = require "echo.timeline.words"

local lanes = {}

local MARGIN, LETTER = 16, 6.2
local NEST, DEEPEST = 3, 3
local SHORTEST_NAME = 4
local MOST_GAPS = 400
local SIGN_COLUMNS = 20
local GOES_ON = { interrupted = true, suspended = true, yielded = true }

local number = svg.number

--- How high the rows are ----------------------------------------------------------------------------

-- The height of a worker's row and of another thread's, and the space below each.
local function heights(count)
  if count <= 16 then
    return 24, 12, 8
  elseif count <= 40 then
    return 15, 9, 5
  end
  return 8, 5, 3
end

--- Single stretches ---------------------------------------------------------------------------------

local function title_of(stretch, origin)
  local lines = { stretch.name or "task", ("%s, %s from %s on"):format(stretch.class,
    words.duration(stretch.last - stretch.first), words.duration(stretch.first - origin)) }
  if stretch.queue then
    lines[#lines + 1] = "queue " .. stretch.queue
  end
  if stretch.ended then
    lines[#lines + 1] = stretch.ended
  end
  return table.concat(lines, "\n")
end

local function by_beginning(a, b)
  if a.x1 ~= b.x1 then
    return a.x1 < b.x1
  end
  return a.x2 > b.x2
end

-- How many of the stretches that are open at this one's beginning it lies in.
local function nesting(open, stretch)
  while open[1] and open[#open] <= stretch.x1 do
    open[#open] = nil
  end
  open[#open + 1] = stretch.x2
  return math.min(#open - 1, DEEPEST)
end

local function draw_stretch(sheet, stretch, y, height, depth)
  local x = sheet.left + stretch.x1
  local inset = depth * NEST * height / 24
  -- A little less than its width, so that neighbours can be told apart.
  local width = math.max(stretch.x2 - stretch.x1 - 0.6, 1)
  sheet:put(svg.rect(stretch.class, x, y + inset, width, height - inset, title_of(stretch, sheet.window.origin),
    width > 6 and ' rx="2"' or ""))
  if stretch.name and height - inset >= 13 then
    local text = svg.shortened(stretch.name, (width - 10) // LETTER, SHORTEST_NAME)
    if text then
      sheet:put(svg.text("name on-" .. stretch.class, x + 4, y + inset + (height - inset) / 2 + 4, text))
    end
  end
end

-- A dotted line from where a task stopped to where it goes on.
local function draw_gaps(sheet, lane, y)
  local latest = {}
  for _, stretch in ipairs(lane.stretches) do
    local before = stretch.id and latest[stretch.id]
    if before and stretch.x1 - before.x2 > 3 and sheet.gaps < MOST_GAPS then
      sheet.gaps = sheet.gaps + 1
      sheet:put(svg.line("gap s-" .. stretch.class, sheet.left + before.x2, y, sheet.left + stretch.x1, y))
    end
    if stretch.id then
      latest[stretch.id] = GOES_ON[stretch.ended] and stretch or nil
    end
  end
end

local function draw_stretches(sheet, lane, y, height)
  table.sort(lane.stretches, by_beginning)
  local open = {}
  for _, stretch in ipairs(lane.stretches) do
    draw_stretch(sheet, stretch, y, height, nesting(open, stretch))
  end
  draw_gaps(sheet, lane, y + height + 2.5)
end

--- Signs, names, links ------------------------------------------------------------------------------

local function draw_signs(sheet, lane, y, height)
  for _, sign in ipairs(signs.list) do
    local places, parts = {}, {}
    for _, x in pairs(lane.marks[sign.what] or {}) do
      places[#places + 1] = x
    end
    table.sort(places)
    local is_crowded = #places > sheet.columns / SIGN_COLUMNS
    for index, x in ipairs(places) do
      parts[index] = (is_crowded and signs.tick or sign.draw)(sheet.left + x, y + height * sign.at)
    end
    if parts[1] then
      sheet:put(svg.path(is_crowded and "tick" or sign.class, parts))
    end
  end
end

local function name_of(thread, facts)
  local name = thread.name
  if not name then
    local number_of = type(thread.thread) == "number" and ("%.14g"):format(thread.thread) or thread.thread
    name = "thread " .. number_of
  end
  local process = facts.process_names[thread.process]
  if facts.is_of_many and process then
    name = process .. " " .. name
  end
  return name
end

local function draw_name(sheet, lane, facts, y, height)
  local share = lane.thread.is_worker and words.share(lane:share())
  local room = sheet.left - MARGIN - 10 - (share and 40 or 0)
  local small = height < 12
  local size = small and ' style="font-size:8px"' or ""
  local base = y + height / 2 + (small and 3 or 4)
  sheet:put(svg.text("small", MARGIN, base, svg.shortened(name_of(lane.thread, facts), room // LETTER), size))
  if share then
    sheet:put(svg.text("small faint end", sheet.left - 10, base, share, size))
  end
end

local function draw_links(sheet, links)
  for _, link in ipairs(links or {}) do
    if link.from and link.from.y and link.to and link.to.y then
      local x1, x2 = sheet.left + sheet.window:x(link.submit), sheet.left + sheet.window:x(link.start)
      local y1, y2 = link.from.y + link.from.height / 2, link.to.y + link.to.height / 2
      local bend = math.min((x2 - x1) / 2, 40)
      sheet:put(('<path class="link s-%s" d="M%s %sC%s %s %s %s %s %s"/>'):format(link.class, number(x1), number(y1),
        number(x1 + bend), number(y1), number(x2 - bend), number(y2), number(x2), number(y2)))
    end
  end
end

--- Draws the lanes below what is there.
function lanes.draw(sheet, data, facts)
  local tall, short, between = heights(#data.lanes)
  sheet.gaps = 0
  for _, lane in ipairs(data.lanes) do
    local height = lane.thread.is_worker and tall or short
    lane.y, lane.height = sheet.y, height
    sheet:put(svg.rect("lane", sheet.left, sheet.y, sheet.columns, height))
    draw_name(sheet, lane, facts, sheet.y, height)
    sheet.y = sheet.y + height + between
  end
  draw_links(sheet, data.delays.links)
  for _, lane in ipairs(data.lanes) do
    draw_stretches(sheet, lane, lane.y, lane.height)
    blurred.draw(sheet, lane, lane.y, lane.height)
    draw_signs(sheet, lane, lane.y, lane.height)
  end
end

return lanes
