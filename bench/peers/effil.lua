-- Threads that serve a channel. Tables travel as effil's own, which are made and read field by field.
local effil = require "effil"

local pool = {}
pool.__index = pool

local function serve(todo, done)
  local work, here = require "peers.work", require "effil"
  while true do
    local index, name, value = todo:pop()
    if not index then return end
    if here.type(value) == "effil.table" then value = here.dump(value) end
    done:push(index, work[name](value))
  end
end

local function start(workers)
  local self = setmetatable({ todo = effil.channel(), done = effil.channel(), threads = {} }, pool)
  for i = 1, workers do self.threads[i] = effil.thread(serve)(self.todo, self.done) end
  return self
end

local function receive(self)
  local index, result = self.done:pop()
  if effil.type(result) == "effil.table" then result = effil.dump(result) end
  return index, result
end

function pool:call(name, value)
  self.todo:push(1, name, value)
  local _, result = receive(self)
  return result
end

function pool:each(name, list)
  local results = {}
  for i = 1, #list do self.todo:push(i, name, list[i]) end
  for _ = 1, #list do
    local index, result = receive(self)
    results[index] = result
  end
  return results
end

-- A sleeper is a thread.
pool.most_sleepers = 1000

function pool.sleepers(_, times, asleep)
  local begun, threads, late = effil.channel(), {}, {}
  local nap = effil.thread(function(channel, seconds)
    local here, floor = require "effil", require "floor"
    local due = floor.now() + seconds
    channel:push(true)
    here.sleep(math.ceil(seconds * 1000), "ms")
    return floor.now() - due
  end)
  for i, seconds in ipairs(times) do threads[i] = nap(begun, seconds) end
  for _ = 1, #times do begun:pop() end
  asleep()
  for i, thread in ipairs(threads) do late[i] = thread:get() end
  return late
end

function pool:stop()
  for _ = 1, #self.threads do self.todo:push(false) end
  for _, thread in ipairs(self.threads) do thread:wait() end
end

return { start = start }
