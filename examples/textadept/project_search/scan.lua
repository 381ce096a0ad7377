-- Finds the lines of a text that match, in a worker. A matcher (see matcher.lua) may have a `hint`, a
-- string or pattern that every matching line has: then only the lines that have it are looked at one by
-- one, which is what makes a search fast.

local scan = {}

local BLOCK = 1 << 16 -- small enough for the allocator's ordinary pages
local LONGEST_LINE = 1 << 24
local MOST_RANGES = 100 -- of one line

local find, sub, byte, lower = string.find, string.sub, string.byte, string.lower

local function last_newline(text)
  for i = #text, 1, -1 do
    if byte(text, i) == 10 then
      return i
    end
  end
end

-- An iterator over a file's contents in blocks of whole lines. It ends with nil, and a message if it
-- had to give up.
local function blocks(file)
  local rest = ""
  return function()
    local parts, size = { rest }, #rest
    while size <= LONGEST_LINE do
      local chunk, message = file:read(BLOCK)
      if not chunk then
        rest = ""
        local last = table.concat(parts)
        return last ~= "" and last or nil, message
      end
      local cut = last_newline(chunk)
      parts[#parts + 1] = cut and sub(chunk, 1, cut) or chunk
      if cut then
        rest = sub(chunk, cut + 1)
        return table.concat(parts)
      end
      size = size + #chunk
    end
    return nil, "a line is too long"
  end
end

-- Where the matches of a line begin and end, in one flat list, or nil if there are none. An empty match
-- makes the line match, and has no range.
local function ranges_of(matcher, line)
  local ranges, position = nil, 1
  while position <= #line + 1 do
    local first, last = matcher.find(line, position)
    if not first then
      return ranges
    end
    ranges = ranges or {}
    if last >= first then
      ranges[#ranges + 1], ranges[#ranges + 2] = first, last
    end
    position = math.max(first, last) + 1
    if #ranges >= 2 * MOST_RANGES then
      return ranges
    end
  end
  return ranges
end

-- The number of the line that ends at or after `target`, where it begins and its end, counted from a line
-- and its number on.
local function line_at(text, target, start, number)
  local stop = find(text, "\n", start, true) or #text + 1
  while stop < target do
    start, number = stop + 1, number + 1
    stop = find(text, "\n", start, true) or #text + 1
  end
  return start, stop, number
end

-- Calls `found(number, line, ranges)` for each line that matches, the first line being number `number`.
-- If `found` returns false it stops. Returns the number of the line after the text.
local function scan_block(text, number, matcher, found)
  local hint, plain = matcher.hint, matcher.hint_is_plain
  local haystack = matcher.folds and lower(text) or text
  local start, size = 1, #text
  while start <= size do
    local target = not hint and start or find(haystack, hint, start, plain)
    if not target then
      break
    end
    local stop
    start, stop, number = line_at(text, target, start, number)
    local line = sub(text, start, byte(text, stop - 1) == 13 and stop - 2 or stop - 1)
    local ranges = ranges_of(matcher, line)
    if ranges and found(number, line, ranges) == false then
      return nil
    end
    start, number = stop + 1, number + 1
  end
  return start, number
end

-- As scan_block, for a text that has all.
function scan.text(text, matcher, found)
  scan_block(text, 1, matcher, found)
end

-- As scan_block, for an open file. In a binary file, one that has a zero byte at its beginning, the first
-- match is told as `found(1)`, and is the last. Returns true, or nil and a message.
function scan.file(file, matcher, found)
  local before, start, number = "", 1, 1
  local binary
  local next_block = blocks(file)
  while true do
    local block, message = next_block()
    if not block then
      return not message or nil, message
    end
    if binary == nil then
      binary = find(block, "\0", 1, true) ~= nil
    end
    -- Only now that there is more need the lines after the last match be counted.
    number = select(3, line_at(before, #before + 1, start, number))
    start, number = scan_block(block, number, matcher, binary and function()
      found(1)
      return false
    end or found)
    if not start then
      return true
    end
    before = block
  end
end

return scan
