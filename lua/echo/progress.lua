--- A progress bar for long jobs: one line that redraws itself on a terminal, plain lines anywhere else.
--
--     local progress = require "echo.progress"
--     local bar = progress.new { total = #files, label = "reading", unit = "files" }
--     for done, file in ipairs(files) do
--       work_on(file)
--       bar:update(done, file)
--     end
--     bar:finish()
--
-- The first bar on a stream asks the shell whether that is a terminal and how wide. Where a child
-- process is unwelcome, say `terminal` and `width` yourself.

local check = require "echo.options"
local units = require "echo.units"

local progress = {}

local Bar = {}
Bar.__index = Bar

local DEFAULT_WIDTH = 80
local WIDEST_BAR = 24
local LABEL_COLUMNS = 10
local NARROWEST_BAR = 8
local REDRAW_SECONDS = 0.1
local PLAIN_SECONDS = 0.5
local DEFAULT_STEP = 10
local ERASE_TO_END = "\27[K"
local FILLED_COLOUR, PLAIN_COLOUR = "\27[32m", "\27[0m"

local OPTIONS = {
  total = "number",
  label = "string",
  unit = "string",
  stream = "stream",
  width = "number",
  terminal = "boolean",
  colour = "boolean",
  step = "number",
  clock = "function",
}

--- Checked arguments ------------------------------------------------------------------------------

local function check_least(name, value, least)
  if not (value >= least and value < math.huge) then
    error(("progress.new: %s: expected a number of at least %d, got %s"):format(name, least, value), 4)
  end
end

local function check_options(options)
  if type(options) ~= "table" then
    error(("progress.new: expected a table of options, got a %s"):format(type(options)), 3)
  end
  local problem = check.problem(OPTIONS, options)
  if problem then
    error("progress.new: " .. problem, 3)
  end
  if options.total == nil then
    error("progress.new: total: expected a number, got nothing", 3)
  end
  check_least("total", options.total, 0)
  check_least("width", options.width or DEFAULT_WIDTH, 20)
  check_least("step", options.step or DEFAULT_STEP, 1)
end

--- The terminal -----------------------------------------------------------------------------------

local descriptors = { [io.stdout] = 1, [io.stderr] = 2 }
local known_terminals = {}

local function is_terminal(stream)
  local descriptor = descriptors[stream]
  if not descriptor then
    return false
  end
  if known_terminals[descriptor] == nil then
    known_terminals[descriptor] = os.execute("test -t " .. descriptor) == true
  end
  return known_terminals[descriptor]
end

local known_width

local function terminal_width()
  if not known_width then
    local pipe <close> = io.popen("stty size 2>/dev/null </dev/tty")
    local columns = pipe and tonumber(pipe:read("a"):match("^%d+ (%d+)"))
    -- A terminal that was never told its size says 0.
    known_width = columns and columns >= 20 and columns or DEFAULT_WIDTH
  end
  return known_width
end

local function wants_terminal(options)
  if options.terminal ~= nil then
    return options.terminal
  end
  return os.getenv("TERM") ~= "dumb" and is_terminal(options.stream or io.stderr)
end

local function wants_colour(options)
  if options.colour ~= nil then
    return options.colour
  end
  return (os.getenv("NO_COLOR") or "") == ""
end

--- Words and figures ------------------------------------------------------------------------------

local function format_amount(amount, unit)
  if unit == "bytes" then
    return units.bytes(amount)
  end
  return ("%.0f %s"):format(amount, unit)
end

local function format_time(seconds)
  if seconds < 9.95 then
    return ("%.1f s"):format(seconds)
  end
  local whole = math.floor(seconds + 0.5)
  if whole < 60 then
    return ("%d s"):format(whole)
  elseif whole < 3600 then
    return ("%d:%02d min"):format(whole // 60, whole % 60)
  end
  return ("%d:%02d h"):format(whole // 3600, whole % 3600 // 60)
end

-- Cuts at a whole character, so that a terminal never gets half of one.
local function cut(text, columns)
  local length = utf8.len(text)
  if not length then
    return text:sub(1, columns)
  end
  return length <= columns and text or text:sub(1, utf8.offset(text, columns + 1) - 1)
end

--- Drawing ----------------------------------------------------------------------------------------

function Bar:share()
  return self.total == 0 and 1 or math.min(self.done / self.total, 1)
end

function Bar:figures()
  local elapsed = self.clock() - self.started
  local rate = elapsed > 0 and self.done / elapsed or 0
  local parts = { format_amount(self.done, self.unit) }
  if rate > 0 then
    parts[#parts + 1] = format_amount(rate, self.unit) .. "/s"
  end
  if self.finished then
    parts[#parts + 1] = "in " .. format_time(elapsed)
  elseif rate > 0 and self.done < self.total then
    parts[#parts + 1] = format_time((self.total - self.done) / rate) .. " left"
  end
  return table.concat(parts, ", ")
end

function Bar:gauge(columns)
  local filled = math.floor(self:share() * columns + 0.5)
  local full, rest = ("="):rep(filled), (" "):rep(columns - filled)
  if self.colour then
    full = FILLED_COLOUR .. full .. PLAIN_COLOUR
  end
  return "[" .. full .. rest .. "]"
end

function Bar:terminal_line()
  -- The last columns stay free, for the echo of a Ctrl-C: a character too many makes a terminal wrap.
  local room = self.width - 3
  local percent = ("%3d %%"):format(math.floor(self:share() * 100))
  local head = self.label == "" and "" or ("%-" .. LABEL_COLUMNS .. "s "):format(self.label)
  local tail = " " .. percent .. "  " .. self:figures()
  local columns = math.min(WIDEST_BAR, room - #head - #tail - 2)
  if columns < NARROWEST_BAR then
    return cut(head .. percent .. "  " .. self:figures(), room)
  end
  local line = head .. self:gauge(columns) .. tail
  local left = room - #head - columns - 2 - #tail
  if self.note and left > 4 then
    line = line .. "  " .. cut(self.note, left - 2)
  end
  return line
end

function Bar:plain_line()
  local head = self.label == "" and "" or self.label .. ": "
  return ("%s%d %% (%s)\n"):format(head, math.floor(self:share() * 100), self:figures())
end

function Bar:write(...)
  self.stream:write(...)
  if self.stream.flush then
    self.stream:flush()
  end
end

function Bar:is_due(seconds)
  local now = self.clock()
  if self.drawn and now - self.drawn < seconds then
    return false
  end
  self.drawn = now
  return true
end

function Bar:draw_terminal()
  if self.finished or self:is_due(REDRAW_SECONDS) then
    self:write("\r", self:terminal_line(), ERASE_TO_END)
  end
end

function Bar:draw_plain()
  local step = math.floor(self:share() * 100 / self.step)
  -- The last line is for finish, which knows the time it took.
  if step > self.drawn_step and self.done < self.total and self:is_due(PLAIN_SECONDS) then
    self.drawn_step = step
    self:write(self:plain_line())
  end
end

--- The interface ----------------------------------------------------------------------------------

--- Says how much of the total is done, and optionally a few words on what is being done.
function Bar:update(done, note)
  if type(done) ~= "number" or done ~= done or done < 0 then
    error(("progress: update: done: expected a number of at least 0, got %s"):format(tostring(done)), 2)
  end
  if note ~= nil and type(note) ~= "string" then
    error(("progress: update: note: expected a string, got a %s"):format(type(note)), 2)
  end
  if self.finished then
    return
  end
  self.done = done
  -- A file's name may hold anything, a line break or an escape sequence too.
  self.note = note and note:gsub("%c", "?")
  if self.terminal then
    self:draw_terminal()
  else
    self:draw_plain()
  end
end

--- Leaves the bar as it stands, with the time it took, and ends its line. Harmless a second time;
--- `local bar <close> = progress.new { ... }` does it by itself, on an error too.
function Bar:finish()
  if self.finished then
    return
  end
  self.finished, self.note = true, nil
  if self.terminal then
    self:draw_terminal()
    self:write("\n")
  else
    self:write(self:plain_line())
  end
end

Bar.__close = Bar.finish

--- progress.new { total =, label =, unit = "bytes" or any word, stream =, width =, terminal =,
--- colour =, step = (percent between plain lines), clock = (seconds as a float) }
function progress.new(options)
  check_options(options)
  local terminal = wants_terminal(options)
  local clock = options.clock or require("echo").now
  return setmetatable({
    total = options.total,
    label = options.label or "",
    unit = options.unit or "items",
    stream = options.stream or io.stderr,
    terminal = terminal,
    width = options.width or (terminal and terminal_width() or DEFAULT_WIDTH),
    colour = terminal and wants_colour(options),
    step = options.step or DEFAULT_STEP,
    clock = clock,
    started = clock(),
    done = 0,
    drawn_step = 0,
    finished = false,
  }, Bar)
end

return progress
