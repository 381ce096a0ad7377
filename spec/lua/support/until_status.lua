-- Waits until the task has that status ("suspended"), or fails.

local echo = require "echo"

return function(task, status)
  local deadline = echo.now() + 60
  while task:status() ~= status do
    assert(echo.now() < deadline, "the task is still " .. task:status())
  end
end
