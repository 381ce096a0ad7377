-- What tasks do on a worker that is kept for high ones: all that they do on any other.

local echo = require "echo"
local assert = require "luassert"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"
local until_status = require "spec.lua.support.until_status"

local HIGH = { priority = "high" }

-- One ordinary worker, so many urgent ones.
local function build(urgent, complete)
  local builder = echo.builder():with_worker_count(1):with_urgent_workers(urgent or 1):with_queue("one", { limit = 1 })
  return (complete and complete(builder) or builder):build()
end

local function where()
  return echo.current().worker
end

local function endless()
  while true do end
end

describe("a task on an urgent worker", function()
  it("is cancelled where it stands, in whatever way tasks are interrupted", function()
    for _, mode in ipairs { "signal", "count" } do
      local s <close> = build(1, function(builder) return builder:with_interrupts(mode) end)
      local gate <close> = new_gate()
      gate:occupy(s)
      local task = s:submit(HIGH, endless)
      until_status(task, "running")
      task:cancel()
      assert.equal("cancelled", refusal(task.wait, task, 60).kind)
      assert.equal(2, s:submit(HIGH, where):wait(60))
    end
  end)

  it("is ended by its timeout, running or waiting", function()
    local s <close> = build()
    local gate <close> = new_gate()
    gate:occupy(s)
    for _, fn in ipairs { endless, function() echo.sleep(1000) end } do
      local task = s:submit({ priority = "high", timeout = 0.01 }, fn)
      assert.equal("timeout", refusal(task.wait, task, 60).kind)
    end
  end)

  it("makes way there once it is no longer urgent, and goes on there", function()
    local s <close> = build()
    local gate <close> = new_gate()
    gate:occupy(s)
    local go = echo.channel(1)
    local task = s:submit(HIGH, function()
      go:receive()
      while true do end
    end)
    until_status(task, "suspended")
    task:set_priority("low")
    go:send(true)
    until_status(task, "running")
    for _ = 1, 5 do assert.equal(2, s:submit(HIGH, where):wait(60)) end
    assert.is_true(s:stats().per_worker[2].interrupted >= 1)
    task:cancel()
    assert.equal("cancelled", refusal(task.wait, task, 60).kind)
  end)

  it("makes room while it sleeps, awaits or receives, and comes back to its worker", function()
    local s <close> = build()
    local gate <close> = new_gate()
    gate:occupy(s)
    local to, from = echo.channel(1), echo.channel(1)
    local child = s:submit({ priority = "high", delay = 0.02 }, where)
    local task = s:submit(HIGH, function()
      local e = require "echo"
      local places = { e.current().worker }
      local function note() places[#places + 1] = e.current().worker end
      e.sleep(0.001)
      note()
      assert(e.await(child) == 2)
      note()
      from:send("ready")
      to:receive()
      note()
      return places
    end)
    assert.equal("ready", from:receive())
    until_status(task, "suspended")
    assert.equal(2, s:submit(HIGH, where):wait(60))
    to:send("go on")
    assert.same({ 2, 2, 2, 2 }, task:wait(60))
  end)

  -- A high one that submits the next one before it ends is a stream without a gap.
  it("does not starve there when it has become less urgent", function()
    local s <close> = build(1, function(builder) return builder:with_fairness(5) end)
    local gate <close> = new_gate()
    gate:occupy(s)
    local go, ended = echo.channel(1), echo.channel(1)
    local task = s:submit(HIGH, function() return go:receive(), require "echo".current().worker end)
    until_status(task, "suspended")
    task:set_priority("low")
    local function stream()
      if not ended:try_receive() then
        require "echo".submit({ priority = "high" }, stream)
      end
    end
    s:submit(HIGH, stream)
    go:send("on")
    assert.same({ "on", 2 }, { task:wait(60) })
    ended:send(true)
  end)

  it("keeps to the limit of its named queue, and passes the less urgent ones there", function()
    local s <close> = build(2)
    local gate <close> = new_gate()
    local first <close> = new_gate()
    gate:occupy(s)
    local low = s:submit({ priority = "low", queue = "one" }, where)
    local high = s:submit({ priority = "high", queue = "one" }, first:in_c())
    first:await_arrival()
    local second = s:submit({ priority = "high", queue = "one" }, where)
    assert.is_true(s:submit(HIGH, where):wait(60) > 1) -- the other urgent worker is free, and leaves them alone
    local queue = s:stats().per_queue.one
    assert.same({ 2, 1 }, { queue.queued, queue.running })
    first:open()
    assert.is_true(high:wait(60))
    assert.is_true(second:wait(60) > 1)
    assert.equal("queued", low:status())
    gate:open()
    assert.equal(1, low:wait(60))
  end)

  it("that maps is helped by the others", function()
    local s <close> = build(2)
    local gate <close> = new_gate()
    gate:occupy(s)
    local begun = { echo.channel(1), echo.channel(1) }
    -- Each of two items waits for the other one, and does not leave its worker, so both workers have to come.
    local workers = s:map(HIGH, function(item)
      begun[item]:send(true)
      while not begun[3 - item]:try_receive() do end
      return require "echo".current().worker
    end, { 1, 2 }):wait(60)
    table.sort(workers)
    assert.same({ 2, 3 }, workers)
  end)
end)

describe("a stop while an urgent worker is busy", function()
  it("drains: the task comes to its end there", function()
    local s = build()
    local gate <close> = new_gate()
    gate:occupy(s)
    local task = s:submit(HIGH, function()
      local e = require "echo"
      e.sleep(0.05)
      local child = e.submit({ priority = "low" }, math.abs, -3)
      return e.await(child), e.current().worker
    end)
    until_status(task, "suspended")
    gate:open()
    assert.is_true(s:stop())
    assert.same({ 3, 2 }, { task:wait(0) })
  end)

  it("cancels the task that runs, and the one that waits", function()
    local s = build()
    local gate <close> = new_gate()
    gate:occupy(s)
    local waits = s:submit(HIGH, echo.sleep, 1000)
    until_status(waits, "suspended")
    local runs = s:submit(HIGH, endless)
    until_status(runs, "running")
    gate:open()
    assert.is_true(s:stop { mode = "cancel" })
    for _, task in ipairs { waits, runs } do
      assert.equal("cancelled", refusal(task.wait, task, 0).kind)
    end
  end)

  it("says what it abandons when the time is up", function()
    local s = build()
    local gate <close> = new_gate()
    local stuck <close> = new_gate()
    gate:occupy(s)
    local task = s:submit(HIGH, stuck.pass, stuck.path)
    stuck:await_arrival()
    local behind = s:submit(HIGH, where)
    gate:open()
    until_status(behind, "done") -- by the ordinary worker
    assert.same({ nil, 1 }, { s:stop { timeout = 0.02 } })
    assert.equal("lost", refusal(task.wait, task, 60).kind)
    assert.equal(1, behind:wait(0))
  end)
end)
