--- Takes in what tasks of elements have come to: passes results on, and tries again, falls back or gives
--- up where there is none.
---
--- Rejected: Echo's own `retries` for those of a step. A group would be tried again as a whole, and there
--- is no back-off; so an element that failed is submitted again alone, with Echo's `delay`.

local failure = require "echo.pipeline.failure"
local flow = require "echo.pipeline.flow"
local group = require "echo.pipeline.group"
local make = require "echo.pipeline.make"
local state = require "echo.pipeline.state"

local outcome = {}

local RETRIED = { error = true, timeout = true }

local function with_option(options, name, option)
  local copy = { [name] = option }
  for other, given in pairs(options) do
    copy[other] = copy[other] or given
  end
  return copy
end
outcome.with_option = with_option

local function try_again(run, st, index, attempt)
  st.attempts[index], st.retried = attempt + 1, st.retried + 1
  local options = st.options
  if st.node.backoff then
    options = with_option(options, "delay", st.node.backoff * 2 ^ (attempt - 1))
  end
  run:later(st, make.one, options, index)
end

local function fall_back(run, st, index, err)
  local fallback = st.node.fallback
  if type(fallback) ~= "function" then
    run:record(st, index, fallback)
    return flow.finish(run, st, index, fallback)
  end
  st.fallback_for = st.fallback_for or {}
  st.fallback_for[index] = err
  run:later(st, make.fallback, st.options, index)
end

--- An element's attempt has failed: another one, what stands in for it, or the end of it.
function outcome.failed(run, st, index, reason)
  if run.stopping then
    return
  end
  local attempt = st.attempts[index] or 1
  local fallen_back = st.fallback_for and st.fallback_for[index]
  if RETRIED[reason.kind] and attempt <= (st.node.retries or 0) and not fallen_back then
    return try_again(run, st, index, attempt)
  end
  local number = st.node.kind ~= "single" and index or nil
  local err = failure.of(st.node, number, state.item(run, st, index), reason, attempt)
  if st.node.fallback ~= nil and reason.kind ~= "cancelled" and not fallen_back then
    return fall_back(run, st, index, err)
  end
  run:fail(st, err)
  if not run.stopping then
    flow.fail(run, st, index)
  end
end

-- What became of a task as a whole: a result that cannot travel, want of memory. It says nothing of
-- the single element, so each of a group gets a task of its own.
local function failed_task(run, st, work, err)
  if run.stopping or run.draining and err.kind == "cancelled" then
    return
  elseif type(work) == "number" then
    return outcome.failed(run, st, work, err)
  end
  for _, index in ipairs(work) do
    run:later(st, make.one, st.options, index)
  end
end

local function account(run, st, first, count, began, ended)
  local asked = st.asked
  local waited, ran = began - asked[first], ended - began
  asked[first] = nil
  st.running_seconds = st.running_seconds + ran
  if waited > 0 then
    st.waiting_seconds = st.waiting_seconds + waited
  end
  if not st.first_began or began < st.first_began then
    st.first_began = began
  end
  if not st.last_ended or ended > st.last_ended then
    st.last_ended = ended
  end
  if not st.alone then
    group.seen(st, ran / count)
  end
  run.last_step = st
end

local function take_element(run, st, index, result, failed, skipped)
  if failed then
    return outcome.failed(run, st, index, failed)
  elseif skipped then
    st.skipped = st.skipped + 1
  end
  if st.journalled then
    run:record(st, index, result)
  end
  flow.finish(run, st, index, result)
end

local function take_group(run, st, indexes, results, failures, skipped)
  for position = 1, #indexes do
    take_element(run, st, indexes[position], results[position], failures and failures[position],
      skipped and skipped[position])
  end
end

--- What the task of an element has given, as element.lua says.
function outcome.of_one(run, st, index, ok, result, began, ended, failed, skipped)
  if not ok then
    return failed_task(run, st, index, result)
  end
  account(run, st, index, 1, began, ended)
  take_element(run, st, index, result, failed, skipped)
end

--- What the task of a group has given.
function outcome.of_group(run, st, indexes, ok, results, began, ended, failures, skipped)
  if not ok then
    return failed_task(run, st, indexes, results)
  end
  account(run, st, indexes[1], #indexes, began, ended)
  take_group(run, st, indexes, results, failures, skipped)
end

return outcome
