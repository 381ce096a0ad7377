-- What the tasks of the stress do: a random sequence of everything a task can. The functions here
-- travel to the workers with their upvalues.
--
-- body(world, id, seed, depth) writes to the log, a channel that never fills:
--
--   "begin", id, attempt          it runs
--   "end", id, attempt            it is about to return, with its id as the first result
--   "sent", sender, number        this message was sent
--   "received", sender, number    this message was received
--   "unclean", id                 a receiver that may have one message more than it knows of
--   "settled", id                 all that was sent and received has been written
--   "task", handle                a task that it submitted

local new_random = require "spec.stress.random"

local body, leaf, spin
local actions = {}
local names = {}

local function run(self, count)
  for _ = 1, count do
    local action = actions[names[self.random(#names)]]
    if self.random(3) == 1 then
      action(self)
    else
      pcall(action, self)
    end
  end
end

local function child(self)
  return self.children[self.random(#self.children)]
end

-- Tasks in named queues, and those that wait for the key's former task, hold what others may need:
-- they wait for nobody.
local function options(self)
  local random = self.random
  local all = { priority = ({ "high", "normal", "low" })[random(3)] }
  local is_leaf = random(3) == 1
  if random(4) == 1 then
    all.timeout = random(40) / 1000
  end
  if random(5) == 1 then
    all.delay = random(10) / 1000
  end
  if random(4) == 1 then
    all.retries = random(3)
  end
  if random(6) == 1 then
    all.key = "key" .. random(4)
    all.conflict = ({ "replace", "join", is_leaf and "queue" or nil })[random(3)]
    if all.conflict == "queue" then
      all.key = all.key .. " in line"
    end
  end
  if is_leaf and random(2) == 1 then
    all.queue = "queue" .. random(2)
  end
  if random(6) == 1 then
    all.detach = true
  end
  if random(2) == 1 then
    all.when_full = random(2) == 1 and "wait" or "fail"
  end
  return all, is_leaf
end

local function submit(self, how)
  local echo = require "echo"
  if self.depth <= 0 or self.left <= 0 then
    return
  end
  self.left = self.left - 1
  local all, is_leaf = options(self)
  local id = self.id .. "." .. self.random(1 << 40)
  local task
  if how == "scheduler" then
    task = self.world.scheduler:submit(all, is_leaf and leaf or body, self.world, id,
      self.random(1 << 40), self.depth - 1)
  else
    task = echo.submit(all, is_leaf and leaf or body, self.world, id, self.random(1 << 40),
      self.depth - 1)
  end
  self.children[#self.children + 1] = task
  if all.key == nil then
    self.own = task
  end
  self.world.log:try_send("task", task)
  return task
end

function actions.submit(self)
  submit(self)
end

function actions.submit_two(self)
  submit(self)
  submit(self, "scheduler")
end

function actions.sleep(self)
  require("echo").sleep(self.random(4) / 2000)
end

function actions.checkpoint()
  require("echo").checkpoint()
end

function actions.compute(self)
  local t = {}
  for i = 1, self.random(3000) do
    t[i] = { i, tostring(i) }
  end
  return t
end

function actions.await(self)
  return child(self) and child(self):wait()
end

function actions.await_for_a_while(self)
  local task = child(self)
  return task and require("echo").pawait(task, self.random(10) / 1000)
end

function actions.cancel(self)
  local task = child(self)
  return task and task:cancel(self.random(2) == 1 and "because" or nil)
end

function actions.urge(self)
  local task = child(self)
  return task and task:set_priority(({ "high", "normal", "low" })[self.random(3)])
end

function actions.look(self)
  local task = child(self)
  return task and task:status(), task and task:progress()
end

function actions.tell(self)
  require("echo").progress(self.id, self.random(100), { "table" })
end

function actions.scope(self)
  require("echo").scope(function(scope)
    if self.random(4) == 1 then
      scope:submit({ timeout = 0.05 }, spin, self.world)
      if self.random(2) == 1 then
        scope:cancel()
      else
        error("a scope with an endless task")
      end
    end
    run(self, self.random(4))
    local task = child(self)
    if task and self.random(4) == 1 then
      scope:detach(task)
    end
  end)
end

function actions.coroutine(self)
  local step = coroutine.wrap(function()
    run(self, self.random(3))
    coroutine.yield(1)
    run(self, self.random(3))
  end)
  step()
  if self.random(2) == 1 then
    step()
  end
end

function actions.closed_coroutine(self)
  local thread = coroutine.create(function()
    local _ <close> = setmetatable({}, { __close = function()
      require("echo").sleep(0.0005)
    end })
    run(self, 2)
    coroutine.yield()
  end)
  coroutine.resume(thread)
  coroutine.close(thread)
end

function actions.all(self)
  return require("echo").all(self.children)
end

function actions.any(self)
  return #self.children > 0 and require("echo").any(self.children)
end

function actions.iterate(self)
  local left = self.random(4)
  for task, ok, result in require("echo").iter(self.children) do
    assert(ok and task:status() == "done" or not ok and result.kind)
    left = left - 1
    if left == 0 then
      break
    end
  end
end

function actions.limit_task(self)
  local task = child(self)
  return task and require("echo").timeout(self.random(5) / 1000, task)
end

function actions.limit(self)
  require("echo").timeout(self.random(10) / 1000, run, self, self.random(4))
end

function actions.limit_endless(self)
  require("echo").timeout(0.002, spin, self.world)
end

function actions.map(self)
  if self.depth <= 0 then
    return
  end
  local list = {}
  for i = 1, self.random(60) do
    list[i] = i
  end
  local fails = self.random(3) == 1
  local task = self.world.scheduler:map(function(item)
    if fails and item % 17 == 0 then
      error("an item")
    end
    if item % 13 == 0 then
      require("echo").sleep(0.0005)
    end
    return item * 2
  end, list)
  self.world.log:try_send("task", task)
  self.children[#self.children + 1] = task
  if self.random(2) == 1 then
    local results = task:wait()
    for i = 1, #list do
      assert(results[i] == i * 2)
    end
  end
end

-- The number is used up even if the send fails: an interruption may come right after it.
function actions.send(self)
  local channel = self.world.channels[self.random(#self.world.channels)]
  local number = self.tried + 1
  self.tried = number
  local sent = true
  if self.random(2) == 1 then
    sent = channel:try_send(self.sender, number)
  else
    channel:send(self.sender, number, "more", { 1, 2 })
  end
  if sent then
    self.sent[#self.sent + 1] = number
  end
end

-- Whatever ends the receive, the pcall returns, and says whether there was a message. If the task
-- is interrupted between that and the account, `receives` is left true.
function actions.receive(self)
  local channel = self.world.channels[self.random(#self.world.channels)]
  for _ = 1, self.random(4) do
    self.receives = true
    local ok, sender, number = pcall(channel.receive, channel, self.random(5) / 1000)
    if ok and sender then
      self.received[#self.received + 1] = { sender, number }
    end
    self.receives = false
    if not ok then
      error(sender, 0)
    end
  end
end

function actions.try_receive(self)
  local channel = self.world.channels[self.random(#self.world.channels)]
  self.receives = true
  local ok, sender, number = channel:try_receive()
  if ok then
    self.received[#self.received + 1] = { sender, number }
  end
  self.receives = false
end

function actions.permit(self)
  local semaphore = self.world.semaphores[self.random(#self.world.semaphores)]
  semaphore:with(function()
    require("echo").sleep(self.random(3) / 3000)
    if self.random(5) == 1 then
      error("with a permit")
    end
  end)
end

function actions.fail(self)
  if self.random(2) == 1 then
    error({ "a table" })
  end
  error("an error")
end

function actions.lend(self)
  local task = child(self)
  return task and self.world.handles:try_send(task)
end

function actions.borrow(self)
  local ok, task = self.world.handles:try_receive()
  if ok and task ~= "closed" then
    self.children[#self.children + 1] = task
  end
end

function actions.collect(self)
  collectgarbage(self.random(6) == 1 and "collect" or "step")
end

function actions.sort(self)
  pcall(table.sort, { 3, 1, 2 }, function(a, b)
    require("echo").sleep(0.001)
    return a < b
  end)
  return child(self) and child(self):status()
end

function actions.hog(self)
  if self.world.memory_limited then
    return ("x"):rep(64 << 20)
  end
end

for name in pairs(actions) do
  names[#names + 1] = name
end
table.sort(names)

local function settle(self)
  local log = self.world.log
  if self.receives then
    log:try_send("unclean", self.id)
  end
  for _, number in ipairs(self.sent) do
    log:try_send("sent", self.sender, number)
  end
  for _, message in ipairs(self.received) do
    log:try_send("received", message[1], message[2])
  end
  log:try_send("settled", self.id)
end

-- The thread sanitizer lets a thread have its signals when it calls the C library, and only then.
function spin(world)
  while true do
    pcall(function()
      while true do
        if world.calls then
          os.time()
        end
      end
    end)
  end
end

function leaf(world, id, seed)
  local random = new_random(seed)
  local echo = require "echo"
  local attempt = echo.current().attempt
  world.log:try_send("begin", id, attempt)
  for _ = 1, random(3) do
    if random(2) == 1 then
      echo.sleep(random(3) / 3000)
    else
      for _ = 1, random(20000) do
      end
    end
  end
  if random(4) == 1 then
    error("a leaf")
  end
  world.log:try_send("end", id, attempt)
  return id
end

function body(world, id, seed, depth)
  local current = require("echo").current()
  local attempt = current.attempt
  world.log:try_send("begin", id, attempt)
  local self = setmetatable({
    world = world, id = id, depth = depth, random = new_random(seed + attempt), children = {},
    received = {}, sent = {}, tried = 0, sender = id .. "/" .. attempt, left = 6,
  }, { __close = settle })
  local account <close> = self
  run(account, account.random(7))
  if account.random(10) == 1 and current.deadline then
    spin(world)
  end
  if account.random(8) == 1 then
    error("at the end")
  end
  world.log:try_send("end", id, attempt)
  return id, account.own -- not any: results that lead back to their task hold themselves
end

return { body = body, leaf = leaf, spin = spin, options = options }
