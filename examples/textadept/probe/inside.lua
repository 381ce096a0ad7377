-- What the probe does inside the editor. Its steps are a coroutine, which each heartbeat resumes: a key, which the
-- driver sends some milliseconds after the one before was handled (terminal), or a timer of five milliseconds
-- (elsewhere). So whatever holds the editor's loop up
-- shows as a gap between two heartbeats. The report tells the longest one of each phase, and how long the editor's
-- thread waited in it for a processor that others had; and how long that thread was busy at most between two
-- heartbeats, which others on the machine add nothing to.

local echo = require "echo"

local BETWEEN_LETTERS = 0.15 -- seconds; a quick typist
local BROAD = "e" -- what is found nearly everywhere

local settings = PROBE
local report = {}
local last, last_busy, last_waited -- of the latest heartbeat
local longest, waited, busiest, beats -- of the phase
local current = "start"
local lines = assert(io.open(settings.home .. "/lines", "w")) -- to the driver

local function tell(...)
  report[#report + 1] = string.format(...)
end

local function milliseconds(seconds)
  return ("%.1f ms"):format(seconds * 1000)
end

local function write_file(name, list)
  local file <close> = assert(io.open(settings.home .. "/" .. name, "w"))
  file:write(table.concat(list, "\n"), #list > 0 and "\n" or "")
end

-- Steps -----------------------------------------------------------------------------------------

local function beat()
  coroutine.yield()
end

local function pause(seconds)
  local over = echo.now() + seconds
  repeat
    beat()
  until echo.now() >= over
end

-- The seconds that the editor's thread, the program's first one, has run, and has waited for a processor.
local function times()
  local file <close> = io.open("/proc/self/schedstat")
  local busy, waiting = 0, 0
  if file then
    busy, waiting = file:read("n", "n")
  end
  return busy / 1e9, waiting / 1e9
end

-- Runs a phase and tells of it.
local function phase(name, run)
  longest, waited, busiest, beats, current = 0, 0, 0, 0, name
  local began = echo.now()
  run()
  beat()
  tell("%s: %.2f s, %d heartbeats, longest gap %s (%s of it waiting for a processor), longest busy %s", name,
    echo.now() - began, beats, milliseconds(longest), milliseconds(waited), milliseconds(busiest))
end

local function search()
  local loaded = require("project_search")
  loaded.kind, loaded.ignore_case, loaded.whole_word, loaded.limit = "plain", false, false, math.huge
  ui.find.find_in_files_filters[settings.directory] = {}
  io.get_project_root = function() return settings.directory end
  return loaded
end

local function finish(loaded)
  repeat
    beat()
  until not loaded.state()
end

local function write_results(name)
  local list = {}
  for _, candidate in ipairs(_BUFFERS) do
    if candidate._type == _L["[Files Found Buffer]"] then
      for line in candidate:get_text():gmatch("[^\n]+") do
        if line:find("^[^:]+:%d+:") and not line:find(_L["Binary file matches."], 1, true) then
          list[#list + 1] = line
        end
      end
    end
  end
  write_file(name, list)
end

local function close_results()
  for _, candidate in ipairs(_BUFFERS) do
    if candidate._type == _L["[Files Found Buffer]"] then
      candidate:close(true)
      return
    end
  end
end

-- Keeps the sessions that are started, to see when the tasks of each have ended.
local function watch_sessions()
  local session = require("project_search.session")
  local start, list = session.start, {}
  session.start = function(...)
    list[#list + 1] = start(...)
    return list[#list]
  end
  return list
end

-- Types the pattern, and tells how soon the first result of each was there, and how soon the tasks of the
-- one before had ended.
local function type_pattern(loaded, sessions)
  local first, ended = 0, 0
  for letter in settings.pattern:gmatch(".") do
    local before, typed, shown, over = sessions[#sessions], echo.now(), nil, nil
    ui.command_entry:add_text(letter)
    repeat
      beat()
      local now = echo.now() - typed
      shown = shown or select(2, loaded.state()) > 0 and now
      over = over or (not before or before:ended()) and now
    until now > BETWEEN_LETTERS and over
    first, ended = math.max(first, shown or 0), math.max(ended, over)
  end
  tell("first result of a letter after %s at most, the tasks of the one before ended after %s at most",
    milliseconds(first), milliseconds(ended))
end

local heartbeat

-- After all others, so that the search gets the key as it gets any.
local function connect()
  if CURSES then
    events.connect(events.KEYPRESS, function(key)
      if key == "~" then
        heartbeat()
        return true
      end
    end)
  end
end

local function typed()
  local loaded, sessions = search(), watch_sessions()
  loaded.open()
  if ui.command_entry:get_text() ~= "" then
    ui.command_entry:set_text("")
  end
  phase("a pattern typed letter by letter", function() type_pattern(loaded, sessions) end)
  phase("its search to the end", function() finish(loaded) end)
  write_results("found")
  ui.command_entry.focus()
end

local function resets()
  phase("reset without a search", function()
    reset()
    connect()
  end)
  local loaded = search()
  loaded.search(BROAD)
  pause(0.1)
  tell("a search under way before the reset: %s", loaded.state())
  phase("reset in the midst of a search", function()
    reset()
    connect()
  end)
  loaded = search()
  phase("the same search after the reset", function()
    loaded.search(settings.pattern)
    finish(loaded)
  end)
  write_results("found-after-reset")
end

local function want_key()
  if CURSES then
    lines:write("key ", current, "\n"):flush()
  end
end

local function stock()
  close_results()
  ui.dialogs.open = function() return settings.directory end
  ui.find.match_case, ui.find.in_files = true, true
  ui.find.find_entry_text = settings.pattern
  ui.find.replace_entry_text = ""
  phase("the editor's own find in files", function()
    local began = echo.now()
    events.emit(events.FIND, settings.pattern, true)
    tell("the editor's own find in files: no other key for %.2f s", echo.now() - began)
  end)
  ui.find.in_files = false
end

local function broad()
  local loaded = search()
  loaded.limit = 20000
  phase("a search with 20000 results", function()
    loaded.search(BROAD)
    finish(loaded)
  end)
end

-- Called by a timer, which the terminal version calls when there are no more keys.
local function leave()
  tell("a search under way at the end: %s", require("project_search").state())
  write_file("report", report)
  lines:write("quitting\n"):flush()
  quit()
end

local function steps()
  pause(0.5)
  phase("nothing done", function() pause(1) end)
  typed()
  phase("nothing done, afterwards", function() pause(1) end)
  broad()
  resets()
  stock()
  search().search(BROAD)
  timeout(0.3, leave)
end

local co = coroutine.create(steps)

function heartbeat()
  if coroutine.status(co) ~= "suspended" then
    return false
  end
  local now, busy, waiting = echo.now(), times()
  if last and longest then
    if now - last > longest then
      longest, waited = now - last, waiting - last_waited
    end
    busiest, beats = math.max(busiest, busy - last_busy), beats + 1
  end
  last, last_busy, last_waited = now, busy, waiting
  local well, message = coroutine.resume(co)
  if not well then
    write_file("report", { debug.traceback(co, message) })
    quit(1, false)
  end
  local goes_on = coroutine.status(co) ~= "dead"
  if goes_on then
    want_key()
  end
  return goes_on
end

connect()
if CURSES then
  timeout(0.2, want_key)
else
  timeout(0.005, heartbeat)
end
