-- Search in project, for Textadept: the results come while you type.
--
--   local project_search = require('project_search')
--   keys['ctrl+alt+f'] = project_search.open
--
-- The files are read and searched in Echo's tasks, off the editor's thread. What they find is shown a few
-- milliseconds at a time, whenever the editor's loop comes round; a new pattern ends the search for the one
-- before at once. All of this module is called on the editor's thread.

local echo = require "echo"

local results = require "project_search.results"
local session = require "project_search.session"

local M = {}

-- What a search is for. `open` takes them over from the editor's "find" pane the first time.
M.kind = nil -- "plain", "lua" or "regex"
M.ignore_case = nil
M.whole_word = nil

-- How many matching lines are shown at most.
M.limit = 20000
-- Seconds between two looks at what was found, and how long one of them may take.
M.interval, M.budget = 0.02, 0.003

local KINDS = { plain = "lua", lua = "regex", regex = "plain" }
local NAMES = { plain = "text", lua = "Lua pattern", regex = "regex" }

local scheduler
local running -- the session, while there is one
local shown -- the results
local query -- what `shown` is for
local place -- where to search, and what was open
local ticking, typing, closed, quitting = false, false, false, false

local told = 0 -- when the status bar was written last

local function show_state(what)
  told = echo.now()
  ui.statusbar_text = ("%s: %d lines, %d files"):format(what, shown.lines, shown.files)
end

-- Ends the search that is running, if there is one.
function M.stop(why)
  if running then
    running:stop()
    running = nil
    if why and not shown:gone() then
      shown:finish(why)
      show_state(why)
    end
  end
end

local function finish(failure)
  running:stop()
  running = nil
  shown:finish(failure)
  show_state(failure or "found")
end

-- Shows what has come since the last time, as far as the budget allows. Returns whether more may come.
local function pump()
  if not running or shown:gone() then
    M.stop()
    return false
  end
  -- In this order: what an ended task has sent is there by now.
  local ended, failure = running:ended()
  local deadline, message = echo.now() + M.budget
  repeat
    message = running:receive()
    if message then
      shown:add(message)
      if shown.lines >= M.limit then
        finish("stopped: there are too many results")
        return false
      end
    end
  until not message or echo.now() > deadline
  if ended and not message then
    finish(failure)
  elseif echo.now() - told > 0.2 then
    show_state("searching")
  end
  return running ~= nil
end

-- A timer is there while a search is, and no longer.
local function tick()
  ticking = not closed and pump()
  if quitting then
    quit(0, false)
  end
  return ticking
end

-- The graphical version crashes if a timer is due when it has closed the Lua state: it has to wait until ours is
-- gone. All others have been asked by then whether to quit.
local function on_quit()
  M.stop()
  quitting = ticking and not CURSES
  return quitting or nil
end

-- The scheduler, which is made for the first search.
local function workers()
  if not scheduler then
    scheduler = echo.builder():with_name("search"):with_setup(function(editor)
      require("project_search.files").install(editor)
    end, { walk = lfs.walk, abspath = lfs.abspath, assert_type = assert_type }):build()
    events.connect(events.QUIT, on_quit)
  end
  return scheduler
end

-- While keys come quickly the terminal version calls no timers.
local function on_key()
  if running then
    pump()
  end
end

local function files_open()
  local open, current = {}, buffer
  local function add(candidate)
    if candidate.filename then
      local text = candidate.modify and candidate:get_text() or nil
      table.insert(open, candidate == current and 1 or #open + 1, { path = candidate.filename, text = text })
    end
  end
  for _, candidate in ipairs(_BUFFERS) do
    add(candidate)
  end
  return open
end

local function project()
  return io.get_project_root() or (buffer.filename or ""):match("^(.+)[/\\]") or lfs.currentdir()
end

-- Starts to search for `text`, and ends the search before it. The results buffer must be shown.
local function start(text)
  M.stop()
  query = { text = text, kind = M.kind, ignore_case = M.ignore_case, whole_word = M.whole_word }
  if text == "" then
    shown:write("")
    return
  end
  local job = {
    query = query,
    directory = place.directory,
    filter = ui.find.find_in_files_filters[place.directory] or lfs.default_filter,
    open = place.open,
    binary = _L["Binary file matches."],
  }
  shown:begin(job)
  show_state("searching")
  running = session.start(workers(), job)
  if not ticking then
    ticking = true
    timeout(M.interval, tick)
  end
end

local function label()
  return ("%s [%s%s%s]: "):format(_L["Find in Files"]:gsub("[_&]", ""), NAMES[M.kind],
    M.ignore_case and "" or ", case", M.whole_word and ", words" or "")
end

local function take_over_options()
  if M.kind == nil then
    M.kind = ui.find.regex and "regex" or "plain"
  end
  if M.ignore_case == nil then
    M.ignore_case = not ui.find.match_case
  end
  if M.whole_word == nil then
    M.whole_word = ui.find.whole_word
  end
end

-- Shows the results buffer for a search in `directory`, by default the project's.
function M.prepare(directory)
  take_over_options()
  M.stop()
  place = { directory = (directory or project()):gsub("(.)/+$", "%1"), open = files_open() }
  place.directory = place.directory
  query, shown = nil, results.show()
end

-- Searches in `directory` for `text`, without asking.
function M.search(text, directory)
  M.prepare(directory)
  start(text)
end

-- Whether a search is running, and how many lines it, or the last one, has found.
function M.state()
  return running ~= nil, shown and shown.lines or 0
end

local function on_text()
  local text = typing and ui.command_entry:get_text()
  if text and not (query and query.text == text) then
    start(text)
  end
end

local function with_change(change)
  return function()
    change()
    ui.command_entry.label = label()
    start(ui.command_entry:get_text())
  end
end

local command_keys = {
  f1 = with_change(function() M.ignore_case = not M.ignore_case end),
  f2 = with_change(function() M.whole_word = not M.whole_word end),
  f3 = with_change(function() M.kind = KINDS[M.kind] end),
  esc = function()
    typing = false
    M.stop("stopped")
    ui.command_entry.focus()
  end,
}

local function on_enter(text)
  typing = false
  if not (query and query.text == text) then
    start(text)
  end
  shown:enter()
end

-- Opens the command entry. F1 turns the case on and off, F2 whole words, F3 goes from text to Lua patterns
-- to regular expressions; Esc ends the search; Enter goes to the results.
function M.open()
  if ui.command_entry.active then
    return
  end
  M.prepare()
  typing = true
  ui.command_entry.run(label(), on_enter, command_keys, "text")
end

events.connect(events.COMMAND_TEXT_CHANGED, on_text)
events.connect(events.KEYPRESS, on_key, 1)

-- The Lua state goes on, and so would the threads and the timer. A task is ended in no time, unless it waits for a
-- disk; then it ends later by itself, and the editor need not wait for it.
events.connect(events.RESET_BEFORE, function()
  M.stop("stopped: the editor was reset")
  closed, typing = true, false
  if scheduler then
    scheduler:stop { mode = "cancel", timeout = 0.05 }
  end
end)

return M
