-- echo.await and echo.pawait in coroutines of the program's own, which poll resumes.

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

-- Runs the function in a coroutine up to where it waits; returns the coroutine.
local function spawn(body, ...)
  local co = coroutine.create(body)
  assert(coroutine.resume(co, ...))
  return co
end

-- What one test has left is not for the next.
local function forget()
  local s <close> = new_scheduler()
  deliver_all(s)
end

describe("await in a coroutine of the program", function()
  after_each(forget)

  it("yields, and poll resumes it with the results", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local results
    local co = spawn(function()
      results = table.pack(echo.await(s:submit(gate.pass, gate.path, 1, nil, "x", nil)))
    end)
    assert.equal("suspended", coroutine.status(co))
    assert.same({ 0, 1 }, { s:poll() })
    gate:open()
    assert.same({ 1, 0 }, { s:poll(20) })
    assert.same({ 1, nil, "x", nil, n = 4 }, results)
    assert.equal("dead", coroutine.status(co))
  end)

  it("yields no values, and does not yield if the task has ended", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local done = s:submit(math.abs, -2)
    local task = s:submit(gate.pass, gate.path)
    done:wait()
    local co = coroutine.create(function()
      coroutine.yield(echo.await(done))
      echo.await(task)
    end)
    assert.same({ true, 2 }, { coroutine.resume(co) })
    assert.same({ true, n = 1 }, table.pack(coroutine.resume(co)))
    gate:open()
    deliver_all(s)
  end)

  it("raises the task's error, which a pcall around it catches", function()
    local s <close> = new_scheduler()
    local log = {}
    spawn(function()
      local well, err = pcall(echo.await, s:submit({ name = "spoiler" }, function()
        os.execute "sleep 0.02"
        error({ code = 7 })
      end))
      log[1], log[2], log[3] = well, err.value.code, err.task
    end)
    deliver_all(s)
    assert.same({ false, 7, "spoiler" }, log)
  end)

  it("with pawait returns whether it went well", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local good, bad
    spawn(function()
      good = table.pack(echo.pawait(s:submit(gate.pass, gate.path, "x")))
      bad = table.pack(echo.pawait(s:submit(error, "no", 0)))
    end)
    gate:open()
    deliver_all(s)
    assert.same({ true, "x", n = 2 }, good)
    assert.is_false(bad[1])
    assert.equal("no", bad[2].message)
  end)

  it("passes through loops, calls and iterators, as often as it likes", function()
    local s <close> = new_scheduler(2)
    local sum = 0
    local function each(n)
      local i = 0
      return function()
        i = i + 1
        if i <= n then
          return echo.await(s:submit(function(x)
            return x
          end, i))
        end
      end
    end
    spawn(function()
      for x in each(500) do
        sum = sum + x
      end
    end)
    deliver_all(s)
    assert.equal(500 * 501 // 2, sum)
  end)

  it("serves many, each with its own results, in order of completion", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    local order = {}
    s:submit({ priority = "high" }, gate.pass, gate.path)
    gate:await_arrival()
    for i = 1, 1000 do
      spawn(function()
        table.insert(order, (echo.await(s:submit(math.abs, -i))))
      end)
    end
    gate:open()
    deliver_all(s)
    assert.equal(1000, #order)
    for i = 1, 1000 do
      assert.equal(i, order[i])
    end
  end)

  it("keeps that order when another scheduler stops meanwhile", function()
    local s <close> = new_scheduler(1)
    local other <close> = new_scheduler(1)
    local gate <close> = new_gate()
    local order = {}
    s:submit({ priority = "high" }, gate.pass, gate.path)
    gate:await_arrival()
    local last = s:submit({ priority = "low" }, math.abs, -2)
    for _, task in ipairs { last, s:submit(math.abs, -1) } do
      spawn(function()
        table.insert(order, (echo.await(task)))
      end)
    end
    other:submit(math.abs, 1):wait()
    other:stop()
    gate:open()
    last:wait()
    deliver_all(s)
    assert.same({ 1, 2 }, order)
  end)

  it("resumes several that await the same task", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task, order = s:submit(gate.pass, gate.path, "x"), {}
    for i = 1, 5 do
      spawn(function()
        table.insert(order, (echo.await(task) .. i))
      end)
    end
    gate:open()
    deliver_all(s)
    assert.same({ "x1", "x2", "x3", "x4", "x5" }, order)
  end)

  it("needs nobody else to keep the coroutine", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local result
    spawn(function()
      result = echo.await(s:submit(gate.pass, gate.path, "kept"))
    end)
    collectgarbage()
    collectgarbage()
    gate:open()
    deliver_all(s)
    assert.equal("kept", result)
  end)

  it("runs in the state's main thread's time, so it may poll and wait itself", function()
    local s <close> = new_scheduler()
    local log = {}
    spawn(function()
      echo.await(s:submit(os.execute, "sleep 0.02"))
      s:submit(math.abs, -1):on_complete(function(task)
        table.insert(log, (task:wait()))
      end)
      table.insert(log, (s:poll(20)))
      table.insert(log, (s:submit(math.abs, -3):wait()))
    end)
    deliver_all(s)
    assert.same({ 1, 1, 3 }, log)
  end)

  it("goes on after a stop", function()
    local s = new_scheduler()
    local gate <close> = new_gate()
    local log = {}
    spawn(function()
      table.insert(log, (select(2, echo.pawait(s:submit(gate:in_c()))).kind))
    end)
    gate:await_arrival()
    spawn(function()
      table.insert(log, (select(2, echo.pawait(s:submit(math.abs, 1))).kind))
    end)
    assert.is_nil((s:stop { mode = "cancel", timeout = 0 }))
    deliver_all(s)
    table.sort(log)
    assert.same({ "cancelled", "lost" }, log)
  end)
end)

describe("await with a time-out", function()
  after_each(forget)

  it("raises kind timeout in the coroutine, and a later one gets the results", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local log = {}
    spawn(function()
      local task = s:submit(gate.pass, gate.path, "result")
      local before = echo.now()
      local well, err = echo.pawait(task, 0.05)
      log[1], log[2], log[3] = well, err.kind, echo.now() - before >= 0.05
      log[4] = refusal(echo.await, task, 0).kind
      log[5] = echo.await(task, 1000)
    end)
    assert.equal(1, s:poll(20))
    assert.same({ false, "timeout", true, "timeout" }, log)
    gate:open()
    deliver_all(s)
    assert.equal("result", log[5])
  end)

  it("is woken in order of the deadlines", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task, order = s:submit(gate.pass, gate.path), {}
    for _, i in ipairs { 4, 2, 1, 3 } do
      spawn(function()
        echo.pawait(task, i * 0.03)
        order[#order + 1] = i
      end)
    end
    deliver_all(s)
    assert.same({ 1, 2, 3, 4 }, order)
  end)

  for _, way in ipairs { "stopped", "collected" } do
    it(("runs out although the scheduler that kept the time is %s"):format(way), function()
      local s <close> = new_scheduler()
      local gate <close> = new_gate()
      local kind
      local task = s:submit(gate.pass, gate.path)
      local newest = new_scheduler() -- whose clock is taken
      spawn(function()
        kind = select(2, echo.pawait(task, 0.2)).kind
      end)
      if way == "stopped" then
        newest:stop()
      end
      newest = nil -- luacheck: ignore 311
      collectgarbage()
      collectgarbage()
      local deadline = echo.now() + 5
      while not kind and echo.now() < deadline do
        s:poll(0.1)
      end
      assert.equal("timeout", kind)
    end)
  end

  it("costs nothing when it is in time", function()
    local s <close> = new_scheduler()
    local results = 0
    spawn(function()
      for i = 1, 200 do
        results = results + echo.await(s:submit(math.abs, -i), 1000)
      end
    end)
    deliver_all(s)
    assert.equal(200 * 201 // 2, results)
  end)
end)

describe("await on the program's main coroutine, or where it cannot yield", function()
  after_each(forget)

  it("holds up the thread", function()
    local s <close> = new_scheduler()
    assert.equal(4, echo.await(s:submit(math.abs, -4)))
    assert.same({ true, 4 }, { echo.pawait(s:submit(math.abs, -4)) })
    spawn(function()
      local list = { 3, 1, 2 }
      table.sort(list, function(a, b)
        return echo.await(s:submit(function(x, y)
          return x < y
        end, a, b))
      end)
      assert.same({ 1, 2, 3 }, list)
      coroutine.yield()
    end)
  end)

  it("does so in call-backs too, while wait does everywhere", function()
    local s <close> = new_scheduler()
    local log = {}
    s:submit(math.abs, 1):on_complete(function()
      table.insert(log, (echo.await(s:submit(math.abs, -7))))
    end)
    deliver_all(s)
    coroutine.wrap(function()
      table.insert(log, (s:submit(math.abs, -8):wait()))
    end)()
    assert.same({ 7, 8 }, log)
  end)
end)

describe("a coroutine that awaits", function()
  after_each(forget)

  it("is itself resumed, if it runs inside of another one", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local log = {}
    local inner
    local outer = spawn(function()
      inner = coroutine.create(function()
        table.insert(log, (echo.await(s:submit(gate.pass, gate.path, "inner"))))
        return "ignored"
      end)
      assert(coroutine.resume(inner))
      log[#log + 1] = "outer goes on"
      coroutine.yield()
      log[#log + 1] = "never"
    end)
    gate:open()
    deliver_all(s)
    assert.same({ "outer goes on", "inner" }, log)
    assert.equal("suspended", coroutine.status(outer))
    assert.equal("dead", coroutine.status(inner))
  end)

  it("waits on if its program resumes it too early, whatever with", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local results
    local co = spawn(function()
      results = table.pack(echo.await(s:submit(gate.pass, gate.path, "right")))
    end)
    for _ = 1, 3 do
      assert.same({ true, n = 1 }, table.pack(coroutine.resume(co, "wrong", 2)))
      assert.is_nil(results)
    end
    gate:open()
    deliver_all(s)
    assert.same({ "right", n = 1 }, results)
  end)

  it("is not resumed again if its program did that after the end", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task
    local reached = {}
    local co = spawn(function()
      task = s:submit(gate.pass, gate.path)
      echo.await(task)
      reached[#reached + 1] = "awaited"
      coroutine.yield()
      reached[#reached + 1] = "never"
    end)
    gate:open()
    task:wait()
    assert(coroutine.resume(co))
    assert.same({ 0, 0 }, { s:poll() })
    assert.same({ "awaited" }, reached)
  end)

  it("can be closed, and is forgotten", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local closed = false
    local co = spawn(function()
      local _ <close> = setmetatable({}, {
        __close = function()
          closed = true
        end,
      })
      echo.await(s:submit(gate.pass, gate.path), 1000)
    end)
    assert.is_true(coroutine.close(co))
    assert.is_true(closed)
    co = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.same({ 0, 0 }, { s:poll() })
  end)

  it("can be closed before poll comes to it", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task
    local reports = 0
    s:on_error(function()
      reports = reports + 1
    end)
    local co = spawn(function()
      task = s:submit(gate.pass, gate.path)
      echo.await(task)
    end)
    gate:open()
    task:wait()
    coroutine.close(co)
    assert.equal(0, s:poll())
    s:on_error(nil)
    assert.equal(0, reports)
    assert.equal("dead", coroutine.status(co))
  end)

  it("has its error reported, with its traceback, and its variables closed", function()
    local result = process.run([[
      local echo = require "echo"
      local s <close> = echo.builder():with_worker_count(1):build()
      coroutine.wrap(function()
        local _ <close> = setmetatable({}, { __close = function(_, err) print("closed", err) end })
        echo.await(s:submit(os.execute, "sleep 0.5"))
        local function inner()
          error("spoilt", 0)
        end
        inner()
      end)()
      coroutine.wrap(function()
        echo.await(s:submit(os.execute, "sleep 0.05"))
        print("the next one")
      end)()
      repeat local _, left = s:poll(10) until left == 0
    ]])
    assert.equal("closed\tspoilt\nthe next one\n", result.out)
    includes("echo: error in a coroutine that poll resumed: spoilt\nstack traceback:\n", result.err)
    includes("in local 'inner'", result.err)
    assert.equal(0, result.code)
  end)

  it("has its error handed to on_error, whatever it is", function()
    local s <close> = new_scheduler()
    local seen = {}
    s:on_error(function(err, traceback)
      seen[#seen + 1] = err
      includes("host_coroutine_spec.lua", traceback)
    end)
    local value = {}
    local gate <close> = new_gate()
    spawn(function()
      echo.await(s:submit(gate.pass, gate.path))
      error(value)
    end)
    spawn(function()
      echo.await(s:submit({ name = "spoiler" }, function(pass, path)
        pass(path)
        error("no", 0)
      end, gate.pass, gate.path))
    end)
    gate:open()
    deliver_all(s)
    s:on_error(nil)
    assert.is_true(seen[1] == value or seen[2] == value)
    assert.is_true(seen[1].task == "spoiler" or seen[2].task == "spoiler")
  end)

  it("may be left behind by a state that closes", function()
    local result = process.run([[
      local echo = require "echo"
      local s = echo.builder():with_worker_count(2):build()
      for i = 1, 500 do
        local task = s:submit({ priority = i % 2 == 0 and "low" or nil }, os.execute, "sleep 0.01")
        for _, seconds in ipairs { 0.001, 1000 } do
          coroutine.wrap(function() echo.pawait(task, seconds) end)()
        end
        coroutine.wrap(function() echo.await(task) end)()
      end
    ]])
    assert.equal("", result.out .. result.err)
    assert.equal(0, result.code)
  end)
end)
