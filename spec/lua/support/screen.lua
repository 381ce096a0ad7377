-- A terminal that understands just what Echo writes, and fails at anything else: at an escape it does
-- not know, and at a line that is longer than the terminal is wide.
--
--   local screen = new_screen(60)
--   screen:feed(bytes)
--   screen.other       -- true while the other screen is shown
--   screen.hidden      -- true while the cursor is
--   screen:text()      -- what is shown now; screen.pictures: how often it was drawn anew

local Screen = {}
Screen.__index = Screen

local function blank()
  return { lines = { "" }, row = 1, fresh = true }
end

-- Writing goes to the end of a line only, or to its beginning after a return.
local function put(self, text)
  local page = self.page
  if page.fresh then
    page.lines[page.row], page.tail, page.fresh = "", page.lines[page.row] or "", false
  end
  page.lines[page.row] = page.lines[page.row] .. text
  local columns = utf8.len(page.lines[page.row])
  if not columns then
    error("half a character", 0)
  elseif columns > self.width then
    error(("%d columns in a terminal of %d: %s"):format(columns, self.width, page.lines[page.row]), 0)
  end
end

local function go_to(page, row)
  page.row, page.fresh = row, true
  for i = #page.lines + 1, row do
    page.lines[i] = ""
  end
end

local ACTIONS = {
  ["[H"] = function(self)
    self.pictures = self.pictures + 1
    go_to(self.page, 1)
  end,
  ["[K"] = function(self)
    put(self, "")
  end,
  ["[J"] = function(self)
    put(self, "")
    for i = #self.page.lines, self.page.row + 1, -1 do
      self.page.lines[i] = nil
    end
  end,
  ["[?1049h"] = function(self)
    self.other, self.page = true, blank()
  end,
  ["[?1049l"] = function(self)
    self.other, self.page = false, self.main
  end,
  ["[?25l"] = function(self)
    self.hidden = true
  end,
  ["[?25h"] = function(self)
    self.hidden = false
  end,
}

function Screen:feed(bytes)
  local at = 1
  while at <= #bytes do
    local c = bytes:sub(at, at)
    local sequence = c == "\27" and (bytes:match("^%[[%d;]*m", at + 1) or bytes:match("^%[%??%d*%a", at + 1))
    if c == "\27" then
      local action = sequence and ACTIONS[sequence]
      if not action and not (sequence and sequence:find("m$")) then
        error(("unknown escape %q"):format(bytes:sub(at, at + 8)), 0)
      elseif action then
        action(self)
      end
      at = at + 1 + #sequence
    elseif c == "\r" then
      self.page.fresh = bytes:sub(at + 1, at + 1) ~= "\n" or self.page.fresh
      at = at + 1
    elseif c == "\n" then
      go_to(self.page, self.page.row + 1)
      at = at + 1
    else
      local text = bytes:match("^[^\27\r\n]+", at)
      if text:find("%c") then
        error(("a control character: %q"):format(text), 0)
      end
      put(self, text)
      at = at + #text
    end
  end
end

function Screen:text()
  return table.concat(self.page.lines, "\n")
end

-- As a stream.
function Screen:write(...)
  self:feed(table.concat({ ... }))
end

return function(width)
  local main = blank()
  return setmetatable({ width = width, page = main, main = main, other = false, hidden = false, pictures = 0 }, Screen)
end
