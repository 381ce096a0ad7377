-- The accounts of one round. Everything is told to it, by the host at once and by tasks through the
-- log; the checks say what does not add up:
--
--   tasks      each submit that was accepted ends once, as done, failed or cancelled (or, after a stop
--              that ran out of time, is lost), and is what its handle says; each attempt begins once,
--              and none of a submit that was refused
--   turns      no more hold a place of a named queue, or a key, at once than may
--   messages   each one that was sent is received once, or is left in its channel
--   permits, call-backs, scopes

local ledger = {}
ledger.__index = ledger

local function new_ledger(limits)
  return setmetatable({
    limits = limits, asked = {}, tasks = {}, accepted = {}, refused = {}, begun = {}, ended = {},
    turns = {}, sent = {}, received = {}, open = {}, settled = {}, completions = {}, problems = {},
    unclean = 0, registered = 0,
    counts = { done = 0, failed = 0, cancelled = 0, lost = 0, forgotten = 0 },
  }, ledger)
end

function ledger:problem(format, ...)
  self.problems[#self.problems + 1] = format:format(...)
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

local function once(self, what, set, key, value)
  if set[key] then
    self:problem("%s twice: %s", what, key)
  end
  set[key] = value or true
end

-- -- what is told -----------------------------------------------------------------------------

local entries = {}

function entries:asks(id, attempts)
  once(self, "asked for", self.asked, id, attempts)
end

function entries:accepted(id, task, joins)
  once(self, "accepted", self.accepted, id)
  self.tasks[#self.tasks + 1] = { id = id, task = task, joins = joins }
end

local refusals = { full = true, timeout = true, stopped = true, cancelled = true, memory = true,
  transfer = true }

function entries:refused(id, kind)
  once(self, "refused", self.refused, id)
  if not refusals[kind] then
    self:problem("the submit of %s was refused with kind %s", id, kind)
  end
end

function entries:begin(id, attempt)
  once(self, "begun", self.begun, id .. "/" .. attempt)
end

entries["end"] = function(self, id)
  once(self, "ended", self.ended, id)
end

function entries:enter(turn, id)
  local holders = self.turns[turn] or { count = 0 }
  self.turns[turn] = holders
  holders[id] = true
  holders.count = holders.count + 1
  if holders.count > (self.limits[turn] or self.limits.key) then
    local names = {}
    for name in pairs(holders) do
      names[#names + 1] = name
    end
    self.crowd = ("%d tasks at once have %s: %s"):format(holders.count, turn,
      table.concat(names, " "))
  end
end

function entries:leave(turn, id)
  local holders = self.turns[turn]
  if holders and holders[id] then
    holders[id] = nil
    holders.count = holders.count - 1
  end
end

function entries:opens(id)
  self.open[id] = true
end

function entries:settled(id)
  self.settled[id] = true
end

function entries:sent(sender, number)
  once(self, "sent", self.sent, sender .. "#" .. number)
end

function entries:received(sender, number)
  once(self, "received", self.received, sender .. "#" .. number)
end

function entries:unclean(count)
  self.unclean = self.unclean + count
end

function entries:wrong(text)
  self:problem("%s", text)
end

function ledger:tell(entry, ...)
  entries[entry](self, ...)
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

-- -- the checks -------------------------------------------------------------------------------

local kinds = {
  failed = { error = true, timeout = true, cancelled = true, transfer = true, full = true,
    stopped = true, memory = true, lost = true },
  cancelled = { cancelled = true, timeout = true },
}

-- A task that joined another one has whatever came of that.
local function check_result(self, id, result)
  if type(result) == "table" then
    for i, item in ipairs(result) do
      if item ~= i * 2 then
        self:problem("item %d of %s came to %s", i, id, tostring(item))
      end
    end
  elseif type(result) == "string" and not self.ended[result] then
    self:problem("%s is done and never came to its end", result)
  end
end

local function check_done(self, entry, result)
  local kind = entry.id:match("^%a+")
  local expected = kind == "c" and 42 or kind ~= "map" and entry.id or result
  if result ~= expected and not entry.joins then
    self:problem("%s came to the result of %s", entry.id, tostring(result))
  end
  check_result(self, entry.id, result)
end

local function check_failed(self, entry, err)
  if entry.id:find("^endless") and not err.message:find("setup failed", 1, true) then
    self:problem("%s, which only a cancel ends, has failed: %s", entry.id, tostring(err))
  end
end

local function check_task(self, entry, may_be_lost)
  local ok, result = entry.task:pwait(20)
  local status = entry.task:status()
  if not ok and result.kind == "lost" and may_be_lost then
    self.counts.lost = self.counts.lost + 1
    return
  elseif not self.counts[status] then
    return self:problem("%s is %s in the end: %s", entry.id, status, tostring(result))
  end
  self.counts[status] = self.counts[status] + 1
  if ok ~= (status == "done") then
    self:problem("%s is %s, but its wait says %s", entry.id, status, tostring(result))
  elseif ok then
    check_done(self, entry, result)
  elseif not kinds[status][result.kind] then
    self:problem("%s is %s with kind %s: %s", entry.id, status, result.kind, tostring(result))
  elseif status == "failed" then
    check_failed(self, entry, result)
  end
end

local function check_begun(self)
  for attempt in pairs(self.begun) do
    local id, number = attempt:match("^(.*)/(%d+)$")
    if tonumber(number) > (self.asked[id] or 0) then
      self:problem("attempt %s was not asked for", attempt)
    elseif self.refused[id] then
      self:problem("%s was refused, and ran", id)
    end
  end
end

-- The count of all that were accepted, by what came of them.
function ledger:ends()
  local sum = 0
  for _, count in pairs(self.counts) do
    sum = sum + count
  end
  return sum
end

function ledger:check_tasks(may_be_lost)
  for _, entry in ipairs(self.tasks) do
    check_task(self, entry, may_be_lost)
  end
  check_begun(self)
  if self:ends() ~= #self.tasks and #self.problems == 0 then
    self:problem("%d tasks were accepted, and %d came to an end", #self.tasks, self:ends())
  end
end

function ledger:check_completions()
  for number, count in ipairs(self.completions) do
    if count ~= 1 then
      self:problem("call-back %d was called %d times", number, count)
    end
  end
end

-- Those whose handles go with their scheduler: nobody can ask what came of them.
function ledger:forget_tasks()
  self.counts.forgotten = #self.tasks
  self.tasks = {}
end

-- Whether each task that may have sent or received has said all of it.
function ledger:is_settled()
  for id in pairs(self.open) do
    if not self.settled[id] then
      return false
    end
  end
  return true
end

-- What is left in the channels was sent and not lost. Of a receiver that was interrupted just then
-- nobody knows whether it had a message.
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
  if lost > self.unclean and self:is_settled() then
    self:problem("%d messages were lost, %d can be explained", lost, self.unclean)
  end
end

-- What a stop has abandoned does not say that its turn is over.
function ledger:check_turns()
  if self.crowd then
    self:problem("%s", self.crowd)
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
