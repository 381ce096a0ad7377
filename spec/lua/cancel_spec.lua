-- task:cancel, before the task starts and too late.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler()
  return echo.builder():with_worker_count(1):build()
end

describe("a task that has not started", function()
  it("can be cancelled and never runs", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local task = s:submit({ name = "unwanted" }, function()
      ran = true -- luacheck: ignore 111
    end)
    gate:await_arrival()
    assert.is_true(task:cancel())
    assert.equal("cancelled", task:status())
    local err = refusal(task.wait, task)
    assert.equal("cancelled", err.kind)
    assert.equal("the task was cancelled", err.message)
    assert.equal("unwanted", err.task)
    includes("the task was cancelled", tostring(err))
    gate:open()
    assert.is_nil(s:submit(function()
      return ran -- luacheck: ignore 113
    end):wait())
    assert.equal("cancelled", task:status())
    assert.is_false((task:pwait()))
  end)

  it("is cancelled once", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local task = s:submit(math.abs, 1)
    assert.is_true(task:cancel())
    assert.is_false(task:cancel())
    assert.equal("cancelled", task:status())
  end)

  it("leaves the others alone", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local tasks = {}
    for i = 1, 1000 do
      tasks[i] = s:submit(math.abs, -i)
    end
    for i = 1, 1000, 2 do
      assert.is_true(tasks[i]:cancel())
    end
    gate:open()
    for i = 1, 1000 do
      local went_well, result = tasks[i]:pwait()
      assert.equal(i % 2 == 0, went_well)
      assert.equal(i % 2 == 0 and i or "cancelled", went_well and result or result.kind)
    end
  end)

  it("can be cancelled in a named queue, which goes on", function()
    local s <close> = echo.builder():with_worker_count(2):with_queue("one", { limit = 1 }):build()
    local gate <close> = new_gate()
    s:submit({ queue = "one" }, gate.pass, gate.path)
    local second = s:submit({ queue = "one" }, math.abs, -2)
    local third = s:submit({ queue = "one" }, math.abs, -3)
    gate:await_arrival()
    assert.is_true(second:cancel())
    gate:open()
    assert.equal(3, third:wait())
    assert.equal("cancelled", second:status())
  end)

  it("is cancelled by cancel(reason) too", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    assert.is_true(s:submit(math.abs, 1):cancel("no longer wanted"))
  end)
end)

describe("a running task", function()
  -- Waits until it runs: it is the only one.
  local function start(s, ...)
    local task = s:submit(...)
    while task:status() == "queued" do
      io.open("/dev/null"):close()
    end
    return task
  end

  it("is cancelled in an endless loop", function()
    local s <close> = new_scheduler()
    local task = start(s, function()
      while true do
      end
    end)
    assert.is_true(task:cancel("enough"))
    local _, err = task:pwait()
    assert.equal("cancelled", err.kind)
    assert.equal("enough", err.message)
    assert.equal("cancelled", task:status())
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)

  it("cannot swallow the cancel for ever", function()
    local s <close> = new_scheduler()
    for _, body in ipairs {
      function()
        while true do
          pcall(function()
            while true do
            end
          end)
        end
      end,
      function()
        while true do
          coroutine.wrap(function()
            pcall(function()
              while true do
              end
            end)
          end)()
        end
      end,
      function()
        local function deeper(n)
          while true do
            pcall(deeper, n + 1)
          end
        end
        deeper(1)
      end,
    } do
      local task = start(s, body)
      assert.is_true(task:cancel())
      assert.equal("cancelled", select(2, task:pwait()).kind)
    end
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)

  it("closes its variables and runs its handlers first", function()
    local s <close> = new_scheduler()
    local path = os.tmpname()
    os.remove(path)
    local task = start(s, function()
      local _guard <close> = setmetatable({}, {
        __close = function()
          local file = io.open(path, "a")
          file:write("closed")
          file:close()
        end,
      })
      local _, err = pcall(function()
        io.open(path, "w"):close()
        while true do
        end
      end)
      local file = io.open(path, "a")
      file:write(err.kind, " ")
      file:close()
      error(err)
    end)
    local there
    repeat
      there = io.open(path)
    until there
    there:close()
    task:cancel()
    assert.equal("cancelled", select(2, task:pwait()).kind)
    local file = io.open(path)
    assert.equal("cancelled closed", file:read("a"))
    file:close()
    os.remove(path)
  end)

  it("ends as cancelled although its function returns well", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task = s:submit(gate.pass, gate.path, "result")
    gate:await_arrival()
    assert.is_true(task:cancel())
    assert.is_false(task:cancel())
    assert.equal("running", task:status())
    gate:open()
    assert.equal("cancelled", select(2, task:pwait()).kind)
  end)

  it("is cancelled while it sleeps", function()
    local s <close> = new_scheduler()
    local task = s:submit(function()
      require("echo").sleep(1000)
    end)
    while task:status() ~= "suspended" do
      io.open("/dev/null"):close()
    end
    assert.is_true(task:cancel())
    assert.equal("cancelled", select(2, task:pwait()).kind)
  end)

  it("is cancelled in a hook of its own, and where it set none", function()
    local s <close> = new_scheduler()
    local task = start(s, function()
      local n = 0
      debug.sethook(function()
        n = n + 1
      end, "", 100)
      while true do
      end
    end)
    assert.is_true(task:cancel())
    assert.equal("cancelled", select(2, task:pwait()).kind)
    assert.is_nil(s:submit(debug.gethook):wait())
  end)
end)

describe("the error of a cancelled task", function()
  it("tells where the task was: running, waiting, or in its time-out", function()
    local s <close> = new_scheduler()
    local function loop() while true do end end
    local line = debug.getinfo(loop, "S").linedefined
    local function where(task)
      local err = refusal(task.wait, task)
      includes(("cancel_spec.lua:%d: in function"):format(line), err.traceback)
      includes(err.traceback, tostring(err))
      return err.kind
    end
    local running = s:submit(loop)
    while running:status() ~= "running" do end
    running:cancel()
    assert.equal("cancelled", where(running))
    assert.equal("timeout", where(s:submit({ timeout = 0.5 }, loop)))
    local waiting = s:submit(function() echo.sleep(1000) end)
    while waiting:status() ~= "suspended" do end
    waiting:cancel()
    includes("cancel_spec.lua", refusal(waiting.wait, waiting).traceback)
  end)

  it("names the task, which does not await itself", function()
    local s <close> = new_scheduler()
    local function loop() while true do end end
    local function text_of(options)
      options.timeout = 0.02
      local err = refusal(echo.await, (s:submit(options, loop)))
      return err.task, (tostring(err):gsub("^[^\n]*\n", ""))
    end
    local name, text = text_of { name = "endless" }
    assert.equal("endless", name)
    assert.equal(1, text:find("[task endless] stack traceback:\n", 1, true))
    local place = ("%s:%d"):format(debug.getinfo(loop, "S").short_src, debug.getinfo(loop, "S").linedefined)
    name, text = text_of {}
    assert.equal(place, name)
    assert.equal(1, text:find("[task " .. place .. "] stack traceback:\n", 1, true))
  end)

  it("says who awaited the task, if that has the same name", function()
    local s <close> = new_scheduler()
    local function awaits()
      local inner = echo.submit({ name = "twin", timeout = 0.02 }, echo.sleep, 1000)
      echo.await(inner)
    end
    local err = refusal(echo.await, (s:submit({ name = "twin" }, awaits)))
    assert.same({ "timeout", "twin" }, { err.kind, err.task })
    includes("awaited by [task twin] stack traceback:", err.traceback)
  end)

  it("has no traceback if the task never ran, or ended by itself all the same", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local queued = s:submit(math.abs, 1)
    gate:await_arrival()
    queued:cancel()
    assert.is_nil(refusal(queued.wait, queued).traceback)
    gate:open()
    local ends = s:submit(function()
      pcall(echo.sleep, 1000)
      return 1
    end)
    while ends:status() ~= "suspended" do end
    ends:cancel()
    assert.is_nil(refusal(ends.wait, ends).traceback)
  end)
end)

describe("a cancel that comes too late", function()
  it("returns false after the task ended, well or not", function()
    local s <close> = new_scheduler()
    local done, failed = s:submit(math.abs, -1), s:submit(error, "no", 0)
    done:wait()
    failed:pwait()
    assert.is_false(done:cancel())
    assert.is_false(failed:cancel())
    assert.equal(1, done:wait())
    assert.equal("no", refusal(failed.wait, failed).message)
  end)
end)

describe("racing cancels", function()
  it("end every task exactly once", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local tasks, cancelled, done = {}, 0, 0
    for i = 1, 5000 do
      tasks[i] = s:submit(math.abs, -i)
      if i % 3 == 0 and tasks[i - 1]:cancel() then
        cancelled = cancelled + 1
      end
    end
    for i = 1, 5000 do
      local went_well, result = tasks[i]:pwait()
      if went_well then
        done = done + 1
        assert.equal(i, result)
      else
        assert.equal("cancelled", result.kind)
      end
    end
    assert.equal(5000, done + cancelled)
  end)
end)
