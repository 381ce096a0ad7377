-- The actions of bodies, one after the other as the numbers say. Each has numbers of its own, so that
-- to leave one out (ECHO_STRESS_WITHOUT) changes nothing in the others.

local new_random = require "spec.stress.random"
local script = require "spec.stress.script"
local submits = require "spec.stress.submit"

local actions, names = {}, {}

local function run(self, count)
  for _ = 1, count do
    local name = names[self.random(#names)]
    local fails, seed, outer = self.random(3) == 1, self.random(1 << 40), self.random
    name = script.name(self.world, name, seed)
    self.random = new_random(seed)
    if name then
      script.note(self.world, name, seed)
    end
    if name and fails then
      actions[name](self)
    elseif name then
      pcall(actions[name], self)
    end
    self.random = outer
  end
end

local function child(self)
  return self.children[self.random(math.max(#self.children, 1))]
end

local function priority(self)
  return ({ "high", "normal", "low" })[self.random(3)]
end

-- -- submits and scopes -----------------------------------------------------------------------

local function own(self, task, all)
  self.children[#self.children + 1] = task
  if all.key == nil then
    self.own = task
  end
  local scope = self.scope
  if scope and not all.detach and all.conflict ~= "join" then
    scope[#scope + 1] = task
  end
  return task
end

local function submit(self, scheduler)
  if self.depth <= 0 or self.left <= 0 then
    return
  end
  self.left = self.left - 1
  local kind = ({ "task", "task", "leaf", "leaf", "c" })[self.random(5)]
  local all, turns = submits.options(self.random, kind == "leaf")
  local task, err = submits.submit(self, scheduler, kind, all, turns)
  if not task then
    error(err, 0)
  end
  return own(self, task, all)
end

local function any_scheduler(self)
  return self.world.schedulers[self.random(#self.world.schedulers)]
end

function actions.submit(self)
  submit(self)
end

function actions.submit_two(self)
  submit(self)
  submit(self, any_scheduler(self))
end

function actions.map(self)
  if self.depth <= 0 then
    return
  end
  local task, err = submits.map(self, any_scheduler(self))
  if not task then
    error(err, 0)
  end
  own(self, task, {})
  return self.random(2) == 1 and task:wait()
end

local function end_it(self, scope)
  scope:submit({ timeout = 0.05 }, submits.endless, self.world, self.random(submits.ways))
  if self.random(2) == 1 then
    scope:cancel()
  else
    error("a scope with an endless task")
  end
end

local function in_scope(self, scope)
  if self.random(4) == 1 then
    end_it(self, scope)
  end
  run(self, self.random(4))
  local members = self.scope
  if #members > 0 and self.random(4) == 1 then
    scope:detach(table.remove(members))
  end
end

-- Calls what is, or is like, a scope: nothing that is submitted in it outlives it, however it is left.
local function confined(self, call, ...)
  local members, outer = {}, self.scope
  self.scope = members
  local ok, err = pcall(call, ...)
  self.scope = outer
  for _, task in ipairs(members) do
    local status = task:status()
    if status == "queued" or status == "running" or status == "suspended" then
      self.tell("wrong", ("a task of a scope of %s is %s after it"):format(self.id, status))
    end
  end
  return ok or error(err, 0)
end

function actions.scope(self)
  confined(self, require("echo").scope, function(scope)
    in_scope(self, scope)
  end)
end

function actions.limit(self)
  confined(self, require("echo").timeout, self.random(10) / 1000, run, self, self.random(4))
end

-- -- other tasks ------------------------------------------------------------------------------

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
  return task and task:set_priority(priority(self))
end

function actions.look(self)
  local task = child(self)
  return task and task:status(), task and task:progress()
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
    if ok ~= (task:status() == "done") or not ok and not result.kind then
      self.tell("wrong", "iter says that a task is over which is " .. task:status())
    end
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

-- -- this task --------------------------------------------------------------------------------

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

function actions.tell(self)
  require("echo").progress(self.id, self.random(100), { "table" })
end

function actions.limit_endless(self)
  require("echo").timeout(0.002, submits.endless, self.world, self.random(submits.ways))
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

-- Where nothing can wait.
function actions.sort(self)
  pcall(table.sort, { 3, 1, 2 }, function(a, b)
    require("echo").sleep(0.001)
    return a < b
  end)
  return child(self) and child(self):status()
end

function actions.fail(self)
  if self.random(2) == 1 then
    error({ "a table" })
  end
  error("an error")
end

function actions.collect(self)
  collectgarbage(self.random(6) == 1 and "collect" or "step")
end

function actions.hog(self)
  if self.world.memory_limited then
    return ("x"):rep(64 << 20)
  end
end

-- -- channels and semaphores ------------------------------------------------------------------

local function any_channel(self)
  return self.world.channels[self.random(#self.world.channels)]
end

-- The number is used up even if the send fails: an interruption may come right after it.
function actions.send(self)
  local channel = any_channel(self)
  local number = self.tried + 1
  self.tried = number
  local sent = true
  if self.random(2) == 1 then
    sent = channel:try_send(self.sender, number, self.sender)
  else
    channel:send(self.sender, number, require("echo").buffer(self.sender), { 1, 2 })
  end
  if sent then
    self.sent[#self.sent + 1] = number
  end
end

local function take_in(self, sender, number, again)
  if tostring(again) ~= sender then
    self.tell("wrong", ("message %s of %s came as one of %s"):format(number, sender, again))
  end
  self.received[#self.received + 1] = { sender, number }
end

-- Whatever ends the receive, the pcall returns, and says whether there was a message. If the task
-- is interrupted between that and the account, `receiving` stays higher than it was.
function actions.receive(self)
  local channel = any_channel(self)
  for _ = 1, self.random(4) do
    self.receiving = self.receiving + 1
    local ok, sender, number, again = pcall(channel.receive, channel, self.random(5) / 1000)
    if ok and sender then
      take_in(self, sender, number, again)
    end
    self.receiving = self.receiving - 1
    if not ok then
      error(sender, 0)
    end
  end
end

function actions.try_receive(self)
  local channel = any_channel(self)
  self.receiving = self.receiving + 1
  local ok, sender, number, again = channel:try_receive()
  if ok then
    take_in(self, sender, number, again)
  end
  self.receiving = self.receiving - 1
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

local weights = { submit = 6, scope = 2, send = 4, receive = 4, permit = 2 }
for name in pairs(actions) do
  for _ = 1, weights[name] or 1 do
    names[#names + 1] = name
  end
end
table.sort(names)

return run
