-- What a builder limits: memory, the length of the queue, the processors.
local assert = require "luassert"
local echo = require "echo"
local it = require "spec.lua.support.it"
local includes = require "spec.lua.support.includes"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

-- luacheck: new globals left_behind

local MEGABYTE = 1024 * 1024

describe("with_memory_limit", function()
  local function new_scheduler(bytes)
    return echo.builder():with_worker_count(1):with_memory_limit(bytes or 8 * MEGABYTE):build()
  end

  local function greedy()
    local list = {}
    while true do
      list[#list + 1] = ("x"):rep(1000) .. #list
    end
  end

  it("fails a task that would pass it, and the worker lives on", function()
    local s <close> = new_scheduler()
    for _ = 1, 5 do
      local _, err = s:submit(greedy):pwait()
      assert.equal("memory", err.kind)
      includes("not enough memory", err.message)
      assert.equal(1, s:submit(math.abs, -1):wait())
    end
  end)

  it("fails a single value that is too large", function()
    local s <close> = new_scheduler()
    assert.equal("memory", select(2, s:submit(string.rep, "x", 16 * MEGABYTE):pwait()).kind)
    assert.equal("memory", select(2, s:submit(function(text)
      return #text
    end, ("x"):rep(16 * MEGABYTE)):pwait()).kind)
    assert.equal(3 * MEGABYTE, s:submit(function(n)
      return #("x"):rep(n)
    end, 3 * MEGABYTE):wait())
  end)

  it("leaves a state as good as new, whatever the task left in globals", function()
    local s <close> = new_scheduler()
    local _, err = s:submit(function()
      left_behind = {}
      while true do
        left_behind[#left_behind + 1] = {}
      end
    end):pwait()
    assert.equal("memory", err.kind)
    assert.equal(3 * MEGABYTE, s:submit(function(n)
      return #("x"):rep(n)
    end, 3 * MEGABYTE):wait())
    assert.is_nil(s:submit(function()
      return left_behind
    end):wait())
  end)

  it("lets a task that waits in the same state go on", function()
    local s <close> = new_scheduler()
    local waits = s:submit(function()
      local list = { "kept" }
      require("echo").sleep(0.1)
      return list[1]
    end)
    while waits:status() ~= "suspended" do
      os.execute("sleep 0.01")
    end
    assert.equal("memory", select(2, s:submit(function()
      left_behind = {}
      while true do
        left_behind[#left_behind + 1] = {}
      end
    end):pwait()).kind)
    assert.equal("kept", waits:wait())
    assert.equal(3 * MEGABYTE, s:submit(function(n)
      return #("x"):rep(n)
    end, 3 * MEGABYTE):wait())
  end)

  it("can be caught in the task, and counts what is freed", function()
    local s <close> = new_scheduler()
    assert.equal("not enough memory", s:submit(function(n)
      local went_well, err = pcall(string.rep, "x", n)
      for _ = 1, 100 do
        local _ = ("x"):rep(n // 16)
      end
      return not went_well and err
    end, 16 * MEGABYTE):wait())
  end)

  it("refuses what would not hold a state", function()
    includes("memory limit: an integer from 131072", refusal(function()
      echo.builder():with_memory_limit(1000)
    end))
  end)
end)

describe("with_capacity", function()
  it("refuses a submit beyond it with kind full, and takes more later", function()
    local s <close> = echo.builder():with_worker_count(1):with_capacity(3):build()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    gate:await_arrival()
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = s:submit(math.abs, -i)
    end
    local err = refusal(s.submit, s, math.abs, 1)
    assert.equal("full", err.kind)
    assert.equal("full", refusal(s.map, s, math.abs, { 1, 2 }).kind)
    gate:open()
    for i = 1, 3 do
      assert.equal(i, tasks[i]:wait())
    end
    assert.equal(4, s:submit(math.abs, -4):wait())
    assert.same({ 1, 2 }, s:map(math.abs, { -1, -2 }):wait())
  end)

  it("makes room when a worker comes to a task that was cancelled", function()
    local s <close> = echo.builder():with_worker_count(1):with_capacity(1):build()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    gate:await_arrival()
    local task = s:submit(math.abs, 1)
    assert.equal("full", refusal(s.submit, s, math.abs, 2).kind)
    task:cancel()
    gate:open()
    local went_well, third
    repeat
      went_well, third = pcall(s.submit, s, math.abs, -3)
    until went_well or third.kind ~= "full"
    assert.equal(3, third:wait())
  end)
end)

describe("with_pinning", function()
  it("keeps each worker on one processor of the process's own", function()
    local function mask()
      for line in io.lines("/proc/thread-self/status") do
        local list = line:match("^Cpus_allowed_list:%s*(.*)")
        if list then
          return list
        end
      end
    end
    local s <close> = echo.builder():with_worker_count(2):with_pinning(true):build()
    for _ = 1, 20 do
      assert.is_truthy(s:submit(mask):wait():match("^%d+$"))
    end
    local free <close> = echo.builder():with_worker_count(2):with_pinning(false):build()
    assert.equal(mask(), free:submit(mask):wait())
  end)
end)

describe("a builder refuses", function()
  for message, call in pairs {
    ["capacity: an integer from 1"] = function(b)
      b:with_capacity(0)
    end,
    ["capacity: an integer from"] = function(b)
      b:with_capacity("many")
    end,
    ["boolean expected, got number"] = function(b)
      b:with_pinning(1)
    end,
    ["memory limit: an integer from 131072 to 9223372036854775807 expected, got table"] = function(b)
      b:with_memory_limit {}
    end,
  } do
    it(message, function()
      includes(message, refusal(call, echo.builder()))
    end)
  end
end)

describe("a submit with when_full = 'wait'", function()
  it("waits for room on the host's thread", function()
    local s <close> = echo.builder():with_worker_count(2):with_capacity(2):build()
    local tasks = {}
    for i = 1, 2000 do
      tasks[i] = s:submit({ when_full = "wait" }, math.abs, -i)
    end
    for i = 1, 2000 do
      assert.equal(i, tasks[i]:wait())
    end
    assert.same({ 1, 2, 3 }, s:map({ when_full = "wait" }, math.abs, { -1, -2, -3 }):wait())
  end)

  it("waits in a task, whose worker goes on with what is queued", function()
    local s <close> = echo.builder():with_worker_count(1):with_capacity(1):build()
    local sum = s:submit(function()
      local here, tasks, sum = require "echo", {}, 0
      for i = 1, 300 do
        tasks[i] = here.submit({ when_full = "wait" }, math.abs, -i)
      end
      for i = 1, 300 do
        sum = sum + here.await(tasks[i])
      end
      return sum
    end):wait()
    assert.equal(300 * 301 / 2, sum)
  end)

  it("keeps its terms, and leaves the earlier task of its key alone until it is accepted", function()
    local s <close> = echo.builder():with_worker_count(1):with_capacity(1):build()
    local gate <close> = new_gate()
    local first = s:submit({ key = "k" }, gate.pass, gate.path, "first")
    gate:await_arrival()
    local queued = s:submit(math.abs, -1)
    assert.equal("full", refusal(s.submit, s, { key = "k" }, math.abs, 2).kind)
    gate:open()
    assert.equal("first", first:wait())
    assert.equal(1, queued:wait())
    assert.equal(3, s:submit({ key = "k", when_full = "wait", retries = 1 }, math.abs, -3):wait())
  end)

  it("ends with the task that is cancelled while it waits", function()
    local s <close> = echo.builder():with_worker_count(1):with_capacity(1):build()
    local task = s:submit(function()
      local here = require "echo"
      here.submit({ delay = 1000, name = "late" }, print)
      local _, err = pcall(here.submit, { when_full = "wait" }, print)
      return err
    end)
    while task:status() ~= "suspended" do
      os.execute("sleep 0.01")
    end
    assert.is_true(task:cancel())
    assert.equal("cancelled", select(2, task:pwait()).kind)
    assert.is_true(s:stop { mode = "cancel" })
  end)

  it("is told when the scheduler stops", function()
    local s = echo.builder():with_worker_count(1):with_capacity(1):build()
    local task = s:submit(function()
      local here = require "echo"
      here.submit({ delay = 1000 }, print)
      here.submit({ when_full = "wait" }, print)
    end)
    while task:status() ~= "suspended" do
      os.execute("sleep 0.01")
    end
    assert.is_true(s:stop { mode = "cancel" })
    assert.equal("cancelled", select(2, task:pwait(0)).kind)
  end)

  -- One worker, which is held by a gate, and a full queue of one.
  local function close_full(f)
    f.gate:__close()
    f.s:stop()
  end

  local function full()
    local f = setmetatable({ gate = new_gate() }, { __close = close_full })
    f.s = echo.builder():with_worker_count(1):with_capacity(1):build()
    f.first = f.s:submit({ key = "k" }, f.gate.pass, f.gate.path, "first")
    f.gate:await_arrival()
    f.queued = f.s:submit(math.abs, -1)
    return f
  end

  local function expect_no_room(err)
    assert.equal("timeout", err.kind)
    includes("the task's time of 0.01 s ran out before there was room for it", err.message)
  end

  local hurried = { key = "k", when_full = "wait", timeout = 0.01 }

  it("waits no longer than the task's time, and leaves the earlier task of its key alone", function()
    local f <close> = full()
    local s = f.s
    expect_no_room(refusal(s.submit, s, hurried, math.abs, -2))
    expect_no_room(refusal(s.map, s, hurried, math.abs, { -2 }))
    f.gate:open()
    assert.equal("first", f.first:wait())
    assert.equal(1, f.queued:wait())
    assert.equal(3, s:submit({ when_full = "wait" }, math.abs, -3):wait())
  end)

  it("waits no longer than that in a task", function()
    local s <close> = echo.builder():with_worker_count(1):with_capacity(1):build()
    local ok, err = s:submit(function(terms)
      local here = require "echo"
      here.submit({ delay = 1000 }, math.abs, 1)
      return pcall(here.submit, terms, math.abs, -2)
    end, hurried):wait()
    s:stop { mode = "cancel" }
    assert.is_false(ok)
    expect_no_room(err)
  end)

  it("waits no longer than that in a coroutine", function()
    local f <close> = full()
    local s = f.s
    local ok, err
    coroutine.wrap(function()
      ok, err = pcall(s.submit, s, hurried, math.abs, -2)
    end)()
    while ok == nil do
      s:poll(10)
    end
    expect_no_room(err)
    f.gate:open()
  end)

  it("counts the task's time from the submit on", function()
    local f <close> = full()
    local s = f.s
    local task
    coroutine.wrap(function()
      task = s:submit({ when_full = "wait", timeout = 1000 }, function()
        return require("echo").current().deadline
      end)
    end)()
    local waits_since = echo.now()
    f.gate:open()
    while task == nil do
      s:poll(10)
    end
    assert.is_true(task:wait() <= waits_since + 1000)
  end)

  it("is the first one of the highest priority that waits to get in", function()
    local f <close> = full()
    local s = f.s
    local order = {}
    for i, priority in ipairs { "low", "normal", "high", "high" } do
      coroutine.wrap(function()
        s:submit({ when_full = "wait", priority = priority }, math.abs, i)
        order[#order + 1] = priority .. i
      end)()
    end
    f.gate:open()
    while #order < 4 do
      s:poll(10)
    end
    assert.same({ "high3", "high4", "normal2", "low1" }, order)
  end)

  it("takes 'wait' or 'fail'", function()
    local s <close> = echo.builder():build()
    includes("option 'when_full': 'wait' or 'fail' expected, got 'block'",
      refusal(s.submit, s, { when_full = "block" }, print))
  end)
end)
