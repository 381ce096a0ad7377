--- The terminal that a view is drawn on: whether it is one, how large it is, and its other screen.

local terminal = {}

local DEFAULT_WIDTH, DEFAULT_HEIGHT = 80, 24
local NARROWEST, LOWEST = 20, 6
local MEASURE_SECONDS = 2

local OTHER_SCREEN, HIDE_CURSOR = "\27[?1049h", "\27[?25l"
local OWN_SCREEN, SHOW_CURSOR = "\27[?1049l", "\27[?25h"
local HOME, ERASE_LINE, ERASE_BELOW = "\27[H", "\27[K", "\27[J"

local descriptors = { [io.stdout] = 1, [io.stderr] = 2 }

--- True if a stream is a terminal that can place a cursor.
function terminal.is(stream)
  local descriptor = descriptors[stream]
  if not descriptor or (os.getenv("TERM") or "dumb") == "dumb" then
    return false
  end
  return os.execute("test -t " .. descriptor) == true
end

-- Not with io.popen: that waits for every stream of the process, and a worker may be reading one.
local function ask_size()
  local path = os.tmpname()
  os.execute(("stty size </dev/tty >%s 2>/dev/null"):format(path))
  local file = io.open(path)
  local text = file and file:read("a") or ""
  if file then
    file:close()
  end
  os.remove(path)
  return text:match("^(%d+) (%d+)")
end

-- A terminal that was never told its size says 0.
local function measured(size, least, default)
  size = tonumber(size)
  return size and size >= least and size or default
end

local Screen = {}
Screen.__index = Screen

--- Width and height now; asked for again every two seconds, since it may be resized.
function Screen:size()
  local now = self.clock()
  if not self.measured or now - self.measured >= MEASURE_SECONDS then
    self.measured = now
    if not (self.fixed_width and self.fixed_height) then
      local rows, columns = ask_size()
      self.width, self.height =
        measured(columns, NARROWEST, DEFAULT_WIDTH), measured(rows, LOWEST, DEFAULT_HEIGHT)
    end
  end
  return self.fixed_width or self.width, self.fixed_height or self.height
end

function Screen:write(text)
  self.stream:write(text)
  if self.stream.flush then
    self.stream:flush()
  end
end

--- Shows the lines in place of those before, on the terminal's other screen.
function Screen:show(lines)
  local opening = self.open and "" or OTHER_SCREEN .. HIDE_CURSOR
  self.open, self.lines = true, lines
  self:write(opening .. HOME .. table.concat(lines, ERASE_LINE .. "\r\n") .. ERASE_LINE .. ERASE_BELOW)
end

--- Gives the terminal back as it was, with the last lines below what stood there. Harmless a second
--- time.
function Screen:leave()
  if not self.open then
    return
  end
  self.open = false
  self:write(SHOW_CURSOR .. OWN_SCREEN .. table.concat(self.lines, "\r\n") .. "\r\n")
end

--- A screen on the stream; nothing is written before the first lines.
function terminal.screen(stream, clock, width, height)
  return setmetatable({
    stream = stream,
    clock = clock,
    fixed_width = width,
    fixed_height = height,
    open = false,
  }, Screen)
end

return terminal
