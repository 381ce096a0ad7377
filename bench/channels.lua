-- What a message through a channel costs: sent by one and received by another, who answers (two
-- messages), or who only receives (a stream).
--
--   coroutines    two coroutines of this state resumed in turn, no Echo: the floor on one thread
--   one worker    two tasks on the same worker
--   two workers   two tasks on different ones
--   host          this state and a task
--   stream        one sender, one receiver on different workers, 100 messages of room
--   linda         two lanes over a linda, if Lanes is installed
--
-- Usage: LUA_CPATH="build/release/module/?.so;;" lua5.4 bench/channels.lua [rounds]

package.path = (arg[0]:match ".*/" or "./") .. "?.lua;" .. package.path
local echo = require "echo"
local report = require "report"
local has_lanes, lanes = pcall(require, "lanes")

local ROUNDS = tonumber(arg[1]) or 7
local NEAR, FAR = report.count(300000), report.count(100000) -- messages there, and as many back

local function call(channel, back, count)
  local here = require "echo"
  local start = here.now()
  for i = 1, count do
    channel:send(i)
    assert(back:receive() == i)
  end
  return here.now() - start
end

local function answer(channel, back, count)
  for _ = 1, count do back:send((channel:receive())) end
end

-- Each holds its worker until the other runs too: so they are on different ones.
local function on_different_workers(mine, others, work, ...)
  mine:send(true)
  while not others:try_receive() do end
  return work(...)
end

local function coroutines()
  local function turns(count)
    for i = 1, count do coroutine.yield(i) end
  end
  local a, b = coroutine.wrap(turns), coroutine.wrap(turns)
  local start = echo.now()
  for _ = 1, NEAR do
    a(NEAR)
    b(NEAR)
  end
  return 2 * NEAR / (echo.now() - start)
end

local function one_worker(scheduler)
  local there, back = echo.channel(), echo.channel()
  local answering = scheduler:submit(answer, there, back, NEAR)
  local seconds = scheduler:submit(call, there, back, NEAR):wait()
  answering:wait()
  return 2 * NEAR / seconds
end

local function submit_both(scheduler, first, second, ...)
  local a, b = echo.channel(1), echo.channel(1)
  return scheduler:submit(on_different_workers, a, b, first, ...),
    scheduler:submit(on_different_workers, b, a, second, ...)
end

local function two_workers(scheduler)
  local calling, answering = submit_both(scheduler, call, answer, echo.channel(), echo.channel(), FAR)
  answering:wait()
  return 2 * FAR / calling:wait()
end

local function host(scheduler)
  local there, back = echo.channel(), echo.channel()
  local answering = scheduler:submit(answer, there, back, FAR)
  local seconds = call(there, back, FAR)
  answering:wait()
  return 2 * FAR / seconds
end

local function send_all(channel, count)
  for i = 1, count do channel:send(i) end
end

local function receive_all(channel, count)
  local here = require "echo"
  local start = here.now()
  for i = 1, count do assert(channel:receive() == i) end
  return here.now() - start
end

local function stream(scheduler)
  local sending, receiving = submit_both(scheduler, send_all, receive_all, echo.channel(100), NEAR)
  sending:wait()
  return NEAR / receiving:wait()
end

local function linda()
  local line = lanes.linda()
  local answering = lanes.gen("*", function(count)
    for _ = 1, count do
      local _, value = line:receive("there")
      line:send("back", value)
    end
  end)(FAR)
  local start = echo.now()
  for i = 1, FAR do
    line:send("there", i)
    line:receive("back")
  end
  local seconds = echo.now() - start
  answering:join()
  return 2 * FAR / seconds
end

local sheet = report.new()

local one <close> = echo.builder():with_worker_count(1):build()
local two <close> = echo.builder():with_worker_count(2):with_pinning(true):build()
if has_lanes then lanes = lanes.configure() end

for _ = 1, ROUNDS do
  sheet:add_floor("messages, on one thread", "bare coroutines", "M/s", coroutines() / 1e6)
  sheet:add("messages, on one thread", "echo", "M/s", one_worker(one) / 1e6)
  sheet:add("messages, between two threads", "echo", "M/s", two_workers(two) / 1e6)
  sheet:add("messages, between two threads", "echo, host and task", "M/s", host(one) / 1e6)
  if has_lanes then sheet:add("messages, between two threads", "lanes", "M/s", linda() / 1e6) end
  sheet:add("messages, a stream", "echo", "M/s", stream(two) / 1e6)
end
if not has_lanes then sheet:skip("lanes", "not installed") end
sheet:print()
