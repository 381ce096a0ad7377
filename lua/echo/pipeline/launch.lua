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

local min, now, pcall, type = math.min, echo.now, pcall, type

local function task_ended(run, st, take_in, task)
  local work = run:untrack(task)
  st.inflight = st.inflight - 1
  if st.first <= st.last then
    flow.touch(run, st)
  end
  take_in(run, st, work, task:pwait())
end

-- The call-backs of a node, by what takes in what its tasks give.
local function on_end_of(run, st, take_in)
  local function on_end(task)
    run:guard(task_ended, run, st, take_in, task)
  end
  st.on_end[take_in] = on_end
  return on_end
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

-- A task for some work is under way; `first` is the number of its first element.
local function note(run, st, task, take_in, work, first)
  run.tasks[task], run.inflight = work, run.inflight + 1
  st.asked[first], st.inflight, st.tasks = now(), st.inflight + 1, st.tasks + 1
  task:on_complete(st.on_end[take_in] or on_end_of(run, st, take_in))
end

function submit(run, st, make_task, options, work)
  local ok, task = pcall(make_task, run, st, options, work)
  if not ok then
    return refused(run, st, make_task, options, work, task)
  elseif make_task == make.group then
    note(run, st, task, outcome.of_group, work, work[1])
  else
    note(run, st, task, outcome.of_one, work, work)
  end
  if not (st.seconds_each or st.alone) then
    group.submitted(st, task)
  end
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

-- Elements that have a task each, up to the first that is refused.
local function submit_alone(run, st)
  local ready, options, make_one, take_in = st.ready, st.options, make.one, outcome.of_one
  for at = st.first, min(st.last, st.first + st.limit - st.inflight - 1) do
    local index = ready[at]
    ready[at], st.first = nil, at + 1
    local ok, task = pcall(make_one, run, st, options, index)
    if not ok then
      return refused(run, st, make_one, options, index, task), index
    end
    note(run, st, task, take_in, index, index)
  end
  return true
end

-- Returns whether there was room, and if not the work that has to wait for it.
local function submit_next(run, st)
  if st.alone and not st.journalled then
    return submit_alone(run, st)
  end
  local size = st.alone and 1 or group.size(run, st)
  local work = size == 1 and take_one(run, st) or size > 1 and take_group(run, st, size)
  local make_task = type(work) == "table" and make.group or make.one
  return not work or submit(run, st, make_task, st.options, work), work
end

--- Submits a node's ready elements, as far as its limit and the scheduler let it. Returns false if the
--- scheduler is full.
function launch.pump(run, st)
  if st.pump then
    st.pump()
    return true
  end
  while may_start(run, st) do
    local had_room, work = submit_next(run, st)
    if not had_room then
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
