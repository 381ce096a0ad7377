-- The account of a load: what was accepted has ended, as done, failed or cancelled, and the scheduler
-- says the same. One line tells it.

local echo = require "echo"
local machine = require "spec.lua.support.machine"

local account = {}
account.__index = account

-- Adds a task that has ended; returns its results. What it may fail with is the caller's business.
function account:take(task)
  local results = table.pack(task:pwait(600))
  local status = task:status()
  assert(self[status], "a task is " .. status .. " in the end")
  self[status] = self[status] + 1
  assert(results[1] == (status == "done"), tostring(results[2]))
  return table.unpack(results, 1, results.n)
end

-- The scheduler has stopped; `unseen` tasks were accepted that nobody has taken.
function account:close(s, unseen)
  local stats = s:stats()
  local seen = self.done + self.failed + self.cancelled + (unseen or 0)
  assert(stats.submitted == stats.ended,
    ("%d were accepted and %d ended"):format(stats.submitted, stats.ended))
  assert(not self.exact or stats.submitted == seen,
    ("%d were accepted and %d accounted for"):format(stats.submitted, seen))
  self.accepted = self.accepted + stats.submitted
end

function account:report(name)
  local seconds = echo.now() - self.began
  local taken = self.done + self.failed + self.cancelled
  print(("%s: %d taken: %d done, %d failed, %d cancelled; %d accepted in all, and ended; %.1f s, at most %d MiB")
    :format(name, taken, self.done, self.failed, self.cancelled, self.accepted, seconds,
      machine.peak_memory() // 1024))
end

-- With `exact`, everything that was accepted is taken: no maps, no children.
return function(exact)
  return setmetatable({ exact = exact, accepted = 0, done = 0, failed = 0, cancelled = 0,
    began = echo.now() }, account)
end
