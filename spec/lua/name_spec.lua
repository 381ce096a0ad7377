-- The option `name`: short ones lie in the job's message, long ones in a block of their own. Either is
-- there for as long as somebody may ask.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local recording = require "spec.lua.support.recording"

-- Of lengths around each border: of the message's room, and of what is kept there.
local NAMES = {}
for _, length in ipairs { 0, 1, 6, 7, 8, 9, 10, 11, 15, 16, 17, 30, 31, 32, 33, 47, 48, 49, 200 } do
  NAMES[#NAMES + 1] = ("abcdefghijklmnopqrstuvwxyz"):rep(8):sub(1, length)
end

-- Arguments and results of each size that could meet the name in one message.
local TEXTS = {}
for length = 0, 64, 3 do
  TEXTS[#TEXTS + 1] = ("%"):rep(length)
end

local function build()
  return echo.builder():with_worker_count(2):with_queue("few", { limit = 1 }):build()
end

local function name_and(...)
  return echo.current().name, ...
end

describe("a task's name", function()
  it("is left alone by arguments and results of any size, and leaves them alone", function()
    local s <close> = build()
    for _, name in ipairs(NAMES) do
      for _, text in ipairs(TEXTS) do
        local task = s:submit({ name = name }, name_and, text, 1.5)
        local told, got, number = task:wait()
        assert.same({ name, text, 1.5 }, { told, got, number })
      end
    end
  end)

  it("stands in the error, whatever the task has returned or raised before", function()
    local s <close> = build()
    for _, name in ipairs(NAMES) do
      local task = s:submit({ name = name }, function(text) error({ text:rep(3) }) end, ("x"):rep(40))
      for _ = 1, 2 do
        local _, err = task:pwait()
        assert.equal(name, err.task)
        assert.equal(("x"):rep(120), err.value[1])
        includes("name_spec.lua", err.traceback)
        if #name > 0 then includes("[task " .. name .. "]", tostring(err)) end
      end
    end
  end)

  it("outlives what the submit gave it by: its string, its options, other tasks", function()
    local s <close> = build()
    local tasks = {}
    for i = 1, 300 do
      tasks[i] = s:submit({ name = ("n"):rep(i % 40) .. i }, error, ("v"):rep(i % 50))
    end
    collectgarbage()
    s:stop()
    collectgarbage()
    for i = 1, 300 do
      local _, err = tasks[i]:pwait()
      assert.equal(("n"):rep(i % 40) .. i, err.task)
    end
  end)

  it("stays with a task that is tried again, waits for a queue, or is a map", function()
    local s <close> = build()
    for _, name in ipairs(NAMES) do
      local function fail() error("no") end
      local tried = s:submit({ name = name, retries = 2 }, fail)
      local queued = s:submit({ name = name, queue = "few" }, fail)
      local map = s:map({ name = name }, fail, { 1, 2, 3 })
      for _, task in ipairs { tried, queued, map } do
        local _, err = task:pwait()
        assert.equal(name, err.task)
      end
    end
  end)

  it("stands in the error of one that was cancelled before it began, and of a wait that ran out", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local gate <close> = new_gate()
    local blocker = s:submit(gate.pass, gate.path)
    gate:await_arrival()
    for _, name in ipairs(NAMES) do
      local task = s:submit({ name = name }, math.abs, ("9"):rep(60))
      local _, late = task:pwait(0)
      task:cancel("enough")
      local _, err = task:pwait()
      assert.same({ "timeout", name, "cancelled", name }, { late.kind, late.task, err.kind, err.task })
    end
    gate:open()
    blocker:wait()
  end)

  it("is told at the task's end, also after the last handle has gone", function()
    local s <close> = build()
    local told = {}
    s:on_task_end(function(ends)
      for _, e in ipairs(ends) do
        told[e.name] = e.status
      end
    end)
    for _, name in ipairs(NAMES) do
      if #name > 0 then s:submit({ name = name }, string.rep, "x", 100) end
    end
    collectgarbage()
    s:stop()
    s:poll()
    for _, name in ipairs(NAMES) do
      if #name > 0 then assert.equal("done", told[name]) end
    end
  end)

  it("is what a recording calls it", function()
    local path = os.tmpname()
    local s <close> = build()
    assert.is_true(s:trace(path))
    for _, name in ipairs(NAMES) do
      if #name > 0 and #name < 60 then s:submit({ name = name }, string.rep, "x", 100):wait() end
    end
    s:trace(false)
    local events = recording.read(path)
    os.remove(path)
    for _, name in ipairs(NAMES) do
      if #name > 0 and #name < 60 then
        assert.is_true(#recording.pick(events, { name = name, ended = "done" }) == 1)
      end
    end
  end)
end)
