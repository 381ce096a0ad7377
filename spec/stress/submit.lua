-- What is submitted, by the host and by tasks, and how.
--
-- The functions travel to the workers with their upvalues. Each is called with the world, its id, a
-- seed, and more; the world's log is a channel that never fills, and ledger.lua says what it is told.

local new_random = require "spec.stress.random"

local this = {}

-- Runs the sequence of actions that the seed determines (body.lua).
function this.body(...)
  return require "spec.stress.body"(...)
end

-- Several ways of never ending by oneself; in the first two no error ends it either. Those are not for
-- the thread sanitizer, which lets a thread have its signals only where it calls the C library.
local ways = {
  function()
    while true do
      pcall(function()
        while true do
        end
      end)
    end
  end,
  function()
    while true do
      pcall(require("echo").sleep, 1000)
    end
  end,
  function()
    require("echo").sleep(1000)
  end,
  function()
    require("echo").channel():receive()
  end,
}

function this.endless(world, way)
  ways[world.loops and way or way % 2 + 3]()
end

this.ways = #ways

-- Waits for nobody. The turns are what no more than so many tasks may have at once.
function this.leaf(world, id, seed, turns)
  local random = new_random(seed)
  local echo = require "echo"
  local attempt = echo.current().attempt
  local asked = {}
  local leaving = setmetatable({}, { __close = function()
    for _, turn in ipairs(asked) do
      world.log:try_send("leave", turn, id)
    end
  end })
  local _ <close> = leaving
  local _again <close> = leaving -- the first one may be interrupted
  world.log:try_send("begin", id, attempt)
  for _, turn in ipairs(turns) do
    asked[#asked + 1] = turn
    world.log:try_send("enter", turn, id)
  end
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

function this.map_item(item)
  if item % 13 == 0 then
    require("echo").sleep(0.0005)
  end
  return item * 2
end

function this.failing_item(item)
  if item % 17 == 0 then
    error("an item")
  end
  return item * 2
end

-- -- options ----------------------------------------------------------------------------------

-- Tasks that wait for the key's former task hold what others may need: they are leaves, and such a
-- key is theirs alone.
local function set_key(all, random, is_leaf, turns)
  all.key = "key" .. random(4)
  all.conflict = ({ "replace", "join", is_leaf and "queue" or nil })[random(3)]
  if all.conflict == "queue" then
    all.key = all.key .. " in line"
    turns[#turns + 1] = all.key
  end
end

-- The options, and the turns that they make a leaf wait for.
local function options(random, is_leaf)
  local turns = {}
  local all = { priority = ({ "high", "normal", "low" })[random(3)] }
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
    set_key(all, random, is_leaf, turns)
  end
  if is_leaf and random(2) == 1 then
    all.queue = "queue" .. random(2)
    turns[#turns + 1] = all.queue
  end
  if random(6) == 1 then
    all.detach = true
  end
  if random(2) == 1 then
    all.when_full = random(2) == 1 and "wait" or "fail"
  end
  return all, turns
end

-- -- the submit -------------------------------------------------------------------------------

-- What to call, and its arguments, by the kind with which the id begins.
local kinds = {}

function kinds.task(self, id)
  local depth = self.depth and self.depth - 1 or self.random(3)
  return this.body, self.world, id, self.random(1 << 40), depth
end

function kinds.leaf(self, id, turns)
  return this.leaf, self.world, id, self.random(1 << 40), turns
end

function kinds.endless(self)
  return this.endless, self.world, self.random(#ways)
end

function kinds.c()
  return math.abs, -42
end

function kinds.refused(self)
  return math.abs, self.world, { io.stdout } -- a file cannot travel
end

-- Tells what is asked for, then whether it was accepted. Who is interrupted in between leaves open
-- which. Returns the task, or nothing and the error.
local function account(self, id, all, call, ...)
  self.tell("asks", id, 1 + (all.retries or 0))
  local ok, task = pcall(call, ...)
  if not ok then
    self.tell("refused", id, type(task) == "table" and task.kind or tostring(task))
    return nil, task
  end
  self.tell("accepted", id, task, all.conflict == "join")
  return task
end

function this.new_id(self, kind)
  return kind .. "." .. self.random(1 << 50)
end

-- Submits to the scheduler, or, without one, to that of the task. `self` has the world, a `random`,
-- `tell`, which tells the ledger, and in a task the `depth` that is left.
function this.submit(self, scheduler, kind, all, turns)
  local id = this.new_id(self, kind)
  if scheduler then
    return account(self, id, all, scheduler.submit, scheduler, all, kinds[kind](self, id, turns))
  end
  return account(self, id, all, require("echo").submit, all, kinds[kind](self, id, turns))
end

-- The same for a map, whose items come to their doubles.
function this.map(self, scheduler)
  local list = {}
  for i = 1, self.random(60) do
    list[i] = i
  end
  local fails = self.random(3) == 1
  local all = { priority = ({ "high", "normal", "low" })[self.random(3)] }
  return account(self, this.new_id(self, "map"), all, scheduler.map, scheduler, all,
    fails and this.failing_item or this.map_item, list)
end

this.options = options

return this
