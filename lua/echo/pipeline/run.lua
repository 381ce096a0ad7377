--- A run of a pipeline: one scheduler, one set of parameters.
---
--- Everything is driven by the call-backs of tasks that have ended, on the thread of the state that
--- started the run; so it goes on whenever that state polls or an attached loop turns, and `wait` does
--- nothing but poll. A call-back does its part under `guard`, which then settles: submits what has
--- become ready, and ends the run if nothing is left. After the end nothing of it remains: no task, no
--- channel, no journal.

local echo = require "echo"
local failure = require "echo.pipeline.failure"
local flow = require "echo.pipeline.flow"
local launch = require "echo.pipeline.launch"
local state = require "echo.pipeline.state"
local stream = require "echo.pipeline.stream"
local tally = require "echo.pipeline.tally"

local Run = { __name = "echo.pipeline.run" }
Run.__index = Run

local next, xpcall = next, xpcall

local POLL_SECONDS = 1
local TICK_SECONDS = 0.1

-- What the task of a stream or fold is for.
local FLOW = {}

Run.now = echo.now
Run.begin_flow = { stream = stream.begin_stream, fold = stream.begin_fold }

--- For the other files ----------------------------------------------------------------------------

--- Notes a task that is under way, and what it is for.
function Run:track(task, work)
  self.tasks[task] = work
  self.inflight = self.inflight + 1
end

--- Returns what it was for.
function Run:untrack(task)
  local tasks = self.tasks
  local work = tasks[task]
  tasks[task], self.inflight = nil, self.inflight - 1
  if self.full then
    self.full = false
    self:touch_all()
  end
  return work
end

--- A task that waits for elements by itself: a drain has to end it.
function Run:track_flow(task)
  self:track(task, FLOW)
end

--- Takes a channel, to be closed when the run ends early.
function Run:own(channel)
  self.channels[#self.channels + 1] = channel
end

--- Has a task submitted when the call-back at hand is over.
function Run:later(st, make, options, work)
  table.insert(self.pending, { st = st, make = make, options = options, work = work })
end

--- Whether nothing new may start.
function Run:holds()
  return self.stopping or self.draining or self.full
end

function Run:touch_all()
  for _, st in pairs(self.nodes) do
    self.dirty[st.rank] = st
  end
end

--- Has the journal, if there is one, note an element that has ended.
function Run:record(st, index, result)
  if self.journal and st.journalled then
    self.journal:record(st, index, result)
  end
end

--- Notes a failure; unless the run is to carry on, that is its end.
function Run:fail(st, err)
  err = failure.is(err) and err or failure.of(st.node, nil, nil, err, 1)
  if not self.error then
    self.error = err
  else
    self.others[#self.others + 1] = err
  end
  self.failures = self.failures + 1
  if self.options.on_failure ~= "continue" then
    self:stop()
  end
end

local function with_place(raised)
  return type(raised) == "string" and debug.traceback(raised, 2) or raised
end

--- Calls fn with up to four arguments, which costs less than any number of them: it is done for each
--- task. An error in it (of a progress call-back, of the journal) ends the run.
function Run:guard(fn, first, second, third, fourth)
  local ok, err = xpcall(fn, with_place, first, second, third, fourth)
  if not ok then
    self:abort(err)
  end
  self:settle()
  -- Where nobody waits, an attached loop delivers, and each call-back is for itself.
  if not self.turning then
    self:keep()
  end
end

function Run:abort(err)
  if not failure.is(err) then
    local kind = type(err) == "table" and err.kind or "error"
    err = failure.new { kind = kind, message = type(err) == "table" and err.message or tostring(err) }
  end
  self.error = self.error or err
  self:stop()
end

function Run:stop()
  if self.stopping then
    return
  end
  self.stopping, self.pending = true, {}
  for task in pairs(self.tasks) do
    task:cancel("the pipeline ends")
  end
  for _, channel in ipairs(self.channels) do
    channel:close()
  end
end

local function launch_pending(run)
  local pending = run.pending
  if #pending == 0 then
    return
  end
  run.pending = {}
  for _, entry in ipairs(pending) do
    if run:holds() or not launch.again(run, entry) then
      run.full = run.full or not (run.stopping or run.draining)
      table.insert(run.pending, entry)
    end
  end
end

local function pump_dirty(run)
  local dirty = run.dirty
  for rank = 1, #run.plan.nodes do
    local st = dirty[rank]
    dirty[rank] = nil
    if st and not launch.pump(run, st) then
      run.full = true
    end
  end
end

local function has_work(run)
  return next(run.dirty) ~= nil or run.pending[1] ~= nil or next(run.giving) ~= nil
end

-- Has the journal write what was noted.
function Run:keep()
  if self.journal and not self.over then
    local ok, err = pcall(self.journal.flush, self.journal)
    if not ok then
      self:abort(err)
      self:settle()
    end
  end
end

local function give_back(run)
  for domain in pairs(run.giving) do
    run.giving[domain] = nil
    domain.release()
  end
end

-- What is launched may end at once, where a journal knows it, and leave in its turn.
local function launch_all(run)
  give_back(run)
  while has_work(run) and not run:holds() do
    launch_pending(run)
    pump_dirty(run)
    give_back(run)
  end
end

--- Submits what may start, and ends the run if nothing is left of it.
function Run:settle()
  if self.settling or self.over then
    return
  end
  if has_work(self) then
    self.settling = true
    local ok, err = pcall(launch_all, self)
    self.settling = false
    if not ok then
      self:abort(err)
    end
  end
  if self.inflight == 0 and (self.unfinished == 0 or self.stopping or self.draining) then
    self:finish()
  end
end

local function interrupted_error(run)
  local text = run.draining and "the run was drained before its end" or "the run was cancelled"
  if run.reason then
    text = text .. ": " .. run.reason
  end
  return failure.new { kind = "cancelled", message = text }
end

function Run:finish()
  if self.over then
    return
  end
  self.over, self.ended = true, self.now()
  if self.unfinished > 0 and not self.error then
    self.error = interrupted_error(self)
  end
  if self.journal then
    local ok, err = pcall(self.journal.close, self.journal, self.error == nil)
    if not ok then
      self:abort(err)
    end
  end
  if self.error then
    self.error.results, self.error.run = self.results, self
    self.error.others = #self.others > 0 and self.others or nil
  end
  self:tell_progress(true)
  for _, channel in ipairs(self.channels) do
    channel:close()
  end
  local waiting = self.waiting
  self.waiting = {}
  for _, resume in ipairs(waiting) do
    resume()
  end
end

--- Progress ---------------------------------------------------------------------------------------

--- done, running, failed, total, rate and left, as they stand.
function Run:progress()
  return tally.of(self)
end

function Run:tell_progress(always)
  local tell = self.options.progress
  local now = self.now()
  if not tell or not always and now - (self.told or 0) < TICK_SECONDS then
    return
  end
  self.told = now
  local ok, err = pcall(tell, self:progress(), self)
  if not ok then
    self.options.progress = nil
    self:abort(err)
  end
end

--- The interface ----------------------------------------------------------------------------------

--- "running", "done", "failed" or "cancelled".
function Run:status()
  if not self.over then
    return "running"
  elseif not self.error then
    return "done"
  end
  return self.error.kind == "cancelled" and not self.error.step and "cancelled" or "failed"
end

--- Cancels what runs and starts nothing more. It is over when what runs has ended: see wait.
function Run:cancel(reason)
  if self.over then
    return false
  end
  self.reason = self.reason or reason
  self.draining = false
  self.error = self.error or interrupted_error(self)
  self:stop()
  self:settle()
  return true
end

--- Starts nothing more, and lets what runs come to its end.
function Run:drain(reason)
  if self.over or self.draining or self.stopping then
    return false
  end
  self.draining, self.reason = true, reason
  -- A stream would wait for elements to leave, and a fold for more of them: neither comes to an end.
  for task, work in pairs(self.tasks) do
    if work == FLOW or task:status() == "queued" then
      task:cancel("the pipeline drains")
    end
  end
  for _, channel in ipairs(self.channels) do
    channel:close()
  end
  self:settle()
  return true
end

--- One turn of a wait: delivers, then keeps what was delivered, then tells. For programs that have more
--- to do than to wait.
function Run:turn(seconds)
  self.turning = true
  local ok, err = pcall(self.scheduler.poll, self.scheduler, seconds)
  self.turning = false
  self:keep()
  self:tell_progress(false)
  if not ok then
    error(err, 0)
  end
end

local function poll_until_over(run, seconds)
  local longest = run.options.progress and TICK_SECONDS or POLL_SECONDS
  local until_when = seconds and run.now() + seconds or math.huge
  while not run.over do
    local left = until_when - run.now()
    if left <= 0 then
      error(failure.new { kind = "timeout", message = "the run goes on" }, 0)
    end
    run:turn(math.min(longest, left))
  end
end

--- The results by step; raises the run's error. With `seconds`, raises kind "timeout" when they are
--- over, and the run goes on. In a coroutine of the program it yields instead of holding the program up.
function Run:wait(seconds)
  if not self.over and not seconds and coroutine.isyieldable() then
    echo.await(1, function(resume)
      table.insert(self.waiting, resume)
    end)
  end
  poll_until_over(self, seconds)
  if self.error then
    error(self.error, 0)
  end
  return self.results
end

--- At the end of its block a run is cancelled, and over.
function Run:__close()
  if self:cancel("its block was left") then
    while not self.over do
      self:turn(TICK_SECONDS)
    end
  end
end

local run = {}

--- Starts a plan with checked parameters and options.
function run.start(graph, scheduler, params, options, journal)
  local self = setmetatable({
    plan = graph, scheduler = scheduler, params = params, options = options, journal = journal,
    workers = scheduler:stats().workers, tasks = {}, inflight = 0, channels = {},
    pending = {}, dirty = {}, giving = {}, waiting = {}, results = {}, others = {}, failures = 0, started = echo.now(),
  }, Run)
  state.prepare(self)
  for _, st in pairs(self.nodes) do
    if st.node.kind == "fold" then
      stream.prepare_fold(self, st)
    elseif journal then
      journal:prepare(st)
    end
  end
  -- Nothing is submitted before all has begun, even if an element of a stream comes meanwhile.
  self.settling = true
  local ok, err = pcall(flow.start, self)
  self.settling = false
  if not ok then
    self:abort(err)
  end
  self:settle()
  return self
end

run.methods = Run

return run
