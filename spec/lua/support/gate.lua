-- Something a task waits at until the test lets it go on: a FIFO. The worker sleeps meanwhile, in a
-- C function that no interruption reaches.
--
--   local gate <close> = new_gate()              -- declare it after the scheduler: it opens first
--   local task = scheduler:submit(gate.pass, gate.path)
--   gate:await_arrival()                         -- the task runs now
--   gate:open()

local gate = {}
gate.__index = gate

-- The task's side.
function gate.pass(path, ...)
  local file = io.open(path, "r") or error("no gate at " .. path)
  file:read("a")
  file:close()
  return ...
end

-- The same without a step in Lua, where a stop that cancels could interrupt it: the arguments of a
-- submit.
function gate:in_c()
  return os.execute, "cat " .. self.path .. " >/dev/null"
end

-- Holds a worker, with a low task, inside of a C function, which nothing interrupts, until the gate opens.
function gate:occupy(scheduler)
  scheduler:submit({ priority = "low" }, self:in_c())
  self:await_arrival()
end

-- Returns once a task is inside.
function gate:await_arrival()
  self.held = io.open(self.path, "w")
end

-- Lets through whoever waits and whoever comes later. A FIFO that is open for reading and writing
-- holds nobody up in opening it; later comers find an empty file.
function gate:open()
  if self.opened then
    return
  end
  self.opened = true
  local both = io.open(self.path, "r+")
  io.open(self.path .. ".open", "w"):close()
  os.rename(self.path .. ".open", self.path)
  both:close()
  if self.held then
    self.held:close()
  end
end

function gate:__close()
  self:open()
  os.remove(self.path)
end

return function()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. path))
  return setmetatable({ path = path, pass = gate.pass }, gate)
end
