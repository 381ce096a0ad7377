-- The floors: what two threads, or one state, take without any library.
local floor = require "floor"
local report = require "report"

local floors = {}

-- Two threads that wake each other over a futex, there and back.
function floors.idle(sheet)
  local count = report.count(2000, 20)
  sheet:add_quantiles("idle, submit to result", "bare futex", "us", floor.round_trips(count, 0.001), true)
end

-- A call, in the state itself.
function floors.tiny(sheet)
  local increment, count = require "peers.work".increment, report.count(10000000, 1000)
  local start = floor.now()
  for i = 1, count do increment(i) end
  sheet:add_floor("tiny tasks", "bare call", "k/s", count / (floor.now() - start) / 1e3)
end

function floors.strings(sheet)
  local text, repeats = ("0123456789abcdef"):rep(1 << 16), report.count(50, 3)
  local start = floor.now()
  floor.copy(text, 2 * repeats)
  sheet:add_floor("1 MB of text there and back", "two copies", "us", (floor.now() - start) / repeats * 1e6)
end

return function(sheet, question)
  if floors[question] then floors[question](sheet) end
end
