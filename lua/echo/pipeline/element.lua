--- What runs in the workers: these functions travel, with what they refer to, so they refer to nothing
--- but each other and echo itself.

local echo = require "echo"

local element = {}

-- What failed becomes part of a result. Each task carries this function, and a function costs more to
-- carry than to make: so what it needs is made in it.
local function failure_of(raised)
  -- It must not keep the others of its group from travelling: of a value that might, only its text goes.
  local function is_plain(part, depth)
    if type(part) ~= "table" then
      return type(part) ~= "function" and type(part) ~= "thread" and type(part) ~= "userdata"
    elseif depth == 0 or getmetatable(part) ~= nil then
      return false
    end
    for key, field in next, part do
      if not is_plain(key, depth - 1) or not is_plain(field, depth - 1) then
        return false
      end
    end
    return true
  end

  -- The frames from the guard on are the library's own.
  local function own_frames(text)
    local traceback = debug.traceback(text, 3)
    return (traceback:gsub("\n%s*%[C%]: in function 'xpcall'.*", ""))
  end

  -- Echo's own, such as that of a time-out; it may be on its way up and have no traceback yet.
  if type(raised) == "table" and type(rawget(raised, "kind")) == "string" and rawget(raised, "message") then
    return { kind = raised.kind, message = raised.message, value = rawget(raised, "value"),
      traceback = rawget(raised, "traceback") or own_frames(raised.message) }
  end
  local text = type(raised) == "string" and raised or tostring(raised)
  return {
    kind = "error", message = text, traceback = own_frames(text),
    value = is_plain(raised, 8) and raised or nil,
  }
end

local function invoke(run, when, timeout, wanted, ...)
  if when and not when(...) then
    return nil, true
  end
  local result
  if timeout then
    result = echo.timeout(timeout, run, ...)
  else
    result = run(...)
  end
  if wanted and type(result) ~= wanted then
    error(("the step says that it gives a %s, and gave a %s"):format(wanted, type(result)), 0)
  end
  return result, false
end

--- Runs one element. Returns its result, when it began and ended, its failure or nil, and whether the
--- condition kept it from running.
function element.one(run, when, timeout, wanted, ...)
  local began = echo.now()
  local ok, result, left_out = xpcall(invoke, failure_of, run, when, timeout, wanted, ...)
  if not ok then
    return nil, began, echo.now(), result
  end
  return result, began, echo.now(), nil, left_out
end

--- The same for functions that say nothing of a condition, a time-out or a type: most of those that are
--- called very often.
function element.plain_one(run, item, index)
  local began = echo.now()
  local ok, result = xpcall(run, failure_of, item, index)
  if not ok then
    return nil, began, echo.now(), result
  end
  return result, began, echo.now()
end

-- The arguments of the element at `position`: slots says of each whether it comes from a column, is
-- the index (0), or one of the values that all share (negative).
local function arguments_at(position, slots, columns, indexes, shared)
  local arguments = {}
  for at, slot in ipairs(slots) do
    if slot > 0 then
      arguments[at] = columns[slot][position]
    elseif slot == 0 then
      arguments[at] = indexes[position]
    else
      arguments[at] = shared[-slot]
    end
  end
  return arguments
end

--- Runs a group of elements one after the other. Returns their results, when it began and ended, and
--- by position, if there are any, their failures and which of them the condition kept from running.
function element.group(run, when, timeout, wanted, slots, columns, indexes, shared)
  local began, results, failures, skipped = echo.now(), {}, nil, nil
  local count = #indexes
  for position = 1, count do
    local arguments = arguments_at(position, slots, columns, indexes, shared)
    local ok, result, left_out = xpcall(invoke, failure_of, run, when, timeout, wanted,
      table.unpack(arguments, 1, #slots))
    if not ok then
      failures = failures or {}
      failures[position] = result
    elseif left_out then
      skipped = skipped or {}
      skipped[position] = true
    else
      results[position] = result
    end
  end
  return results, began, echo.now(), failures, skipped
end

--- The same for functions of an element and its index that say nothing else.
function element.plain_group(run, items, indexes)
  local began, results, failures = echo.now(), {}, nil
  for position = 1, #indexes do
    local ok, result = xpcall(run, failure_of, items[position], indexes[position])
    if ok then
      results[position] = result
    else
      failures = failures or {}
      failures[position] = result
    end
  end
  return results, began, echo.now(), failures
end

--- Computes what stands in for an element or step that has failed.
function element.fallback(run, failure, arguments, count)
  local began = echo.now()
  local ok, result = xpcall(run, failure_of, failure, table.unpack(arguments, 1, count))
  if not ok then
    return nil, began, echo.now(), result
  end
  return result, began, echo.now()
end

--- Runs a stream: each value that it emits needs a permit, and is sent into the channel.
function element.stream(run, channel, permits, arguments, count)
  local emitted = 0
  local function emit(item)
    permits:acquire()
    channel:send(true, item)
    emitted = emitted + 1
  end
  local began = echo.now()
  run(emit, table.unpack(arguments, 1, count))
  channel:close()
  return emitted, began, echo.now()
end

--- Folds the groups of elements that come through the channel into one value.
function element.fold(run, channel, folded, slots, shared)
  local began = echo.now()
  for _, items, indexes in channel:iter() do
    for position = 1, #indexes do
      local arguments = arguments_at(position, slots, { items }, indexes, shared)
      folded = run(folded, table.unpack(arguments, 1, #slots))
    end
  end
  return folded, began, echo.now()
end

return element
