-- The service that asks: see peers/ltask.lua.
local ltask = require "ltask"
local questions = require "peers.questions"
local report = require "report"

local question, workers, folder = ...

local AT_ONCE = 64 -- calls under way for each worker

local pool = { workers = {} }

function pool:call(name, value)
  return ltask.call(self.workers[1], name, value)
end

-- As many coroutines as calls may be under way, each with the next of the list.
function pool:each(name, list)
  local results, next_index, left, done = {}, 1, #list, {}
  local function call_next(worker)
    while next_index <= #list do
      local i = next_index
      next_index = i + 1
      results[i] = ltask.call(worker, name, list[i])
      left = left - 1
    end
    if left == 0 then ltask.wakeup(done) end
  end
  for _ = 1, AT_ONCE do
    for _, worker in ipairs(self.workers) do ltask.fork(call_next, worker) end
  end
  if left > 0 then ltask.wait(done) end
  return results
end

-- A hundredth of a second is the least. A pause of the thread would be one of ltask's own threads, and
-- whatever that holds up is late by milliseconds.
function pool.rest(seconds)
  ltask.sleep(math.max(1, math.ceil(seconds * 100)))
end

-- They sleep in the services that work, in hundredths of a second.
function pool:sleepers(times, asleep)
  local late, count = {}, #self.workers
  for first, worker in ipairs(self.workers) do
    local mine = {}
    for i = first, #times, count do mine[#mine + 1] = times[i] end
    ltask.call(worker, "sleep", mine)
  end
  asleep()
  for _, worker in ipairs(self.workers) do
    local part = ltask.call(worker, "late")
    table.move(part, 1, #part, #late + 1, late)
  end
  return late
end

for i = 1, workers do pool.workers[i] = ltask.spawn "worker" end

if question == "start" then
  assert(pool:call("increment", 1) == 2)
else
  local sheet = report.new()
  if questions[question] and question ~= "urgent" then
    questions[question](pool, {
      sheet = sheet, who = "ltask", workers = workers, data = folder, count = report.count,
    })
  else
    sheet:skip(question .. ", ltask", "n/a")
  end
  sheet:print()
end
for _, worker in ipairs(pool.workers) do ltask.send(worker, "quit") end
