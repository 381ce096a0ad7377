-- What the host does: a random sequence of everything that a program can do with schedulers. As with
-- the actions of bodies, each has numbers of its own.

local echo = require "echo"
local new_random = require "spec.stress.random"
local script = require "spec.stress.script"
local submits = require "spec.stress.submit"

local actions, names = {}, {}
local deepest = 3

local function run(self, count)
  for _ = 1, count do
    local name = names[self.random(#names)]
    local seed, outer = self.random(1 << 40), self.random
    self.random = new_random(seed)
    name = script.name(self.world, "host." .. name, seed)
    if name then
      script.note(self.world, name, seed)
      actions[name:match "^host%.(.*)$"](self)
    end
    self.random = outer
  end
end

local function any_scheduler(self)
  return self.world.schedulers[self.random(#self.world.schedulers)]
end

local function any_channel(self)
  return self.world.channels[self.random(#self.world.channels)]
end

local function any_task(self)
  return self.tasks[self.random(math.max(#self.tasks, 1))]
end

-- -- submits ----------------------------------------------------------------------------------

-- What a host may be told. It never waits for room without a limit: if endless tasks have every
-- worker, nobody but the host would end them.
local function check_refusal(self, kind, all, err)
  local may = kind == "refused" and "transfer" or all.when_full == "wait" and "timeout" or "full"
  if err.kind ~= may and err.kind ~= "full" and not (err.kind == "stopped" and self.stopped) then
    self.ledger:problem("a submit was refused: %s", tostring(err))
  end
end

local function submit(self, kind, all, turns)
  if all.when_full == "wait" then
    all.timeout = all.timeout or 0.05
  end
  local task, err = submits.submit(self, any_scheduler(self), kind, all, turns)
  if task then
    self.tasks[#self.tasks + 1] = task
  else
    check_refusal(self, kind, all, err)
  end
  return task
end

function actions.submit(self)
  for _ = 1, self.random(5) do
    local kind = ({ "task", "task", "task", "leaf", "leaf", "c" })[self.random(6)]
    local all, turns = submits.options(self.random, kind == "leaf")
    all.detach = nil
    submit(self, kind, all, turns)
  end
end

function actions.map(self)
  local task, err = submits.map(self, any_scheduler(self))
  if task then
    self.tasks[#self.tasks + 1] = task
  else
    check_refusal(self, "map", {}, err)
  end
end

-- A task that only a cancel ends, before it begins or afterwards.
function actions.endless(self)
  if #self.endless < 4 then
    local delay = self.random(4) == 1 and 1000 or nil
    self.endless[#self.endless + 1] = submit(self, "endless", { priority = "low", delay = delay })
  end
end

function actions.submit_what_cannot_travel(self)
  if submit(self, "refused", {}) then
    self.ledger:problem("a file has travelled")
  end
end

-- -- tasks ------------------------------------------------------------------------------------

function actions.cancel(self)
  for _ = 1, self.random(3) do
    local task = any_task(self)
    if task then
      task:cancel(self.random(2) == 1 and "the host" or nil)
    end
  end
end

function actions.urge(self)
  local task = any_task(self)
  if task then
    task:set_priority(({ "high", "normal", "low" })[self.random(3)])
  end
end

function actions.wait(self)
  local task = any_task(self)
  if task then
    task:pwait(self.random(10) / 1000)
  end
end

function actions.forget(self)
  if #self.tasks > 0 then
    table.remove(self.tasks, self.random(#self.tasks))
  end
end

function actions.lend(self)
  local task = any_task(self)
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

-- -- call-backs and coroutines ----------------------------------------------------------------

-- A call-back may do all that the host may; and if it fails, that is reported, and stops nobody.
local function call_back(self, completed, seed)
  return function()
    completed()
    local random = new_random(seed)
    if random(4) == 1 then
      error("a call-back fails", 0)
    elseif random(3) == 1 and self.nesting < deepest and not self.quiet then
      local outer = self.random
      self.nesting, self.random = self.nesting + 1, random
      run(self, random(4))
      self.nesting, self.random = self.nesting - 1, outer
    end
  end
end

function actions.on_complete(self)
  local task = any_task(self)
  if task then
    task:on_complete(call_back(self, self.ledger:completion(), self.random(1 << 40)))
  end
end

local awaits = {
  function(task)
    echo.pawait(task)
  end,
  function(task)
    pcall(echo.timeout, 0.01, task)
  end,
  function(task, other)
    pcall(echo.all, { task, other })
  end,
  function(task, other)
    pcall(echo.any, { task, other })
  end,
  function(task, other)
    for _ in echo.iter { task, other } do
    end
  end,
}

function actions.await(self)
  local task, other = any_task(self), any_task(self)
  local await = awaits[self.random(#awaits)]
  if task then
    local completed = self.ledger:completion()
    coroutine.wrap(function()
      await(task, other)
      completed()
    end)()
  end
end

-- A coroutine that nobody goes on with.
function actions.closed_await(self)
  local task = any_task(self)
  if task then
    local thread = coroutine.create(echo.pawait)
    coroutine.resume(thread, task)
    if self.random(2) == 1 then
      coroutine.close(thread)
    end
  end
end

function actions.poll(self)
  any_scheduler(self):poll(self.random(3) == 1 and self.random(5) / 1000 or nil)
end

-- -- channels and semaphores ------------------------------------------------------------------

local function send(self, channel, how)
  self.sent = self.sent + 1
  local number = self.sent
  if how(channel, "host", number, "host") ~= false then
    self.tell("sent", "host", number)
  end
end

local function receive(self, channel, seconds)
  local ok, sender, number, again = pcall(channel.receive, channel, seconds)
  if ok and sender then
    self.tell("received", sender, number)
    if tostring(again) ~= sender then
      self.ledger:problem("message %d of %s came as one of %s", number, sender, again)
    end
  end
end

function actions.send(self)
  local channel = any_channel(self)
  send(self, channel, channel.try_send)
end

function actions.receive(self)
  receive(self, any_channel(self), self.random(4) / 1000)
end

function actions.send_in_coroutine(self)
  local channel, completed = any_channel(self), self.ledger:completion()
  coroutine.wrap(function()
    pcall(send, self, channel, channel.send)
    completed()
  end)()
end

function actions.receive_in_coroutine(self)
  local channel, completed = any_channel(self), self.ledger:completion()
  coroutine.wrap(function()
    receive(self, channel)
    completed()
  end)()
end

function actions.permit(self)
  local semaphore = self.world.semaphores[self.random(#self.world.semaphores)]
  if semaphore:try_acquire() then
    semaphore:release()
  end
end

-- -- the rest ---------------------------------------------------------------------------------

function actions.read(self)
  self.ledger:read_log(self.world.log)
end

function actions.look(self)
  local stats = any_scheduler(self):stats()
  if stats.ended > stats.submitted then
    self.ledger:problem("%d tasks were submitted, and %d ended", stats.submitted, stats.ended)
  end
end

function actions.collect()
  collectgarbage()
end

local weights = { submit = 4, send = 2, receive = 2 }
for name in pairs(actions) do
  for _ = 1, weights[name] or 1 do
    names[#names + 1] = name
  end
end
table.sort(names)

return run
