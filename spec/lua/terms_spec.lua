-- What a submit asks for beyond a priority: time limits, delays, retries, keys.
local assert = require "luassert"
local echo = require "echo"
local it = require "spec.lua.support.it"
local includes = require "spec.lua.support.includes"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 1):build()
end

describe("timeout", function()
  it("ends a task that runs for ever", function()
    local s <close> = new_scheduler()
    local task = s:submit({ timeout = 0.02, name = "endless" }, function()
      while true do
      end
    end)
    local _, err = task:pwait()
    assert.equal("timeout", err.kind)
    assert.equal("endless", err.task)
    includes("0.02 s", err.message)
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)

  it("ends a task that is queued, and one that sleeps", function()
    local s <close> = new_scheduler()
    local sleeper = s:submit({ timeout = 0.02 }, function()
      require("echo").sleep(1000)
    end)
    assert.equal("timeout", select(2, sleeper:pwait()).kind)
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    gate:await_arrival()
    local queued = s:submit({ timeout = 0.02 }, math.abs, 1)
    assert.equal("timeout", select(2, queued:pwait()).kind)
    assert.equal("cancelled", queued:status())
  end)

  it("counts from the submit, the delay included", function()
    local s <close> = new_scheduler()
    local task = s:submit({ timeout = 0.02, delay = 1000 }, math.abs, 1)
    assert.equal("timeout", select(2, task:pwait()).kind)
  end)

  it("does nothing to a task that ends in time", function()
    local s <close> = new_scheduler()
    local tasks = {}
    for i = 1, 1000 do
      tasks[i] = s:submit({ timeout = 1000 }, math.abs, -i)
    end
    for i = 1, 1000 do
      assert.equal(i, tasks[i]:wait())
    end
  end)

  it("is told inside as a deadline", function()
    local s <close> = new_scheduler()
    local now = echo.now()
    local deadline = s:submit({ timeout = 1000 }, function()
      return require("echo").current().deadline
    end):wait()
    assert.is_true(deadline >= now + 999 and deadline < now + 1100)
    assert.is_nil(s:submit(function()
      return require("echo").current().deadline
    end):wait())
  end)

  it("ends a map", function()
    local s <close> = new_scheduler(2)
    local task = s:map({ timeout = 0.02 }, function()
      while true do
      end
    end, { 1, 2, 3 })
    assert.equal("timeout", select(2, task:pwait()).kind)
  end)
end)

describe("delay", function()
  it("starts a task no earlier than asked", function()
    local s <close> = new_scheduler()
    local before = echo.now()
    local at = s:submit({ delay = 0.03 }, echo.now):wait()
    assert.is_true(at - before >= 0.03)
  end)

  it("holds up nobody else", function()
    local s <close> = new_scheduler()
    local late = s:submit({ delay = 1000 }, math.abs, -1)
    assert.equal(2, s:submit(math.abs, -2):wait())
    assert.equal("queued", late:status())
    assert.is_true(late:cancel())
    assert.equal("cancelled", select(2, late:pwait()).kind)
  end)

  it("delays a map", function()
    local s <close> = new_scheduler(2)
    local before = echo.now()
    local list = s:map({ delay = 0.03 }, echo.now, { 1, 2 }):wait()
    assert.is_true(list[1] - before >= 0.03 and list[2] - before >= 0.03)
  end)

  it("is waited for by a drain and not by a cancel", function()
    local s = new_scheduler()
    local task = s:submit({ delay = 0.03 }, math.abs, -1)
    assert.is_true(s:stop())
    assert.equal(1, task:wait(0))
    s = new_scheduler()
    task = s:submit({ delay = 1000 }, math.abs, -1)
    assert.is_true(s:stop { mode = "cancel" })
    assert.equal("cancelled", select(2, task:pwait(0)).kind)
  end)

  it("holds up no drain once its task is cancelled", function()
    local s = new_scheduler()
    local task = s:submit({ delay = 1000 }, math.abs, -1)
    task:cancel()
    assert.is_true(s:stop())
  end)
end)

describe("retries", function()
  it("try a task again that fails, and say which attempt it is", function()
    local s <close> = new_scheduler()
    local task = s:submit({ retries = 5 }, function(wanted)
      local attempt = require("echo").current().attempt
      if attempt < wanted then
        error("attempt " .. attempt)
      end
      return attempt
    end, 4)
    assert.equal(4, task:wait())
  end)

  it("give up after so many, with the last error", function()
    local s <close> = new_scheduler()
    local _, err = s:submit({ retries = 2 }, function()
      error("attempt " .. require("echo").current().attempt, 0)
    end):pwait()
    assert.equal("attempt 3", err.message)
  end)

  it("end with a cancel or a time-out", function()
    local s <close> = new_scheduler()
    local _, err = s:submit({ retries = 1000000000, timeout = 0.03 }, error, "no"):pwait()
    assert.equal("timeout", err.kind)
  end)

  it("give each attempt the arguments anew", function()
    local s <close> = new_scheduler()
    local list = s:submit({ retries = 1 }, function(list)
      list[#list + 1] = "mine"
      assert(require("echo").current().attempt == 2)
      return list
    end, { "given" }):wait()
    assert.same({ "given", "mine" }, list)
  end)

  it("are refused for a map", function()
    local s <close> = new_scheduler()
    includes("option 'retries' is not for map", refusal(s.map, s, { retries = 1 }, math.abs, { 1 }))
  end)
end)

describe("a key", function()
  local function running(s, ...)
    local task = s:submit(...)
    while task:status() == "queued" do
      io.open("/dev/null"):close()
    end
    return task
  end

  local function endless()
    while true do
    end
  end

  it("ends the earlier task, queued or running, in favour of the new one", function()
    local s <close> = new_scheduler()
    local first = running(s, { key = "k" }, endless)
    local second = s:submit({ key = "k" }, endless)
    local third = s:submit({ key = "k", conflict = "replace" }, math.abs, -3)
    assert.equal(3, third:wait())
    assert.equal("cancelled", select(2, first:pwait()).kind)
    assert.equal("cancelled", select(2, second:pwait()).kind)
  end)

  it("debounces together with a delay", function()
    local s <close> = new_scheduler()
    local tasks = {}
    for i = 1, 50 do
      tasks[i] = s:submit({ key = "typing", delay = 1 }, math.abs, -i)
    end
    assert.equal(50, tasks[50]:wait())
    for i = 1, 49 do
      assert.equal("cancelled", select(2, tasks[i]:pwait(0)).kind)
    end
  end)

  it("with join returns the earlier task", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local first = s:submit({ key = "k" }, gate.pass, gate.path, "first")
    local second = s:submit({ key = "k", conflict = "join" }, math.abs, -2)
    assert.is_true(first == second)
    assert.is_false(first == s:submit(math.abs, -2))
    gate:open()
    assert.equal("first", second:wait())
    assert.equal("first", first:wait())
    assert.equal(3, s:submit({ key = "k", conflict = "join" }, math.abs, -3):wait())
  end)

  it("with queue lets them run one after the other, in their order", function()
    local s <close> = new_scheduler(4)
    local path = os.tmpname()
    local tasks = {}
    for i = 1, 40 do
      tasks[i] = s:submit({ key = "k", conflict = "queue" }, function()
        local file = io.open(path, "r+")
        local last = tonumber(file:read("a")) or 0
        require("echo").checkpoint()
        file:seek("set")
        file:write(last + 1)
        file:close()
        return last + 1
      end)
    end
    for i = 1, 40 do
      assert.equal(i, tasks[i]:wait())
    end
    os.remove(path)
  end)

  it("with queue passes over one that is cancelled, and not before its time", function()
    local s <close> = new_scheduler(2)
    local gate <close> = new_gate()
    local first = s:submit({ key = "k", conflict = "queue" }, gate.pass, gate.path)
    local second = s:submit({ key = "k", conflict = "queue" }, math.abs, -2)
    local third = s:submit({ key = "k", conflict = "queue" }, math.abs, -3)
    second:cancel()
    gate:await_arrival()
    assert.equal("timeout", select(2, third:pwait(0.05)).kind)
    gate:open()
    assert.equal(3, third:wait())
    first:wait()
  end)

  it("of its own for each name", function()
    local s <close> = new_scheduler(2)
    local tasks = {}
    for i = 1, 500 do
      tasks[i] = s:submit({ key = "key " .. i }, math.abs, -i)
    end
    for i = 1, 500 do
      assert.equal(i, tasks[i]:wait())
    end
  end)

  it("is left alone by a submit that is refused", function()
    local s = new_scheduler()
    local gate <close> = new_gate()
    local first = s:submit({ key = "k" }, gate.pass, gate.path, 1)
    refusal(s.submit, s, { key = "k" }, print, io.stdout)
    gate:open()
    assert.equal(1, first:wait())
    s:stop()
    assert.equal("stopped", refusal(s.submit, s, { key = "k" }, math.abs, 1).kind)
  end)
end)

describe("a submit refuses", function()
  for message, options in pairs {
    ["option 'timeout': a number of seconds from 0 on expected, got -1"] = { timeout = -1 },
    ["option 'delay': a number of seconds from 0 on expected, got 'soon'"] = { delay = "soon" },
    ["option 'retries': an integer from 0 on expected, got 1.5"] = { retries = 1.5 },
    ["option 'key': a string expected, got 5"] = { key = 5 },
    ["option 'conflict': 'replace', 'join' or 'queue' expected, got 'fight'"] = {
      key = "k",
      conflict = "fight",
    },
    ["option 'conflict': a 'key' beside it expected, got 'join'"] = { conflict = "join" },
  } do
    it(message, function()
      local s <close> = new_scheduler()
      includes(message, refusal(s.submit, s, options, print))
    end)
  end
end)

describe("set_priority", function()
  it("lets a queued task go before others", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    gate:await_arrival()
    local path = os.tmpname()
    local function note(name)
      local file = io.open(path, "a")
      file:write(name, " ")
      file:close()
    end
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = s:submit({ priority = "low" }, note, tostring(i))
    end
    assert.is_true(tasks[3]:set_priority("high"))
    gate:open()
    for i = 1, 3 do
      tasks[i]:wait()
    end
    local file = io.open(path)
    assert.equal("3 1 2 ", file:read("a"))
    file:close()
    os.remove(path)
  end)

  it("holds in a named queue", function()
    local s <close> = echo.builder():with_worker_count(2):with_queue("one", { limit = 1 }):build()
    local gate <close> = new_gate()
    s:submit({ queue = "one" }, gate.pass, gate.path)
    gate:await_arrival()
    local first = s:submit({ queue = "one" }, echo.now)
    local second = s:submit({ queue = "one" }, echo.now)
    assert.is_true(second:set_priority("high"))
    gate:open()
    assert.is_true(second:wait() < first:wait())
  end)

  it("runs the task once, however often it is changed", function()
    local s <close> = new_scheduler(2)
    local path = os.tmpname()
    local tasks = {}
    for i = 1, 200 do
      tasks[i] = s:submit(function()
        local file = io.open(path, "a")
        file:write("x")
        file:close()
      end)
      tasks[i]:set_priority("high")
      tasks[i]:set_priority("low")
      tasks[i]:set_priority("normal")
    end
    for i = 1, 200 do
      tasks[i]:wait()
    end
    local file = io.open(path)
    assert.equal(200, #file:read("a"))
    file:close()
    os.remove(path)
  end)

  -- Of the two places where such a task is queued, the second worker comes to the one that is of no
  -- use any more while the task runs on the first.
  it("takes nothing from the task's time limit", function()
    local s <close> = new_scheduler(2)
    local first <close> = new_gate()
    local second <close> = new_gate()
    s:submit(first.pass, first.path)
    s:submit(second.pass, second.path)
    first:await_arrival()
    second:await_arrival()
    local task = s:submit({ priority = "low", timeout = 1 }, function()
      while true do
      end
    end)
    assert.is_true(task:set_priority("high"))
    first:open()
    second:open()
    local ok, err = task:pwait(20)
    task:cancel()
    assert.is_false(ok)
    includes("the task's time of 1 s", err.message)
  end)

  it("lets the next one of its key wait until it has ended", function()
    local s <close> = new_scheduler(2)
    local first <close> = new_gate()
    local second <close> = new_gate()
    local third <close> = new_gate()
    s:submit(first.pass, first.path)
    s:submit(second.pass, second.path)
    first:await_arrival()
    second:await_arrival()
    local task = s:submit({ priority = "low", key = "it", conflict = "queue" }, third.pass,
      third.path)
    local nothing = s:submit({ priority = "low" }, math.abs, -1)
    local after = s:submit({ key = "it", conflict = "queue" }, math.abs, -2)
    assert.is_true(task:set_priority("high"))
    first:open()
    third:await_arrival()
    second:open()
    assert.equal(1, nothing:wait(20))
    assert.equal("running", task:status())
    local joined = s:submit({ key = "it", conflict = "join" }, math.abs, -3)
    assert.equal("queued", after:status())
    third:open()
    assert.equal(2, joined:wait(20))
  end)

  it("says whether it could", function()
    local s <close> = new_scheduler()
    local task = s:submit(math.abs, -1)
    task:wait()
    assert.is_false(task:set_priority("high"))
    includes("priority: 'high', 'normal' or 'low' expected, got 'urgent'",
      refusal(task.set_priority, task, "urgent"))
    includes("priority: 'high', 'normal' or 'low' expected, got nil", refusal(task.set_priority, task))
  end)
end)

describe("a task that waits", function()
  it("lends its priority to the one it waits for, and to those that one waits for", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit({ priority = "high" }, gate.pass, gate.path)
    gate:await_arrival()
    local bottom = s:submit({ priority = "low" }, function()
      return require("echo").current().priority
    end)
    local middle = s:submit({ priority = "low" }, function()
      return require("echo").await(bottom), require("echo").current().priority
    end)
    local other = s:submit({ priority = "normal" }, echo.now)
    local top = s:submit({ priority = "high" }, function()
      local a, b = require("echo").await(middle)
      return a, b, echo.now()
    end)
    gate:open()
    local a, b, at = top:wait()
    assert.equal("high", a)
    assert.equal("high", b)
    assert.is_true(at < other:wait())
  end)
end)

describe("handles travel", function()
  it("a task's: whoever has it can wait for it", function()
    local s <close> = new_scheduler(2)
    local task = s:submit(function()
      require("echo").sleep(0.01)
      return "result"
    end)
    assert.equal("result", s:submit(function()
      return task:wait()
    end):wait())
    local child = s:submit(function()
      return require("echo").submit(math.abs, -7)
    end):wait()
    assert.equal(7, child:wait())
  end)

  it("a scheduler's: its tasks submit to it, and to another one", function()
    local s <close>, other = new_scheduler(1), new_scheduler(1)
    local task = s:submit(function(mine, theirs)
      return mine:submit(math.abs, -1):wait(), theirs:submit(math.abs, -2):wait(),
        theirs:submit(math.abs, -3)
    end, s, other)
    local one, two, third = task:wait()
    assert.equal(1, one)
    assert.equal(2, two)
    assert.is_true(other:stop())
    other = nil -- luacheck: ignore 311
    collectgarbage()
    assert.equal(3, third:wait())
  end)
end)
