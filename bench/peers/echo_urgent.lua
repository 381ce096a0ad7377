-- Echo with one worker more, which takes high tasks only. For the question that this is about.
local echo = require "peers.echo"

local function start(workers, question)
  return echo.start(workers, question, 1)
end

return { start = start, only = { urgent = true } }
