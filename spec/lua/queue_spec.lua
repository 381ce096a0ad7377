-- Named queues: at most `limit` of a queue's tasks run at once.

local echo = require "echo"
local assert = require "luassert"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"

-- Busy for a while; returns when it started and when it ended.
local function work(seconds)
  local echo = require "echo" -- luacheck: ignore 431
  local started = echo.now()
  local ended = started
  while ended - started < seconds do
    ended = echo.now()
  end
  return started, ended
end

work = load(string.dump(work)) -- busted's environment is not the tasks'

-- The largest number of spans that overlap.
local function count_overlaps(spans)
  local events = {}
  for _, span in ipairs(spans) do
    events[#events + 1] = { at = span[1], change = 1 }
    events[#events + 1] = { at = span[2], change = -1 }
  end
  table.sort(events, function(a, b)
    return a.at < b.at or (a.at == b.at and a.change < b.change)
  end)
  local running, most = 0, 0
  for _, event in ipairs(events) do
    running = running + event.change
    most = math.max(most, running)
  end
  return most
end

local function run(s, queue, count)
  local tasks, spans = {}, {}
  for i = 1, count do
    tasks[i] = s:submit({ queue = queue }, work, 0.001)
  end
  for i, task in ipairs(tasks) do
    spans[i] = { task:wait() }
  end
  return spans
end

describe("a named queue", function()
  it("never has more tasks running than its limit", function()
    for limit = 1, 3 do
      local s <close> =
        echo.builder():with_worker_count(4):with_queue("disk", { limit = limit }):build()
      local spans = run(s, "disk", 60)
      assert.equal(60, #spans)
      assert.is_true(count_overlaps(spans) <= limit)
    end
  end)

  it("runs one after the other at limit 1, in the order of the submits", function()
    local s <close> = echo.builder():with_worker_count(4):with_queue("one", { limit = 1 }):build()
    local spans = run(s, "one", 50)
    for i = 2, #spans do
      assert.is_true(spans[i][1] >= spans[i - 1][2])
    end
  end)

  it("runs as many as its limit allows", function()
    local s <close> = echo.builder():with_worker_count(3):with_queue("two", { limit = 2 }):build()
    local first <close> = new_gate()
    local second <close> = new_gate()
    local third <close> = new_gate()
    local tasks = {}
    for i, gate in ipairs { first, second, third } do
      tasks[i] = s:submit({ queue = "two" }, gate.pass, gate.path)
    end
    first:await_arrival()
    second:await_arrival()
    assert.equal("queued", tasks[3]:status())
    assert.equal(5, s:submit(math.abs, -5):wait())
    assert.equal("queued", tasks[3]:status())
    first:open()
    third:await_arrival()
    assert.equal("running", tasks[2]:status())
    assert.equal("running", tasks[3]:status())
  end)

  it("holds up neither other queues nor tasks of none", function()
    local builder = echo.builder():with_worker_count(2)
    builder:with_queue("slow", { limit = 1 }):with_queue("quick", { limit = 1 })
    local s <close> = builder:build()
    local gate <close> = new_gate()
    s:submit({ queue = "slow" }, gate.pass, gate.path)
    gate:await_arrival()
    local waiting = s:submit({ queue = "slow", priority = "high" }, math.abs, -1)
    for i = 1, 100 do
      assert.equal(i, s:submit({ queue = "quick", priority = "low" }, math.abs, -i):wait())
      assert.equal(i, s:submit({ priority = "low" }, math.abs, -i):wait())
    end
    assert.equal("queued", waiting:status())
    gate:open()
    assert.equal(1, waiting:wait())
  end)

  it("goes on after tasks that failed", function()
    local s <close> = echo.builder():with_worker_count(2):with_queue("one", { limit = 1 }):build()
    local tasks = {}
    for i = 1, 100 do
      tasks[i] = s:submit({ queue = "one" }, i % 2 == 0 and error or math.abs, i)
    end
    for i, task in ipairs(tasks) do
      assert.equal(i % 2 == 1, (task:pwait()))
    end
  end)

  it("limits the workers that share a map", function()
    local s <close> = echo.builder():with_worker_count(4):with_queue("one", { limit = 1 }):build()
    local items = {}
    for i = 1, 200 do
      items[i] = 0.0001
    end
    local spans = s:map({ queue = "one" }, load(string.dump(function(seconds)
      local echo = require "echo" -- luacheck: ignore 431
      local started = echo.now()
      while echo.now() - started < seconds do
      end
      return { started, echo.now() }
    end)), items):wait()
    assert.equal(1, count_overlaps(spans))
  end)

  it("may have a limit that is never reached, and a name with any text", function()
    local builder = echo.builder():with_worker_count(2)
    builder:with_queue("", { limit = 1 }):with_queue("ä b/c\n", { limit = 2 ^ 31 })
    local s <close> = builder:build()
    assert.equal(1, s:submit({ queue = "" }, math.abs, -1):wait())
    assert.equal(2, s:submit({ queue = "ä b/c\n" }, math.abs, -2):wait())
  end)

  it("is one of many", function()
    local builder = echo.builder():with_worker_count(2)
    for i = 1, 60 do
      builder:with_queue("queue " .. i, { limit = 1 })
    end
    local s <close> = builder:build()
    local tasks = {}
    for i = 1, 60 do
      tasks[i] = s:submit({ queue = "queue " .. i }, math.abs, -i)
    end
    for i = 1, 60 do
      assert.equal(i, tasks[i]:wait())
    end
  end)
end)
