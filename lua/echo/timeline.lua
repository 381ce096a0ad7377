--- The picture of a run, of a recording that `s:trace(path)` has made: who ran what when, how long tasks
--- waited, how many there were.
--
--     local timeline = require "echo.timeline"       -- echo.timeline is the same
--     timeline("run.json", "run.svg")                -- writes the file, or changes nothing
--     local text = timeline("run.json", nil, { width = 800, from = 0.5, to = 0.75, title = "The second half" })
--
-- It reads any recording in Chrome's trace format, and what is there of one that breaks off. Needed is
-- lua-cjson or dkjson. It reads the file twice and keeps little of it: tasks narrower than two pixels are
-- drawn as how much of each pixel they fill.

local DEFAULT_WIDTH = 1200
local NARROWEST, WIDEST = 480, 10000

local OPTIONS = { width = "number", from = "number", to = "number", title = "string" }

--- Checked arguments ------------------------------------------------------------------------------

local function fail(text, ...)
  error({ refused = "echo.timeline: " .. text:format(...) }, 0)
end

local function check_path(name, value, what)
  if type(value) ~= "string" then
    fail("%s: expected %s, got a %s", name, what, type(value))
  elseif value == "" or value:find("\0", 1, true) then
    fail("%s: expected %s, got %q", name, what, value)
  end
end

local function check_time(name, value)
  if value and not (value >= 0 and value < 1e12) then
    fail("%s: expected seconds from the recording's beginning, got %s", name, value)
  end
end

local function check_options(options)
  if type(options) ~= "table" then
    fail("options: expected a table, got a %s", type(options))
  end
  local problem = require "echo.options".problem(OPTIONS, options)
  if problem then
    fail("%s", problem)
  end
  local width = options.width
  if width and not (width >= NARROWEST and width <= WIDEST and math.tointeger(width)) then
    fail("width: expected a whole number from %d to %d, got %s", NARROWEST, WIDEST, width)
  end
  check_time("from", options.from)
  check_time("to", options.to)
  if options.to and options.to <= (options.from or 0) then
    fail("to: expected a time after %s, got %s", options.from or "the beginning", options.to)
  end
end

--- The call ---------------------------------------------------------------------------------------

local function text_of(trace, options)
  local decode, missing = require "echo.timeline.json".decoder()
  if not decode then
    fail("%s", missing)
  end
  local text, problem, wrong = require "echo.timeline.picture".of(trace, decode, {
    width = math.tointeger(options.width or DEFAULT_WIDTH), from = options.from, to = options.to,
    title = options.title or trace:match "[^/]+$" or trace,
  })
  if not text then
    fail("%s", wrong or ("trace: %s: %s"):format(trace, problem))
  end
  return text
end

local function checked(trace, out, options)
  check_path("trace", trace, "the path of a recording")
  if out ~= nil then
    check_path("out", out, "the path of a file to write")
    if out == trace then
      fail("out: expected another file than the recording, got %s", out)
    end
  end
  if options ~= nil then
    check_options(options)
  end
  local text = text_of(trace, options or {})
  if out == nil then
    return text
  end
  local ok, problem = require "echo.timeline.file".replace(out, text)
  if not ok then
    fail("out: %s: %s", out, problem)
  end
end

--- Draws the recording at `trace` into the file `out`, or, without one, returns the text. Options: `width`
--- (pixels), `from`, `to` (seconds from the beginning of the recording), `title`.
return function(trace, out, options)
  local ok, result = pcall(checked, trace, out, options)
  if ok then
    return result
  elseif type(result) == "table" and result.refused then
    -- By way of echo.timeline, a C function, the caller is one further up.
    error(result.refused, debug and debug.getinfo(2, "S").what == "C" and 3 or 2)
  end
  error(result, 0)
end
