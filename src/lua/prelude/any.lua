-- echo.any(tasks): all results of the first task that succeeds; if there is none, an error with all
-- of theirs. The other tasks go on.

local function none(errors)
  local err = to_error(#errors == 0 and "the list is empty: no task can succeed"
    or "none of the " .. #errors .. " tasks succeeded; the first in the list: " .. errors[1].message)
  err.others = errors
  return err
end

return function(tasks)
  local next, _, _, _group <close> = each(tasks)
  local errors = {}

  local function settle(place, well, ...)
    if place == nil then
      raise(none(errors))
    end
    if well then
      return ...
    end
    errors[place] = (...)
    return settle(next())
  end

  return settle(next())
end
