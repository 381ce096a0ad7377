-- scheduler:attach: delivering on luv's loop.

local echo = require "echo"
local uv = require "luv"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local process = require "spec.lua.support.process"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler()
  return echo.builder():with_worker_count(2):build()
end

-- Runs the loop until it ends by itself; false if it does not within a while.
local function runs_out()
  local late = false
  local timer = uv.new_timer()
  uv.update_time() -- the loop may not have run for long
  timer:start(60000, 0, function()
    late = true
    uv.stop()
  end)
  timer:unref()
  uv.run()
  timer:close()
  uv.run("nowait")
  return not late
end

describe("attach", function()
  local s

  before_each(function()
    s = new_scheduler()
  end)

  after_each(function()
    s:attach(nil)
    s:stop()
    uv.run("nowait")
  end)

  it("delivers call-backs while the loop runs, and holds the loop until then", function()
    assert.equal(s, s:attach(uv))
    local called = 0
    for i = 1, 100 do
      s:submit(math.abs, -i):on_complete(function(task)
        called = called + task:wait()
      end)
    end
    assert.is_true(runs_out())
    assert.equal(100 * 101 // 2, called)
  end)

  it("goes on with the loop that it had if it cannot have another", function()
    s:attach(uv)
    local called = 0
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path):on_complete(function()
      called = called + 1
    end)
    local refuses = {
      new_poll = function()
        return nil, "EBAD: no more"
      end,
    }
    local raises = {
      new_poll = function()
        error("worse")
      end,
    }
    includes("luv cannot watch the descriptor: EBAD: no more", refusal(s.attach, s, refuses))
    includes("worse", refusal(s.attach, s, raises))
    gate:open()
    assert.is_true(runs_out())
    assert.equal(1, called)
  end)

  it("does not hold a loop that has nothing to deliver", function()
    s:attach(uv)
    local task = s:submit(os.execute, "sleep 0.1")
    assert.is_true(runs_out())
    task:wait()
    assert.is_true(runs_out())
  end)

  it("holds the loop anew for what call-backs begin", function()
    s:attach(uv)
    local log = {}
    s:submit(math.abs, -1):on_complete(function()
      s:submit(os.execute, "sleep 0.05"):on_complete(function()
        log[#log + 1] = "second"
        coroutine.wrap(function()
          table.insert(log, (echo.await(s:submit(function()
            os.execute "sleep 0.05"
            return "third"
          end))))
        end)()
      end)
    end)
    assert.is_true(runs_out())
    assert.same({ "second", "third" }, log)
    assert.is_true(runs_out())
  end)

  it("resumes coroutines, beside the loop's own events", function()
    s:attach(uv)
    local log = {}
    local gate <close> = new_gate()
    coroutine.wrap(function()
      table.insert(log, (echo.await(s:submit(gate.pass, gate.path, "task"))))
    end)()
    local timer = uv.new_timer()
    timer:start(10, 0, function()
      log[#log + 1] = "timer"
      gate:open()
      timer:close()
    end)
    assert.is_true(runs_out())
    assert.same({ "timer", "task" }, log)
  end)

  it("wakes a coroutine whose time is up", function()
    s:attach(uv)
    local kind
    local gate <close> = new_gate()
    local task = s:submit(gate.pass, gate.path)
    coroutine.wrap(function()
      kind = select(2, echo.pawait(task, 0.02)).kind
    end)()
    assert.is_true(runs_out())
    assert.equal("timeout", kind)
  end)

  it("takes up what was begun before", function()
    local called
    local task = s:submit(math.abs, -1):on_complete(function()
      called = true
    end)
    task:wait()
    s:attach(uv)
    assert.is_true(runs_out())
    assert.is_true(called)
  end)

  it("lets the loop go for a coroutine that was closed, or that somebody else resumed", function()
    s:attach(uv)
    local task = s:submit(os.execute, "sleep 0.1")
    local function await()
      echo.await(task)
    end
    local closed, resumed = coroutine.create(await), coroutine.create(await)
    assert(coroutine.resume(closed))
    assert(coroutine.resume(resumed))
    coroutine.close(closed)
    closed = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    task:wait()
    assert(coroutine.resume(resumed))
    assert.equal("dead", coroutine.status(resumed))
    assert.is_true(runs_out())
  end)

  it("may be called again, by any scheduler of the state", function()
    local other = new_scheduler()
    s:attach(uv)
    s:attach(uv)
    other:attach(uv)
    local called = 0
    for _, scheduler in ipairs { s, other } do
      scheduler:submit(math.abs, 1):on_complete(function()
        called = called + 1
      end)
    end
    assert.is_true(runs_out())
    assert.equal(2, called)
    other:stop()
  end)

  it("is undone by nil", function()
    s:attach(uv)
    local called
    s:submit(math.abs, 1):on_complete(function()
      called = true
    end)
    assert.equal(s, s:attach(nil))
    assert.is_true(runs_out())
    assert.is_nil(called)
    s:poll(20)
    assert.is_true(called)
  end)

  it("may be taken back right before the program ends", function()
    local result = process.run([[
      local echo, uv = require "echo", require "luv"
      local s = echo.builder():with_worker_count(1):build()
      s:attach(uv)
      s:submit(math.abs, -1):on_complete(function() print("told") end)
      uv.run()
      s:attach(nil)
      s:attach(uv)
      s:attach(nil)
    ]])
    assert.same({ 0, "told\n", "" }, { result.code, result.out, result.err })
  end)

  it("survives a program that closes every handle of the loop", function()
    s:attach(uv)
    uv.walk(function(handle)
      if not handle:is_closing() then
        handle:close()
      end
    end)
    uv.run()
    local called
    s:submit(math.abs, 1):on_complete(function()
      called = true
    end)
    assert.is_true(runs_out())
    s:poll(20)
    assert.is_true(called)
    s:attach(uv)
    s:submit(math.abs, 1):on_complete(function()
      called = "again"
    end)
    assert.is_true(runs_out())
    assert.equal("again", called)
  end)

  it("delivers what a stop ends", function()
    s:attach(uv)
    local count = 0
    for _ = 1, 20 do
      s:submit({ priority = "low" }, os.execute, "sleep 0.02"):on_complete(function()
        count = count + 1
      end)
    end
    s:stop { mode = "cancel" }
    assert.is_true(runs_out())
    assert.equal(20, count)
  end)

  it("takes luv, and nothing else", function()
    for _, value in ipairs { 1, "luv", {}, { new_poll = 1 }, io.stdout, print } do
      includes("luv (a table with new_poll) expected, got ", refusal(s.attach, s, value))
    end
  end)

  it("says why luv cannot watch", function()
    local err = refusal(s.attach, s, {
      new_poll = function()
        return nil, "EBUSY: no more", "EBUSY"
      end,
    })
    includes("attach: luv cannot watch the descriptor: EBUSY: no more", err)
    s:attach(uv)
  end)
end)

describe("a program that ends while it is attached", function()
  for _, order in ipairs { [["echo", "luv"]], [["luv", "echo"]] } do
    it(("having required %s ends well"):format(order), function()
      local result = process.run(([[
        for _, name in ipairs { %s } do require(name) end
        local echo, uv = require "echo", require "luv"
        local s = echo.builder():with_worker_count(2):build()
        s:attach(uv)
        for i = 1, 100 do
          s:submit({ priority = "low" }, os.execute, "sleep 0.01"):on_complete(function()
            print "called"
            if i == 1 then uv.stop() end
          end)
        end
        coroutine.wrap(function() echo.await(s:submit(os.execute, "sleep 0.1"), 1000) end)()
        uv.run()
      ]]):format(order))
      includes("called\n", result.out)
      assert.equal("", result.err)
      assert.equal(0, result.code)
    end)
  end
end)
