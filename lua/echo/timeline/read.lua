--- Reads a recording event by event: a JSON array of events, or an object that has one as "traceEvents".
--
-- It holds little more than one chunk at a time. A file may end anywhere, as that of a program that died
-- does: what is whole is read. An event that cannot be read is left out and counted, and reading goes on
-- behind it; when there are too many of them the file is no recording.

local read = {}

local CHUNK = 1 << 16
local LONGEST_EVENT = 1 << 18
local MOST_DAMAGED = 1000
local MOST_WASTED = 1 << 25
local MOST_GUESSES = 100
local NO_TRACE = 'is no Chrome trace: expected a JSON array of events, or an object with "traceEvents"'

local QUOTE, OPEN, BACKSLASH = ('"{\\'):byte(1, 3)

--- Finding where an event ends ----------------------------------------------------------------------

-- The position after the string, or nil and whether it has no end: JSON has no line breaks in strings.
local function string_end(text, at)
  while true do
    local found = text:find('["\\\n]', at)
    local byte = found and text:byte(found)
    if byte == QUOTE then
      return found + 1
    elseif byte ~= BACKSLASH then
      return nil, found ~= nil
    end
    at = found + 2
  end
end

-- The position after the object that begins at `at`; nil if the text ends first, or nil and true if it
-- has no end.
local function object_end(text, at)
  local depth = 0
  local endless
  repeat
    local found = text:find('["{}]', at)
    local byte = found and text:byte(found)
    if not found then
      return
    elseif byte == QUOTE then
      at, endless = string_end(text, found + 1)
      if not at then
        return nil, endless
      end
    else
      depth = depth + (byte == OPEN and 1 or -1)
      at = found + 1
    end
  until depth == 0
  return at
end

-- Counting braces is quick, and wrong only where a string has some: then what was found is no JSON, and is
-- looked at with care. A file in which that is common is read with care throughout.
local function by_braces(reader, text, at)
  if reader.guesses > MOST_GUESSES then
    return
  end
  local last = select(2, text:find("^%b{}", at))
  local value = last and reader.decode(text:sub(at, last))
  if value then
    return value, last + 1
  elseif last or #text - at > CHUNK / 2 then
    reader.guesses = reader.guesses + 1
  end
end

--- Event by event -----------------------------------------------------------------------------------

local function fail(problem)
  error({ problem = problem }, 0)
end

-- Drops what is before `at` and reads on; false at the end of the file.
local function more(reader, at)
  local chunk, problem = reader.file:read(CHUNK)
  if problem then
    fail(problem)
  end
  reader.text = reader.text:sub(at) .. (chunk or "")
  return chunk ~= nil
end

local function note_damage(reader, length)
  reader.damaged = reader.damaged + 1
  reader.wasted = reader.wasted + length
  if reader.damaged > MOST_DAMAGED and reader.damaged > reader.events or reader.wasted > MOST_WASTED then
    fail(NO_TRACE)
  end
end

-- The position behind an object that has no end: where a line begins with an event, if there are such lines.
local function skip(reader, at)
  note_damage(reader, math.min(#reader.text - at, LONGEST_EVENT))
  local line = reader.text:find('\n,?{"', at)
  return line or #reader.text + 1
end

local function give(reader, value, length)
  if type(value) == "table" and type(value.ph) == "string" and reader.visit(value) ~= false then
    reader.events = reader.events + 1
  else
    note_damage(reader, length)
  end
end

-- Gives the event that begins at `at`; returns the position after it, or nil if that is not there yet.
local function one_event(reader, at)
  local value, after = by_braces(reader, reader.text, at)
  if not after then
    local endless
    after, endless = object_end(reader.text, at)
    if endless or not after and #reader.text - at >= LONGEST_EVENT then
      return skip(reader, at)
    elseif not after then
      return
    end
    value = reader.decode(reader.text:sub(at, after - 1))
  end
  give(reader, value, after - at)
  return after
end

-- The position of the next event, or nil: the text has no more, or the array ends here.
local function next_event(reader, at)
  local found = reader.text:find("[^%s,]", at)
  local byte = found and reader.text:byte(found)
  if not found or byte == OPEN then
    return found
  elseif reader.text:find("^%]", found) then
    reader.whole = true
    return
  end
  note_damage(reader, 1)
  return (reader.text:find("{", found, true))
end

-- Gives what is whole of the text; returns the position of the event that is not, or nil.
local function whole_events(reader, at)
  local begin = next_event(reader, at)
  while begin do
    local after = one_event(reader, begin)
    if not after then
      return begin
    end
    begin = next_event(reader, after)
  end
end

-- At the end of the file an event that is not whole is where it breaks off, unless others follow.
local function last_events(reader, begin)
  while begin and reader.text:find('\n,?{"', begin) do
    begin = whole_events(reader, skip(reader, begin))
  end
end

local function read_events(reader, at)
  local begin
  repeat
    begin, at = whole_events(reader, at), 1
  until reader.whole or not more(reader, begin or #reader.text + 1)
  last_events(reader, begin and 1)
end

--- The file -----------------------------------------------------------------------------------------

local function in_object(reader, at)
  repeat
    local _, bracket = reader.text:find('"traceEvents"%s*:%s*%[', at)
    if bracket then
      return bracket + 1
    end
  until #reader.text > LONGEST_EVENT or not more(reader, 1)
  fail(NO_TRACE)
end

-- The position of the first event.
local function beginning(reader)
  more(reader, 1)
  local text = reader.text
  if text == "" then
    fail "is empty: nothing was recorded"
  elseif text:find "^\x1F\x8B" then
    fail "is compressed: unpack it first (gzip -d)"
  end
  local at = text:match "^\xEF\xBB\xBF()" or 1
  local first = text:match("^%s*([%[{])", at)
  if not first then
    fail(NO_TRACE)
  elseif first == "{" then
    return in_object(reader, at)
  end
  return text:find("[", at, true) + 1
end

local function read_all(reader)
  read_events(reader, beginning(reader))
  if reader.events == 0 then
    fail(reader.damaged > 0 and NO_TRACE or "has no events: nothing was recorded")
  end
end

--- Calls visit(event) for each event of the file, which may return false: this is none. Returns how many
--- were read and how many could not be, as `events` and `damaged`, or nil and what is wrong with the file.
function read.events(path, decode, visit)
  local file, problem = io.open(path, "rb")
  if not file then
    -- Lua says the path, too; so does whoever calls.
    return nil, (problem:gsub("^.*: ", ""))
  end
  local reader = { file = file, decode = decode, visit = visit, text = "", events = 0, damaged = 0, wasted = 0,
    guesses = 0, whole = false }
  local ok, raised = pcall(read_all, reader)
  file:close()
  if ok then
    return reader
  elseif type(raised) == "table" and raised.problem then
    return nil, raised.problem
  end
  error(raised, 0)
end

return read
