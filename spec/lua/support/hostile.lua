-- Runs a task that means harm in a process of its own, among others that do not, and says what became
-- of it, of them, and of the process.
--
--   hostile.run(body)          the task runs and ends by itself
--   hostile.cancel(body)       it never ends: it is cancelled once it runs
--   hostile.give_up(body)      not even that ends it: the scheduler is stopped with a time-out
--   hostile.run(body, { ... }) workers = 1; builder = ":with_..."; before, after = what the host does
--                              first and last
--
-- The others are honest: tasks that sleep in the same worker's state while it runs, and such as come
-- after it. They call nothing that a task could take away from its neighbours.
--
-- Returns what process.shell does, `out` being three lines: how the task ended; how many of the others
-- have gone wrong; what the stop returned. One that is given up has them in this order: how many of the
-- others, which another worker ran meanwhile; the stop; the task.

local process = require "spec.lua.support.process"

local hostile = {}

local head = [==[
local echo = require "echo"
$BEFORE$
local s = echo.builder():with_worker_count($WORKERS$)$BUILDER$:build()

local function honest(n)
  local list, sum = {}, 0
  for i = 1, n do list[i] = i * i end
  for i = 1, n do sum = sum + list[i] end
  return sum
end
local function sleeper(sleep, honest, n)
  sleep(0.01)
  return honest(n)
end
local function attack(...)
  local echo <const>, given <const> = require "echo", ...
  do $BODY$ end
end

-- Once somebody has not come back there is little hope for the rest.
local patience = 60
local function tell(went_well, value)
  if went_well then return "done", value end
  if value.kind == "timeout" then patience = 0.1 end
  return value.kind, value.message
end
local others, wrong = {}, 0
local function check()
  for i = 1, #others do
    local went_well, sum = others[i]:pwait(patience)
    if not went_well or sum ~= 2870 then
      wrong = wrong + 1
      if wrong == 1 then io.stderr:write(tostring(sum), "\n") end
    end
  end
end
local function await_start(task)
  while task:status() == "queued" do io.open("/dev/null"):close() end
  pcall(task.wait, task, 0.03)
end
]==]

local ends = [==[
for i = 1, 10 do others[i] = s:submit(sleeper, echo.sleep, honest, 20) end
s:submit(echo.sleep, 0.001):wait(20)
local task = s:submit({ name = "hostile" }, attack)
for i = 11, 40 do others[i] = s:submit(honest, 20) end
$CANCEL$
print(tell(task:pwait(patience)))
check()
others = {}
for i = 1, 20 do others[i] = s:submit(honest, 20) end
check()
print(wrong)
print(s:stop { timeout = patience })
$AFTER$
]==]

local cancel = [==[await_start(task) task:cancel("enough")]==]

local stays = [==[
local task = s:submit({ name = "hostile" }, attack)
await_start(task)
for i = 1, 40 do others[i] = s:submit(honest, 20) end
check()
task:cancel("enough")
print(wrong)
print(s:stop { mode = "cancel", timeout = 0.2 })
print(select(2, task:pwait(0)).kind)
$AFTER$
os.exit(true)
]==]

local function run(script, body, options, defaults)
  local parts = { BODY = body, WORKERS = tostring(options.workers or defaults.workers),
    BUILDER = options.builder or "", BEFORE = options.before or "", AFTER = options.after or "",
    CANCEL = defaults.cancel or "" }
  return process.shell((head .. script):gsub("%$(%u+)%$", parts), "timeout 120 $LUA $SCRIPT; exit $?")
end

function hostile.run(body, options)
  return run(ends, body, options or {}, { workers = 1 })
end

function hostile.cancel(body, options)
  return run(ends, body, options or {}, { workers = 1, cancel = cancel })
end

function hostile.give_up(body, options)
  return run(stays, body, options or {}, { workers = 2 })
end

return hostile
