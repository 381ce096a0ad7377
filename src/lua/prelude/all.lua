-- echo.all(tasks): the first result of each task, in the order of the list; or the first failure,
-- raised. The other tasks go on.

return function(tasks)
  local results = {}
  for place, well, result in each(tasks) do
    if not well then
      raise(result)
    end
    results[place] = result
  end
  return results
end
