-- scheduler:stats.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

-- Calls `look` until it returns true, and fails if that takes too long.
local function await(look)
  local deadline = os.time() + 20
  while not look() do
    assert.is_true(os.time() < deadline, "waited too long")
  end
end

local COUNTERS = "cancelled completed ended failed interrupted parked stolen submitted suspended task_bytes " ..
  "urgent_workers workers"

describe("stats", function()
  it("are integers, and tables by priority, queue and worker", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local names, tables = {}, {}
    for name, value in pairs(s:stats()) do
      local list = type(value) == "table" and tables or names
      list[#list + 1] = name
      assert.is_true(type(value) == "table" or math.type(value) == "integer", name)
    end
    table.sort(names)
    table.sort(tables)
    assert.equal(COUNTERS, table.concat(names, " "))
    assert.equal("per_priority per_queue per_worker", table.concat(tables, " "))
  end)

  it("count what was submitted and what ended", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local gate <close> = new_gate()
    assert.equal(0, s:stats().submitted)
    s:submit(gate.pass, gate.path)
    for i = 1, 10 do
      s:submit(i % 2 == 0 and error or math.abs, i)
    end
    gate:await_arrival()
    assert.equal(11, s:stats().submitted)
    assert.equal(0, s:stats().ended)
    gate:open()
    s:stop()
    assert.equal(11, s:stats().submitted)
    assert.equal(11, s:stats().ended)
    assert.equal(6, s:stats().completed)
    assert.equal(5, s:stats().failed)
    assert.equal(0, s:stats().cancelled)
  end)

  it("have counted a task when its wait is over", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    for i = 1, 200 do
      s:submit(math.abs, i):wait()
      assert.equal(i, s:stats().completed)
    end
    s:submit(error, "no"):pwait()
    assert.equal(1, s:stats().failed)
    assert.equal(201, s:stats().ended)
  end)

  it("count cancelled tasks, whether they had begun or not", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local gate <close> = new_gate()
    local running = s:submit(function()
      while true do end
    end)
    local queued = s:submit(math.abs, 1)
    await(function()
      return running:status() == "running"
    end)
    assert.is_true(queued:cancel())
    assert.equal(1, s:stats().cancelled)
    assert.is_true(running:cancel())
    running:pwait()
    assert.equal(2, s:stats().cancelled)
    assert.equal(0, s:stats().completed)
    s:submit(gate.pass, gate.path)
    gate:await_arrival()
    s:submit(math.abs, 1)
    gate:open()
    s:stop { mode = "cancel" }
    local stats = s:stats()
    assert.equal(4, stats.submitted)
    assert.equal(4, stats.completed + stats.cancelled + stats.failed)
  end)

  it("count a map as one task, and a task whose priority was changed too", function()
    local s <close> = echo.builder():with_worker_count(3):build()
    s:map(math.abs, { 1, 2, 3, 4, 5, 6 }):wait()
    s:map(error, { 1, 2, 3 }):pwait()
    local gates = {}
    for i = 1, 3 do
      gates[i] = new_gate()
      s:submit(gates[i].pass, gates[i].path)
      gates[i]:await_arrival()
    end
    local task = s:submit({ priority = "low" }, math.abs, 1)
    assert.is_true(task:set_priority "high")
    for _, gate in ipairs(gates) do
      gate:__close()
    end
    s:stop()
    local stats = s:stats()
    assert.equal(6, stats.submitted)
    assert.equal(6, stats.ended)
    assert.equal(5, stats.completed)
    assert.equal(1, stats.failed)
  end)

  it("count a task that is tried again as one", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    s:submit({ retries = 2 }, function()
      assert(echo.current().attempt == 3)
    end):wait()
    assert.equal(1, s:stats().completed)
    assert.equal(1, s:stats().submitted)
    assert.equal(0, s:stats().failed)
  end)

  it("tell what is queued and running of each priority", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local gate <close> = new_gate()
    s:submit({ priority = "high" }, gate.pass, gate.path)
    gate:await_arrival()
    for i = 1, 6 do
      s:submit({ priority = i <= 3 and "low" or i <= 5 and "normal" or "high" }, math.abs, i)
    end
    local by = s:stats().per_priority
    assert.same({ 1, 2, 3 }, { by.high.queued, by.normal.queued, by.low.queued })
    assert.same({ 1, 0, 0 }, { by.high.running, by.normal.running, by.low.running })
    gate:open()
    s:stop()
    by = s:stats().per_priority
    assert.same({ 0, 0, 0 }, { by.high.queued, by.normal.queued, by.low.queued })
    assert.same({ 0, 0, 0 }, { by.high.running, by.normal.running, by.low.running })
  end)

  it("tell what is queued and running in each named queue", function()
    local s <close> =
      echo.builder():with_worker_count(2):with_queue("disk", { limit = 1 }):with_queue("net", { limit = 9 }):build()
    local gate <close> = new_gate()
    s:submit({ queue = "disk" }, gate.pass, gate.path)
    gate:await_arrival()
    s:submit({ queue = "disk" }, math.abs, 1)
    assert.same({
      disk = { limit = 1, queued = 1, running = 1 },
      net = { limit = 9, queued = 0, running = 0 },
    }, s:stats().per_queue)
  end)

  it("tell what each worker has done and holds", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local first = s:stats().per_worker
    assert.equal(2, #first)
    assert.same({ executed = 0, stolen = 0, parked = 0, interrupted = 0, urgent = false, busy = 0.0, memory = 0 },
      first[1])
    s:map(function(n)
      return ("x"):rep(n)
    end, { 10, 20, 30 }):wait()
    local stats = s:stats()
    local sums = { executed = 0, stolen = 0, parked = 0, interrupted = 0 }
    for _, worker in ipairs(stats.per_worker) do
      for name in pairs(sums) do
        assert.equal("integer", math.type(worker[name]))
        sums[name] = sums[name] + worker[name]
      end
      assert.equal("float", math.type(worker.busy))
    end
    assert.is_true(sums.executed >= 1)
    assert.equal(stats.interrupted, sums.interrupted)
    local with_state = 0 -- who came when all was done already has made none
    for _, worker in ipairs(stats.per_worker) do
      with_state = with_state + (worker.memory > 10000 and 1 or 0)
      assert.is_true(worker.memory == 0 or worker.memory > 10000 and worker.executed > 0)
    end
    assert.is_true(with_state >= 1)
  end)

  it("tell that a worker without a task has made no state", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    s:submit(math.abs, 1):wait()
    await(function() -- the task is counted after its end
      local workers = s:stats().per_worker
      return workers[1].executed + workers[2].executed == 1
    end)
    local workers = s:stats().per_worker
    table.sort(workers, function(a, b)
      return a.executed > b.executed
    end)
    assert.is_true(workers[1].memory > 10000)
    assert.equal(0, workers[2].memory)
  end)

  it("tell the memory of a state as it grows", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    s:submit(math.abs, 1):wait()
    local before = s:stats().per_worker[1].memory
    s:submit(function()
      kept = ("x"):rep(1000000) -- luacheck: ignore
    end):wait()
    assert.is_true(s:stats().per_worker[1].memory >= before + 1000000)
  end)

  it("can be asked for before the first submit and after a stop", function()
    local s <close> = echo.builder():with_worker_count(3):build()
    assert.equal(3, s:stats().workers)
    s:stop()
    assert.equal(3, s:stats().workers)
    assert.equal(0, s:stats().ended)
  end)

  it("are a scheduler's", function()
    local s <close> = echo.builder():build()
    includes("echo.scheduler expected, got table", refusal(s.stats, {}))
  end)
end)

describe("timings", function()
  local function times(every, count)
    local builder = echo.builder():with_worker_count(1)
    local s <close> = (every and builder:with_timings(every) or builder):build()
    for i = 1, count do
      s:submit({ priority = "high" }, math.abs, i)
    end
    s:stop()
    return s:stats().per_priority
  end

  it("are of each task, if they are asked for", function()
    local by = times(1, 100)
    for _, what in ipairs { "waited", "ran" } do
      local d = by.high[what]
      assert.equal(100, d.count)
      assert.is_true(0 < d.p50 and d.p50 <= d.p90 and d.p90 <= d.p99 and d.p99 <= d.max)
      assert.is_true(d.max <= d.sum)
      assert.same({ count = 0, sum = 0.0, p50 = 0.0, p90 = 0.0, p99 = 0.0, max = 0.0 }, by.low[what])
    end
  end)

  it("are of some tasks, as they are usually", function()
    local count = times(nil, 5000).high.ran.count
    assert.is_true(count > 0 and count < 2500)
  end)

  it("are of none, if they are turned off", function()
    assert.equal(0, times(0, 100).high.waited.count)
  end)

  it("leave out the time in which a task sleeps", function()
    local s <close> = echo.builder():with_worker_count(1):with_timings(1):build()
    local rounds = 0
    repeat -- on a machine that is busy it may run for as long
      rounds = rounds + 1
      local before = s:stats().per_priority.normal.ran.sum
      s:submit(echo.sleep, 0.05):wait()
    until s:stats().per_priority.normal.ran.sum - before < 0.05 or rounds == 20
    assert.is_true(rounds < 20)
  end)

  it("are refused if they are no number of tasks", function()
    for _, wrong in ipairs { -1, 1.5, "often", 1000001, {} } do
      includes("timings", refusal(echo.builder().with_timings, echo.builder(), wrong))
    end
  end)
end)
