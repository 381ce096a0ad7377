-- Workers that are kept for high tasks.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local new_screen = require "spec.lua.support.screen"
local recording = require "spec.lua.support.recording"
local refusal = require "spec.lua.support.refusal"
local timeline = require "echo.timeline"
local top = require "echo.top"

-- One ordinary worker, one urgent one.
local function pair()
  return echo.builder():with_worker_count(1):with_urgent_workers(1)
end

local function where()
  return echo.current().worker
end

describe("an urgent worker", function()
  it("runs a high task while the others are inside of C functions", function()
    local s <close> = pair():build()
    local gate <close> = new_gate()
    gate:occupy(s)
    local low = s:submit({ priority = "low" }, where)
    local normal = s:submit(where)
    for _ = 1, 10 do assert.equal(2, s:submit({ priority = "high" }, where):wait()) end
    assert.equal("queued", low:status())
    assert.equal("queued", normal:status())
    gate:open()
    assert.equal(1, low:wait())
    assert.equal(1, normal:wait())
  end)

  it("has a state of its own, with set-up and memory limit", function()
    local s <close> = pair():with_setup(function(value) package.loaded.set_up = value end, 7)
      :with_memory_limit(4000000):build()
    local gate <close> = new_gate()
    gate:occupy(s)
    assert.equal(7, s:submit({ priority = "high" }, function() return package.loaded.set_up end):wait())
    local well, err = s:submit({ priority = "high" }, function() return #("x"):rep(1e7) end):pwait()
    assert.is_false(well)
    assert.equal("memory", err.kind)
    gate:open()
  end)

  it("leaves its tasks' low children to the others, and waits for them", function()
    local s <close> = pair():build()
    local gate <close> = new_gate()
    gate:occupy(s)
    local child = s:submit({ priority = "high" }, function()
      local e = require "echo"
      return e.submit({ priority = "low" }, function() return require "echo".current().worker end)
    end):wait()
    assert.equal("queued", child:status())
    gate:open()
    assert.equal(1, child:wait())
  end)

  it("is told from the others in stats", function()
    local s <close> = pair():build()
    local gate <close> = new_gate()
    gate:occupy(s)
    s:submit({ priority = "high" }, where):wait()
    gate:open()
    s:stop()
    local stats = s:stats()
    assert.equal(2, stats.workers)
    assert.equal(1, stats.urgent_workers)
    assert.is_false(stats.per_worker[1].urgent)
    assert.is_true(stats.per_worker[2].urgent)
    assert.equal(1, stats.per_worker[2].executed)
  end)

  it("has a lane of its name in a recording, and in the picture of it", function()
    local path = os.tmpname()
    local s <close> = pair():with_name("shop"):build()
    local gate <close> = new_gate()
    s:trace(path)
    gate:occupy(s)
    s:submit({ priority = "high", name = "pay" }, where):wait()
    gate:open()
    s:trace(false)
    local events = recording.read(path)
    local names = {}
    for _, event in ipairs(recording.pick(events, { name = "thread_name" })) do
      names[event.tid] = event.args.name
    end
    assert.equal("shop-0", names[1])
    assert.equal("shop-urgent1", names[2])
    assert.equal(2, recording.pick(events, { name = "pay" })[1].tid)
    local picture = timeline(path)
    os.remove(path)
    includes(">shop-urgent1<", picture)
    includes("2 workers · 2 tasks · ", picture)
  end)

  it("is told from the others in a live view", function()
    local s <close> = pair():build()
    local screen = new_screen(78)
    local view <close> = top.new(s, { stream = screen, terminal = true, width = 78, height = 24, colour = false })
    view:draw(true)
    local text = screen:text()
    assert.truthy(text:find("worker 1    [", 1, true), text)
    assert.truthy(text:find("urgent 2    [", 1, true), text)
  end)

  it("is none unless asked for, and there may be none or many", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.equal(0, s:stats().urgent_workers)
    local builder = echo.builder()
    assert.equal(builder, builder:with_urgent_workers(0))
    for _, wrong in ipairs { -1, 1024, 1.5, "many" } do
      includes("urgent workers", refusal(builder.with_urgent_workers, builder, wrong))
    end
    builder:with_worker_count(1000)
    includes("more than 1024", refusal(builder.with_urgent_workers, builder, 25))
    builder:with_urgent_workers(24)
    includes("more than 1024", refusal(builder.with_worker_count, builder, 1001))
  end)
end)
