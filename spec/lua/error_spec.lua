-- What a task's error looks like to whoever waits for it, and that it never costs a worker.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"

local here = debug.getinfo(1, "S").short_src

-- Runs the function as the only task of a scheduler with one worker, which must fail; then makes
-- sure that this worker goes on. Returns the error.
local function fail(task, ...)
  local s <close> = echo.builder():with_worker_count(1):build()
  local went_well, err = s:submit(task, ...):pwait()
  assert.is_false(went_well)
  assert.equal("echo.error", getmetatable(err))
  assert.equal("goes on", s:submit(string.format, "goes %s", "on"):wait())
  assert.same({ 2, 4, 6 }, s:map(function(x)
    return 2 * x
  end, { 1, 2, 3 }):wait())
  return err
end

-- The line that is so many below the caller's.
local function line_below(distance)
  return debug.getinfo(2, "l").currentline + distance
end

describe("a failed task's error", function()
  it("has the message with file and line, the kind, the value and the task's name", function()
    local line = line_below(2)
    local err = fail(function()
      error("it broke")
    end)
    assert.equal("error", err.kind)
    assert.equal(("%s:%d: it broke"):format(here, line), err.message)
    assert.equal(err.message, err.value)
    assert.equal(("%s:%d"):format(here, line - 1), err.task)
  end)

  it("has the name that the task was given", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local _, err = s:submit({ name = "index main.c" }, error, "x"):pwait()
    assert.equal("index main.c", err.task)
    includes("[task index main.c]", tostring(err))
  end)

  it("has the name of a library function that was submitted", function()
    local err = fail(string.rep)
    assert.equal("string.rep", err.task)
    includes("bad argument #1 to 'string.rep' (string expected, got no value)", err.message)
    assert.equal("error", fail(error, "x").task)
  end)

  it("has the task's own traceback, with every function of the user's", function()
    local function inner(t)
      return #t + t.missing.field
    end
    local function outer()
      local result = inner({})
      return result
    end
    local line = line_below(-6)
    local err = fail(outer)
    local expected = "stack traceback:\n\t%s:%d: in upvalue 'inner'\n\t%s:%d: in function <%s:%d>"
    assert.equal(expected:format(here, line, here, line + 3, here, line + 2), err.traceback)
    includes("attempt to index a nil value (field 'missing')", err.message)
  end)

  it("reads well as text", function()
    local line = line_below(2)
    local err = fail(function()
      error("it broke")
    end)
    local expected = "%s:%d: it broke\n[task %s:%d] stack traceback:\n"
      .. "\t[C]: in function 'error'\n\t%s:%d: in function <%s:%d>"
    assert.equal(
      expected:format(here, line, here, line - 1, here, line, here, line - 1),
      tostring(err)
    )
  end)

  it("is raised by wait as the same object that pwait returns", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit(error, { code = 7 })
    local _, from_pwait = task:pwait()
    local raised, from_wait = pcall(task.wait, task)
    assert.is_false(raised)
    assert.same({ 7, 7 }, { from_pwait.value.code, from_wait.value.code })
    assert.equal(from_pwait.message:match("^%a+"), from_wait.message:match("^%a+"))
    assert.equal(from_pwait.traceback, from_wait.traceback)
    assert.equal("error", from_wait.kind)
  end)

  it("has no position at level 0", function()
    local err = fail(function()
      error("bare", 0)
    end)
    assert.equal("bare", err.message)
  end)

  it("has the caller's position at level 2", function()
    local function check()
      error("not so", 2)
    end
    local line = line_below(2)
    local err = fail(function()
      check()
    end)
    assert.equal(("%s:%d: not so"):format(here, line), err.message)
  end)

  it("comes from the runtime just as well", function()
    includes("attempt to perform arithmetic on a nil value (local 'x')", fail(function(x)
      return x + 1
    end).message)
    includes("attempt to call a nil value (global 'no_such_function')", fail(function()
      _G.no_such_function = nil
      return no_such_function() -- luacheck: ignore 113
    end).message)
    includes("attempt to compare number with nil", fail(function(x)
      return 1 < x
    end).message)
    includes("attempt to concatenate a table value", fail(function(x)
      return "a" .. x
    end, {}).message)
  end)
end)

describe("what a task raises", function()
  it("may be a table, which travels", function()
    local err = fail(function()
      error({ code = 404, path = { "a", "b" } })
    end)
    assert.same({ code = 404, path = { "a", "b" } }, err.value)
    assert.matches("^table: ", err.message)
    includes(here, err.traceback)
  end)

  it("may be nil", function()
    local err = fail(function()
      error()
    end)
    assert.equal("nil", err.message)
    assert.is_nil(err.value)
    assert.equal("error", err.kind)
  end)

  it("may be false, a number or a function", function()
    assert.is_false(fail(error, false).value)
    assert.equal("false", fail(error, false).message)
    assert.equal(42, fail(error, 42).value)
    assert.equal("42", fail(error, 42).message)
    assert.equal(3, fail(function()
      error(function()
        return 3
      end)
    end).value())
  end)

  it("may be an object, whose __tostring makes the message", function()
    local err = fail(function()
      error(setmetatable({ code = 1 }, {
        __tostring = function(self)
          return "failure number " .. self.code
        end,
      }))
    end)
    assert.equal("failure number 1", err.message)
    assert.is_nil(err.value)
  end)

  it("may be an object whose __tostring fails or gives no string", function()
    local err = fail(function()
      error(setmetatable({}, { __tostring = error }))
    end)
    includes("a table value whose __tostring failed", err.message)
    err = fail(function()
      error(setmetatable({}, {
        __tostring = function()
          return {}
        end,
      }))
    end)
    includes("a table value whose __tostring failed", err.message)
  end)

  it("may be something that cannot travel: its text does", function()
    local err = fail(function()
      error(io.stdout)
    end)
    assert.equal("error", err.kind)
    assert.matches("^file %(0x", err.message)
    assert.is_nil(err.value)
    assert.matches("^thread: ", fail(function()
      error(coroutine.create(print))
    end).message)
  end)

  it("may be an error object of a scheduler of its own", function()
    local err = fail(function()
      local s <close> = require("echo").builder():with_worker_count(1):build()
      s:submit(error, "from far below", 0):wait()
    end)
    assert.equal("error", err.kind)
    includes("from far below", err.message)
  end)

  it("may be a long string with any bytes", function()
    local text = ("\0\255\n"):rep(100000)
    local err = fail(function(raised)
      error(raised, 0)
    end, text)
    assert.equal(text, err.message)
    assert.equal(text, err.value)
  end)
end)

describe("inside a task", function()
  it("pcall and xpcall catch errors as ever", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local first, second = s:submit(function()
      local _, message = pcall(function()
        local _, inner = pcall(error, "inner", 0)
        error(inner .. " and outer", 0)
      end)
      local _, handled = xpcall(error, function(raised)
        return "handled " .. raised
      end, "x")
      return message, handled
    end):wait()
    assert.equal("inner and outer", first)
    assert.equal("handled x", second)
  end)

  it("an error raised again by pcall's caller is the task's", function()
    local err = fail(function()
      local _, message = pcall(error, "inner", 0)
      error(message .. " again", 0)
    end)
    assert.equal("inner again", err.message)
  end)

  it("an error in a coroutine of its own comes out of resume or wrap", function()
    includes("deep", fail(function()
      coroutine.wrap(function()
        error("deep")
      end)()
    end).message)
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.same({ false, "deep" }, { s:submit(function()
      return coroutine.resume(coroutine.create(function()
        error("deep", 0)
      end))
    end):wait() })
  end)

  it("endless recursion is an error with a short traceback", function()
    local function recurse(n)
      return 1 + recurse(n + 1)
    end
    local err = fail(recurse, 1)
    assert.equal("error", err.kind)
    includes("stack overflow", err.message)
    includes(here, err.traceback)
    assert.is_true(#err.traceback < 10000)
  end)

  it("endless recursion through C functions is an error", function()
    local function recurse(text)
      return (text:gsub(".", recurse))
    end
    includes("C stack overflow", fail(recurse, "x").message)
    local function through_pcall(n)
      local went_well, message = pcall(through_pcall, n + 1)
      return went_well and message or error(message, 0)
    end
    includes("stack overflow", fail(through_pcall, 1).message)
    local function compare(a, b)
      table.sort({ 1, 2, 3 }, compare)
      return a < b
    end
    includes("C stack overflow", fail(function()
      table.sort({ 3, 2, 1 }, compare)
    end).message)
  end)

  it("deeply nested source text and patterns are errors", function()
    includes("C stack overflow", fail(function()
      error(select(2, load(("("):rep(100000))), 0)
    end).message)
    includes("pattern too complex", fail(function()
      return (("a"):rep(300000)):find((".-"):rep(300000) .. "b")
    end).message)
  end)

  it("a string that would be too long is an error", function()
    local err = fail(string.rep, "x", 1 << 46)
    includes("resulting string too large", err.message)
  end)

  it("coroutine.yield at the top is an error that says why", function()
    local err = fail(function()
      local x = coroutine.yield(1)
      return x
    end)
    assert.equal("error", err.kind)
    includes("a task cannot coroutine.yield() to the scheduler", err.message)
    includes(here, err.traceback)
    includes("a task cannot coroutine.yield() to the scheduler", fail(coroutine.yield).message)
  end)

  it("coroutine.yield at the top is an error in a map too", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local _, err = s:map(coroutine.yield, { 1, 2 }):pwait()
    includes("a task cannot coroutine.yield() to the scheduler", err.message)
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)

  it("variables to be closed are closed when the task fails, and see its error", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit(function()
      closed = {} -- luacheck: ignore 111
      local function note(name)
        return setmetatable({}, {
          __close = function(_, raised)
            table.insert(closed, name .. ": " .. tostring(raised)) -- luacheck: ignore 113
          end,
        })
      end
      local _first <close> = note("first")
      local _second <close> = note("second")
      error("broken", 0)
    end)
    assert.is_false(task:pwait())
    assert.same({ "second: broken", "first: broken" }, s:submit(function()
      return closed -- luacheck: ignore 113
    end):wait())
  end)

  it("variables to be closed are closed when the task yields at the top", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit(function()
      local _guard <close> = setmetatable({}, {
        __close = function()
          closed_after_yield = true -- luacheck: ignore 111
        end,
      })
      coroutine.yield()
    end)
    assert.is_false(task:pwait())
    assert.is_true(s:submit(function()
      return closed_after_yield -- luacheck: ignore 113
    end):wait())
  end)

  it("variables to be closed may wait when the task fails", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit(function()
      closed_late = false -- luacheck: ignore 111
      local _guard <close> = setmetatable({}, {
        __close = function()
          require("echo").sleep(0.01)
          require("echo").await(require("echo").submit(math.abs, -1))
          closed_late = true -- luacheck: ignore 111
        end,
      })
      error("broken", 0)
    end)
    local _, err = task:pwait()
    assert.equal("broken", err.message)
    includes(here, err.traceback)
    assert.is_true(s:submit(function()
      return closed_late -- luacheck: ignore 113
    end):wait())
  end)

  it("an error that load catches in its reader is not the task's", function()
    local read = function()
      local function deeper(n)
        return n == 0 and error("in the reader", 0) or deeper(n - 1) and 1
      end
      return deeper(20)
    end
    assert.equal("later", fail(function(reader)
      assert(not load(reader))
      error("later", 0)
    end, read).message)
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.equal("in the reader", s:submit(function(reader)
      return (select(2, load(reader)))
    end, read):wait())
  end)

  it("an error in __close is the task's if it had none", function()
    local err = fail(function()
      local _guard <close> = setmetatable({}, {
        __close = function()
          error("cannot close", 0)
        end,
      })
    end)
    assert.equal("cannot close", err.message)
  end)

  it("an error or a yield in __close does not hide the error that came first", function()
    assert.equal("first", fail(function()
      local _guard <close> = setmetatable({}, {
        __close = function()
          error("second", 0)
        end,
      })
      error("first", 0)
    end).message)
    assert.equal("first", fail(function()
      local _guard <close> = setmetatable({}, { __close = coroutine.yield })
      error("first", 0)
    end).message)
  end)

  it("an error in __gc costs neither the task nor the worker", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.equal("fine", s:submit(function()
      warn("@off")
      for _ = 1, 10 do
        setmetatable({}, { __gc = error })
      end
      collectgarbage()
      return "fine"
    end):wait())
    assert.equal("goes on", s:submit(string.format, "goes %s", "on"):wait())
  end)
end)

describe("results that cannot travel", function()
  it("fail the task with kind transfer and the path to the value", function()
    local err = fail(function()
      return 1, { rows = { 1, 2, { handle = io.stdout } } }
    end)
    assert.equal("transfer", err.kind)
    assert.equal('result 2: field "rows"[3].handle: userdata FILE* cannot travel', err.message)
  end)

  it("name the task by where its function is", function()
    local line = line_below(1)
    local err = fail(function()
      return io.stdout
    end)
    assert.equal(("%s:%d"):format(here, line), err.task)
    assert.equal(("%s\n[task %s:%d]"):format(err.message, here, line), tostring(err))
    assert.equal("io.tmpfile", fail(io.tmpfile).task)
  end)

  it("may be threads, objects, or functions with upvalues that cannot", function()
    assert.equal("result 1: thread cannot travel", fail(coroutine.create, print).message)
    includes("table with metamethod __index", fail(function()
      return setmetatable({}, { __index = {} })
    end).message)
    includes('upvalue "log": userdata FILE* cannot travel', fail(function()
      local log = io.stdout
      return function()
        return log
      end
    end).message)
  end)
end)

describe("a worker", function()
  it("survives a thousand failures of every sort, and others work meanwhile", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local failing = {
      function() error("string") end,
      function() error({}) end,
      function() return nil + 1 end, -- luacheck: ignore 511
      function() coroutine.yield() end,
      function() return io.stdout end,
      function() string.rep() end,
    }
    local tasks = {}
    for i = 1, 1000 do
      tasks[2 * i - 1] = s:submit(failing[i % #failing + 1])
      tasks[2 * i] = s:submit(math.abs, -i)
    end
    for i = 1, 1000 do
      assert.is_false((tasks[2 * i - 1]:pwait()))
      assert.equal(i, tasks[2 * i]:wait())
    end
    assert.equal(2, s:stats().workers)
  end)

  it("forgets a hook that a task left behind", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local left_by = {
      function() debug.sethook(error, "", 1) end,
      function() debug.sethook(function() error("hook") end, "crl") error("failed") end,
    }
    for _, leave in ipairs(left_by) do
      s:submit(leave):pwait()
      local hook, sum = s:submit(function()
        local total = 0
        for i = 1, 1000 do
          total = total + i
        end
        return debug.gethook() == nil, total
      end):wait()
      assert.is_true(hook)
      assert.equal(500500, sum)
    end
  end)

  it("leaves memory errors behind it", function()
    local process = require "spec.lua.support.process"
    local result = process.shell([[
      local echo = require "echo"
      local s = echo.builder():with_worker_count(1):build()
      local eaters = {
        function() local t = {} for i = 1, math.huge do t[i] = i end end,
        function() local t = {} for i = 1, math.huge do t[i] = ("x"):rep(2^20) .. i end end,
        function() return #("x"):rep(2^31 - 100) end,
      }
      for _, eat in ipairs(eaters) do
        local ok, err = s:submit(eat):pwait()
        print(ok, err.kind, err.message, s:submit(math.abs, -3):wait())
      end
      s:stop()
    ]], "ulimit -v 600000; timeout 60 $LUA $SCRIPT")
    assert.equal(("false\tmemory\tnot enough memory\t3\n"):rep(3), result.out)
    assert.equal("", result.err)
    assert.equal(0, result.code)
  end)
end)
