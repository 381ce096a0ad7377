-- Polls until nothing is expected any more, no call-back and no coroutine; returns the count
-- delivered. Fails if that takes too long.

local echo = require "echo"

return function(scheduler)
  local deadline = echo.now() + 60
  local count, left = scheduler:poll()
  while left > 0 do
    local delivered
    delivered, left = scheduler:poll(0.5)
    count = count + delivered
    if echo.now() > deadline then
      error(("%d are still expected"):format(left), 2)
    end
  end
  return count
end
