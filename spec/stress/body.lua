-- What the bodies do: a random sequence of everything that a task can. This runs on the workers.

local run = require "spec.stress.actions"
local new_random = require "spec.stress.random"
local submit = require "spec.stress.submit"

local function settle(self)
  local log = self.world.log
  log:try_send("unclean", self.receiving)
  for _, number in ipairs(self.sent) do
    log:try_send("sent", self.sender, number)
  end
  for _, message in ipairs(self.received) do
    log:try_send("received", message[1], message[2])
  end
  log:try_send("settled", self.sender)
end

local function new_self(world, id, attempt, seed, depth)
  return setmetatable({
    world = world, id = id, sender = id .. "/" .. attempt, depth = depth,
    random = new_random(seed + attempt), tell = function(...)
      world.log:try_send(...)
    end,
    children = {}, received = {}, sent = {}, receiving = 0, tried = 0, left = 6,
  }, { __close = settle })
end

return function(world, id, seed, depth)
  local current = require("echo").current()
  local self <close> = new_self(world, id, current.attempt, seed, depth)
  self.tell("opens", self.sender)
  self.tell("begin", id, current.attempt)
  run(self, self.random(14))
  if self.random(10) == 1 and current.deadline then
    submit.endless(world, self.random(submit.ways))
  end
  if self.random(8) == 1 then
    error("at the end")
  end
  self.tell("end", id)
  return id, self.own -- none that was borrowed: results that lead back to their task hold themselves
end
