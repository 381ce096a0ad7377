-- lua5.4 spec/stress/stress.lua [SECONDS [SEED]]
--
-- Random programs, one after the other, for so many seconds; each round's tasks, messages, permits,
-- call-backs, threads and memory are accounted for. With a seed, begins with that one: a round
-- that failed is seen again with SECONDS 0, or with luck, since threads have no seed. To be run
-- where the sources are.
--
--   ECHO_STRESS_PATIENCE=60      seconds after which a round hangs: its stacks are printed
--   ECHO_STRESS_LEAVES=nothing   no stop leaves a worker behind: for the leak sanitizer
--   ECHO_STRESS_CALLS=1          endless loops call C: for the thread sanitizer

local echo = require "echo"
local machine = require "spec.lua.support.machine"
local new_watchdog = require "spec.stress.watchdog"
local round = require "spec.stress.round"

local seconds, seed = tonumber(arg[1] or 10), tonumber(arg[2] or os.time())
local watchdog <close> = new_watchdog(tonumber(os.getenv("ECHO_STRESS_PATIENCE") or 60))
local total = { rounds = 0, tasks = 0, done = 0, failed = 0, cancelled = 0, messages = 0,
  abandoned = 0, unsettled = 0 }

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
  total.tasks = total.tasks + #ledger.tasks
  total.unsettled = total.unsettled + (ledger.unsettled > 0 and 1 or 0)
  for status, number in pairs(ledger.counts) do
    total[status] = total[status] + number
  end
  for _ in pairs(ledger.received) do
    total.messages = total.messages + 1
  end
end

local function check_round()
  watchdog:heartbeat("seed " .. seed)
  local before = machine.thread_count()
  local ledger, ending, abandoned = round(seed)
  if abandoned then
    total.abandoned = total.abandoned + abandoned
  end
  check_threads(ledger, before, abandoned)
  count(ledger)
  if #ledger.problems > 0 then
    io.stderr:write(("seed %d (%s):\n  %s\n"):format(seed, ending,
      table.concat(ledger.problems, "\n  ")))
    os.exit(1)
  end
  seed = seed + 1
end

local function main()
  echo.builder():with_worker_count(1):build():submit(math.abs, 1):wait()
  collectgarbage()
  collectgarbage() -- a sanitizer has started a thread of its own by now, and keeps it
  local first = seed
  local finish = echo.now() + seconds
  local early
  repeat
    check_round()
    if not early and echo.now() > finish - seconds / 2 then
      early = machine.memory()
    end
  until echo.now() >= finish
  local memory = machine.memory()
  print(("seeds %d to %d: %d tasks, %d done, %d failed, %d cancelled; %d messages; %d abandoned"
    .. "; %d rounds with open accounts; %d KiB, %d at half time"):format(first, seed - 1,
    total.tasks, total.done, total.failed, total.cancelled, total.messages, total.abandoned,
    total.unsettled, memory, early))
end

main()
