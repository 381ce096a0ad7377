-- echo.channel

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local process = require "spec.lua.support.process"
local refusal = require "spec.lua.support.refusal"
local until_status = require "spec.lua.support.until_status"

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 1):build()
end

-- A task that waits at the channel, and what it gets.
local function new_receiver(s, channel)
  local task = s:submit(function(c)
    return c:receive()
  end, channel)
  until_status(task, "suspended")
  return task
end

local function new_sender(s, channel, ...)
  local task = s:submit(function(c, ...)
    c:send(...)
  end, channel, ...)
  until_status(task, "suspended")
  return task
end

describe("a channel", function()
  it("is a rendezvous if no capacity is given: a sender waits for its receiver", function()
    local s <close> = new_scheduler()
    local channel = echo.channel()
    assert.is_false(channel:try_send(1))
    assert.equal(0, #channel)
    local sender = new_sender(s, channel, "hello")
    assert.equal(0, #channel)
    assert.equal("hello", channel:receive())
    sender:wait()
    local receiver = new_receiver(s, channel)
    channel:send("back")
    assert.equal("back", receiver:wait())
  end)

  it("keeps as many messages as its capacity, in order; who sends more waits", function()
    local s <close> = new_scheduler()
    local channel = echo.channel(2)
    channel:send(1)
    channel:send(2)
    assert.equal(2, #channel)
    assert.is_false(channel:try_send(3))
    local sender = new_sender(s, channel, 3)
    assert.equal(1, channel:receive())
    assert.equal(2, #channel)
    sender:wait()
    assert.same({ 2, 3 }, { channel:receive(), channel:receive() })
    assert.equal(0, #channel)
  end)

  it("carries several values as one message, nil among them", function()
    local s <close> = new_scheduler()
    local channel = echo.channel(3)
    channel:send(nil, false, { x = { 1.5 } }, "text\0", nil)
    assert.same({ nil, false, { x = { 1.5 } }, "text\0", nil, n = 5 },
      table.pack(channel:receive()))
    channel:send(nil)
    assert.same({ n = 1 }, table.pack(channel:receive()))
    channel:send(function(a, b)
      return a + b
    end, ("x"):rep(100000))
    assert.same({ 3, 100000 }, { s:submit(function(c)
      local add, long = c:receive()
      return add(1, 2), #long
    end, channel):wait() })
  end)

  it("is the same one in every state", function()
    local s <close> = new_scheduler(2)
    local channel, other = echo.channel(2), echo.channel()
    local back, same, different = s:submit(function(c)
      return c, c == channel, c == other
    end, channel):wait()
    assert.is_true(back == channel)
    assert.is_true(same)
    assert.is_false(different)
    assert.is_false(channel == echo.semaphore(1))
    channel:send(channel)
    assert.is_true(channel:receive() == channel)
  end)

  it("takes any number of senders and receivers, on any worker", function()
    local s <close> = new_scheduler(3)
    for _, capacity in ipairs { 0, 1, 10 } do
      local channel, receivers, senders = echo.channel(capacity), {}, {}
      for i = 1, 4 do
        receivers[i] = s:submit(function()
          local sum = 0
          for value in channel:iter() do
            sum = sum + value
          end
          return sum
        end)
        senders[i] = s:submit(function(from)
          for value = from, from + 999 do
            channel:send(value)
          end
        end, (i - 1) * 1000)
      end
      for value = 4000, 4999 do
        channel:send(value)
      end
      for i = 1, 4 do
        senders[i]:wait()
      end
      channel:close()
      local sum = 0
      for i = 1, 4 do
        sum = sum + receivers[i]:wait()
      end
      assert.equal(4999 * 5000 // 2, sum)
    end
  end)

  it("serves those who wait in the order in which they came", function()
    local s <close> = new_scheduler(2)
    local channel, tasks = echo.channel(), {}
    for i = 1, 5 do
      tasks[i] = new_receiver(s, channel)
    end
    for i = 1, 5 do
      channel:send(i)
    end
    for i = 1, 5 do
      assert.equal(i, tasks[i]:wait())
      tasks[i] = new_sender(s, channel, i)
    end
    for i = 1, 5 do
      assert.equal(i, channel:receive())
    end
  end)

  it("lets a task wait at any depth", function()
    local s <close> = new_scheduler()
    local channel = echo.channel()
    local task = s:submit(function()
      local wrapped = coroutine.wrap(function()
        local _, value = pcall(channel.receive, channel)
        coroutine.yield(value)
      end)
      local sum = wrapped()
      local meta = setmetatable({}, { __index = function()
        return channel:receive()
      end })
      return sum + meta.x
    end)
    channel:send(1)
    channel:send(2)
    assert.equal(3, task:wait())
  end)

  it("says so where a task cannot wait, but does what needs no wait", function()
    local s <close> = new_scheduler()
    local channel = echo.channel(1)
    local function from_inside(what)
      return s:submit(function(f)
        local result
        table.sort({ 1, 2 }, function()
          result = f(channel)
        end)
        return result
      end, what):pwait()
    end
    local well, err = from_inside(function(c)
      return c:receive()
    end)
    assert.is_false(well)
    includes("channel:receive cannot wait here: inside of a C function", err.message)
    assert.is_true((from_inside(function(c)
      return c:send(1)
    end)))
    well, err = from_inside(function(c)
      return c:send(2)
    end)
    assert.is_false(well)
    includes("channel:send cannot wait here: inside of a C function", err.message)
    assert.same({ true, 1 }, { from_inside(function(c)
      return c:receive()
    end) })
    assert.equal(0, #channel)
  end)
end)

describe("receive with a time", function()
  it("raises kind timeout when no message came, and loses none", function()
    local s <close> = new_scheduler()
    local channel = echo.channel()
    for _ = 1, 2 do
      local err = refusal(channel.receive, channel, 0.01)
      assert.equal("timeout", err.kind)
      assert.equal("the wait ran out of time: no message came", err.message)
      includes("channel_spec.lua", err.traceback)
      assert.equal("timeout", refusal(channel.receive, channel, 0).kind)
    end
    local task = s:submit(function()
      channel:receive(0.01)
    end)
    local well, err = task:pwait()
    assert.is_false(well)
    includes("no message came", err.message)
    assert.is_false(channel:try_send(1))
    local sender = new_sender(s, channel, 2)
    assert.equal(2, channel:receive(0))
    sender:wait()
  end)

  it("returns a message that comes in time", function()
    local s <close> = new_scheduler()
    local channel = echo.channel()
    local task = s:submit(function()
      return channel:receive(20)
    end)
    channel:send(1)
    assert.equal(1, task:wait())
    s:submit(function()
      require("echo").sleep(0.01)
      channel:send(2)
    end)
    assert.equal(2, channel:receive(20))
  end)
end)

describe("try_send and try_receive", function()
  it("never wait, and say what they did", function()
    local s <close> = new_scheduler()
    local channel = echo.channel(1)
    assert.same({ false, "empty" }, { channel:try_receive() })
    assert.is_true(channel:try_send("a", nil))
    assert.is_false(channel:try_send("b"))
    assert.same({ true, "a", nil, n = 3 }, table.pack(channel:try_receive()))
    local rendezvous = echo.channel()
    local receiver = new_receiver(s, rendezvous)
    assert.is_true(rendezvous:try_send("c"))
    assert.equal("c", receiver:wait())
    local sender = new_sender(s, rendezvous, "d")
    assert.same({ true, "d" }, { rendezvous:try_receive() })
    sender:wait()
    rendezvous:close()
    assert.same({ false, "closed" }, { rendezvous:try_receive() })
    assert.equal("error", refusal(rendezvous.try_send, rendezvous, 1).kind)
  end)
end)

describe("a closed channel", function()
  it("still gives what was sent, then nil and \"closed\"", function()
    local channel = echo.channel(3)
    channel:send(1)
    channel:send(nil)
    assert.is_true(channel:close())
    assert.is_false(channel:close())
    assert.same({ 1, n = 1 }, table.pack(channel:receive()))
    assert.same({ nil, n = 1 }, table.pack(channel:receive()))
    for _ = 1, 2 do
      assert.same({ nil, "closed", n = 2 }, table.pack(channel:receive()))
    end
  end)

  it("takes nothing more", function()
    local s <close> = new_scheduler()
    local channel = echo.channel(3)
    channel:close()
    local err = refusal(channel.send, channel, 1)
    assert.equal("error", err.kind)
    assert.equal("the channel is closed: nothing can be sent any more", err.message)
    includes("channel_spec.lua", tostring(err))
    local well
    well, err = s:submit(function()
      channel:send(1)
    end):pwait()
    assert.is_false(well)
    includes("the channel is closed", err.message)
    assert.equal(0, #channel)
  end)

  it("ends the waits of both sides", function()
    local s <close> = new_scheduler(2)
    local empty, full = echo.channel(), echo.channel(1)
    full:send(1)
    local receivers, senders = {}, {}
    for i = 1, 3 do
      receivers[i], senders[i] = new_receiver(s, empty), new_sender(s, full, 1 + i)
    end
    empty:close()
    full:close()
    for i = 1, 3 do
      assert.same({ nil, "closed", n = 2 }, table.pack(receivers[i]:wait()))
      local well, err = senders[i]:pwait()
      assert.is_false(well)
      includes("the channel is closed", err.message)
    end
    assert.equal(1, full:receive())
    assert.same({ nil, "closed" }, { full:receive() })
  end)

  it("ends the wait of a host", function()
    local s <close> = new_scheduler()
    local channel = echo.channel()
    s:submit(function()
      require("echo").sleep(0.01)
      channel:close()
    end)
    assert.same({ nil, "closed" }, { channel:receive() })
  end)

  it("was closed at the end of a block", function()
    local channel = echo.channel(1)
    do
      local open <close> = channel
      open:send(1)
    end
    assert.same({ 1 }, { channel:receive() })
    assert.same({ nil, "closed" }, { channel:receive() })
  end)
end)

describe("iter", function()
  it("gives every message until the channel is closed", function()
    local s <close> = new_scheduler()
    local channel = echo.channel(1)
    s:submit(function()
      for i = 1, 100 do
        channel:send(i, -i)
      end
      channel:close()
    end)
    local count = 0
    for i, minus in channel:iter() do
      count = count + 1
      assert.equal(count, i)
      assert.equal(-count, minus)
    end
    assert.equal(100, count)
    for _ in channel:iter() do
      error("there was nothing left")
    end
  end)

  it("raises an error for a message that begins with nil, rather than end unnoticed", function()
    local channel = echo.channel(2)
    channel:send(nil, 1)
    channel:send(2)
    local err = refusal(function()
      for _ in channel:iter() do
        error("not that far")
      end
    end)
    assert.equal("a message that begins with nil would end the loop: use channel:receive()",
      err.message)
    assert.equal(2, channel:receive())
  end)
end)

describe("a message that cannot travel", function()
  it("is refused at the send, with the way to what it is", function()
    local s <close> = new_scheduler()
    local channel = echo.channel(1)
    for _, send in ipairs { channel.send, channel.try_send } do
      local err = refusal(send, channel, 1, { rows = { 1, { handle = io.stdout } } })
      assert.equal("transfer", err.kind)
      assert.equal('argument 2: field "rows"[2].handle: userdata FILE* cannot travel', err.message)
      includes("channel_spec.lua", err.traceback)
    end
    local well, err = s:submit(function()
      channel:send(io.stdout)
    end):pwait()
    assert.is_false(well)
    includes("argument 1: userdata FILE* cannot travel", err.message)
    assert.equal(0, #channel)
    channel:send(1)
    assert.equal(1, channel:receive())
  end)

  it("is refused where it would have to wait as well", function()
    local channel = echo.channel()
    assert.equal("transfer", refusal(channel.send, channel, io.stdout).kind)
  end)

  it("raises kind transfer at the receiver if it cannot be made there, and is used up", function()
    local s <close> = new_scheduler()
    local channel = echo.channel(4)
    package.loaded["not.to.be.found"] = { abs = math.abs }
    channel:send({ package.loaded["not.to.be.found"] })
    channel:send({ package.loaded["not.to.be.found"] })
    channel:send("next")
    package.loaded["not.to.be.found"] = nil
    local waits = s:submit(function()
      local well, err = pcall(channel.receive, channel)
      local tried, why = pcall(channel.try_receive, channel)
      return well, err.kind, err.message, tried, why.kind, channel:receive()
    end)
    local well, kind, message, tried, why, after = waits:wait()
    assert.is_false(well)
    assert.equal("transfer", kind)
    includes("not.to.be.found", message)
    assert.is_false(tried)
    assert.equal("transfer", why)
    assert.equal("next", after)
  end)

  it("may be made by code that uses the same channel", function()
    local channel = echo.channel(5)
    local hooked = setmetatable({}, {
      __echo_transfer = function()
        channel:send("from the hook")
        return function(text)
          return { text }
        end, "made anew"
      end,
    })
    channel:send(hooked)
    assert.equal("from the hook", channel:receive())
    assert.same({ "made anew" }, (channel:receive()))
  end)
end)

describe("a message that moves", function()
  local function moving(counts)
    return setmetatable({}, {
      __echo_transfer = function()
        counts.calls = counts.calls + 1
        return function()
          return "moved"
        end
      end,
    })
  end

  it("does so once, also if it has to wait", function()
    local s <close> = new_scheduler()
    local counts, channel = { calls = 0 }, echo.channel()
    for round = 1, 2 do
      local receiver = s:submit(function()
        if round == 1 then
          require("echo").sleep(0.05)
        end
        return channel:receive()
      end)
      if round == 2 then
        until_status(receiver, "suspended")
      end
      channel:send(moving(counts))
      assert.equal("moved", receiver:wait())
      assert.equal(round, counts.calls)
    end
  end)

  it("does so once, also if the room is gone when it is packed", function()
    local s <close> = new_scheduler()
    local calls, channel = 0, echo.channel(1)
    local task = s:submit(function()
      require("echo").sleep(0.05)
      return channel:receive(), channel:receive()
    end)
    channel:send(setmetatable({}, {
      __echo_transfer = function()
        calls = calls + 1
        channel:try_send("quicker")
        return function()
          return "moved"
        end
      end,
    }))
    assert.same({ "quicker", "moved" }, { task:wait() })
    assert.equal(1, calls)
  end)

  it("stays where it is if it is clear that it cannot be sent", function()
    local counts, channel = { calls = 0 }, echo.channel()
    assert.is_false(channel:try_send(moving(counts)))
    channel:close()
    refusal(channel.send, channel, moving(counts))
    refusal(channel.try_send, channel, moving(counts))
    assert.equal(0, counts.calls)
  end)
end)

describe("a coroutine of the host's", function()
  it("waits at channels and semaphores by yielding; poll resumes it", function()
    local s <close> = new_scheduler()
    local channel, back, semaphore = echo.channel(), echo.channel(), echo.semaphore(1)
    local got = {}
    semaphore:acquire()
    local co = coroutine.create(function()
      got.value = channel:receive()
      got.timeout = select(2, pcall(channel.receive, channel, 0.01)).kind
      back:send({ "table" })
      got.with = semaphore:with(function(...)
        return channel:receive(), ...
      end, 1)
      got.over = true
    end)
    assert.is_true(coroutine.resume(co))
    local function poll_until(condition)
      local deadline = echo.now() + 20
      while not condition() do
        s:poll(0.01)
        assert.is_true(echo.now() < deadline)
      end
    end
    assert.equal("suspended", coroutine.status(co))
    local task = s:submit(function()
      channel:send("message")
      local received = back:receive()
      semaphore:release()
      channel:send("inside")
      return received
    end)
    poll_until(function()
      return got.over
    end)
    assert.equal("message", got.value)
    assert.equal("timeout", got.timeout)
    assert.equal("inside", got.with)
    assert.same({ "table" }, task:wait())
    assert.is_true(semaphore:try_acquire())
  end)
end)

describe("a receiver that is cancelled", function()
  it("waits no more, and the next message goes to another", function()
    local s <close> = new_scheduler()
    local channel = echo.channel()
    local first, second = new_receiver(s, channel), new_receiver(s, channel)
    assert.is_true(first:cancel())
    assert.equal("cancelled", select(2, first:pwait()).kind)
    channel:send("message")
    assert.equal("message", second:wait())
  end)

  it("loses no message, whenever the cancel comes", function()
    local s <close> = new_scheduler(2)
    for _, capacity in ipairs { 0, 3 } do
      local channel, got = echo.channel(capacity), echo.channel(1 << 20)
      local receivers = {}
      local function add_receiver()
        receivers[#receivers + 1] = s:submit(function()
          while true do
            got:send((channel:receive()))
          end
        end)
      end
      add_receiver()
      add_receiver()
      local count = 2000
      for i = 1, count do
        channel:send(i)
        if i % 7 == 0 then
          receivers[#receivers - 1]:cancel()
          add_receiver()
        end
      end
      for _, receiver in ipairs(receivers) do
        receiver:cancel()
        receiver:pwait()
      end
      local seen, total = {}, 0
      local function note(well, value)
        if well and not seen[value] then
          seen[value], total = true, total + 1
        end
        return well
      end
      while note(got:try_receive()) do end
      while note(channel:try_receive()) do end
      -- A message that a receiver has got may end with it: at most one each time it was cancelled,
      -- between its receive and its send.
      assert.is_true(total >= count - #receivers)
      assert.is_true(total <= count)
    end
  end)

  it("gives back what it was given and has not looked at", function()
    local s <close> = new_scheduler(1)
    local channel = echo.channel()
    local receiver = new_receiver(s, channel)
    -- One task gives it the message and cancels it, before it can go on: the worker is one.
    s:submit(function(task)
      channel:send("kept")
      task:cancel()
    end, receiver):wait()
    assert.equal("cancelled", select(2, receiver:pwait()).kind)
    assert.equal(1, #channel)
    assert.is_false(channel:try_send("later"))
    assert.equal("kept", channel:receive(0))
  end)

  it("still gets what needs no wait, to clean up", function()
    local s <close> = new_scheduler(1)
    local channel, notes = echo.channel(), echo.channel(4)
    notes:send("first")
    local receiver = s:submit(function()
      local well, err = pcall(channel.receive, channel)
      notes:send(well, err.kind, (notes:receive()))
      channel:receive()
    end)
    until_status(receiver, "suspended")
    receiver:cancel()
    assert.equal("cancelled", select(2, receiver:pwait()).kind)
    assert.same({ false, "cancelled", "first" }, { notes:receive(0) })
  end)
end)

describe("a sender that is cancelled", function()
  it("has not sent if it still waited", function()
    local s <close> = new_scheduler()
    local channel = echo.channel(1)
    channel:send(1)
    local first, second = new_sender(s, channel, 2), new_sender(s, channel, 3)
    assert.is_true(first:cancel())
    assert.equal("cancelled", select(2, first:pwait()).kind)
    assert.same({ 1, 3 }, { channel:receive(), channel:receive() })
    second:wait()
    assert.same({ false, "empty" }, { channel:try_receive() })
  end)

  it("has sent, and knows it, if its message was taken before", function()
    local s <close> = new_scheduler(1)
    local channel, notes = echo.channel(), echo.channel(2)
    local sender = s:submit(function()
      xpcall(function()
        channel:send("taken")
      end, function()
        notes:send(debug.traceback():find("'send'", 1, true) and "in it" or "after it")
      end)
    end)
    until_status(sender, "suspended")
    local got = s:submit(function(task)
      local message = channel:receive()
      task:cancel()
      return message
    end, sender):wait()
    assert.equal("taken", got)
    sender:pwait()
    assert.equal("after it", notes:receive(0))
  end)
end)

describe("senders that are cancelled", function()
  it("have not sent if the send raised the error, whenever the cancel comes", function()
    local s <close> = new_scheduler(2)
    local channel, unsent, senders, count = echo.channel(), echo.channel(1 << 20), {}, 2000
    local receiver = s:submit(function()
      local seen = {}
      for number in channel:iter() do
        seen[number] = (seen[number] or 0) + 1
      end
      return seen
    end)
    for i = 1, count do
      senders[i] = s:submit(function()
        if not pcall(channel.send, channel, i) then
          unsent:send(i)
        end
      end)
      if i > 3 then
        senders[i - 3]:cancel()
      end
    end
    for i = 1, count do
      senders[i]:pwait()
    end
    channel:close()
    unsent:close()
    local seen = receiver:wait()
    for number in unsent:iter() do
      assert.is_nil(seen[number])
    end
    for _, times in pairs(seen) do
      assert.equal(1, times)
    end
  end)
end)

describe("a scheduler that stops", function()
  it("cancels those who wait; the channel lives on", function()
    local s = new_scheduler(2)
    local channel, other = echo.channel(), echo.channel()
    local receiver, sender = new_receiver(s, channel), new_sender(s, other, 1)
    assert.is_true(s:stop({ mode = "cancel", timeout = 20 }))
    assert.equal("cancelled", select(2, receiver:pwait()).kind)
    assert.equal("cancelled", select(2, sender:pwait()).kind)
    assert.is_false(channel:try_send(1))
    assert.same({ false, "empty" }, { other:try_receive() })
    channel:close()
  end)

  it("may be collected with tasks that wait", function()
    local channel = echo.channel()
    do
      local s = new_scheduler(2)
      new_receiver(s, channel)
    end
    collectgarbage()
    collectgarbage()
    assert.is_false(channel:try_send(1))
  end)
end)

describe("a host that waits at a channel", function()
  it("answers Ctrl-C, and leaves no message to itself", function()
    local result = process.shell([[
      local echo = require "echo"
      local channel = echo.channel()
      print(pcall(channel.receive, channel))
      print(channel:try_send(1))
    ]], "timeout -s INT 0.5 $LUA $SCRIPT")
    includes("interrupted!", result.out)
    includes("false\n", result.out:match("\n(.*)"))
  end)
end)

describe("arguments", function()
  it("are checked", function()
    local s <close> = new_scheduler()
    for _, capacity in ipairs { -1, 1.5, "1", {}, 2 ^ 40 } do
      includes("capacity: an integer from 0 to 2147483647 expected",
        refusal(echo.channel, capacity))
    end
    local channel = echo.channel(1)
    includes("nothing to send: a message is one value or more", refusal(channel.send, channel))
    includes("nothing to send", refusal(channel.try_send, channel))
    includes("seconds: a number from 0 on expected", refusal(channel.receive, channel, -1))
    includes("seconds: a number from 0 on expected", refusal(channel.receive, channel, "1"))
    for _, name in ipairs { "send", "try_send", "receive", "try_receive", "iter", "close" } do
      includes("echo.channel expected", refusal(channel[name], s, 1))
      includes("echo.channel expected", refusal(channel[name]))
    end
  end)

  it("may be many values", function()
    local channel = echo.channel(1)
    local values = {}
    for i = 1, 5000 do
      values[i] = i
    end
    channel:send(table.unpack(values))
    assert.same(values, { channel:receive() })
    assert.equal(0, #channel)
  end)
end)
