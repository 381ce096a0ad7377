-- Runs a task that means harm in a process of its own, among others that do not, and says what became
-- of it, of them, and of the process.
--
--   hostile.run(body)                the task runs and ends
--   hostile.cancel(body)             it never ends: it is cancelled once it runs
--   hostile.run(body, { ... })       workers = 1; builder = ":with_..."; seconds = 20, to wait for it;
--                                    before = a chunk that the host runs first
--
-- The others: tasks that sleep in the same worker's state while it runs, and such as come after it.
-- They use nothing that a task could take away from its neighbours. Returns what process.shell does,
-- with `out` of three lines: how the task ended, how many of the others went wrong, how the stop went.

local process = require "spec.lua.support.process"

local script = [==[
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
local function gate(sleep) sleep(0.001) end

local others = {}
for i = 1, 10 do others[i] = s:submit(sleeper, echo.sleep, honest, 20) end
s:submit(gate, echo.sleep):wait(20)

local task = s:submit({ name = "hostile" }, function(...)
  local echo <const>, stop <const> = require "echo", ...
  do $BODY$ end
end)
for i = 11, 40 do others[i] = s:submit(honest, 20) end
if $CANCEL$ then
  while task:status() == "queued" do io.open("/dev/null"):close() end
  pcall(task.wait, task, 0.03)
  task:cancel("enough")
end

-- Once somebody has not come back there is little hope for the rest.
local patience = $SECONDS$
local function tell(went_well, value)
  if went_well then return "done", value end
  if value.kind == "timeout" then patience = 0.1 end
  return value.kind, value.message
end
print(tell(task:pwait(patience)))
local wrong = 0
for i = 1, 40 do
  local went_well, sum = others[i]:pwait(patience)
  if not went_well or sum ~= 2870 then
    wrong = wrong + 1
    io.stderr:write(tostring(sum), "\n")
  end
end
for _ = 1, 20 do
  if select(2, s:submit(honest, 20):pwait(patience)) ~= 2870 then wrong = wrong + 1 end
end
print(wrong)
print(s:stop { timeout = patience })
$AFTER$
]==]

local function run(body, options, cancels)
  options = options or {}
  local seconds = options.seconds or 20
  local parts = {
    BODY = body, BEFORE = options.before or "", BUILDER = options.builder or "",
    AFTER = options.after or "", WORKERS = tostring(options.workers or 1),
    CANCEL = tostring(cancels), SECONDS = tostring(seconds),
  }
  return process.shell(script:gsub("%$(%u+)%$", parts),
    ("timeout %d $LUA $SCRIPT"):format(seconds + 40))
end

local hostile = {}

function hostile.run(body, options)
  return run(body, options, false)
end

function hostile.cancel(body, options)
  return run(body, options, true)
end

return hostile
