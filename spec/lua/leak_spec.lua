-- Memory stays flat however often something is done. Each row is a script of its own that does it
-- so often that whatever was lost each time would show.

local assert = require "luassert"
local process = require "spec.lua.support.process"

local frame = [[
local echo = require "echo"
local machine = require "spec.lua.support.machine"
local text = ("x"):rep(1000)
local s = echo.builder():with_worker_count(2):with_queue("one", { limit = 1 }):build()
s:submit({ delay = 0.001 }, math.abs, 1):wait() -- the thread that keeps time is there from now on
local function round()
  %s
end
local function measure()
  for _ = 1, 3 do round() end
  collectgarbage()
  collectgarbage()
  return machine.memory(), machine.thread_count()
end
-- How much waits in queues at the worst moment differs from round to round, and with it what malloc
-- holds; but what is lost is lost each time. So the least growth of several measures counts.
local memory_before, threads_before = measure()
local least, threads = math.huge, 0
for _ = 1, 5 do
  local memory, now = measure()
  least = math.min(least, memory - memory_before)
  memory_before, threads = memory, now - threads_before
  if least < 4096 then break end
end
print(least, threads)
s:stop()
]]

-- What one round does.
local flat = {
  ["tasks that are waited for"] = [[
    for i = 1, 10000 do
      s:submit(function(t) return t end, { text, i }):wait()
    end]],
  ["tasks that nobody waits for"] = [[
    for i = 1, 10000 do
      s:submit({ name = text, queue = i % 2 == 0 and "one" or nil }, math.abs, -i)
    end
    s:submit({ priority = "low", queue = "one" }, math.abs, 1):wait()]],
  ["a new function for each task"] = [[
    for i = 1, 5000 do
      s:submit(load("local a = ...; return a .. " .. i), text):wait()
    end]],
  ["cancelled tasks that are in a channel which is their argument"] = [[
    for i = 1, 10000 do
      local channel = echo.channel(1)
      local task = s:submit({ delay = 60 }, math.abs, text, channel)
      channel:send(task)
      task:cancel()
    end]],
  ["tasks that fail"] = [[
    for i = 1, 5000 do
      s:submit(function(t) error({ t }) end, text):pwait()
    end]],
  ["results that cannot travel"] = [[
    for i = 1, 5000 do
      s:submit(function(t) return { t, io.stdout } end, text):pwait()
    end]],
  ["submits that are refused half-way"] = [[
    for i = 1, 10000 do
      pcall(s.submit, s, { name = text }, print, { text, text, io.stdout })
      pcall(s.submit, s, { queue = "none", name = text }, print, text)
      pcall(s.map, s, print, { text, text, io.stdout })
    end]],
  ["tasks that are cancelled"] = [[
    for i = 1, 10000 do
      s:submit({ priority = "low" }, math.abs, -1, text):cancel()
    end
    s:submit({ priority = "low" }, math.abs, 1):wait()]],
  ["waits that time out"] = [[
    local task = s:submit(function()
      local echo = require "echo"
      local started = echo.now()
      while echo.now() < started + 0.05 do end
    end)
    while not task:pwait(0) do end]],
  ["call-backs"] = [[
    local function nothing() end
    for i = 1, 5000 do
      s:submit(math.abs, -1):on_complete(nothing):on_complete(function() return text end)
    end
    repeat local _, left = s:poll(1) until left == 0]],
  ["coroutines that await, in time, too late, and never"] = [[
    for i = 1, 2000 do
      local task = s:submit(math.abs, -1)
      coroutine.wrap(function() echo.await(task, i % 2 == 0 and 1000 or nil) end)()
      coroutine.wrap(function() echo.pawait(task, 0.0001) end)()
      local co = coroutine.create(function() echo.pawait(task, 1000) end)
      coroutine.resume(co)
      coroutine.close(co)
    end
    collectgarbage()
    repeat local _, left = s:poll(1) until left == 0]],
  ["states' event loops, attached and detached"] = [[
    local uv = require "luv"
    for i = 1, 2000 do
      s:attach(uv)
      uv.run("nowait")
    end
    s:attach(nil)
    uv.run("nowait")]],
  ["maps"] = [[
    local list = {}
    for i = 1, 1000 do list[i] = text end
    for i = 1, 50 do
      s:map(function(t) return { t } end, list):wait()
      s:map(error, list):pwait()
      s:map(math.abs, {}):wait()
    end]],
  ["buffers there and back"] = [[
    for i = 1, 2000 do
      local b = echo.buffer(text)
      local got = s:submit(function(b)
        return { b, b:slice(2), require("echo").buffer(tostring(b)) }
      end, b):wait()
      assert(got[3] == b)
      s:submit(math.abs, -1, b, got):wait()
      pcall(s.submit, s, print, b, io.stdout)
    end]],
  ["messages there and back"] = [[
    local there, back = echo.channel(), echo.channel(3)
    local task = s:submit(function()
      for t in there:iter() do back:send(t, { t }) end
    end)
    for i = 1, 5000 do
      there:send(text)
      assert(back:receive() == text)
      pcall(there.send, there, { text, io.stdout })
      pcall(back.receive, back, 0)
    end
    there:close()
    task:wait()]],
  ["channels with messages that nobody receives"] = [[
    for i = 1, 2000 do
      local channel = echo.channel(5)
      for _ = 1, 4 do channel:send(text, { text }, print) end
      channel:send(echo.channel(1), echo.semaphore(1))
    end]],
  ["waits that are cancelled"] = [[
    local channel, semaphore = echo.channel(), echo.semaphore(1)
    semaphore:acquire()
    for i = 1, 500 do
      local tasks = {
        s:submit(function() channel:send(text) end),
        s:submit(function() semaphore:acquire() end),
        s:submit(function() require("echo").channel():receive() end),
      }
      for _, task in ipairs(tasks) do task:cancel() task:pwait() end
      channel:try_receive()
    end]],
  ["builders that build nothing"] = [[
    for i = 1, 5000 do
      local b = echo.builder():with_queue(text, { limit = 1 }):with_setup(print, text)
      pcall(b.with_setup, b, print, { text, io.stdout })
      pcall(b.with_queue, b, text, { limit = 1 })
      b:with_path(text, text):with_path(text, text):with_name(text)
    end]],
  ["schedulers that never start"] = [[
    for i = 1, 500 do
      local s <close> = echo.builder():with_setup(print, text):with_path(text, text):build()
    end]],
  ["schedulers that work and stop"] = [[
    for i = 1, 50 do
      local s <close> = echo.builder():with_worker_count(2):with_setup(rawset, _G, "x", text):build()
      s:submit(math.abs, 1)
      s:submit(error, text)
    end]],
  ["schedulers that are collected with work to do"] = [[
    for i = 1, 50 do
      local s = echo.builder():with_worker_count(2):build()
      for _ = 1, 50 do s:submit(math.abs, 1, text) end
      s = nil
      collectgarbage()
    end]],
  ["schedulers whose setup fails"] = [[
    for i = 1, 50 do
      local s <close> = echo.builder():with_worker_count(2):with_setup(error, text):build()
      s:submit(math.abs, 1):pwait()
    end]],
}

describe("memory stays flat over", function()
  for sentence, round in pairs(flat) do
    it(sentence, function()
      -- With one arena, malloc does not depend on which thread comes first.
      local command = "MALLOC_ARENA_MAX=1 timeout 200 $LUA $SCRIPT"
      local result = process.shell(frame:format(round), command)
      assert.equal("", result.err)
      local growth, threads = result.out:match("^(-?%d+)\t(-?%d+)\n$")
      assert.is_true(tonumber(growth) < 4096, ("it grew by %s KiB"):format(growth))
      assert.equal("0", threads)
      assert.equal(0, result.code)
    end)
  end
end)

describe("a task that has ended", function()
  it("holds its arguments no longer, though its handle lives", function()
    local result = process.run([[
      local echo = require "echo"
      local machine = require "spec.lua.support.machine"
      local s <close> = echo.builder():with_worker_count(2):build()
      local large, tasks = ("x"):rep(2 ^ 20), {}
      for i = 1, 300 do
        tasks[i] = s:submit(function(text) return #text end, large)
        assert(tasks[i]:wait() == 2 ^ 20)
      end
      local list = { large, large, large, large, large }
      for i = 1, 60 do
        tasks[#tasks + 1] = s:map(function(text) return #text end, list)
        tasks[#tasks]:wait()
      end
      print(machine.peak_memory())]])
    assert.equal("", result.err)
    assert.is_true(tonumber(result.out) < 100 * 1024, "it took KiB: " .. result.out)
  end)
end)

-- What the system saw at the worst moment, as so many times the value; that of the process before is
-- taken off.
local peak_frame = [[
local echo = require "echo"
local machine = require "spec.lua.support.machine"
local size = 64 << 20
local s = echo.builder():with_worker_count(1):build()
s:submit(math.abs, 1):wait()
local before = machine.memory()
%s
print((machine.peak_memory() - before) * 1024 / size)
s:stop()
]]

local function peak_of(code)
  local result = process.run(peak_frame:format(code))
  assert.equal("", result.err)
  return tonumber(result.out)
end

describe("a large value", function()
  it("takes twice its size at the worst moment as a result", function()
    local times = peak_of [[assert(#s:submit(string.rep, "x", size):wait() == size)]]
    assert.is_true(times < 2.5, ("it took %g times its size"):format(times))
  end)

  it("takes no more as the results of a map", function()
    local times = peak_of [[
      local got = s:map(function(x) return x:rep(64 << 20) end, { "x" }):wait()
      assert(#got[1] == size)]]
    assert.is_true(times < 2.5, ("it took %g times its size"):format(times))
  end)

  it("lies in the states alone while its task runs", function()
    local times = peak_of [[
      local list = {} -- of strings that are too short to be shared with the message
      for i = 1, size // 1000 do list[i] = ("x"):rep(1000) end
      local function look(_, at_start)
        local now = require("spec.lua.support.machine").memory()
        return (now - at_start) * 1024
      end
      local held = s:submit(look, list, before):wait()
      assert(held < 2.5 * size, held)]]
    assert.is_true(times < 3.5, ("it took %g times its size"):format(times))
  end)
end)
