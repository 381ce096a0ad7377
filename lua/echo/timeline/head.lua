--- The head of the picture: its title, figures, and what colours and signs mean.

local event = require "echo.timeline.event"
local signs = require "echo.timeline.signs"
local svg = require "echo.timeline.svg"
local words = require "echo.timeline.words"

local head = {}

local MARGIN, LETTER, LINE = 16, 6.3, 18
local CLASS_NAMES = { other = "running", submit = "submitting", wait = "waiting for a result" }

local function totals(data)
  local sums = { tasks = {}, marked = {}, classes = {}, all = 0, share = 0, workers = 0 }
  for _, lane in ipairs(data.lanes) do
    for class, count in pairs(lane.tasks) do
      sums.tasks[class] = (sums.tasks[class] or 0) + count
      sums.all = sums.all + count
    end
    for what, count in pairs(lane.marked) do
      sums.marked[what] = (sums.marked[what] or 0) + count
    end
    for _, stretch in ipairs(lane.stretches) do
      sums.classes[stretch.class] = true
    end
    for class in pairs(lane.counts) do
      sums.classes[class] = true
    end
    if lane.thread.is_worker then
      sums.workers, sums.share = sums.workers + 1, sums.share + lane:share()
    end
  end
  return sums
end

local function figures(data, sums)
  local list = { words.duration(data.window.span), words.counted(sums.workers, "worker"),
    words.counted(sums.all, "task") }
  if sums.workers > 0 then
    list[#list + 1] = words.share(sums.share / sums.workers) .. " busy"
  end
  local function add(count, noun)
    if count and count > 0 then
      list[#list + 1] = words.counted(count, noun)
    end
  end
  add(sums.marked.interrupted, "interruption")
  add(sums.marked.suspended, "suspension")
  add(data.steals, "steal")
  add(sums.marked.failed, "failure")
  add((sums.marked.cancelled or 0) + data.never_ran, "cancellation")
  return table.concat(list, " · ")
end

local function notes(data, facts, hidden)
  local list = {}
  if data.dropped > 0 then
    list[#list + 1] = words.counted(data.dropped, "event") .. " did not fit into the recording"
  end
  if data.delays:unknown() > 0 then
    list[#list + 1] = words.counted(data.delays:unknown(), "delay") .. " not known"
  end
  if facts.damaged > 0 then
    list[#list + 1] = words.counted(facts.damaged, "event") .. " could not be read"
  end
  if hidden > 0 then
    list[#list + 1] = words.counted(hidden, "more thread") .. " not drawn"
  end
  return list[1] and table.concat(list, " · ")
end

local function class_text(data, sums, class)
  local text = CLASS_NAMES[class] or class
  if sums.tasks[class] then
    text = text .. ": " .. words.counted(sums.tasks[class], "task")
  end
  local half, most = data.delays:quantile(class, 0.5), data.delays:quantile(class, 0.99)
  if half then
    text = ("%s, median delay %s, p99 %s"):format(text, words.duration(half), words.duration(most))
  end
  return text
end

local function legend_items(data, sums)
  local items = {}
  for _, class in ipairs(event.classes) do
    if sums.classes[class] then
      items[#items + 1] = { text = class_text(data, sums, class), draw = function(x, y)
        return svg.rect(class, x, y - 9, 12, 10, nil, ' rx="2"')
      end }
    end
  end
  for _, sign in ipairs(signs.list) do
    if sums.marked[sign.what] then
      items[#items + 1] = { text = sign.text, draw = function(x, y)
        return svg.path(sign.class, { sign.draw(x + 6, y - 4) })
      end }
    end
  end
  return items
end

local function legend(sheet, items)
  local x = MARGIN
  for _, item in ipairs(items) do
    local width = 18 + utf8.len(item.text) * LETTER + 16
    if x > MARGIN and x + width > sheet.width then
      x, sheet.y = MARGIN, sheet.y + LINE
    end
    sheet:put(item.draw(x, sheet.y))
    sheet:put(svg.text("small", x + 18, sheet.y, item.text))
    x = x + width
  end
end

--- Draws the head; `hidden` is how many threads have no lane.
function head.draw(sheet, data, facts, title, hidden)
  local sums = totals(data)
  local room = (sheet.width - 2 * MARGIN) // 9
  sheet:put(svg.text("title", MARGIN, 30, svg.shortened(title, room)))
  sheet:put(svg.text("faint", MARGIN, 50, figures(data, sums)))
  sheet.y = 50
  local note = notes(data, facts, hidden)
  if note then
    sheet.y = sheet.y + LINE
    sheet:put(svg.text("note", MARGIN, sheet.y, note))
  end
  sheet.y = sheet.y + LINE + 6
  legend(sheet, legend_items(data, sums))
  sheet.y = sheet.y + 16
end

return head
