-- lua5.4 spec/stress/shrink.lua SEED [OUT [SECONDS]]
--
-- Takes from a seed that fails one action after the other, of the host and of its tasks, as long as it
-- still fails in the same way, three times out of three, within so many seconds (default: 2) of being
-- repeated, and writes what is left into OUT (default: build/shrunk.lua): a script for stress.lua. To be
-- run where the sources are, with the variables with which the seed failed. A hang is known by
-- ECHO_STRESS_PATIENCE (here 5).

local delta = require "spec.stress.delta"
local script = require "spec.stress.script"

local TIMES = 3

local seed, out, seconds = math.tointeger(tonumber(arg[1])), arg[2] or "build/shrunk.lua", tonumber(arg[3] or 2)
assert(seed, "usage: lua5.4 spec/stress/shrink.lua SEED [OUT [SECONDS]]")
local patience = tonumber(os.getenv "ECHO_STRESS_PATIENCE" or 5)
local interpreter = arg[-1]
local errors, list, trial = os.tmpname(), os.tmpname(), os.tmpname()

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  assert(file:write(text))
end

-- What went wrong, without what differs from time to time, and how it ended; nothing if it went well.
local function symptom(program, more)
  local command = ("ECHO_STRESS_PATIENCE=%d %s timeout -k 5 %d %s spec/stress/stress.lua %s %s >/dev/null 2>%s"):format(
    patience, more or "", seconds * 2 + patience * 2 + 20, interpreter, seconds, program, errors)
  if os.execute(command) then
    return
  end
  local text = read(errors)
  local ending, problem = text:match "^seed %d+ %(([%w_]+)%):\n%s*([^\n]*)"
  if problem then
    return problem:gsub("%d+[%d./]*", "N"), ending
  end
  return text:match "^hung" or text:match "^[^\n]*"
end

-- The actions that the seed does, each once, in the order in which they are begun.
local function actions_of(lines)
  local actions, seen = {}, {}
  for name, number in lines:gmatch "(%S+) (%d+)\n" do
    if not seen[number] then
      seen[number] = true
      actions[#actions + 1] = { name, math.tointeger(number) }
    end
  end
  return actions
end

-- What fails once in a while is of no use as a spec: it has to fail each time.
local function fails(program, wanted)
  for _ = 1, TIMES do
    if symptom(program) ~= wanted then
      return false
    end
  end
  return true
end

local function main()
  local wanted, ending = symptom(seed .. " again", "ECHO_STRESS_LIST=" .. list)
  assert(wanted, "the seed does not fail; more seconds may help")
  local all, tries = actions_of(read(list)), 0
  print(("seed %d: %s; %d actions"):format(seed, wanted, #all))
  local function holds(actions)
    tries = tries + 1
    write(trial, script.text("", seed, ending, actions))
    local same = fails(trial, wanted)
    if same then
      local head = ("Seed %d, shrunk from %d actions: %s."):format(seed, #all, wanted)
      write(out, script.text(head, seed, ending, actions))
      print(("%d actions left after %d tries"):format(#actions, tries))
    end
    return same
  end
  assert(holds(all), "with the list of its actions the seed does not fail; more seconds may help")
  delta.shrink(all, holds)
  print("see " .. out)
end

local ok, problem = pcall(main)
os.remove(errors)
os.remove(list)
os.remove(trial)
if not ok then
  io.stderr:write("shrink: ", (tostring(problem):gsub("^[^\n]-:%d+: ", "")), "\n")
  os.exit(1)
end
