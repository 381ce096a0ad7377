local echo = require "echo"
local floor = require "floor"
local work = require "peers.work"

local pool = {}
pool.__index = pool

local function start(workers, _, urgent)
  local builder = echo.builder():with_worker_count(workers):with_urgent_workers(urgent or 0)
  return setmetatable({ scheduler = builder:build() }, pool)
end

function pool:call(name, value)
  return (self.scheduler:submit(work[name], value):wait())
end

function pool:each(name, list)
  local tasks, results, call = {}, {}, work[name]
  for i = 1, #list do tasks[i] = self.scheduler:submit(call, list[i]) end
  for i = 1, #list do results[i] = tasks[i]:wait() end
  return results
end

function pool:share(name, list)
  return self.scheduler:map(work[name], list):wait()
end

function pool:flood(name, value, count)
  self.lows = {}
  for i = 1, count do
    self.lows[i] = self.scheduler:submit({ priority = "low" }, work[name], value)
  end
end

local high = { priority = "high" }

function pool:urgent(name, value)
  return (self.scheduler:submit(high, work[name], value):wait())
end

function pool:drain()
  for _, task in ipairs(self.lows) do task:wait() end
end

local function nap(seconds)
  local here = require "echo"
  local due = here.now() + seconds
  here.sleep(seconds)
  return here.now() - due
end

function pool:sleepers(times, asleep)
  local tasks, late = {}, {}
  for i, seconds in ipairs(times) do tasks[i] = self.scheduler:submit(nap, seconds) end
  for _, task in ipairs(tasks) do
    while task:status() == "queued" or task:status() == "running" do floor.pause(0.001) end
  end
  asleep()
  for i, task in ipairs(tasks) do late[i] = task:wait() end
  return late
end

function pool:stop()
  self.scheduler:stop()
end

return { start = start }
