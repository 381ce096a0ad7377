-- A short tour of what the module does, for valgrind, under which everything is fifty times slower.

local echo = require "echo"

local function kinds(_, err)
  return type(err) == "table" and err.kind
end

local function values(s)
  local list = { 1, 2.5, "text", ("long"):rep(200), { id = 1, name = "one" } }
  list.self = list
  local up = { "upvalue" }
  local back, read = s:submit(function(t, b, f)
    return t, function()
      return up[1] .. #b .. f("%d", 3)
    end
  end, list, echo.buffer("bytes"), string.format):wait(60)
  assert(back.self == back and back[5].name == "one" and read() == "upvalue53")
  assert(#s:map(function(x)
    return { x }
  end, { 1, 2, 3 }):wait(60) == 3)
  assert(kinds(pcall(s.submit, s, print, io.stdout)) == "transfer")
end

local function waiting(s)
  local channel, permits = echo.channel(1), echo.semaphore(1)
  local sum = s:submit(function()
    local here = require "echo"
    return here.scope(function(scope)
      scope:submit(function()
        for i = 1, 3 do
          permits:with(channel.send, channel, { i })
        end
        channel:close()
      end)
      local total = 0
      for message in channel:iter() do
        total = total + message[1]
      end
      here.sleep(0.001)
      return total + here.any { scope:submit(math.abs, -1) }
    end)
  end):wait(60)
  assert(sum == 7)
end

local function ends(s)
  assert(kinds(s:submit({ retries = 1, key = "k" }, error, { "a table" }):pwait(60)) == "error")
  local loop = s:submit({ timeout = 0.05 }, function()
    while true do
      local _ = tostring(1.5)
    end
  end)
  assert(kinds(loop:pwait(60)) == "timeout")
  local late = s:submit({ delay = 1000 }, print)
  assert(late:cancel("no more") and kinds(late:pwait(60)) == "cancelled")
  assert(kinds(s:submit(string.rep, "x", 64 << 20):pwait(60)) == "memory")
end

local function delivery(s)
  local told = 0
  s:submit(math.abs, -1):on_complete(function(task)
    told = told + task:wait()
  end)
  coroutine.wrap(function()
    local two = echo.await(s:submit(math.abs, -2))
    told = told + two
  end)()
  repeat
    local _, left = s:poll(1)
  until left == 0
  assert(told == 3 and s:fd())
end

local s = echo.builder():with_worker_count(2):with_memory_limit(8 << 20):with_queue("few", { limit = 1 }):build()
for _, visit in ipairs { values, waiting, ends, delivery } do
  visit(s)
end
s:submit({ priority = "low", queue = "few" }, function()
  require("echo").sleep(1000)
end)
assert(s:stop { mode = "cancel", timeout = 60 })
local stats = s:stats()
assert(stats.submitted == stats.ended)
