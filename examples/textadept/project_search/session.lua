-- One search while it runs, on the editor's side. Nothing here waits. A session that was stopped gives no
-- more messages, and none of its messages can get into another one's channel: a result cannot be stale.

local echo = require "echo"

local session = {}
session.__index = session

local CAPACITY = 64 -- messages on their way; the tasks wait when the editor falls behind
local ENDED = { done = true, failed = true, cancelled = true }

local function run(name, ...)
  return require("project_search.worker")[name](...)
end

-- Starts to search: the open files with high priority, the tree with low.
function session.start(scheduler, job)
  local channel = echo.channel(CAPACITY)
  local function submit(priority, name, ...)
    return scheduler:submit({ priority = priority, name = "search " .. name }, run, name, job, channel, ...)
  end
  local open = submit("high", "open")
  local tree = submit("low", "tree", open)
  -- The one that waits for the other comes first, to be cancelled before it can fail for that.
  return setmetatable({ channel = channel, tasks = { tree, open } }, session)
end

-- The next message of the tasks (see report.lua), or nil if there is none now.
function session:receive()
  if not self.stopped then
    local there, message = self.channel:try_receive()
    return there and message or nil
  end
end

-- Whether the tasks have ended; if so, the message of the one that failed. What they have sent may
-- still have to be received.
function session:ended()
  for _, task in ipairs(self.tasks) do
    if task:status() == "failed" then
      return true, (select(2, task:pwait(0)).message:gsub("^[^\n]-%.lua:%d+: ", ""))
    end
  end
  for _, task in ipairs(self.tasks) do
    if not ENDED[task:status()] then
      return false
    end
  end
  return true
end

-- Ends the search at once. The tasks are cancelled where they stand, and what they still send is lost.
function session:stop()
  self.stopped = true
  for _, task in ipairs(self.tasks) do
    task:cancel("another search")
  end
  self.channel:close()
end

return session
