-- The same lists as examples/pipelines/log.lua makes, in one state, without Echo. Says the seconds.
--
-- Usage: lua5.4 examples/pipelines/log/serial.lua LOG OUTPUT

local count = require "examples.pipelines.log.count"

local CHUNK = 1 << 20

local started = os.clock()
local total = {}
local log <close> = assert(io.open(arg[1], "rb"))
while true do
  local text, rest = log:read(CHUNK, "L")
  if not text then
    break
  end
  total = count.add(total, count.lines(text .. (rest or "")))
end
local output <close> = assert(io.open(arg[2], "wb"))
output:write(count.report(total))
print(("%.2f s"):format(os.clock() - started))
