-- scheduler:stop, leaving the block of a `<close>` variable, and being collected.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local machine = require "spec.lua.support.machine"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 2):with_queue("one", { limit = 1 }):build()
end

local function submit_many(s, count)
  local tasks = {}
  local options = { { priority = "low" }, { priority = "high" }, { queue = "one" }, {} }
  for i = 1, count do
    tasks[i] = s:submit(options[i % #options + 1], math.abs, -i)
  end
  return tasks
end

describe("stop", function()
  it("runs everything that was accepted, then ends the threads", function()
    local threads = machine.thread_count()
    local s = new_scheduler()
    local tasks = submit_many(s, 5000)
    assert.is_true(s:stop())
    assert.equal(threads, machine.await_thread_count(threads))
    for i, task in ipairs(tasks) do
      assert.equal("done", task:status())
      assert.equal(i, task:wait(0))
    end
  end)

  it("drains when it is told to, with time enough", function()
    for _, options in ipairs { { mode = "drain" }, { timeout = 60 }, {}, { timeout = math.huge } } do
      local s = new_scheduler()
      local tasks = submit_many(s, 500)
      assert.is_true(s:stop(options))
      for i, task in ipairs(tasks) do
        assert.equal(i, task:wait(0))
      end
    end
    local s = new_scheduler()
    local task = s:submit(math.abs, -1)
    assert.is_true(s:stop(nil))
    assert.equal("done", task:status())
  end)

  it("waits for what runs", function()
    local s = new_scheduler()
    local task = s:submit(function()
      local echo = require "echo" -- luacheck: ignore 431
      local started = echo.now()
      while echo.now() < started + 0.2 do
      end
      return "finished"
    end)
    assert.is_true(s:stop())
    assert.equal("finished", task:wait(0))
  end)

  it("of a scheduler that never started does nothing", function()
    local threads = machine.thread_count()
    local s = new_scheduler()
    assert.is_true(s:stop())
    assert.is_true(s:stop { mode = "cancel", timeout = 0 })
    assert.equal(threads, machine.await_thread_count(threads))
  end)

  it("may be called again, in any mode", function()
    local s = new_scheduler()
    local task = s:submit(math.abs, -1)
    for _ = 1, 3 do
      assert.is_true(s:stop())
      assert.is_true(s:stop { mode = "cancel" })
      assert.is_true(s:stop { timeout = 0 })
    end
    assert.equal(1, task:wait())
  end)

  it("counts tasks that failed as ended", function()
    local s = new_scheduler()
    local task = s:submit(error, "no", 0)
    assert.is_true(s:stop())
    assert.equal("no", refusal(task.wait, task).message)
  end)

  it("finishes a map that was accepted", function()
    local s = new_scheduler()
    local list = {}
    for i = 1, 10000 do
      list[i] = -i
    end
    local task = s:map(math.abs, list)
    assert.is_true(s:stop())
    local results = task:wait(0)
    assert.equal(10000, #results)
    assert.equal(10000, results[10000])
  end)
end)

describe("stop with cancel", function()
  -- Waits until the task runs. What runs is a C function, which no interruption reaches.
  local function start_sleeping(s, seconds)
    local task = s:submit(os.execute, "sleep " .. seconds)
    while task:status() == "queued" do
      os.execute("sleep 0.01")
    end
    return task
  end

  it("ends what has not started and interrupts what runs", function()
    local threads = machine.thread_count()
    local s = new_scheduler(2)
    local running = s:submit(function()
      while true do
        pcall(function()
          while true do
          end
        end)
      end
    end)
    local sleeping = s:submit(function()
      require("echo").sleep(1000)
    end)
    while sleeping:status() ~= "suspended" or running:status() == "queued" do
      os.execute("sleep 0.01")
    end
    s:submit(function()
      while true do
      end
    end)
    local queued = {}
    for i = 1, 1000 do
      queued[i] = s:submit({ priority = "low" }, math.abs, -i)
    end
    local map = s:map({ priority = "low" }, math.abs, { -1, -2 })
    assert.is_true((s:stop { mode = "cancel" }))
    assert.equal("cancelled", select(2, running:pwait(0)).kind)
    assert.equal("the scheduler was stopped", select(2, sleeping:pwait(0)).message)
    for _, task in ipairs(queued) do
      assert.equal("cancelled", task:status())
    end
    assert.equal("cancelled", select(2, queued[1]:pwait(0)).kind)
    assert.equal("cancelled", select(2, map:pwait(0)).kind)
    assert.equal(threads, machine.await_thread_count(threads))
  end)

  -- On a busy machine the function may be over before the stop begins: then it has to last longer.
  it("waits for a C function that runs, whose result counts", function()
    local function outcome(seconds)
      local s <close> = new_scheduler(1)
      local running = start_sleeping(s, seconds)
      local queued = s:submit(math.abs, 1)
      assert.is_true(s:stop { mode = "cancel" })
      assert.is_true(running:wait(0))
      return queued:status()
    end
    local seconds = 0.1
    local found
    repeat
      seconds = 2 * seconds
      found = outcome(seconds)
    until found == "cancelled" or seconds > 10
    assert.equal("cancelled", found)
  end)

  it("leaves no task without an end", function()
    for _ = 1, 50 do
      local s = new_scheduler()
      local tasks = submit_many(s, 200)
      tasks[#tasks + 1] = s:map(math.abs, { -1, -2, -3 })
      assert.is_true(s:stop { mode = "cancel" })
      for _, task in ipairs(tasks) do
        local status = task:status()
        assert.is_true(status == "done" or status == "cancelled")
      end
    end
  end)
end)

describe("stop with a time-out", function()
  it("returns nil and the count of what it abandoned", function()
    local threads = machine.thread_count()
    local s = new_scheduler(2)
    local first <close> = new_gate()
    local second <close> = new_gate()
    local stuck = s:submit({ name = "stuck" }, first.pass, first.path)
    s:submit(second.pass, second.path)
    first:await_arrival()
    second:await_arrival()
    local queued = s:submit({ name = "queued" }, math.abs, 1)
    local before = echo.now()
    local result, abandoned = s:stop { timeout = 0.1 }
    assert.is_true(echo.now() - before >= 0.1)
    assert.is_nil(result)
    assert.equal(3, abandoned)
    local err = refusal(stuck.wait, stuck)
    assert.equal("lost", err.kind)
    assert.equal("the task still ran when the scheduler's stop ran out of time", err.message)
    assert.equal("stuck", err.task)
    assert.equal("lost", select(2, stuck:pwait(10)).kind)
    assert.equal("cancelled", refusal(queued.wait, queued).kind)
    assert.same({ nil, 3 }, { s:stop() })
    assert.same({ nil, 3 }, { s:stop { mode = "cancel", timeout = 60 } })
    assert.equal("stopped", refusal(s.submit, s, math.abs, 1).kind)
    first:open()
    second:open()
    assert.equal(threads, machine.await_thread_count(threads))
  end)

  it("leaves a C function behind, whose result counts when it returns", function()
    local threads = machine.thread_count()
    local s = new_scheduler(1)
    local gate <close> = new_gate()
    local task = s:submit(gate:in_c())
    gate:await_arrival()
    assert.same({ nil, 1 }, { s:stop { mode = "cancel", timeout = 0 } })
    assert.equal("lost", refusal(task.wait, task).kind)
    gate:open()
    local deadline = echo.now() + 20
    while task:status() == "running" and echo.now() < deadline do
      os.execute("sleep 0.01")
    end
    assert.is_true(task:wait())
    assert.equal(threads, machine.await_thread_count(threads))
  end)
end)

describe("stop refuses", function()
  -- Each row: the argument, and what the message says of it.
  local refused = {
    { { mode = "kill" }, "option 'mode': 'drain' or 'cancel' expected, got 'kill'" },
    { { mode = 1 }, "option 'mode': 'drain' or 'cancel' expected, got 1" },
    { { timeout = "x" }, "option 'timeout': a number of seconds from 0 on expected, got 'x'" },
    { { timeout = -1 }, "option 'timeout': a number of seconds from 0 on expected, got -1" },
    { { timeout = 0 / 0 }, "option 'timeout': a number of seconds from 0 on expected" },
    { { tmeout = 1 }, "unknown option 'tmeout'" },
    { { "cancel" }, "unknown option 1" },
    { "cancel", "table expected, got string" },
    { 5, "table expected, got number" },
  }
  for _, row in ipairs(refused) do
    local argument, message = table.unpack(row)
    it(message, function()
      local s <close> = new_scheduler()
      includes("bad argument #1 to 'stop' (" .. message, refusal(function()
        s:stop(argument)
      end))
      assert.equal(1, s:submit(math.abs, -1):wait())
    end)
  end

  it("what is not a scheduler", function()
    local s <close> = new_scheduler()
    includes("echo.scheduler expected, got table", refusal(s.stop, {}))
    includes("echo.scheduler expected, got no value", refusal(s.stop))
  end)

  it("a state that did not build it", function()
    local s <close> = new_scheduler()
    local task = s:submit(function()
      s:stop()
    end)
    includes("only the state that built a scheduler can stop it", select(2, task:pwait()).message)
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)
end)

describe("a <close> variable", function()
  it("drains the scheduler on leaving the block", function()
    local threads = machine.thread_count()
    local tasks
    do
      local s <close> = new_scheduler()
      tasks = submit_many(s, 1000)
    end
    assert.equal(threads, machine.await_thread_count(threads))
    for i, task in ipairs(tasks) do
      assert.equal(i, task:wait(0))
    end
  end)

  it("drains the scheduler on an error, which goes on", function()
    local threads = machine.thread_count()
    local tasks
    local err = refusal(function()
      local s <close> = new_scheduler()
      tasks = submit_many(s, 1000)
      error("half-way", 0)
    end)
    assert.equal("half-way", err)
    assert.equal(threads, machine.await_thread_count(threads))
    for i, task in ipairs(tasks) do
      assert.equal(i, task:wait(0))
    end
  end)

  it("may have been stopped before", function()
    local s <close> = new_scheduler()
    s:submit(math.abs, 1)
    s:stop()
  end)
end)

describe("a scheduler that is collected", function()
  local function collect()
    collectgarbage()
    collectgarbage()
  end

  it("ends its threads", function()
    local threads = machine.thread_count()
    do
      local s = new_scheduler()
      s:submit(math.abs, 1):wait()
    end
    collect()
    assert.equal(threads, machine.await_thread_count(threads))
  end)

  it("cancels what nobody holds a handle of", function()
    local threads = machine.thread_count()
    do
      local s = new_scheduler(1)
      for _ = 1, 1000 do
        s:submit(function()
          return ("x"):rep(100)
        end)
      end
    end
    collect()
    assert.equal(threads, machine.await_thread_count(threads))
  end)

  it("goes on for the sake of a task whose handle is held", function()
    local threads = machine.thread_count()
    local gate <close> = new_gate()
    local task = new_scheduler(1):submit(gate.pass, gate.path, "result")
    gate:await_arrival()
    collect()
    assert.equal("running", task:status())
    gate:open()
    assert.equal("result", task:wait())
    task = nil -- luacheck: ignore 311
    collect()
    assert.equal(threads, machine.await_thread_count(threads))
  end)
end)

describe("many schedulers", function()
  it("live side by side", function()
    local threads = machine.thread_count()
    local schedulers = {}
    for i = 1, 20 do
      schedulers[i] = new_scheduler(2)
    end
    for round = 1, 5 do
      for i, s in ipairs(schedulers) do
        assert.equal(i * round, s:submit(math.abs, -i * round):wait())
      end
    end
    for _, s in ipairs(schedulers) do
      assert.is_true(s:stop())
    end
    assert.equal(threads, machine.await_thread_count(threads))
  end)

  it("come and go", function()
    local threads = machine.thread_count()
    for i = 1, 200 do
      local s <close> = new_scheduler(2)
      assert.equal(i, s:submit(math.abs, -i):wait())
    end
    assert.equal(threads, machine.await_thread_count(threads))
  end)
end)
