-- What a host does while signals rain on it (signals.c): tasks that compute, sleep, wait for each other
-- and for messages, fail, are cancelled, interrupted and left queued; waits that end in time and such as
-- do not; call-backs; stops of both kinds. Each task is accounted for, and no time ends early.

local echo = require "echo"
local uv_there = pcall(require, "luv")

local function compute(n)
  local sum = 0
  for i = 1, n do
    sum = sum + i
  end
  return sum
end

local function sleep(seconds)
  local began = echo.now()
  echo.sleep(seconds)
  return echo.now() - began >= seconds
end

local function children(work, n)
  local tasks = {}
  for i = 1, n do
    tasks[i] = echo.submit({ priority = i % 2 == 0 and "high" or "low" }, work, 10)
  end
  local sum = 0
  for _, value in ipairs(echo.all(tasks)) do
    sum = sum + value
  end
  return sum
end

local function exchange(there, back, n)
  for i = 1, n do
    there:send(i)
    if back:receive() ~= -i then
      return false
    end
  end
  return true
end

local function answer(there, back, n)
  for _ = 1, n do
    back:send(-there:receive())
  end
end

local function endless()
  while true do
    local _ = tostring(1.5)
  end
end

local function late(seconds, channel)
  local began = echo.now()
  local ok, err = pcall(channel.receive, channel, seconds)
  return not ok and err.kind == "timeout" and echo.now() - began >= seconds
end

local function timer(seconds)
  local uv, began = require "luv", echo.now()
  local handle = uv.new_timer()
  echo.await(4, handle.start, handle, math.ceil(seconds * 1000), 0)
  handle:close()
  return echo.now() - began >= seconds / 2
end

-- The ledger: what each task of a round must come to.
local function round(number)
  local s = echo.builder():with_worker_count(2):with_queue("one", { limit = 1 }):build()
  local expected, told, kinds = {}, {}, {}
  local function expect(task, ok, value)
    expected[#expected + 1] = { task = task, ok = ok, value = value }
    local place = #expected
    task:on_complete(function()
      told[place] = (told[place] or 0) + 1
    end)
    return task
  end

  at "submitting"
  local there, back, never = echo.channel(), echo.channel(1), echo.channel()
  expect(s:submit(exchange, there, back, 200), true, true)
  expect(s:submit(answer, there, back, 200), true, nil)
  local stuck = expect(s:submit({ priority = "low" }, endless), false, "cancelled")
  for i = 1, 60 do
    expect(s:submit({ priority = i % 3 == 0 and "high" or nil }, compute, 1000), true, 500500)
    expect(s:submit({ queue = "one" }, sleep, 0.0005), true, true)
    expect(s:submit(late, 0.001, never), true, true)
    expect(s:submit(error, "as it should"), false, "error")
    if uv_there then
      expect(s:submit(timer, 0.002), true, true)
    end
  end
  expect(s:submit(children, compute, 50), true, 50 * 55)
  local list = {}
  for i = 1, 500 do
    list[i] = -i
  end
  assert(#s:map(math.abs, list):wait() == 500)

  at "a wait that times out"
  local began = echo.now()
  local ok, err = stuck:pwait(0.05)
  assert(not ok and err.kind == "timeout" and echo.now() - began >= 0.05, "a wait that ended early")
  s:poll(0.01)
  at "cancelling"
  assert(stuck:cancel())
  for i = 1, 40 do
    local task = s:submit({ delay = 1000 }, compute, i)
    assert(task:cancel())
    expect(task, false, "cancelled")
  end
  if number % 2 == 0 then
    at "stopping"
    assert(s:stop())
  else
    at "tasks"
    for place = 1, #expected do
      expected[place].task:pwait(60)
    end
    for _ = 1, 20 do
      expect(s:submit({ delay = 1000 }, compute, 1), false, "cancelled")
    end
    at "stopping"
    assert(s:stop { mode = "cancel", timeout = 60 })
  end

  at "tasks"
  for place, entry in ipairs(expected) do
    local well, value = entry.task:pwait(60)
    assert(well == entry.ok, ("task %d: %s"):format(place, value))
    local found = well and value or value and value.kind
    assert(found == entry.value, ("task %d: %s"):format(place, value))
    kinds[entry.task:status()] = (kinds[entry.task:status()] or 0) + 1
  end
  at "call-backs"
  repeat
    local _, left = s:poll(60)
  until left == 0
  for place = 1, #expected do
    assert(told[place] == 1, ("call-back %d: called %s times"):format(place, told[place]))
  end
  local stats = s:stats()
  assert(stats.submitted == stats.ended, "what was submitted has not ended")
  assert(kinds.done + kinds.failed + kinds.cancelled == #expected)
end

local number = 0
repeat
  number = number + 1
  round(number)
  at "the rain"
until number >= 4 and has_rained()
