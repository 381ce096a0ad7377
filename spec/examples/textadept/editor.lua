-- A stand-in for Textadept: as much of its Lua interface as the search in projects uses, with no more than
-- the behaviour that it relies on. `install` makes the globals, `remove` takes them away. There is no loop:
-- a spec says `turn`, and the timers are called once.

local uv = require "luv"

local editor = {}

local NAMES = { "buffer", "_BUFFERS", "_VIEWS", "_L", "_CHARSET", "events", "ui", "lfs", "timeout", "assert_type",
  "view", "quit" }

local timers

-- Buffers ---------------------------------------------------------------------------------------

local Buffer = {}

Buffer.__index = Buffer

function Buffer:append_text(text)
  table.insert(self.parts, text)
  self.length, self.modify = self.length + #text, true
end

function Buffer:clear_all()
  self.parts, self.length, self.marks = {}, 0, {}
end

function Buffer:set_save_point()
  self.modify = false
end

for _, name in ipairs { "start_styling", "set_styling", "style_of_name" } do
  Buffer[name] = function() end
end

function Buffer:get_text()
  self.parts = { table.concat(self.parts) }
  return self.parts[1]
end

function Buffer:goto_line(line)
  self.line = line
end

function Buffer:indicator_fill_range(position, length)
  table.insert(self.marks, { position, length, self.indicator_current })
end

local function new_buffer(fields)
  setmetatable(fields, Buffer):clear_all()
  fields:append_text(fields.text or "")
  fields.modify = fields.text ~= nil
  table.insert(_BUFFERS, fields)
  _BUFFERS[fields] = #_BUFFERS
  return fields
end

-- Opens a file, with a text if it has been changed.
function editor.open(path, text)
  buffer = new_buffer { filename = path, text = text }
  _VIEWS[1].buffer = buffer
  return buffer
end

function editor.close(which)
  table.remove(_BUFFERS, _BUFFERS[which])
  _BUFFERS[which] = nil
end

-- The buffer with the results.
function editor.results()
  for _, candidate in ipairs(_BUFFERS) do
    if candidate._type == _L["[Files Found Buffer]"] then
      return candidate
    end
  end
end

-- Events, timers, keys --------------------------------------------------------------------------

local function new_events()
  local handlers = {}
  local events = {
    COMMAND_TEXT_CHANGED = "command_text_changed", KEYPRESS = "keypress", RESET_BEFORE = "reset_before",
    QUIT = "quit",
  }
  function events.connect(event, handler, index)
    handlers[event] = handlers[event] or {}
    table.insert(handlers[event], index or #handlers[event] + 1, handler)
  end
  function events.emit(event, ...)
    for _, handler in ipairs(handlers[event] or {}) do
      if handler(...) then
        return true
      end
    end
  end
  return events
end

-- One turn of the loop.
function editor.turn()
  local due = timers
  timers = {}
  for _, timer in ipairs(due) do
    if timer() then
      table.insert(timers, timer)
    end
  end
end

function editor.timers()
  return #timers
end

-- Turns until `condition()` holds, and returns what it returned.
function editor.turn_until(condition)
  local deadline = uv.hrtime() + 60e9
  while true do
    local result = condition()
    if result then
      return result
    end
    assert(uv.hrtime() < deadline, "it does not come")
    editor.turn()
    uv.sleep(1)
  end
end

function editor.type(text)
  for letter in text:gmatch(".") do
    events.emit(events.KEYPRESS, letter)
    ui.command_entry:append(letter)
  end
end

function editor.press(key)
  if not events.emit(events.KEYPRESS, key) and ui.command_entry.active then
    ui.command_entry.keys[key]()
  end
end

local function new_command_entry()
  local entry = { active = false, text = "" }
  function entry:get_text()
    return self.text
  end
  function entry:append(text)
    self.text = self.text .. text
    events.emit(events.COMMAND_TEXT_CHANGED)
  end
  function entry.focus()
    entry.active = not entry.active
  end
  function entry.run(label, on_enter, keys)
    entry.label, entry.keys, entry.text, entry.active = label, keys, "", true
    keys["\n"] = keys["\n"] or function()
      entry.focus()
      on_enter(entry.text)
    end
  end
  return entry
end

-- The rest --------------------------------------------------------------------------------------

local function new_ui()
  local new = {
    command_entry = new_command_entry(),
    find = { regex = false, match_case = true, whole_word = false, find_in_files_filters = {}, INDIC_FIND = 9 },
  }
  function new.print_to(kind, text)
    local target = editor.results() or new_buffer { _type = kind }
    target:append_text(text .. "\n")
    _VIEWS[2], buffer = { buffer = target }, target
    return target
  end
  function new.goto_view(view)
    buffer = view.buffer
  end
  return new
end

-- Gives every file below a directory. A pattern of the filter that begins with `!` excludes the paths that
-- have the rest. Directories called *.locked cannot be read.
local function walk(directory, filter, depth, with_directories)
  assert_type(directory, "string", 1)
  for name in lfs.dir(directory:find("%.locked$") and directory .. "/gone" or directory) do
    local path = directory .. "/" .. name
    local mode = lfs.attributes(path, "mode")
    local shown = mode == "directory" and path .. "/" or path
    local wanted = name ~= "." and name ~= ".."
    for _, pattern in ipairs(filter) do
      wanted = wanted and not shown:find(pattern:sub(2), 1, true)
    end
    if wanted and (mode == "file" or with_directories) then
      coroutine.yield(shown)
    end
    if wanted and mode == "directory" and depth ~= 0 then
      walk(path, filter, depth and depth - 1, with_directories)
    end
  end
end

local function new_lfs()
  return {
    default_filter = { "!.o", "!/.git/" },
    currentdir = uv.cwd,
    abspath = function(path)
      return path
    end,
    walk = function(directory, filter, depth, with_directories)
      return coroutine.wrap(function()
        walk(directory, filter, depth, with_directories)
      end)
    end,
  }
end

function editor.install(project)
  timers = {}
  events, ui, lfs = new_events(), new_ui(), new_lfs()
  _BUFFERS, _VIEWS, _CHARSET, view = {}, { {} }, "UTF-8", { STYLE_DEFAULT = 33 }
  _L = setmetatable({}, {
    __index = function(_, name)
      return name
    end,
  })
  function timeout(_, timer)
    table.insert(timers, timer)
  end
  editor.has_quit = false
  function quit(_, ask)
    editor.has_quit = ask == false or not events.emit(events.QUIT)
  end
  function assert_type(value, kind)
    return type(value) == kind and value or error("bad argument")
  end
  io.get_project_root = function()
    return project
  end
  editor.open()
end

-- What `reset()` does to a module: its events are gone, it is loaded anew, timers go on.
function editor.reset()
  events.emit(events.RESET_BEFORE, {})
  events, ui = new_events(), new_ui()
  editor.forget()
  collectgarbage()
end

function editor.forget()
  for name in pairs(package.loaded) do
    if name:find("^project_search") or name == "echo" then
      package.loaded[name] = nil
    end
  end
end

function editor.remove()
  editor.forget()
  for _, name in ipairs(NAMES) do
    _G[name] = nil
  end
  io.get_project_root = nil
end

return editor
