-- What a scope that failed raises: the first failure, with the others attached.

-- A task's failure also comes to whoever awaited that task.
local function is_same(a, b)
  return a.message == b.message and a.task == b.task and a.traceback == b.traceback
end

local function has(errors, err)
  for i = 1, #errors do
    if is_same(errors[i], err) then
      return true
    end
  end
  return false
end

-- Puts the body's own error among those of the tasks.
local function add(errors, err, late)
  if is_error(err) and (late and err.kind == "cancelled" or has(errors, err)) then
    return
  end
  if late then
    errors[#errors + 1] = err
    return
  end
  for i = #errors, 1, -1 do
    errors[i + 1] = errors[i]
  end
  errors[1] = err
end

-- errors: those of the tasks, in the order in which they failed; well, err: what the body came to;
-- late: whether the scope had failed before that. A failure alone stays the value that it is.
return function(errors, well, late, err)
  if not well then
    add(errors, err, late)
  end
  if #errors == 1 then
    return errors[1]
  end
  local first = to_error(errors[1])
  local others = first.others or {}
  for i = 2, #errors do
    others[#others + 1] = to_error(errors[i])
  end
  first.others = others
  return first
end
