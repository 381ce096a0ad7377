-- Runs an installed Textadept, searches in it as somebody would who types, and measures how long the editor's
-- loop was held up; then the same with the editor's own "find in files".
--
--   lua5.4 examples/textadept/probe.lua TEXTADEPT [DIRECTORY [PATTERN]]
--
-- TEXTADEPT is the program: one whose name has "curses" in it is run on a pseudo-terminal (by `script`), any
-- other one on $DISPLAY. Echo has to be found by this interpreter (LUA_PATH, LUA_CPATH), and `grep` be there.
-- What is done in the editor is in probe/inside.lua, and every figure is explained in README.md.

local echo = require "echo"

local EVERY = 0.008 -- seconds between two keys
local HEARTBEAT = "~" -- one byte: the editor may take 50 ms over a sequence that comes in two parts

local here = arg[0]:match("^(.*)/") or "."
local program, directory, pattern = arg[1], arg[2] or "/usr/include", arg[3] or "pthread_mutex"
if not program then
  io.stderr:write("usage: probe.lua TEXTADEPT [DIRECTORY [PATTERN]]\n")
  os.exit(2)
end

local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
end

local function write_file(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

local function working_directory()
  local pipe <close> = io.popen("pwd")
  return pipe:read()
end

-- A user's directory for the editor, whose init.lua has the search, and this probe.
local function make_home()
  local home = os.tmpname()
  os.remove(home)
  assert(os.execute("mkdir " .. home))
  local root = here:find("^/") and here or working_directory() .. "/" .. here
  local function absolute(path)
    return (path:gsub("[^;]+", function(entry)
      return entry:find("^/") and entry or working_directory() .. "/" .. entry
    end))
  end
  write_file(home .. "/init.lua", ([[
    package.path = %q .. "/?.lua;" .. %q .. "/?/init.lua;" .. %q .. ";" .. package.path
    package.cpath = %q .. ";" .. package.cpath
    PROBE = { home = %q, directory = %q, pattern = %q }
    require("project_search")
    if arg then
      events.connect(events.INITIALIZED, function() require("probe.inside") end)
    end
  ]]):format(root, root, absolute(package.path), absolute(package.cpath), home, directory, pattern))
  return home
end

local function sleep(seconds)
  pcall(echo.channel().receive, echo.channel(), seconds)
end

-- Starts the editor. Returns where its keys go, and the lines that come from inside.lua.
local function start(home)
  local command = ("%s -n -u %s"):format(program, home)
  if program:find("curses") then
    command = ("TERM=xterm LANG=C.UTF-8 script -qec 'stty rows 40 cols 120; %s' /dev/null >/dev/null"):format(command)
  end
  assert(os.execute(("mkfifo %s/lines"):format(home)))
  -- The shell keeps the pipe open, too.
  local keys = assert(io.popen(("exec 3>%s/lines; %s; echo ended $? >&3"):format(home, command), "w"))
  return keys, assert(io.open(home .. "/lines"))
end

-- Runs the editor to its end. It asks for a key, its heartbeat, whenever it has handled the one before. Returns its
-- exit status, how long it took to quit, and how long the keys took at most to be handled, by phase.
local function run(home)
  local keys, lines = start(home)
  local sent, quitting
  local latencies = {}
  for line in lines:lines() do
    local what, rest = line:match("^(%S+) ?(.*)")
    if what == "ended" then
      return rest, echo.now() - (quitting or echo.now()), latencies
    elseif what == "quitting" then
      quitting = echo.now()
    elseif what == "key" then
      if not latencies[rest] then
        latencies[rest] = { phase = rest, longest = 0 }
        table.insert(latencies, latencies[rest])
      end
      latencies[rest].longest = math.max(latencies[rest].longest, sent and echo.now() - sent or 0)
      sleep(EVERY)
      sent = echo.now()
      keys:write(HEARTBEAT):flush()
    end
  end
end

-- What grep finds, and whether the editor has found the same: its lines are cut, and without carriage returns.
local function compare(found)
  local pipe <close> = io.popen(("cd '%s' && LC_ALL=C grep -RInF -e '%s' . 2>/dev/null"):format(directory, pattern))
  local count, missing, there = 0, 0, {}
  local function short(line)
    return line:gsub("\r$", ""):sub(1, 400)
  end
  for _, line in ipairs(found) do
    there[short(line)] = true
  end
  for line in pipe:lines() do
    count = count + 1
    missing = missing + (there[short(line:gsub("^%./", ""))] and 0 or 1)
  end
  return count, missing
end

local home = make_home()
local status, quitting, latencies = run(home)
for _, line in ipairs(read_lines(home .. "/report")) do
  print(line)
end
for _, latency in ipairs(latencies) do
  print(("%s: a key was handled after %.1f ms at most"):format(latency.phase, latency.longest * 1000))
end
print(("quit in the midst of a search: status %s after %.0f ms"):format(status, quitting * 1000))
local well = status == "0"
for _, name in ipairs { "found", "found-after-reset" } do
  local found = read_lines(home .. "/" .. name)
  local count, missing = compare(found)
  print(("%s: %d lines, grep's %d, missing %d"):format(name, #found, count, missing))
  well = well and missing == 0 and count == #found
end
os.execute("rm -rf " .. home)
os.exit(well and 0 or 1, true)
