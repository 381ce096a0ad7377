-- What Lua's libraries for threads take for the same work, and Echo beside them.
--
-- Each round, each library answers the question in a process of its own, with the clock inside it, one
-- after the other; those that are not installed are skipped by name, and what one cannot do is n/a.
--
--   idle        submit to result from a pool at rest, a millisecond between two; and a bare futex
--   tiny        a hundred thousand tasks that add one, a result each; and a bare call
--   cpu         2000 times fib(20)
--   strings     1 MB of text there and back; and two copies of it
--   records     ten thousand records there and back
--   urgent      how soon a high task begins among thousands of low ones
--   sleepers    as many asleep at once as may be: memory of each, and how late they wake
--   start       a pool is made, does one task and is stopped
--   rest        the processor time of a pool that has nothing to do
--   mandelbrot, json, words   real work, its result compared with the serial program's
--
-- Usage: bench/peers.lua QUESTION[,QUESTION...] [workers [rounds [LIBRARY,LIBRARY...]]]

local here = arg[0]:match ".*/" or "./"
package.path = here .. "?.lua;" .. package.path
local data = require "peers.data"
local report = require "report"

local QUESTIONS = { "idle", "tiny", "cpu", "strings", "records", "urgent", "sleepers", "start", "rest",
  "mandelbrot", "json", "words" }
local LIBRARIES = { "bare", "serial", "echo", "echo_urgent", "luv", "cqueues", "lanes", "effil", "ltask",
  "llthreads2" }
local SERIAL = { cpu = true, mandelbrot = true, json = true, words = true }

local WORKERS = tonumber(arg[2]) or 2
local ROUNDS = tonumber(arg[3]) or 5

-- The items of a list with commas, each of which `known` has.
local function split(text, known, what)
  if not text or text == "all" then return known end
  local list, names = {}, {}
  for _, name in ipairs(known) do names[name] = true end
  for name in text:gmatch "[^,]+" do
    if not names[name] then
      io.stderr:write(("%s %q: expected one of %s\n"):format(what, name, table.concat(known, ", ")))
      os.exit(2)
    end
    list[#list + 1] = name
  end
  return list
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function make_folder()
  local pipe <close> = assert(io.popen "mktemp -d")
  return assert(pipe:read "l", "mktemp -d made no folder")
end

local sheet = report.new()
local command = ("LUA_PATH=%s LUA_CPATH=%s timeout 120 lua5.4 %speers/child.lua"):format(quote(package.path),
  quote(package.cpath), here)

local function measure(library, question, folder)
  if library == "serial" and not SERIAL[question] then return end
  local well, why = sheet:gather(("%s %s %s %d %s"):format(command, library, question, WORKERS,
    quote(folder)))
  if not well then sheet:skip(("%s, %s"):format(question, library), "failed, " .. why) end
end

local function answer(question, libraries)
  local folder = make_folder()
  local is_missing = question == "json" and not pcall(require, "cjson")
  if is_missing then sheet:skip("json", "cjson is not installed") end
  if not is_missing then
    if data.is_needed(question) then data.write(folder, question, report.count(1000000) / 1000000) end
    for _ = 1, ROUNDS do
      for _, library in ipairs(libraries) do measure(library, question, folder) end
    end
  end
  os.execute("rm -r " .. quote(folder))
end

local libraries = split(arg[4], LIBRARIES, "library")
for _, question in ipairs(split(arg[1], QUESTIONS, "question")) do answer(question, libraries) end
sheet:print()
