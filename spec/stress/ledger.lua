-- The accounts of one round. Everything is told to it; `settle` says what does not add up.

local ledger = {}
ledger.__index = ledger

local function new_ledger()
  return setmetatable({
    tasks = {}, begun = {}, ended = {}, sent = {}, received = {}, completions = {}, problems = {},
    unclean = 0, unsettled = 0, registered = 0, counts = { done = 0, failed = 0, cancelled = 0 },
  }, ledger)
end

function ledger:problem(format, ...)
  self.problems[#self.problems + 1] = format:format(...)
end

function ledger:task(task)
  self.tasks[#self.tasks + 1] = task
end

-- To be given to on_complete.
function ledger:completion()
  self.registered = self.registered + 1
  local number = self.registered
  self.completions[number] = 0
  return function()
    self.completions[number] = self.completions[number] + 1
  end
end

local function once(self, what, set, key)
  if set[key] then
    self:problem("%s twice: %s", what, key)
  end
  set[key] = true
end

local entries = {}

function entries:begin(id, attempt)
  once(self, "begun", self.begun, id .. "/" .. attempt)
  if not id:find("^leaf") then
    self.unsettled = self.unsettled + 1
  end
end

entries["end"] = function(self, id)
  once(self, "ended", self.ended, id)
end

function entries:sent(sender, number)
  once(self, "sent", self.sent, sender .. "#" .. number)
end

function entries:received(sender, number)
  once(self, "received", self.received, sender .. "#" .. number)
end

function entries:unclean()
  self.unclean = self.unclean + 1
end

function entries:settled()
  self.unsettled = self.unsettled - 1
end

function entries:task(task)
  self.tasks[#self.tasks + 1] = task
end

local function each(channel, fn)
  local message = table.pack(channel:try_receive())
  while message[1] do
    fn(table.unpack(message, 2, message.n))
    message = table.pack(channel:try_receive())
  end
end

function ledger:read_log(log)
  each(log, function(entry, ...)
    entries[entry](self, ...)
  end)
end

local kinds = {
  failed = { error = true, timeout = true, cancelled = true, transfer = true, full = true,
    stopped = true, memory = true, lost = true },
  cancelled = { cancelled = true, timeout = true, stopped = true },
}

function ledger:check_task(task, may_be_lost)
  local ok, result = task:pwait(may_be_lost and 0 or 20)
  if not ok and may_be_lost and (result.kind == "lost" or result.kind == "timeout") then
    return
  end
  local status = task:status()
  if not self.counts[status] then
    return self:problem("a task is %s in the end: %s", status, tostring(result))
  end
  self.counts[status] = self.counts[status] + 1
  if ok ~= (status == "done") then
    self:problem("a task is %s, but its wait says %s", status, tostring(result))
  elseif not ok and not kinds[status][result.kind] then
    self:problem("a %s task has kind %s: %s", status, result.kind, tostring(result))
  elseif ok and type(result) == "string" and result:find("^%a+%.") and not self.ended[result] then
    self:problem("task %s is done and never came to its end", result)
  end
end

function ledger:check_tasks(may_be_lost)
  for _, task in ipairs(self.tasks) do
    self:check_task(task, may_be_lost)
  end
end

function ledger:check_completions()
  for number, count in ipairs(self.completions) do
    if count ~= 1 then
      self:problem("call-back %d was called %d times", number, count)
    end
  end
end

-- What is left in the channels was sent and not lost.
function ledger:check_messages(channels)
  for _, channel in ipairs(channels) do
    each(channel, function(sender, number)
      entries.received(self, sender, number)
    end)
  end
  local lost = 0
  for message in pairs(self.sent) do
    if not self.received[message] then
      lost = lost + 1
    end
  end
  if lost > self.unclean and self.unsettled == 0 then
    self:problem("%d messages were lost, %d can be explained", lost, self.unclean)
  end
end

function ledger:check_semaphores(semaphores, permits)
  for i, semaphore in ipairs(semaphores) do
    local count = 0
    while semaphore:try_acquire() do
      count = count + 1
    end
    if count ~= permits[i] then
      self:problem("semaphore %d has %d permits of %d", i, count, permits[i])
    end
  end
end

return new_ledger
