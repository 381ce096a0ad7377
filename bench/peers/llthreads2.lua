-- Threads that take their arguments and return their results, and have nothing to talk by meanwhile: a
-- task is a thread. At most as many as there are workers at a time. A long list is shared out.
local llthreads = require "llthreads2"

local pool = {}
pool.__index = pool

local one = [[
  local name, value = ...
  return require "peers.work"[name](value)
]]

local several = [[
  local name, list = ...
  local work, results = require "peers.work", {}
  for i = 1, #list do results[i] = work[name](list[i]) end
  return results
]]

local function run(code, name, value)
  return assert(llthreads.new(code, name, value):start())
end

local function join(thread)
  local well, result = thread:join()
  assert(well, result)
  return result
end

local function start(workers)
  return setmetatable({ workers = workers }, pool)
end

function pool.call(_, name, value)
  return join(run(one, name, value))
end

function pool:each(name, list)
  local threads, results = {}, {}
  for i = 1, #list do
    if i > self.workers then results[i - self.workers] = join(threads[i - self.workers]) end
    threads[i] = run(one, name, list[i])
  end
  for i = math.max(1, #list - self.workers + 1), #list do results[i] = join(threads[i]) end
  return results
end

function pool:share(name, list)
  local threads, results = {}, {}
  for first = 1, self.workers do
    local part = {}
    for i = first, #list, self.workers do part[#part + 1] = list[i] end
    threads[first] = run(several, name, part)
  end
  for first, thread in ipairs(threads) do
    for i, result in ipairs(join(thread)) do results[first + (i - 1) * self.workers] = result end
  end
  return results
end

function pool.stop()
end

return { start = start, slow = 0.05 }
