-- What hostile tasks leave to be closed and finalized, while others run and at the end. See
-- hostile_spec.lua.

local assert = require "luassert"
local hostile = require "spec.lua.support.hostile"
local includes = require "spec.lua.support.includes"
local process = require "spec.lua.support.process"

local function survives(sentence, body, out, options)
  it(sentence, function()
    local result = hostile.run(body, options)
    assert.equal("", result.err)
    assert.equal(out, (result.out:gsub("/tmp/[%w_]+:%d+: ", "")))
    assert.equal(0, result.code)
  end)
end

local done = "done\tnil\n0\ntrue\n"

describe("__close", function()
  local function guarded(close, rest)
    return ([[local _guard <close> = setmetatable({}, { __close = function() %s end }) %s]]):format(close,
      rest or "")
  end
  survives("raises", guarded [[error("closing", 0)]], "error\tclosing\n0\ntrue\n")
  survives("raises after an error, which is the one that is told", guarded([[error("second", 0)]],
    [[error("first", 0)]]), "error\tfirst\n0\ntrue\n")
  survives("waits", guarded [[echo.sleep(0.01)]], done)
  survives("waits after an error", guarded([[echo.sleep(0.01)]], [[error("first", 0)]]),
    "error\tfirst\n0\ntrue\n")
  survives("yields", guarded [[coroutine.yield()]],
    "error\ta task cannot coroutine.yield() to the scheduler: only inside a coroutine of its own\n0\ntrue\n")
  survives("submits, and waits for it", guarded [[assert(echo.await(echo.submit(math.abs, -7)) == 7)]], done)
  survives("yields in a wrapped coroutine that failed, which is too late", [[
    coroutine.wrap(function()
      local _guard <close> = setmetatable({}, { __close = function() coroutine.yield() end })
      error("failed", 0)
    end)()]], "error\tattempt to yield across a C-call boundary\n0\ntrue\n")
  survives("is taken away before it is due", [[
    local metatable = { __close = function() end }
    local _guard <close> = setmetatable({}, metatable)
    metatable.__close = nil]], "error\tattempt to call a nil value (metamethod 'close')\n0\ntrue\n")
  survives("of two hundred, each of which fails", [[
    local function nest(n)
      local _guard <close> = setmetatable({}, { __close = function() error(n, 0) end })
      if n > 0 then nest(n - 1) end
    end
    nest(200)]], "error\t0\n0\ntrue\n")
end)

describe("__gc while tasks run", function()
  local function collected(finalize, rest)
    return ([[
      setmetatable({}, { __gc = function() %s end })
      collectgarbage()
      %s]]):format(finalize, rest or "")
  end
  survives("raises", collected [[error("finalizing")]], done)
  survives("yields", collected [[coroutine.yield()]], done)
  survives("waits", collected([[went_well = pcall(echo.sleep, 1)]], [[return went_well]]),
    "done\tfalse\n0\ntrue\n")
  survives("submits", collected([[task = echo.submit(math.abs, -7)]], [[return echo.await(task)]]),
    "done\t7\n0\ntrue\n")
  survives("comes back to life each time", [[
    local metatable = {}
    metatable.__gc = function(object) kept = object setmetatable(object, metatable) end
    setmetatable({}, metatable)
    for _ = 1, 50 do kept = nil collectgarbage() end]], done)
  survives("cancels the task that runs", [[
    local channel = echo.channel(1)
    local inner = echo.submit(function(channel)
      local self = channel:receive()
      setmetatable({}, { __gc = function() self:cancel("by itself") end })
      collectgarbage()
      while true do end
    end, channel)
    channel:send(inner)
    return select(2, echo.pawait(inner)).message]], "done\tby itself\n0\ntrue\n")
  survives("resumes the coroutine of a task that waits", [[
    require "luv"
    local self = coroutine.running()
    setmetatable({}, { __gc = function() went_well = coroutine.resume(self) end })
    collectgarbage()
    return went_well]], "done\tfalse\n0\ntrue\n")
end)

describe("__gc when a worker's state closes", function()
  local function kept(finalize)
    return ([[local task = echo.submit(math.abs, -7)
      echo.await(task)
      kept = setmetatable({}, { __gc = function() %s end })]]):format(finalize)
  end
  survives("raises", kept [[error("finalizing")]], done)
  survives("submits", kept [[print(pcall(echo.submit, math.abs, 1))]],
    "done\tnil\n0\nfalse\techo.submit is for tasks; elsewhere, submit on a scheduler: s:submit(...)\ntrue\n")
  survives("sleeps", kept [[print(pcall(echo.sleep, 1))]],
    "done\tnil\n0\nfalse\techo.sleep is for tasks: nothing runs here that could wait\ntrue\n")
  survives("waits for a task that has ended", kept [[print(pcall(task.wait, task))]],
    "done\tnil\n0\ntrue\t7\ntrue\n")
  survives("waits for a message that never comes", kept [[
    local channel = echo.channel()
    local went_well, err = pcall(channel.receive, channel, 0.05)
    print(went_well, err.kind)]], "done\tnil\n0\nfalse\ttimeout\ntrue\n")
  survives("builds a scheduler of its own, and uses it", kept [[
    local s <close> = echo.builder():with_worker_count(1):build()
    print(s:submit(math.abs, -3):wait())]], "done\tnil\n0\n3\ntrue\n")
  survives("loads luv, which is too late", kept [[
    print((pcall(require, "luv")))]], "done\tnil\n0\ntrue\ntrue\n")
  survives("makes more to finalize", kept [[
    local metatable = {}
    metatable.__gc = function() setmetatable({}, metatable) end
    setmetatable({}, metatable)]], done)

  local endless = [[
    local echo = require "echo"
    local s = echo.builder():with_worker_count(2):build()
    s:submit(function() kept = setmetatable({}, { __gc = function() while true do end end }) end):wait()
    print(s:submit(math.abs, -1):wait())
  ]]
  it("never ends, and the stop returns in its time", function()
    local result = process.run(endless .. [[print(s:stop { timeout = 0.1 }) os.exit(true)]])
    assert.equal("1\nnil\t0\n", result.out)
    assert.equal("", result.err)
    assert.equal(0, result.code)
  end)
  it("never ends, and the program does", function()
    local result = process.run(endless)
    assert.equal("1\n", result.out)
    assert.equal("", result.err)
    assert.equal(0, result.code)
  end)
end)

-- What is said in docs/hostile.md not to be held.
describe("a task can", function()
  it("end the process by the system's means", function()
    local result = process.shell([[
      local s = require("echo").builder():with_worker_count(1):build()
      s:submit(os.execute, "kill -9 $PPID"):wait()]], "timeout 20 $LUA $SCRIPT; exit $?")
    assert.equal(137, result.code)
  end)

  it("have the program call a function, by a result that says how it travels", function()
    local result = process.run([[
      local s = require("echo").builder():with_worker_count(1):build()
      local task = s:submit(function()
        return setmetatable({}, { __echo_transfer = function() return function() os.exit(7) end end })
      end)
      while task:status() ~= "done" do end
      print("nothing was called yet")
      io.stdout:flush()
      task:wait()]])
    includes("nothing was called yet", result.out)
    assert.equal(7, result.code)
  end)
end)
