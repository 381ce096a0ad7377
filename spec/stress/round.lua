-- One round: a world, a host that does random things in it, and its end.

local echo = require "echo"
local new_ledger = require "spec.stress.ledger"
local new_random = require "spec.stress.random"
local run_host = require "spec.stress.host"
local submits = require "spec.stress.submit"

-- Names of actions ("scope", "host.cancel") that are left out.
local function read_without()
  local without = {}
  for name in (os.getenv "ECHO_STRESS_WITHOUT" or ""):gmatch("[^, ]+") do
    without[name] = true
  end
  return without
end

local function new_world(random, script)
  local world = { schedulers = {}, channels = {}, semaphores = {}, log = echo.channel(1 << 30),
    handles = echo.channel(20), memory_limited = random(5) == 1,
    loops = os.getenv "ECHO_STRESS_LOOPS" ~= "none", without = read_without(), kept = script.kept,
    list = os.getenv "ECHO_STRESS_LIST" }
  local permits = {}
  for i = 1, random(3) do
    world.channels[i] = echo.channel(({ 0, 1, 5, 100 })[random(4)])
    permits[i] = random(3)
    world.semaphores[i] = echo.semaphore(permits[i])
  end
  return world, permits
end

-- A setup that fails as often as there are messages.
local function fail_at_times(failures)
  if failures:try_receive() then
    error("a setup fails")
  end
end

local function add_failing_setup(builder, count)
  local failures = echo.channel(count)
  for _ = 1, count do
    failures:send(true)
  end
  builder:with_setup(fail_at_times, failures)
end

local function new_scheduler(random, world, workers, limit)
  local builder = echo.builder():with_worker_count(random(workers))
    :with_queue("queue1", { limit = limit }):with_queue("queue2", { limit = 1 })
  if random(4) == 1 then
    builder:with_capacity(random(30))
  end
  if random(4) == 1 then
    builder:with_fairness(random(5) - 1)
  end
  if world.memory_limited then
    builder:with_memory_limit(16 << 20)
  end
  if random(8) == 1 then
    add_failing_setup(builder, random(5))
  end
  return builder:build()
end

local function stop_all(self, how)
  for _, scheduler in ipairs(self.world.schedulers) do
    local stopped, count = scheduler:stop(how)
    if not stopped then
      self.abandoned = (self.abandoned or 0) + count
    end
  end
  self.stopped = true
end

local function stop_whole(self, how)
  stop_all(self, how)
  if self.abandoned then
    self.ledger:problem("a stop abandoned %d", self.abandoned)
  end
end

-- Those who wait for a channel that nobody serves, and endless tasks, would hold up a drain.
local function let_end(self)
  for _, channel in ipairs(self.world.channels) do
    channel:close()
  end
  for _, task in pairs(self.endless) do
    task:cancel()
  end
end

local function deliver(self)
  for _, channel in ipairs(self.world.channels) do
    channel:close()
  end
  local deadline = echo.now() + 20
  local scheduler = self.world.schedulers[1]
  local _, left = scheduler:poll()
  while left > 0 and echo.now() < deadline do
    _, left = scheduler:poll(0.5)
  end
  if left > 0 then
    self.ledger:problem("%d call-backs never came", left)
  end
end

local ends = {}

function ends.drain(self)
  let_end(self)
  stop_whole(self)
end

function ends.cancel(self)
  stop_whole(self, { mode = "cancel" })
end

function ends.limited(self)
  stop_all(self, { mode = "cancel", timeout = self.random(20) / 1000 })
end

function ends.limited_drain(self)
  stop_all(self, { timeout = self.random(30) / 1000 })
end

-- From a call-back, which may never come if the submit was refused.
function ends.called_back(self)
  let_end(self)
  local scheduler = self.world.schedulers[1]
  local ok, task = pcall(scheduler.submit, scheduler, math.abs, 1)
  if ok then
    task:on_complete(function()
      stop_whole(self)
    end)
    while not self.stopped do
      scheduler:poll(0.5)
    end
  end
  stop_whole(self)
end

-- Handles and call-backs that wait keep a scheduler, and so a task that never ends would.
function ends.drop(self)
  local _, left = self.world.schedulers[1]:poll()
  if left > 0 then
    for _, task in ipairs(self.tasks) do
      task:cancel()
    end
    for _, entry in ipairs(self.ledger.tasks) do
      entry.task:cancel()
    end
    deliver(self)
  end
  self.ledger:read_log(self.world.log)
  self.ledger:forget_tasks()
  self.world.schedulers, self.tasks, self.endless = {}, {}, {}
end

local endings = { "drain", "drain", "drain", "cancel", "cancel", "called_back", "drop", "limited",
  "limited_drain" }

-- What a worker that is left behind may still use is never freed: not for a look for leaks.
if os.getenv "ECHO_STRESS_LEAVES" == "nothing" then
  endings = { table.unpack(endings, 1, 7) }
end

local function check_stats(self)
  for _, scheduler in ipairs(self.world.schedulers) do
    local stats = scheduler:stats()
    if stats.submitted ~= stats.ended then
      self.ledger:problem("%d were submitted and %d ended", stats.submitted, stats.ended)
    end
  end
end

local function settle(self, ending, permits)
  local ledger, world = self.ledger, self.world
  if ending == "drop" then
    return ledger:check_completions()
  end
  deliver(self)
  ledger:read_log(world.log)
  ledger:check_tasks(self.abandoned)
  if self.abandoned then
    return
  end
  ledger:check_completions()
  ledger:check_turns()
  ledger:check_messages(world.channels)
  ledger:check_semaphores(world.semaphores, permits)
  check_stats(self)
end

-- How many tasks may hold a turn at once. Where memory runs out a task may fail to say that it is over.
local function count_turns(world, limit)
  local each = world.memory_limited and math.huge or #world.schedulers
  return { queue1 = limit * each, queue2 = each, key = each }
end

local function new_host(script)
  local random = new_random(script.seed)
  local world, permits = new_world(random, script)
  local limit = random(3)
  world.schedulers[1] = new_scheduler(random, world, 8, limit)
  if random(4) == 1 then
    world.schedulers[2] = new_scheduler(random, world, 3, limit)
  end
  local ledger = new_ledger(count_turns(world, limit))
  return { random = random, world = world, tasks = {}, endless = {}, sent = 0, nesting = 0,
    ledger = ledger, tell = function(...)
      ledger:tell(...)
    end }, permits
end

-- Runs a script (script.lua). Returns the ledger, the way it ended, and the count of abandoned tasks or nil.
return function(script)
  local self, permits = new_host(script)
  local ledger = self.ledger
  self.world.schedulers[1]:on_error(function(err)
    if err ~= "a call-back fails" then
      ledger:problem("a call-back failed: %s", tostring(err))
    end
  end)
  run_host(self, self.random(100))
  local ending = endings[self.random(#endings)]
  ending = script.ending or ending
  self.quiet = true -- call-backs that come from now on do nothing
  ends[ending](self)
  self.stopped = true
  if ending ~= "drop" then
    submits.submit(self, self.world.schedulers[1], "c", {}) -- which comes too late
  end
  settle(self, ending, permits)
  return ledger, ending, self.abandoned
end
