--- Submits what is ready, and takes in what has ended.
---
--- Elements of one step that are called often and end soon are submitted in groups, one task for each,
--- since a task costs more than many of them do. How large a group is follows from how long its elements
--- were seen to take and from how many are ready: a group is a couple of milliseconds at most, and never
--- leaves a worker without one. Until the first has ended elements go one by one, so those that are slow
--- or wait are never held up by each other.
---
--- Rejected: Echo's own `retries` for those of a step. A group would be tried again as a whole, and there
--- is no back-off; so an element that failed is submitted again alone, with Echo's `delay`. And its
--- `timeout` for those of elements: it counts from the submit, and an element may well wait for its turn
--- for longer than it may run; echo.timeout in the task counts from there.

local element = require "echo.pipeline.element"
local failure = require "echo.pipeline.failure"
local flow = require "echo.pipeline.flow"
local state = require "echo.pipeline.state"

local launch = {}

local GROUP_SECONDS = 0.002
local LARGEST_GROUP = 256
local LOOK_EVERY = 8
local RETRIED = { error = true, timeout = true }

-- While no group has come back, its first task is asked whether it has ended.
local function look_at_probe(st)
  if st.probe and st.since_look >= LOOK_EVERY then
    st.since_look = 0
    if st.probe:status() == "done" then
      local _, began, ended = st.probe:wait()
      st.seconds_each, st.probe = ended - began, nil
    end
  end
end

local function group_size(run, st)
  local largest = st.node.group or LARGEST_GROUP
  if largest == 1 or st.node.kind == "single" then
    return 1
  elseif not st.seconds_each then
    look_at_probe(st)
    if not st.seconds_each then
      return 1
    end
  end
  local by_time = GROUP_SECONDS / (st.seconds_each + 1e-7)
  local share = (st.last - st.first + 1) / (2 * run.workers)
  return math.max(1, math.min(largest, by_time, share) // 1 | 0)
end

local function columns_of(run, st, indexes)
  local columns = {}
  for at, source in ipairs(st.columns) do
    local items, column = run.items[source], {}
    for position = 1, #indexes do
      column[position] = items[indexes[position]]
    end
    columns[at] = column
  end
  return columns
end

local function submit_group(run, st, options, indexes)
  local node = st.node
  local columns = columns_of(run, st, indexes)
  if st.plain then
    return run.scheduler:submit(options, element.plain_group, node.run, columns[1], indexes)
  end
  return run.scheduler:submit(options, element.group, node.run, node.when, node.timeout, node.result,
    st.slots, columns, indexes, st.shared)
end

local function submit_fallback(run, st, options, index)
  local arguments, count = state.arguments(run, st, index)
  local err = st.fallback_for[index]
  local told = { kind = err.kind, message = err.message, step = err.step, index = err.index }
  return run.scheduler:submit(options, element.fallback, st.node.fallback, told, arguments, count)
end

local function with_option(options, name, option)
  local copy = { [name] = option }
  for other, given in pairs(options) do
    copy[other] = copy[other] or given
  end
  return copy
end

local take_in, submit

local function task_ended(run, st, task, indexes, asked)
  run:untrack(task)
  st.inflight = st.inflight - 1
  take_in(run, st, indexes, asked, task:pwait())
end

-- Submits, or returns false if there was no room; then the run waits for one of its own to end.
function submit(run, st, make, options, indexes)
  local ok, task = pcall(make, run, st, options, indexes)
  if not ok then
    local err = type(task) == "table" and task or { kind = "error", message = tostring(task) }
    if err.kind == "full" and run.inflight > 0 then
      return false
    elseif err.kind == "full" then
      return submit(run, st, make, with_option(options, "when_full", "wait"), indexes)
    end
    for _, index in ipairs(indexes) do
      launch.failed(run, st, index, err)
    end
    return true
  end
  local asked = run.now()
  run:track(task)
  st.inflight, st.tasks, st.began = st.inflight + 1, st.tasks + 1, st.began or asked
  if not st.seconds_each and not st.probe then
    st.probe, st.since_look = task, 0
  end
  st.since_look = (st.since_look or 0) + 1
  task:on_complete(function()
    run:guard(task_ended, run, st, task, indexes, asked)
  end)
  return true
end

local function account(run, st, count, asked, began, ended)
  st.running_seconds = st.running_seconds + (ended - began)
  st.waiting_seconds = st.waiting_seconds + math.max(0, began - asked)
  st.first_began = math.min(st.first_began or began, began)
  st.last_ended = math.max(st.last_ended or ended, ended)
  local each = (ended - began) / count
  st.seconds_each = st.seconds_each and (st.seconds_each * 3 + each) / 4 or each
  st.probe = nil
  run.last_step = st
end

-- What became of a task as a whole: a result that cannot travel, want of memory. It says nothing of
-- the single element, so each of a group gets a task of its own.
local function failed_task(run, st, indexes, err)
  run.dirty[st.node.rank] = st
  if run.stopping or run.draining and err.kind == "cancelled" then
    return
  elseif #indexes == 1 then
    return launch.failed(run, st, indexes[1], err)
  end
  for _, index in ipairs(indexes) do
    run:later(st, submit_group, st.options, { index })
  end
end

function take_in(run, st, indexes, asked, ok, results, began, ended, failures, skipped)
  if not ok then
    return failed_task(run, st, indexes, results)
  end
  account(run, st, #indexes, asked, began, ended)
  run.dirty[st.node.rank] = st
  for position, index in ipairs(indexes) do
    if failures and failures[position] then
      launch.failed(run, st, index, failures[position])
    else
      if skipped and skipped[position] then
        st.skipped = st.skipped + 1
      end
      run:record(st, index, results[position])
      flow.finish(run, st, index, results[position])
    end
  end
end

local function try_again(run, st, index, attempt)
  st.attempts[index], st.retried = attempt + 1, st.retried + 1
  local options = st.options
  if st.node.backoff then
    options = with_option(options, "delay", st.node.backoff * 2 ^ (attempt - 1))
  end
  run:later(st, submit_group, options, { index })
end

local function fall_back(run, st, index, err)
  local fallback = st.node.fallback
  if type(fallback) ~= "function" then
    run:record(st, index, fallback)
    return flow.finish(run, st, index, fallback)
  end
  st.fallback_for = st.fallback_for or {}
  st.fallback_for[index] = err
  run:later(st, function(_, _, options)
    return submit_fallback(run, st, options, index)
  end, st.options, { index })
end

--- An element's attempt has failed: another one, what stands in for it, or the end of it.
function launch.failed(run, st, index, reason)
  if run.stopping then
    return
  end
  local attempt = st.attempts[index] or 1
  if RETRIED[reason.kind] and attempt <= (st.node.retries or 0) and not (st.fallback_for or {})[index] then
    return try_again(run, st, index, attempt)
  end
  local number = st.node.kind ~= "single" and index or nil
  local err = failure.of(st.node, number, state.item(run, st, index), reason, attempt)
  if st.node.fallback ~= nil and reason.kind ~= "cancelled" and not (st.fallback_for or {})[index] then
    return fall_back(run, st, index, err)
  end
  run:fail(st, err)
  if not run.stopping then
    flow.fail(run, st, index)
  end
end

-- Takes elements off the ready list; those that a journal knows have ended with that.
local function take_ready(run, st, size)
  local indexes = {}
  while st.first <= st.last and #indexes < size do
    local index = st.ready[st.first]
    st.ready[st.first], st.first = nil, st.first + 1
    local found, result = run:recall(st, index)
    if found then
      st.restored = st.restored + 1
      flow.finish(run, st, index, result)
    else
      indexes[#indexes + 1] = index
    end
  end
  return indexes
end

local function put_back(st, indexes)
  for at = #indexes, 1, -1 do
    st.first = st.first - 1
    st.ready[st.first] = indexes[at]
  end
end

--- Submits a node's ready elements, as far as its limit and the scheduler let it. Returns false if the
--- scheduler is full.
function launch.pump(run, st)
  if st.pump then
    st.pump()
    return true
  end
  local limit = st.node.limit or math.huge
  while st.first <= st.last and st.status == "running" and st.inflight < limit and not run:holds() do
    local indexes = take_ready(run, st, group_size(run, st))
    if #indexes > 0 and not submit(run, st, submit_group, st.options, indexes) then
      put_back(st, indexes)
      return false
    end
  end
  return true
end

--- Submits again what `run:later` has put by. Returns false if the scheduler is full.
function launch.again(run, entry)
  return submit(run, entry.st, entry.make, entry.options, entry.indexes)
end

return launch
