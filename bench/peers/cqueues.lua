-- cqueues' threads, each with a socket to talk by: messages are lines of index, name and a value, which
-- goes as text by cjson unless it is text or a number. The host answers them all from one controller.
local cqueues = require "cqueues"
local thread = require "cqueues.thread"

local pool = {}
pool.__index = pool

-- Runs in the thread, from which it takes nothing along.
local function serve(socket)
  local work, wire = require "peers.work", require "peers.cqueues_wire"
  wire.prepare(socket)
  while true do
    local index, name, value = wire.read(socket)
    if not index then return end
    wire.write(socket, index, name, work[name](value))
    socket:flush()
  end
end

local function start(workers)
  local self = setmetatable({ wire = require "peers.cqueues_wire", threads = {}, sockets = {} }, pool)
  for i = 1, workers do self.threads[i], self.sockets[i] = assert(thread.start(serve)) end
  for _, socket in ipairs(self.sockets) do self.wire.prepare(socket) end
  return self
end

function pool:call(name, value)
  self.wire.write(self.sockets[1], 1, name, value)
  self.sockets[1]:flush()
  local _, _, result = self.wire.read(self.sockets[1])
  return result
end

function pool:each(name, list)
  local results, controller, count = {}, cqueues.new(), #self.sockets
  for first, socket in ipairs(self.sockets) do
    controller:wrap(function()
      for i = first, #list, count do self.wire.write(socket, i, name, list[i]) end
      socket:flush()
    end)
    controller:wrap(function()
      for _ = first, #list, count do
        local index, _, result = self.wire.read(socket)
        results[index] = result
      end
    end)
  end
  assert(controller:loop())
  return results
end

-- Coroutines of a controller, in one state.
function pool.sleepers(_, times, asleep)
  local controller, late, sleeping = cqueues.new(), {}, 0
  for i, seconds in ipairs(times) do
    controller:wrap(function()
      local due = cqueues.monotime() + seconds
      sleeping = sleeping + 1
      cqueues.sleep(seconds)
      late[i] = cqueues.monotime() - due
    end)
  end
  while sleeping < #times do assert(controller:step(0)) end
  asleep()
  assert(controller:loop())
  return late
end

function pool:stop()
  for _, socket in ipairs(self.sockets) do socket:close() end
  for _, each in ipairs(self.threads) do each:join() end
end

return { start = start }
