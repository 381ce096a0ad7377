--- Submits what is ready, as far as limits and the scheduler let it.
---
--- Rejected: Echo's own `timeout` for that of elements. It counts from the submit, and an element may well
--- wait for its turn for longer than it may run; echo.timeout in the task counts from there. And a
--- call-back of its own for each task: a closure with all that it refers to costs more than the rest of a
--- submit; so each node has one, and `run.tasks` tells it what a task was for.

local echo = require "echo"
local flow = require "echo.pipeline.flow"
local group = require "echo.pipeline.group"
local make = require "echo.pipeline.make"
local outcome = require "echo.pipeline.outcome"

local launch = {}

local now = echo.now

local function task_ended(run, st, task)
  local work = run:untrack(task)
  st.inflight = st.inflight - 1
  if st.first <= st.last then
    flow.touch(run, st)
  end
  outcome.take_in(run, st, work, task:pwait())
end

local function on_end_of(run, st)
  st.on_end = st.on_end or function(task)
    run:guard(task_ended, run, st, task)
  end
  return st.on_end
end

local submit

-- Returns false if there was no room; then the run waits for one of its own to end.
local function refused(run, st, make_task, options, work, raised)
  local err = type(raised) == "table" and raised or { kind = "error", message = tostring(raised) }
  if err.kind == "full" and run.inflight > 0 then
    return false
  elseif err.kind == "full" then
    return submit(run, st, make_task, outcome.with_option(options, "when_full", "wait"), work)
  end
  for _, index in ipairs(type(work) == "table" and work or { work }) do
    outcome.failed(run, st, index, err)
  end
  return true
end

function submit(run, st, make_task, options, work)
  local ok, task = pcall(make_task, run, st, options, work)
  if not ok then
    return refused(run, st, make_task, options, work, task)
  end
  local asked = now()
  run:track(task, work)
  st.asked[type(work) == "table" and work[1] or work] = asked
  st.inflight, st.tasks = st.inflight + 1, st.tasks + 1
  if not st.seconds_each then
    group.submitted(st, task)
  end
  task:on_complete(on_end_of(run, st))
  return true
end

-- Takes the next ready element, or returns nil where a journal knows that it has ended.
local function take_one(run, st)
  local index = st.ready[st.first]
  st.ready[st.first], st.first = nil, st.first + 1
  if not st.journalled then
    return index
  end
  local found, result = run.journal:recall(run, st, index)
  if not found then
    return index
  end
  st.restored = st.restored + 1
  flow.finish(run, st, index, result)
end

local function take_group(run, st, size)
  local indexes = {}
  while st.first <= st.last and #indexes < size do
    indexes[#indexes + 1] = take_one(run, st)
  end
  return #indexes > 1 and indexes or indexes[1]
end

local function put_back(st, work)
  if type(work) == "number" then
    work = { work }
  end
  st.first = st.first - #work
  table.move(work, 1, #work, st.first, st.ready)
end

local function may_start(run, st)
  return st.first <= st.last and st.status == "running" and st.inflight < st.limit
    and not (run.stopping or run.draining or run.full)
end

--- Submits a node's ready elements, as far as its limit and the scheduler let it. Returns false if the
--- scheduler is full.
function launch.pump(run, st)
  if st.pump then
    st.pump()
    return true
  end
  local alone = st.node.group == 1 or st.node.kind == "single"
  while may_start(run, st) do
    local size = alone and 1 or group.size(run, st)
    local work
    if size == 1 then
      work = take_one(run, st)
    else
      work = take_group(run, st, size)
    end
    local make_task = type(work) == "table" and make.group or make.one
    if work and not submit(run, st, make_task, st.options, work) then
      put_back(st, work)
      return false
    end
  end
  return true
end

--- Submits again what `run:later` has put by. Returns false if the scheduler is full.
function launch.again(run, entry)
  return submit(run, entry.st, entry.make, entry.options, entry.work)
end

return launch
