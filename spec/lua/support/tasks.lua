-- Functions run as tasks, each on a scheduler of its own.

local echo = require "echo"

local tasks = {}

-- Runs the function as a task on so many workers, and returns what pwait does.
function tasks.run_on(workers, task, ...)
  local s <close> = echo.builder():with_worker_count(workers):build()
  return s:submit(task, ...):pwait(20)
end

function tasks.run(task, ...)
  return tasks.run_on(2, task, ...)
end

-- The error that the function, as a task, fails with.
function tasks.fail(task, ...)
  local well, err = tasks.run(task, ...)
  assert(not well, "an error was expected")
  return err
end

return tasks
