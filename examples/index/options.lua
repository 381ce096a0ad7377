--- The command line: what was asked for, checked before anything starts.

local output = require "index.output"
local tree = require "index.tree"

local options = { BAD_USAGE = 2 }

local DEFAULT_DIRECTORY = "/usr/include"
local DEFAULT_OUTPUT = "echo-index.txt"
local DEFAULT_PATTERNS = { "*.h" }
local DEFAULT_NAMES = { "size_t", "FILE", "printf", "errno", "EINVAL", "timespec" }

options.USAGE = [[
usage: lua5.4 index.lua [OPTION]... [DIR]

Writes an index of the identifiers and definitions in the C headers below DIR (default: /usr/include)
and meanwhile looks names up, as an editor would.

  --workers N       worker threads (default: one per CPU, at least 2)
  --output FILE     where the index goes (default: echo-index.txt)
  --files LIST      which files: extensions or patterns, for instance h,hpp,'lib*.c' (default: h)
  --look-up NAME    the name to look up; may be given several times (default: a few well-known ones)
  --no-baseline     leave out the run in one state that the speed-up is measured against
  --help            this text

Exit status: 0 when the index is written (files that could not be read are named), 1 when it is not,
2 on bad usage, 130 when interrupted.
]]

--- An expected failure: a message for the user and the exit status, no traceback.
local Failure = { __name = "failure" }
Failure.__index = Failure

function Failure:__tostring()
  return self.message
end

function options.fail(code, message, ...)
  error(setmetatable({ code = code, message = message:format(...) }, Failure), 0)
end

function options.is_failure(problem)
  return getmetatable(problem) == Failure
end

local function bad_usage(message, ...)
  options.fail(options.BAD_USAGE, message .. " (--help says more)", ...)
end

local VALUES = {}

function VALUES.workers(settings, value)
  settings.workers = value:find("^%d+$") and math.tointeger(tonumber(value))
  if not settings.workers or settings.workers == 0 then
    bad_usage("--workers: expected a whole number of at least 1, got '%s'", value)
  end
end

function VALUES.output(settings, value)
  settings.output = value
end

function VALUES.files(settings, value)
  settings.patterns = {}
  for item in (value .. ","):gmatch("([^,]*),") do
    if item == "" or item:find("/", 1, true) then
      bad_usage("--files: expected extensions or patterns without a slash, got '%s'", value)
    end
    local pattern = item:find("[*?[]") and item or "*." .. item:gsub("^%.", "")
    settings.patterns[#settings.patterns + 1] = pattern
  end
end

VALUES["look-up"] = function(settings, value)
  if not value:find("^[%a_][%w_]*$") then
    bad_usage("--look-up: expected an identifier, got '%s'", value)
  end
  settings.asked = settings.asked or {}
  settings.asked[#settings.asked + 1] = value
end

local FLAGS = { ["--help"] = "help", ["-h"] = "help", ["--no-baseline"] = "no_baseline" }

local function take_directory(settings, argument)
  if settings.directory then
    bad_usage("one directory at a time: got '%s' and '%s'", settings.directory, argument)
  end
  settings.directory = argument
end

-- Takes what is at `at`, an option with its value too; returns how many arguments that were.
local function take(settings, arguments, at)
  local argument = arguments[at]
  if FLAGS[argument] then
    settings[FLAGS[argument]] = true
    return 1
  elseif not argument:find("^%-.") then
    take_directory(settings, argument)
    return 1
  end
  local option, value = argument:match("^%-%-([^=]+)=(.*)$")
  option = option or argument:match("^%-%-(.+)$")
  if not VALUES[option] then
    bad_usage("unknown option '%s'", argument)
  end
  local taken = value and 1 or 2
  value = value or arguments[at + 1]
  if not value or value == "" then
    bad_usage("--%s: expected a value", option)
  end
  VALUES[option](settings, value)
  return taken
end

function options.parse(arguments)
  local settings = { output = DEFAULT_OUTPUT, patterns = DEFAULT_PATTERNS }
  local at = 1
  while at <= #arguments do
    at = at + take(settings, arguments, at)
  end
  settings.directory = settings.directory or DEFAULT_DIRECTORY
  settings.names = settings.asked or DEFAULT_NAMES
  return settings
end

local function check_directory(directory)
  if directory == "" then
    bad_usage("expected a directory, got an empty name")
  end
  local found, problem = tree.is_directory(directory)
  if not found then
    bad_usage("%s: %s", directory, problem)
  end
end

--- What only the machine can say: is the directory there, can the index be written?
function options.check(settings)
  check_directory(settings.directory)
  local problem = output.problem(settings.output)
  if problem then
    bad_usage("--output: %s: %s", settings.output, problem)
  end
end

--- Gives the builder the number of workers; what it does not take is bad usage as well.
function options.set_workers(settings, builder)
  if settings.workers then
    local accepted, problem = pcall(builder.with_worker_count, builder, settings.workers)
    if not accepted then
      bad_usage("--workers: %s", tostring(problem))
    end
  end
  return builder
end

return options
