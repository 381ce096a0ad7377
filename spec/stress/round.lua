-- One round: a scheduler, a host that does random things with it, and its end.

local echo = require "echo"
local bodies = require "spec.stress.body"
local new_ledger = require "spec.stress.ledger"
local new_random = require "spec.stress.random"

local function new_world(random)
  local world = { channels = {}, semaphores = {}, log = echo.channel(1 << 30),
    handles = echo.channel(20), calls = os.getenv "ECHO_STRESS_CALLS" }
  local permits = {}
  for i = 1, random(3) do
    world.channels[i] = echo.channel(({ 0, 1, 5, 100 })[random(4)])
    permits[i] = random(3)
    world.semaphores[i] = echo.semaphore(permits[i])
  end
  return world, permits
end

local function new_scheduler(random, world)
  local builder = echo.builder():with_worker_count(random(8))
    :with_queue("queue1", { limit = random(3) }):with_queue("queue2", { limit = 1 })
  if random(4) == 1 then
    builder:with_capacity(random(30))
  end
  if random(4) == 1 then
    builder:with_fairness(random(5) - 1)
  end
  if random(5) == 1 then
    world.memory_limited = true
    builder:with_memory_limit(16 << 20)
  end
  return builder:build()
end

local actions, names = {}, {}

local function submit(self, fn, all)
  local ok, task = pcall(self.scheduler.submit, self.scheduler, all, fn, self.world,
    (fn == bodies.leaf and "leaf." or "task.") .. self.random(1 << 50), self.random(1 << 40),
    self.random(3))
  if ok then
    self.tasks[#self.tasks + 1] = task
    self.ledger:task(task)
    return task
  elseif task.kind ~= "full" and not (task.kind == "stopped" and self.stopped) then
    self.ledger:problem("a submit was refused: %s", tostring(task))
  end
end

function actions.submit(self)
  for _ = 1, self.random(5) do
    local all, is_leaf = bodies.options(self)
    all.detach = nil
    if #self.spins > 0 and all.when_full == "wait" then
      all.when_full = "fail" -- there might never be room
    end
    submit(self, is_leaf and bodies.leaf or bodies.body, all)
  end
end

-- A task that only a cancel ends.
function actions.spin(self)
  if #self.spins < 4 then
    local task = submit(self, bodies.spin, { priority = "low" })
    self.spins[#self.spins + 1] = task
  end
end

local function any(self)
  return self.tasks[self.random(math.max(#self.tasks, 1))]
end

function actions.cancel(self)
  for _ = 1, self.random(3) do
    local task = any(self)
    if task then
      task:cancel(self.random(2) == 1 and "the host" or nil)
    end
  end
end

function actions.urge(self)
  local task = any(self)
  if task then
    task:set_priority(({ "high", "normal", "low" })[self.random(3)])
  end
end

function actions.wait(self)
  local task = any(self)
  if task then
    task:pwait(self.random(10) / 1000)
  end
end

function actions.on_complete(self)
  local task = any(self)
  if task then
    task:on_complete(self.ledger:completion())
  end
end

function actions.await(self)
  local task = any(self)
  if task then
    local completed = self.ledger:completion()
    coroutine.wrap(function()
      if self.random(3) == 1 then
        pcall(echo.timeout, 0.01, task)
      elseif self.random(2) == 1 then
        echo.pawait(task)
      else
        pcall(echo.all, { task, any(self) })
      end
      completed()
    end)()
  end
end

function actions.poll(self)
  self.scheduler:poll(self.random(3) == 1 and self.random(5) / 1000 or nil)
end

function actions.send(self)
  local channel = self.world.channels[self.random(#self.world.channels)]
  self.sent = self.sent + 1
  if channel:try_send("host", self.sent) then
    self.world.log:try_send("sent", "host", self.sent)
  end
end

function actions.receive(self)
  local channel = self.world.channels[self.random(#self.world.channels)]
  local ok, sender, number = pcall(channel.receive, channel, self.random(4) / 1000)
  if ok and sender then
    self.world.log:try_send("received", sender, number)
  end
end

function actions.lend(self)
  local task = any(self)
  if task then
    self.world.handles:try_send(task)
  end
end

function actions.borrow(self)
  local ok, task = self.world.handles:try_receive()
  if ok then
    self.tasks[#self.tasks + 1] = task
  end
end

function actions.permit(self)
  local semaphore = self.world.semaphores[self.random(#self.world.semaphores)]
  if semaphore:try_acquire() then
    semaphore:release()
  end
end

function actions.read(self)
  self.ledger:read_log(self.world.log)
end

function actions.collect()
  collectgarbage()
end

for name in pairs(actions) do
  names[#names + 1] = name
end
table.sort(names)

local ends = {}

local function deliver(self)
  local deadline = echo.now() + 20
  local _, left = self.scheduler:poll()
  while left > 0 and echo.now() < deadline do
    _, left = self.scheduler:poll(0.5)
  end
  if left > 0 then
    self.ledger:problem("%d call-backs never came", left)
  end
end

-- Those who wait for a channel that nobody serves, and endless tasks, would hold up a drain.
function ends.drain(self)
  for _, channel in ipairs(self.world.channels) do
    channel:close()
  end
  for _, task in pairs(self.spins) do
    task:cancel()
  end
  local stopped, count = self.scheduler:stop()
  if not stopped then
    self.ledger:problem("a drain abandoned %d", count)
  end
end

function ends.cancel(self)
  local stopped, count = self.scheduler:stop { mode = "cancel" }
  if not stopped then
    self.ledger:problem("a stop with cancel abandoned %d", count)
  end
end

function ends.limited(self)
  local _, abandoned = self.scheduler:stop { mode = "cancel", timeout = self.random(20) / 1000 }
  self.abandoned = abandoned
end

function ends.limited_drain(self)
  local _, abandoned = self.scheduler:stop { timeout = self.random(30) / 1000 }
  self.abandoned = abandoned
end

-- Handles and call-backs that wait keep the scheduler, and so a task that never ends would.
function ends.drop(self)
  if self.ledger.registered > 0 then
    for _, task in ipairs(self.tasks) do
      task:cancel()
    end
    deliver(self)
  end
  self.scheduler, self.world.scheduler, self.ledger.tasks = nil, nil, {}
  self.tasks, self.spins = {}, {}
end

local endings = { "drain", "drain", "drain", "cancel", "cancel", "drop", "limited", "limited_drain" }

-- What a worker that is left behind may still use is never freed: not for a look for leaks.
if os.getenv "ECHO_STRESS_LEAVES" == "nothing" then
  endings = { table.unpack(endings, 1, 6) }
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
  ledger:check_messages(world.channels)
  ledger:check_semaphores(world.semaphores, permits)
  local stats = self.scheduler:stats()
  if stats.submitted ~= stats.ended then
    ledger:problem("%d were submitted and %d ended", stats.submitted, stats.ended)
  end
end

-- Returns the ledger, the way it ended, and the count of abandoned tasks or nil.
return function(seed)
  local random = new_random(seed)
  local world, permits = new_world(random)
  local self = { random = random, world = world, tasks = {}, spins = {}, sent = 0,
    ledger = new_ledger(), scheduler = new_scheduler(random, world) }
  world.scheduler = self.scheduler
  for _ = 1, random(60) do
    actions[names[random(#names)]](self)
  end
  local ending = endings[random(#endings)]
  ends[ending](self)
  self.stopped = true
  if self.scheduler then
    actions.submit(self)
  end
  settle(self, ending, permits)
  return self.ledger, ending, self.abandoned
end
