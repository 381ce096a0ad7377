-- scheduler:on_task_end: each task's end, with its times, in batches.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local machine = require "spec.lua.support.machine"
local new_gate = require "spec.lua.support.gate"
local process = require "spec.lua.support.process"
local refusal = require "spec.lua.support.refusal"

local MOST = 10000

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 1):with_queue("disk", { limit = 1 }):build()
end

-- Sets a hook that collects; the list has `dropped` and `batches`.
local function collect(s)
  local all = { dropped = 0, batches = 0 }
  local forget = s:on_task_end(function(ends, dropped)
    table.move(ends, 1, #ends, #all + 1, all)
    all.dropped = all.dropped + dropped
    all.batches = all.batches + 1
  end)
  return all, forget
end

-- Stops, delivers, and returns the collected ends by their names.
local function by_name(s, all)
  s:stop()
  s:poll()
  local named = {}
  for _, e in ipairs(all) do
    named[e.name] = e
  end
  return named
end

describe("on_task_end", function()
  it("tells of each task what it was, what it came to and how long it took", function()
    local s <close> = new_scheduler()
    local all = collect(s)
    s:submit({ name = "good", priority = "high" }, math.abs, -1)
    s:submit({ name = "bad", queue = "disk", priority = "low" }, error, "no")
    s:stop()
    assert.same({}, { table.unpack(all) })
    assert.equal(1, s:poll())
    assert.equal(2, #all)
    local good, bad = all[1], all[2]
    for _, e in ipairs(all) do
      assert.is_true(e.waited > 0 and e.ran > 0)
      e.waited, e.ran = nil, nil
    end
    assert.same({ name = "good", priority = "high", status = "done", worker = 1 }, good)
    assert.same(
      { name = "bad", priority = "low", queue = "disk", status = "failed", kind = "error", worker = 1 }, bad)
  end)

  it("calls a task without a name by where its function is defined", function()
    local s <close> = new_scheduler()
    local all = collect(s)
    local function here() end
    s:submit(string.rep, "x", 2)
    s:submit(here)
    s:stop()
    s:poll()
    local about = debug.getinfo(here, "S")
    assert.equal("string.rep", all[1].name)
    assert.equal(("%s:%d"):format(about.short_src, about.linedefined), all[2].name)
  end)

  it("tells of tasks that never began without times and a worker", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local all = collect(s)
    s:submit(gate.pass, gate.path)
    gate:await_arrival()
    local queued = s:submit({ name = "queued" }, math.abs, 1)
    local delayed = s:submit({ name = "delayed", delay = 1000 }, math.abs, 1)
    assert.is_true(queued:cancel())
    assert.is_true(delayed:cancel())
    assert.equal(1, s:poll())
    assert.same({
      { name = "queued", priority = "normal", status = "cancelled", kind = "cancelled" },
      { name = "delayed", priority = "normal", status = "cancelled", kind = "cancelled" },
    }, { table.unpack(all) })
    gate:open()
  end)

  it("tells the kind of what a task came to", function()
    local s <close> = echo.builder():with_worker_count(1):with_memory_limit(4000000):build()
    local all = collect(s)
    s:submit({ name = "late", timeout = 0.01 }, echo.sleep, 1000):pwait()
    s:submit({ name = "large" }, string.rep, "x", 8000000):pwait()
    s:submit({ name = "transfer" }, function()
      return io.stdout
    end):pwait()
    local named = by_name(s, all)
    assert.equal("cancelled timeout", named.late.status .. " " .. named.late.kind)
    assert.equal("failed memory", named.large.status .. " " .. named.large.kind)
    assert.equal("failed transfer", named.transfer.status .. " " .. named.transfer.kind)
  end)

  it("tells of a map once, and of a task that is tried again once", function()
    local s <close> = new_scheduler(2)
    local all = collect(s)
    s:map({ name = "map" }, math.abs, { 1, 2, 3, 4 }):wait()
    s:submit({ name = "again", retries = 2 }, function()
      assert(echo.current().attempt == 3)
    end):wait()
    local named = by_name(s, all)
    assert.equal(2, #all)
    assert.equal("done", named.map.status)
    assert.is_nil(named.map.worker)
    assert.is_true(named.map.waited > 0 and named.map.ran > 0)
    assert.equal("done", named.again.status)
  end)

  it("counts a task that is tried again as waiting until its first start only", function()
    local s <close> = new_scheduler()
    local all = collect(s)
    local since = echo.now()
    s:submit({ name = "again", retries = 1 }, function()
      local began = echo.now()
      repeat until echo.now() - began > 0.2
      assert(echo.current().attempt == 2)
    end):wait()
    local took = echo.now() - since
    local again = by_name(s, all).again
    assert.is_true(again.ran > 0.4)
    assert.is_true(again.waited + again.ran <= took)
  end)

  it("counts how long a task held a worker, not how long it slept", function()
    local s <close> = new_scheduler()
    local all = collect(s)
    for _ = 1, 20 do
      s:submit(echo.sleep, 0.03):wait()
    end
    s:stop()
    s:poll()
    local least = math.huge -- a machine that is busy may make one or the other run for long
    for _, e in ipairs(all) do
      least = math.min(least, e.ran)
    end
    assert.is_true(least < 0.03)
  end)

  it("counts the wait of a delayed task from when it may start", function()
    local s <close> = new_scheduler()
    local all = collect(s)
    local least = math.huge
    for _ = 1, 20 do
      s:submit({ delay = 0.03 }, math.abs, 1):wait()
    end
    s:stop()
    s:poll()
    for _, e in ipairs(all) do
      least = math.min(least, e.waited)
    end
    assert.is_true(least < 0.03)
  end)

  it("tells of tasks that were submitted before, but not how long they waited", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit({ name = "begun" }, gate.pass, gate.path)
    gate:await_arrival()
    s:submit(string.rep, "x", 2)
    s:map({ name = "map" }, math.abs, { 1, 2 })
    local cancelled = s:submit({ name = "cancelled" }, math.abs, 1)
    local all = collect(s)
    cancelled:cancel()
    gate:open()
    local named = by_name(s, all)
    assert.equal(2, #all)
    assert.equal("cancelled", named.cancelled.status)
    assert.is_nil(named.cancelled.ran)
    assert.equal("done", named["string.rep"].status)
    assert.is_nil(named["string.rep"].waited)
    assert.is_true(named["string.rep"].ran > 0)
  end)

  it("is not among what poll still expects", function()
    local s <close> = new_scheduler()
    collect(s)
    assert.same({ 0, 0 }, { s:poll() })
    s:submit(math.abs, 1):wait()
    s:stop()
    assert.same({ 1, 0 }, { s:poll() })
    assert.same({ 0, 0 }, { s:poll() })
  end)

  it("delivers in batches", function()
    local s <close> = new_scheduler()
    local all = collect(s)
    for i = 1, 1000 do
      s:submit(math.abs, i)
    end
    s:stop()
    assert.equal(1, s:poll())
    assert.equal(1000, #all)
    assert.equal(1, all.batches)
  end)

  it("keeps a bounded number, and tells how many it dropped", function()
    local s <close> = new_scheduler(2)
    local all = collect(s)
    for i = 1, MOST + 123 do
      s:submit(math.abs, i)
    end
    s:stop()
    s:poll()
    assert.equal(MOST, #all)
    assert.equal(123, all.dropped)
  end)

  it("begins anew after it has dropped some", function()
    local s <close> = new_scheduler(2)
    local all = collect(s)
    local last
    for i = 1, MOST + 1 do
      last = s:submit(math.abs, i)
    end
    last:wait()
    repeat
      s:poll()
    until #all + all.dropped == MOST + 1
    local before = #all
    s:submit(math.abs, 1)
    s:stop()
    s:poll()
    assert.equal(before + 1, #all)
  end)

  it("tells several, until each is taken back", function()
    local s <close> = new_scheduler()
    local first, forget_first = collect(s)
    local second, forget_second = collect(s)
    s:submit({ name = "a" }, math.abs, 1):wait()
    repeat
      s:poll()
    until #first == 1 and #second == 1
    forget_first()
    forget_first()
    s:submit({ name = "b" }, math.abs, 1)
    s:stop()
    s:poll()
    assert.equal(1, #first)
    assert.equal(2, #second)
    forget_second()
  end)

  it("tells nothing of what has come, once it is taken back", function()
    local s <close> = new_scheduler()
    local all, forget = collect(s)
    s:submit(math.abs, 1)
    s:stop()
    forget()
    assert.equal(0, s:poll())
    assert.equal(0, #all)
  end)

  it("may take itself back, submit and poll", function()
    local s <close> = new_scheduler()
    local calls, forget = 0, nil
    forget = s:on_task_end(function()
      calls = calls + 1
      forget()
      s:submit(math.abs, 2):wait()
      s:poll()
    end)
    s:submit(math.abs, 1):wait()
    repeat
      s:poll()
    until calls > 0
    s:stop()
    s:poll()
    assert.equal(1, calls)
  end)

  it("reports an error in it, and goes on", function()
    local s <close> = new_scheduler()
    local errors = {}
    s:on_error(function(err, traceback)
      errors[#errors + 1] = { err, traceback }
    end)
    local calls = 0
    local forget = s:on_task_end(function()
      calls = calls + 1
      error("hook " .. calls, 0)
    end)
    for i = 1, 2 do
      s:submit(math.abs, 1):wait()
      repeat
        s:poll()
      until calls == i
    end
    forget()
    s:on_error(nil)
    assert.equal("hook 1", errors[1][1])
    assert.equal("hook 2", errors[2][1])
    includes("on_task_end_spec.lua", errors[1][2])
  end)

  it("says on stderr whose error it was", function()
    local result = process.run [[
      local s <close> = require("echo").builder():build()
      s:on_task_end(function() error "oh no" end)
      s:submit(math.abs, 1)
      s:stop()
      s:poll()
    ]]
    includes("echo: error in an on_task_end callback:", result.err)
    includes("oh no", result.err)
    assert.equal(0, result.code)
  end)

  it("refuses what is no function, and tasks", function()
    local s <close> = new_scheduler()
    includes("function expected, got no value", refusal(s.on_task_end, s))
    includes("function expected, got table", refusal(s.on_task_end, s, {}))
    includes("echo.scheduler expected", refusal(s.on_task_end, {}, print))
    local ok, err = s:submit(function(scheduler)
      scheduler:on_task_end(print)
    end, s):pwait()
    assert.is_false(ok)
    includes("on_task_end is for the program outside", err.message)
  end)

  it("tells another state that has the scheduler's handle of all, too", function()
    local other <close> = new_scheduler()
    local s <close> = new_scheduler()
    local all = collect(s)
    other:submit(function(scheduler)
      scheduler:submit({ name = "from elsewhere" }, math.abs, 1):wait()
    end, s):wait()
    assert.equal("from elsewhere", next(by_name(s, all)))
  end)

  it("does not keep a scheduler that nobody has any more", function()
    local before = machine.thread_count()
    local calls = 0
    do
      local s = new_scheduler(2)
      s:on_task_end(function()
        calls = calls + 1
      end)
      s:submit(math.abs, 1):wait()
    end
    collectgarbage()
    collectgarbage()
    assert.equal(before, machine.await_thread_count(before))
    local s <close> = new_scheduler()
    s:poll() -- what had come is delivered all the same
    assert.equal(1, calls)
    collectgarbage()
    assert.same({ 0, 0 }, { s:poll() })
  end)

  it("lets a script end with something undelivered, in any order", function()
    for _, body in ipairs { "", "getmetatable(first).__gc = nil", "s:stop()", "s = nil; collectgarbage()",
      "os.exit(0, true)" } do
      local result = process.run(([[
        last = setmetatable({}, {__gc = function() forget() end})
        s = require("echo").builder():with_worker_count(2):build()
        forget = s:on_task_end(print)
        first = setmetatable({}, {__gc = function() forget() end})
        for i = 1, 1000 do s:submit(math.abs, i) end
        s:submit(math.abs, 1):wait()
      ]]) .. body)
      assert.equal("", result.err)
      assert.equal("", result.out)
      assert.equal(0, result.code)
    end
  end)
end)

describe("on_task_end on luv's loop", function()
  local has_luv, uv = pcall(require, "luv")
  if not has_luv then
    return
  end

  it("is called without a poll, and does not hold the loop", function()
    local s <close> = new_scheduler()
    s:attach(uv)
    local all = collect(s)
    s:submit({ name = "on the loop" }, math.abs, 1)
    local late = false
    local timer = uv.new_timer()
    uv.update_time() -- the loop may not have run for long
    timer:start(20000, 0, function()
      late = true
    end)
    while #all == 0 and not late do
      uv.run("once")
    end
    timer:close()
    assert.equal("on the loop", all[1].name)
    uv.run() -- returns: nothing holds it
    s:attach(nil)
    uv.run("nowait")
  end)
end)
