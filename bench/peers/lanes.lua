-- Lanes that serve a linda, which is how its manual does it. The index, the function's name and the
-- value travel as a batch, which is more than twice as fast as a table.
local lanes = require "lanes"
if lanes.configure then lanes.configure() end

local pool = {}
pool.__index = pool

local function serve(linda)
  local work = require "peers.work"
  while true do
    local key, index, name, value = linda:receive(linda.batched, "work", 3)
    if not key or not name then return end
    linda:send("done", index, work[name](value))
  end
end

-- A linda's keys are looked at in order: what lies under "high" goes first.
local function serve_by_priority(linda)
  local work = require "peers.work"
  while true do
    local key, task = linda:receive("high", "low")
    if not task then return end
    linda:send(key == "high" and "answer" or "done", work[task[1]](task[2]))
  end
end

local function start(workers, question)
  local body = question == "urgent" and serve_by_priority or serve
  local self = setmetatable({ workers = workers, linda = lanes.linda(), lanes = {} }, pool)
  self.ending = question == "urgent" and { "high", false } or { "work", false, false, false }
  for i = 1, workers do self.lanes[i] = lanes.gen("*", body)(self.linda) end
  return self
end

local function receive(linda)
  local _, index, result = linda:receive(linda.batched, "done", 2)
  return index, result
end

function pool:call(name, value)
  self.linda:send("work", 1, name, value)
  local _, result = receive(self.linda)
  return result
end

function pool:each(name, list)
  local results = {}
  for i = 1, #list do self.linda:send("work", i, name, list[i]) end
  for _ = 1, #list do
    local index, result = receive(self.linda)
    results[index] = result
  end
  return results
end

function pool:flood(name, value, count)
  self.lows = count
  for _ = 1, count do self.linda:send("low", { name, value }) end
end

function pool:urgent(name, value)
  self.linda:send("high", { name, value })
  local _, result = self.linda:receive("answer")
  return result
end

function pool:drain()
  for _ = 1, self.lows do self.linda:receive("done") end
end

-- A lane is a thread.
pool.most_sleepers = 1000

function pool.sleepers(_, times, asleep)
  local linda, threads, late = lanes.linda(), {}, {}
  local nap = lanes.gen("*", function(seconds)
    local here = require "floor"
    local due = here.now() + seconds
    linda:send("asleep", true)
    linda:receive(seconds, "nothing")
    return here.now() - due
  end)
  for i, seconds in ipairs(times) do threads[i] = nap(seconds) end
  for _ = 1, #times do linda:receive("asleep") end
  asleep()
  for i, lane in ipairs(threads) do late[i] = lane[1] end
  return late
end

function pool:stop()
  for _ = 1, self.workers do self.linda:send(table.unpack(self.ending)) end
  for _, lane in ipairs(self.lanes) do lane:join() end
end

return { start = start }
