-- scheduler:poll: what it delivers, in which order, and for how long.

local echo = require "echo"
local assert = require "luassert"
local deliver_all = require "spec.lua.support.deliver"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local process = require "spec.lua.support.process"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 2):build()
end

-- Tasks that have ended, so that a call-back is due at the next poll.
local function ended(s)
  local task = s:submit(math.abs, -1)
  task:wait()
  return task
end

-- What one test has left is not for the next.
local function forget()
  local s <close> = new_scheduler(1)
  deliver_all(s)
end

local function spend(seconds)
  local started = echo.now()
  while echo.now() < started + seconds do
  end
end

describe("poll", function()
  after_each(forget)

  it("returns the numbers of what it delivered and of what is still expected", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    assert.same({ 0, 0 }, { s:poll() })
    local task = ended(s)
    for _ = 1, 3 do
      task:on_complete(function() end)
    end
    s:submit(gate.pass, gate.path):on_complete(function() end)
    assert.same({ 3, 1 }, { s:poll() })
    assert.same({ 0, 1 }, { s:poll() })
    gate:open()
    assert.same({ 1, 0 }, { s:poll(20) })
  end)

  it("does not wait, unless it is told to", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path):on_complete(function() end)
    assert.equal(0, s:poll())
    assert.equal(0, s:poll(nil))
    assert.equal(0, s:poll(0))
  end)

  it("waits as long as it says", function()
    local s <close> = new_scheduler(1)
    for _, seconds in ipairs { 0.05, 0.25 } do
      local before = echo.now()
      assert.equal(0, s:poll(seconds))
      assert.is_true(echo.now() - before >= seconds)
    end
  end)

  it("waits no longer than for the first", function()
    local s <close> = new_scheduler(1)
    for _, seconds in ipairs { 1000, 1e300, math.huge } do
      local seen
      s:submit(os.execute, "sleep 0.02"):on_complete(function(task)
        seen = task
      end)
      assert.equal(1, s:poll(seconds))
      assert.is_true(seen:wait())
    end
  end)

  it("begins nothing more when its time is up, and leaves the rest for the next", function()
    local s <close> = new_scheduler(1)
    local task, called = ended(s), 0
    for _ = 1, 3 do
      task:on_complete(function()
        called = called + 1
        spend(0.02)
      end)
    end
    assert.same({ 1, 2 }, { s:poll(0.01) })
    assert.same({ 1, 1 }, { s:poll(0.01) })
    assert.same({ 1, 0 }, { s:poll(0.01) })
    assert.equal(3, called)
  end)

  for _, seconds in ipairs { 0, false } do
    it(("(%s) delivers all that is there, however long it takes"):format(seconds or ""), function()
      local s <close> = new_scheduler(1)
      local task = ended(s)
      for _ = 1, 5 do
        task:on_complete(function()
          spend(0.01)
        end)
      end
      assert.equal(5, s:poll(seconds or nil))
    end)
  end

  it("ends although each call-back makes another one due", function()
    local s <close> = new_scheduler(1)
    local called = 0
    local function again(task)
      called = called + 1
      if called < 3 then
        task:on_complete(again)
      end
    end
    ended(s):on_complete(again)
    assert.same({ 1, 1 }, { s:poll() })
    assert.same({ 1, 1 }, { s:poll(10) })
    assert.same({ 1, 0 }, { s:poll(0) })
  end)

  it("delivers in the order in which the tasks ended", function()
    local s <close> = new_scheduler(2)
    local gates, order = {}, {}
    for i = 1, 2 do
      gates[i] = new_gate()
      s:submit(gates[i].pass, gates[i].path, i):on_complete(function(task)
        order[#order + 1] = task:wait()
      end)
    end
    gates[1]:await_arrival()
    gates[2]:await_arrival()
    gates[2]:open()
    s:submit(math.abs, -3):on_complete(function(task)
      order[#order + 1] = task:wait()
    end)
    while #order < 2 do
      s:poll(1)
    end
    gates[1]:open()
    deliver_all(s)
    assert.same({ 2, 3, 1 }, order)
  end)

  it("has the call-back of each task that was seen to have ended", function()
    local s <close> = new_scheduler()
    for i = 1, 3000 do
      local task, called = s:submit(math.abs, -i), false
      task:on_complete(function()
        called = true
      end)
      if i % 2 == 0 then
        task:wait()
      else
        repeat
        until task:status() == "done"
      end
      assert.equal(1, s:poll())
      assert.is_true(called)
    end
  end)

  it("delivers each of many exactly once, from whichever worker", function()
    local s <close> = new_scheduler(4)
    local called = {}
    for i = 1, 5000 do
      s:submit(math.abs, -i):on_complete(function(task)
        called[i] = (called[i] or 0) + task:wait()
      end)
    end
    assert.equal(5000, deliver_all(s))
    for i = 1, 5000 do
      assert.equal(i, called[i])
    end
  end)

  it("delivers what belongs to any scheduler of the state", function()
    local first <close>, called = new_scheduler(1), 0
    local second <close> = new_scheduler(1)
    for _, s in ipairs { first, second } do
      ended(s):on_complete(function()
        called = called + 1
      end)
    end
    assert.equal(2, first:poll())
    assert.equal(2, called)
  end)

  it("works after a stop, for what the stop ended too", function()
    local s = new_scheduler(1)
    local gate <close> = new_gate()
    local log = {}
    local function note(task)
      local _, err = task:pwait()
      log[#log + 1] = type(err) == "table" and err.kind or err
    end
    s:submit(gate:in_c()):on_complete(note)
    gate:await_arrival()
    s:submit(math.abs, 1):on_complete(note)
    assert.is_nil((s:stop { mode = "cancel", timeout = 0 }))
    assert.same({ 2, 0 }, { s:poll() })
    table.sort(log)
    assert.same({ "cancelled", "lost" }, log)
    gate:open()
    assert.same({ 0, 0 }, { s:poll(0.05) })
  end)

  for _, seconds in ipairs { "x", "1", -1, -math.huge, 0 / 0, {}, true } do
    local name = type(seconds) == "table" and "a table" or tostring(seconds)
    it(("refuses to wait for %s"):format(name), function()
      local s <close> = new_scheduler(1)
      includes("to 'poll' (seconds: a number from 0 on expected, got ", refusal(function()
        s:poll(seconds)
      end))
    end)
  end

  it("is for schedulers, and for the program outside", function()
    local s <close> = new_scheduler(1)
    includes("echo.scheduler expected, got no value", refusal(s.poll))
    includes("echo.scheduler expected, got echo.task", refusal(s.poll, ended(s)))
    for _, name in ipairs { "poll", "fd", "attach", "on_error" } do
      local task = s:submit(function(method)
        local inner <close> = require "echo".builder():build()
        inner[method](inner)
      end, name)
      includes(name .. " is for the program outside: a task awaits with echo.await instead",
        refusal(task.wait, task).message)
    end
  end)
end)

describe("poll inside of what poll calls", function()
  after_each(forget)

  it("delivers the rest", function()
    local s <close> = new_scheduler(1)
    local task, order = ended(s), {}
    task:on_complete(function()
      order[#order + 1] = "outer begins"
      local count = s:poll()
      order[#order + 1] = count
      order[#order + 1] = "outer ends"
    end)
    task:on_complete(function()
      order[#order + 1] = "inner"
    end)
    assert.same({ 1, 0 }, { s:poll() })
    assert.same({ "outer begins", "inner", 1, "outer ends" }, order)
  end)

  it("may wait", function()
    local s <close> = new_scheduler(1)
    local inner
    ended(s):on_complete(function()
      s:submit(os.execute, "sleep 0.02"):on_complete(function() end)
      inner = s:poll(20)
    end)
    s:poll()
    assert.equal(1, inner)
  end)

  it("fails when it goes too deep, and stops nobody", function()
    local result = process.run([[
      local s <close> = require "echo".builder():with_worker_count(1):build()
      local task, depth, limit, called = s:submit(math.abs, 1), 0, 300, false
      task:wait()
      local function deeper()
        depth = depth + 1
        if depth < limit then
          task:on_complete(deeper)
          s:poll()
        end
      end
      task:on_complete(deeper)
      task:on_complete(function() called = true end)
      s:poll()
      print(depth > 10, called)
    ]])
    assert.equal("true\ttrue\n", result.out)
    includes("C stack overflow", result.err)
    assert.equal(0, result.code)
  end)
end)
