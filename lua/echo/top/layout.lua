--- What a view looks like: lines of text from what was counted, within a width and a height.

local units = require "echo.units"

local layout = {}

local BOLD, GREEN, YELLOW, RED, PLAIN = "\27[1m", "\27[32m", "\27[33m", "\27[31m", "\27[0m"
local WIDEST_GAUGE, NARROWEST_GAUGE = 30, 4
local MOST_QUEUES, MOST_SLOWEST = 4, 10

--- Words and figures ------------------------------------------------------------------------------

function layout.time(seconds)
  if not seconds then
    return "-"
  elseif seconds < 0.000001 then
    return ("%.0f ns"):format(seconds * 1e9)
  elseif seconds < 0.001 then
    return ("%.0f µs"):format(seconds * 1e6)
  elseif seconds < 1 then
    return ("%.1f ms"):format(seconds * 1e3)
  elseif seconds < 60 then
    return ("%.2f s"):format(seconds)
  end
  return ("%d:%02d min"):format(seconds // 60, math.floor(seconds % 60))
end

function layout.count(number)
  if number < 100000 then
    return ("%d"):format(math.floor(number + 0.5))
  elseif number < 1e8 then
    return ("%.0f k"):format(number / 1e3)
  end
  return ("%.0f M"):format(number / 1e6)
end

-- A task's name may hold anything: an escape sequence, half a character.
local function printable(text)
  text = text:gsub("%c", "?")
  return utf8.len(text) and text or (text:gsub("[\x80-\xff]", "?"))
end

--- At most so many characters, a whole one at the end.
function layout.cut(text, columns)
  if utf8.len(text) <= columns then
    return text
  end
  return text:sub(1, utf8.offset(text, columns + 1) - 1)
end

local function left(text, columns)
  return layout.cut(text, columns) .. (" "):rep(columns - utf8.len(text))
end

local function right(text, columns)
  return (" "):rep(columns - utf8.len(text)) .. layout.cut(text, columns)
end

--- Lines: lists of pieces, each a text or { colour, text } ----------------------------------------

-- Colours take no columns, and what is cut off takes its colour along.
local function render(line, width, colour)
  local parts, room = {}, width
  for _, piece in ipairs(line) do
    local code, text = nil, piece
    if type(piece) == "table" then
      code, text = piece[1], piece[2]
    end
    text = layout.cut(text, room)
    room = room - utf8.len(text)
    parts[#parts + 1] = code and colour and text ~= "" and code .. text .. PLAIN or text
  end
  return (table.concat(parts):gsub(" +$", ""))
end

local function head(data)
  local stats = data.stats
  return {
    { BOLD, "echo" },
    ("  %s   %s ended, %s/s"):format(layout.time(data.seconds), layout.count(stats.ended), layout.count(data.rate)),
    stats.failed > 0 and { RED, ("   %s failed"):format(layout.count(stats.failed)) } or "",
    stats.cancelled > 0 and ("   %s cancelled"):format(layout.count(stats.cancelled)) or "",
    ("   %s suspended"):format(layout.count(stats.suspended)),
  }
end

local function figures(name, by)
  return {
    left(name, 8),
    right(layout.count(by.queued), 8),
    right(layout.count(by.running), 9),
    right(by.waited.count > 0 and layout.time(by.waited.p50) or "-", 13),
    right(by.waited.count > 0 and layout.time(by.waited.p99) or "-", 10),
    right(by.ran.count > 0 and layout.time(by.ran.p50) or "-", 13),
    right(by.ran.count > 0 and layout.time(by.ran.p99) or "-", 10),
  }
end

local function priorities(lines, data)
  lines[#lines + 1] = { { BOLD, "priority  queued  running   waited p50       p99      ran p50       p99" } }
  for _, name in ipairs { "high", "normal", "low" } do
    lines[#lines + 1] = figures(name, data.stats.per_priority[name])
  end
end

local function queues(lines, data)
  local names = {}
  for name in pairs(data.stats.per_queue) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i = 1, math.min(#names, MOST_QUEUES) do
    local queue = data.stats.per_queue[names[i]]
    lines[#lines + 1] = {
      left("queue " .. printable(names[i]), 24),
      right(layout.count(queue.queued), 8) .. " queued",
      ("   %d of %d run"):format(queue.running, queue.limit),
    }
  end
  if #names > MOST_QUEUES then
    lines[#lines + 1] = { ("and %d more queues"):format(#names - MOST_QUEUES) }
  end
end

local function gauge(share, columns)
  local filled = math.floor(math.min(share, 1) * columns + 0.5)
  local code = share > 0.9 and YELLOW or GREEN
  return "[", { code, ("#"):rep(filled) }, (" "):rep(columns - filled) .. "]"
end

local function worker_line(data, i, columns)
  local worker = data.workers[i]
  local kind = data.stats.per_worker[i].urgent and "urgent" or "worker"
  local line = table.pack(left(("%s %d"):format(kind, i), 12), gauge(worker.busy, columns))
  line[#line + 1] = right(("%.0f %%"):format(worker.busy * 100), 6)
  line[#line + 1] = right(layout.count(worker.rate) .. "/s", 10)
  line[#line + 1] = right(layout.count(data.stats.per_worker[i].stolen) .. " stolen", 14)
  line[#line + 1] = right(units.bytes(data.stats.per_worker[i].memory), 10)
  return line
end

local function workers(lines, data, width, most)
  local columns = math.max(NARROWEST_GAUGE, math.min(WIDEST_GAUGE, width - 54))
  local count = #data.workers
  local shown = count > most and math.max(most - 1, 1) or count
  for i = 1, shown do
    lines[#lines + 1] = worker_line(data, i, columns)
  end
  if shown < count then
    lines[#lines + 1] = { ("and %d more workers"):format(count - shown) }
  end
end

local function slow_line(task)
  local line = {
    right(layout.time(task.ran), 10) .. "  ",
    left(printable(task.name or "?"), 26) .. "  ",
    left(task.priority, 8),
    left(task.queue and printable(task.queue) or "", 10),
  }
  if task.status ~= "done" then
    line[#line + 1] = { RED, task.status .. "  " }
  end
  line[#line + 1] = task.waited and "waited " .. layout.time(task.waited) or ""
  return line
end

local function slowest(lines, data, most)
  if #data.slowest == 0 or most < 2 then
    return
  end
  lines[#lines + 1] = { { BOLD, "longest" } }
  for i = 1, math.min(#data.slowest, most - 1, MOST_SLOWEST) do
    lines[#lines + 1] = slow_line(data.slowest[i])
  end
end

--- The lines of a view of `data` (see top.lua), which fit; with colours if `colour`.
function layout.lines(data, width, height, colour)
  local lines = { head(data), {} }
  priorities(lines, data)
  queues(lines, data)
  lines[#lines + 1] = {}
  -- Workers get what is left but for a few lines, which are for the longest tasks.
  workers(lines, data, width, math.max(2, height - #lines - 5))
  lines[#lines + 1] = {}
  slowest(lines, data, height - #lines)
  for i = 1, #lines do
    lines[i] = i <= height and render(lines[i], width, colour) or nil
  end
  return lines
end

return layout
