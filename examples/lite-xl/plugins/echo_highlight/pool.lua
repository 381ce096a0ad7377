-- The scheduler of the plugin, and its end of the editor's event loop.
local core = require "core"

local pool = {}
local scheduler, monitor

local MISSING = [[Echo highlighter: %s. Install echo.so (built for Lua 5.4) and native.so as the
plugin's README.md says; until then the editor's own highlighter is at work.]]

local function find(name)
  local ok, module = pcall(require, name)
  if not ok then
    core.error(MISSING, tostring(module):match("^[^\n]*"))
    return nil
  end
  return module
end

-- The functions of a library that is part of the editor, by their addresses; other states make
-- functions of them again.
local function describe(native, library)
  local functions, constants = {}, {}
  for key, value in pairs(library) do
    if type(value) == "function" and debug.getinfo(value, "S").what == "C" then
      functions[key] = native.address(value)
    elseif type(value) ~= "function" and type(value) ~= "table" then
      constants[key] = value
    end
  end
  return { functions = functions, constants = constants }
end

local function open_worker(natives)
  require("plugins.echo_highlight.worker").open(natives)
end

local function let_wake(native)
  local path = os.tmpname()
  if native.wake(package.searchpath("echo", package.cpath), path) == "file" then
    monitor = dirmonitor.new()
    monitor:watch(path)
  end
  os.remove(path) -- both have it open
end

local function processors()
  local count = 0
  for line in io.lines("/proc/cpuinfo") do
    count = count + (line:find("^processor") and 1 or 0)
  end
  return count
end

-- Starts the scheduler. Returns it, or nil after a message that says what is missing.
function pool.open(settings)
  local echo = find "echo"
  local native = echo and find "plugins.echo_highlight.native"
  if not native then
    return nil
  end
  local natives = {
    path = package.searchpath("plugins.echo_highlight.native", package.cpath),
    libraries = { utf8extra = describe(native, require "utf8extra"), regex = describe(native, regex) },
  }
  local ok, count = pcall(processors)
  count = settings.workers or (ok and count > 1 and count - 1 or 1)
  scheduler = echo.builder():with_worker_count(count):with_name("highlight")
    :with_path(package.path, package.cpath):with_setup(open_worker, natives):build()
  let_wake(native)
  return scheduler
end

local function tokenize(...)
  return require("plugins.echo_highlight.worker").tokenize(...)
end

function pool.submit(priority, language, text, state)
  return scheduler:submit({ priority = priority, name = "highlight" }, tokenize, language, text, state)
end

-- Takes what has arrived, without waiting.
function pool.deliver()
  if monitor then
    monitor:check(function() end)
  end
  scheduler:poll(0)
end

return pool
