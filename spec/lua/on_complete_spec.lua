-- task:on_complete and scheduler:on_error.

local echo = require "echo"
local assert = require "luassert"
local deliver_all = require "spec.lua.support.deliver"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local process = require "spec.lua.support.process"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 1):build()
end

local function ended(s)
  local task = s:submit(math.abs, -1)
  task:wait()
  return task
end

describe("on_complete", function()
  it("calls with the task, in poll and not before", function()
    local s <close> = new_scheduler()
    local calls = {}
    local task = s:submit(math.abs, -5)
    assert.equal(task, task:on_complete(function(...)
      calls[#calls + 1] = table.pack(...)
    end))
    assert.equal(5, task:wait())
    assert.same({}, calls)
    s:poll()
    assert.equal(1, #calls)
    assert.equal(1, calls[1].n)
    assert.is_true(calls[1][1] == task)
    s:poll()
    assert.equal(1, #calls)
  end)

  it("calls for tasks that fail, are cancelled, or are maps", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local log = {}
    local function note(task)
      log[task] = task:status()
    end
    local held = s:submit(gate.pass, gate.path):on_complete(note)
    gate:await_arrival()
    local failed = s:submit(error):on_complete(note)
    local cancelled = s:submit(error):on_complete(note)
    local map = s:map(math.abs, { -1, -2 }):on_complete(note)
    assert.is_true(cancelled:cancel())
    assert.equal(1, s:poll())
    assert.equal("cancelled", log[cancelled])
    gate:open()
    assert.equal(3, deliver_all(s))
    assert.equal("done", log[held])
    assert.equal("failed", log[failed])
    assert.equal("done", log[map])
  end)

  it("calls at the next poll if the task has ended already", function()
    local s <close> = new_scheduler()
    local called = false
    ended(s):on_complete(function()
      called = true
    end)
    assert.is_false(called)
    assert.equal(1, s:poll())
    assert.is_true(called)
  end)

  it("calls several in the order in which they were given, before and after the end", function()
    local s <close> = new_scheduler()
    for _ = 1, 200 do
      local task, order = s:submit(math.abs, 1), {}
      for i = 1, 20 do
        task:on_complete(function()
          order[#order + 1] = i
        end)
      end
      task:wait()
      task:on_complete(function()
        order[#order + 1] = 21
      end)
      assert.equal(21, s:poll())
      for i = 1, 21 do
        assert.equal(i, order[i])
      end
    end
  end)

  it("takes what can be called, and nothing else", function()
    local s <close> = new_scheduler()
    local task, called = ended(s), false
    task:on_complete(setmetatable({}, {
      __call = function(_, argument)
        called = argument == task
      end,
    }))
    s:poll()
    assert.is_true(called)
    for _, value in ipairs { 1, "x", {}, true, io.stdout } do
      includes("function expected, got ", refusal(task.on_complete, task, value))
    end
    includes("function expected, got no value", refusal(task.on_complete, task))
    includes("echo.task expected", refusal(task.on_complete, s))
    assert.same({ 0, 0 }, { s:poll() })
  end)

  it("is refused in a task, which awaits instead", function()
    local s <close> = new_scheduler()
    local task = s:submit(function()
      local inner <close> = require "echo".builder():with_worker_count(1):build()
      inner:submit(math.abs, 1):on_complete(print)
    end)
    includes("on_complete is for the program outside: a task awaits with echo.await instead",
      refusal(task.wait, task).message)
  end)

  it("keeps scheduler and task until the call, and lets them go then", function()
    local gate <close> = new_gate()
    local called
    local weak = setmetatable({}, { __mode = "v" })
    do
      local s = new_scheduler()
      weak[1] = s:submit(gate.pass, gate.path, "result"):on_complete(function(task)
        called = task:wait()
      end)
      gate:await_arrival()
    end
    collectgarbage()
    collectgarbage()
    gate:open()
    local other <close> = new_scheduler()
    deliver_all(other)
    assert.equal("result", called)
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end)
end)

describe("a call-back", function()
  it("may submit, and wait", function()
    local s <close> = new_scheduler()
    local result
    s:submit(math.abs, -1):on_complete(function(task)
      local second = s:submit(function(x)
        return x + 1
      end, task:wait())
      second:on_complete(function(last)
        result = last:wait() + s:submit(math.abs, -10):wait()
      end)
    end)
    deliver_all(s)
    assert.equal(12, result)
  end)

  it("may stop the scheduler, and others still come", function()
    local s = new_scheduler()
    local log = {}
    local task = ended(s)
    task:on_complete(function()
      log[#log + 1] = s:stop()
    end)
    task:on_complete(function()
      log[#log + 1] = "after"
    end)
    assert.equal(2, s:poll())
    assert.same({ true, "after" }, log)
  end)

  it("may drop the last that its program knows of the scheduler", function()
    local s = new_scheduler()
    local poll, called = s.poll, 0
    local task = ended(s)
    for _ = 1, 2 do
      task:on_complete(function()
        called = called + 1
        s, task = nil, nil
        collectgarbage()
        collectgarbage()
      end)
    end
    poll(s)
    collectgarbage()
    assert.equal(2, called)
  end)
end)

describe("an error in a call-back", function()
  it("is written to stderr with its traceback, and stops nobody", function()
    local result = process.run([[
      local s <close> = require "echo".builder():with_worker_count(1):build()
      local task = s:submit(math.abs, 1)
      task:wait()
      task:on_complete(function()
        local function inner()
          error("spoilt")
        end
        inner()
      end)
      task:on_complete(function()
        print("the next one")
      end)
      print(s:poll())
    ]])
    assert.equal("the next one\n2\t0\n", result.out)
    includes("echo: error in an on_complete callback: ", result.err)
    includes(":6: spoilt\nstack traceback:\n", result.err)
    includes("in upvalue 'inner'", result.err:gsub("local 'inner'", "upvalue 'inner'"))
  end)

  it("is written whatever it is", function()
    local result = process.run([[
      local s <close> = require "echo".builder():with_worker_count(1):build()
      local task = s:submit(math.abs, 1)
      task:wait()
      local failing = setmetatable({}, { __tostring = function() error("inner", 0) end })
      for _, value in ipairs { {}, 1.5, false, failing } do
        task:on_complete(function()
          error(value)
        end)
      end
      task:on_complete(function()
        error()
      end)
      print(s:poll())
    ]])
    assert.equal("5\t0\n", result.out)
    includes("error in an on_complete callback: table: 0x", result.err)
    includes("error in an on_complete callback: 1.5\n", result.err)
    includes("error in an on_complete callback: false\n", result.err)
    includes("error in an on_complete callback: nil\n", result.err)
    includes("error in an on_complete callback that cannot be shown: inner\n", result.err)
  end)

  it("that is a task's shows the task's", function()
    local result = process.run([[
      local s <close> = require "echo".builder():with_worker_count(1):build()
      s:submit({ name = "spoiler" }, error, "spoilt", 0):on_complete(function(task)
        task:wait()
      end)
      print(s:poll(10))
    ]])
    assert.equal("1\t0\n", result.out)
    includes("error in an on_complete callback: spoilt\n[task spoiler]", result.err)
  end)
end)

describe("on_error", function()
  it("gets the error and the traceback instead", function()
    local s <close> = new_scheduler()
    local seen = {}
    assert.equal(s, s:on_error(function(...)
      seen[#seen + 1] = table.pack(...)
    end))
    local value = {}
    ended(s):on_complete(function()
      error(value)
    end)
    assert.equal(1, s:poll())
    assert.equal(1, #seen)
    assert.equal(2, seen[1].n)
    assert.is_true(seen[1][1] == value)
    includes("stack traceback:\n", seen[1][2])
    includes("on_complete_spec.lua", seen[1][2])
    s:on_error(nil)
  end)

  it("can be replaced, and taken back", function()
    local result = process.run([[
      local s <close> = require "echo".builder():with_worker_count(1):build()
      local task = s:submit(math.abs, 1)
      task:wait()
      local function fail()
        task:on_complete(function()
          error("spoilt", 0)
        end)
        s:poll()
      end
      s:on_error(function(err) print("first", err) end)
      fail()
      s:on_error(function(err) print("second", err) end)
      fail()
      s:on_error(nil)
      fail()
    ]])
    assert.equal("first\tspoilt\nsecond\tspoilt\n", result.out)
    includes("echo: error in an on_complete callback: spoilt\n", result.err)
  end)

  it("that fails itself is written to stderr, and so is what it was called for", function()
    local result = process.run([[
      local s <close> = require "echo".builder():with_worker_count(1):build()
      s:on_error(function(err) error("handler", 0) end)
      local task = s:submit(math.abs, 1)
      task:wait()
      task:on_complete(function()
        error("spoilt", 0)
      end)
      print(s:poll())
    ]])
    assert.equal("1\t0\n", result.out)
    includes("echo: error in the on_error handler: handler\n", result.err)
    includes("echo: error in an on_complete callback: spoilt\n", result.err)
  end)

  it("takes what can be called, or nil", function()
    local s <close> = new_scheduler()
    for _, value in ipairs { 1, "x", {}, false, io.stdout } do
      includes("function expected, got ", refusal(s.on_error, s, value))
    end
  end)
end)

describe("a state that closes", function()
  it("forgets call-backs that did not come", function()
    local result = process.run([[
      local echo = require "echo"
      local s = echo.builder():with_worker_count(2):build()
      for i = 1, 1000 do
        s:submit(math.abs, i):on_complete(print)
        s:submit({ priority = "low" }, os.execute, "sleep 0.01"):on_complete(print)
      end
    ]])
    assert.equal("", result.out .. result.err)
    assert.equal(0, result.code)
  end)

  it("survives finalizers that ask for more", function()
    local result = process.run([[
      local before = setmetatable({}, { __gc = function(t) t.run("older than the module") end })
      local echo = require "echo"
      local s = echo.builder():with_worker_count(2):build()
      local task = s:submit(os.execute, "sleep 0.1")
      local function run(name)
        print(name, pcall(function()
          task:on_complete(print)
          s:poll()
        end))
        coroutine.wrap(function() echo.await(task) end)()
      end
      before.run = run
      after = setmetatable({}, { __gc = function() run("younger") end })
      keep = before
    ]])
    includes("younger\ttrue\n", result.out)
    assert.equal(0, result.code)
  end)
end)
