-- lua5.4 spec/stress/stress.lua [SECONDS [SEED [again]]]
-- lua5.4 spec/stress/stress.lua SECONDS SCRIPT
--
-- Random programs, one after the other, for so many seconds; each round's tasks, messages, permits,
-- call-backs, threads and memory are accounted for. With a seed, begins with that one; with `again`,
-- stays with it; and so it does with a script, which is what is left of a seed (shrink.lua). To be run
-- where the sources are. README.md beside it says more.

local echo = require "echo"
local machine = require "spec.lua.support.machine"
local new_watchdog = require "spec.stress.watchdog"
local round = require "spec.stress.round"
local script = require "spec.stress.script"

local seconds, program = tonumber(arg[1] or 10), script.read(arg[2] or os.time())
local step = (arg[3] == "again" or program.kept) and 0 or 1
local watchdog <close> = new_watchdog(tonumber(os.getenv("ECHO_STRESS_PATIENCE") or 60))
local total = { rounds = 0, accepted = 0, done = 0, failed = 0, cancelled = 0, lost = 0,
  forgotten = 0, messages = 0, unsettled = 0 }

-- What a timed out stop abandons may still run; the process then has threads more.
local function check_threads(ledger, before, abandoned)
  collectgarbage()
  collectgarbage()
  if not abandoned then
    local count = machine.await_thread_count(before)
    if count > before then
      ledger:problem("%d threads are left of %d", count, before)
    end
  end
end

local function count(ledger)
  total.rounds = total.rounds + 1
  total.accepted = total.accepted + ledger:ends()
  total.unsettled = total.unsettled + (ledger:is_settled() and 0 or 1)
  for status, number in pairs(ledger.counts) do
    total[status] = total[status] + number
  end
  for _ in pairs(ledger.received) do
    total.messages = total.messages + 1
  end
end

local function check_round()
  watchdog:heartbeat("seed " .. program.seed)
  local before = machine.thread_count()
  local ledger, ending, abandoned = round(program)
  check_threads(ledger, before, abandoned)
  count(ledger)
  if #ledger.problems > 0 then
    io.stderr:write(("seed %d (%s):\n  %s\n"):format(program.seed, ending,
      table.concat(ledger.problems, "\n  ")))
    os.exit(1)
  end
  program.seed = program.seed + step
end

local function report(first, memory, early)
  print(("seeds %d to %d, %d rounds: %d tasks accepted, %d done, %d failed, %d cancelled, %d lost, "
    .. "%d forgotten; %d messages; %d rounds with open accounts; %d KiB, %d at half time"):format(
    first, program.seed - step, total.rounds, total.accepted, total.done, total.failed, total.cancelled,
    total.lost, total.forgotten, total.messages, total.unsettled, memory, early))
end

local function main()
  echo.builder():with_worker_count(1):build():submit(math.abs, 1):wait()
  collectgarbage()
  collectgarbage() -- a sanitizer has started a thread of its own by now, and keeps it
  local first = program.seed
  local finish = echo.now() + seconds
  local early
  repeat
    check_round()
    if not early and echo.now() > finish - seconds / 2 then
      early = machine.memory()
    end
  until echo.now() >= finish
  local memory = machine.memory()
  report(first, memory, early)
  local growth = tonumber(os.getenv "ECHO_STRESS_GROWTH")
  assert(not growth or memory - early <= growth, "the memory grows")
end

main()
