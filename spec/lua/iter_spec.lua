-- echo.iter: tasks in the order in which they end.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"
local tasks = require "spec.lua.support.tasks"

local here = debug.getinfo(1, "S").short_src
local run, run_on, fail = tasks.run, tasks.run_on, tasks.fail

-- Runs the function in a coroutine of this state, until it ends, and returns its results.
local function in_coroutine(s, call, ...)
  local co = coroutine.create(call)
  local results = table.pack(coroutine.resume(co, ...))
  local deadline = os.time() + 20
  while coroutine.status(co) ~= "dead" do
    assert.is_true(os.time() < deadline)
    s:poll(0.1)
    results = nil
  end
  return results
end

describe("echo.iter", function()
  it("gives each task in the order of their ends, with what pawait returns", function()
    assert.same({ true, "3 true c3 d,2 false b2,1 true a1 nil" }, { run_on(1, function()
      local list = {
        echo.submit(function()
          echo.sleep(0.1)
          return "a1"
        end),
        echo.submit(function()
          echo.sleep(0.05)
          error("b2", 0)
        end),
        echo.submit(function()
          return "c3", "d"
        end),
      }
      local texts = {}
      for task, well, first, second in echo.iter(list) do
        local number = task == list[1] and 1 or task == list[2] and 2 or task == list[3] and 3
        local text = well and first .. " " .. tostring(second) or first.message
        texts[#texts + 1] = ("%s %s %s"):format(number, well, text)
      end
      return table.concat(texts, ",")
    end) })
  end)

  it("gives tasks that have ended before at once", function()
    assert.same({ true, "done done done" }, { run(function()
      local list = {}
      for i = 1, 3 do
        list[i] = echo.submit(math.abs, i)
        echo.await(list[i])
      end
      local texts = {}
      for task in echo.iter(list) do
        texts[#texts + 1] = task:status()
      end
      return table.concat(texts, " ")
    end) })
  end)

  it("gives nothing for an empty list", function()
    assert.same({ true, 0 }, { run(function()
      local count = 0
      for _ in echo.iter({}) do
        count = count + 1
      end
      return count
    end) })
  end)

  it("gives a task as often as it is in the list", function()
    assert.same({ true, 2 }, { run(function()
      local task, count = echo.submit(echo.sleep, 0.01), 0
      for other in echo.iter({ task, task }) do
        count = count + (other == task and 1 or 0)
      end
      return count
    end) })
  end)

  it("gives those of the list as it was", function()
    assert.same({ true, 2 }, { run(function()
      local list, count = { echo.submit(math.abs, 1), echo.submit(math.abs, 2) }, 0
      for task in echo.iter(list) do
        list[#list + 1] = task
        count = count + 1
      end
      return count
    end) })
  end)

  it("can be called as a function, and goes on giving nil", function()
    assert.same({ true, 7, "nil", "nil" }, { run(function()
      local next_task = echo.iter({ echo.submit(math.abs, -7) })
      local _, _, result = next_task()
      return result, tostring((next_task())), tostring((next_task()))
    end) })
  end)

  it("can be left early, and the tasks go on", function()
    assert.same({ true, false, "done" }, { run_on(1, function()
      local slow = echo.submit(echo.sleep, 0.05)
      local ended
      for task in echo.iter({ slow, echo.submit(math.abs, 1) }) do
        ended = slow:status() == "done"
        if task ~= slow then
          break
        end
      end
      echo.await(slow)
      return ended, slow:status()
    end) })
  end)

  it("gives all of 5000 tasks, on any number of workers", function()
    for workers = 1, 3 do
      assert.same({ true, 5000, 12502500 }, { run_on(workers, function()
        local list, count, sum = {}, 0, 0
        for i = 1, 5000 do
          list[i] = echo.submit(math.abs, i)
        end
        for _, _, number in echo.iter(list) do
          count, sum = count + 1, sum + number
        end
        return count, sum
      end) })
    end
  end)

  it("works in a coroutine that is resumed by the task", function()
    assert.same({ true, "12" }, { run_on(1, function()
      local texts = {}
      local co = coroutine.wrap(function()
        for _, _, value in echo.iter({ echo.submit(math.abs, 1), echo.submit(math.abs, 2) }) do
          coroutine.yield(value)
        end
      end)
      for value in co do
        texts[#texts + 1] = value
      end
      table.sort(texts)
      return table.concat(texts)
    end) })
  end)

  it("ends with the error when the task is cancelled", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit(function()
      for _ in echo.iter({ echo.submit(echo.sleep, 100) }) do
      end
    end)
    while task:status() ~= "suspended" do
      pcall(task.wait, task, 0.001)
    end
    task:cancel("enough")
    assert.equal("enough", select(2, task:pwait(20)).message)
    s:stop { mode = "cancel" }
  end)
end)

describe("echo.iter in a host", function()
  it("blocks the main thread", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local gate <close> = new_gate()
    local list = { s:submit(gate.pass, gate.path, "second"), s:submit(math.abs, -1) }
    local values = {}
    for _, well, value in echo.iter(list) do
      assert.is_true(well)
      values[#values + 1] = value
      gate:open()
    end
    assert.same({ 1, "second" }, values)
  end)

  it("takes tasks of several schedulers, which may go before it", function()
    local next_task
    do
      local one <close> = echo.builder():with_worker_count(1):build()
      local two <close> = echo.builder():with_worker_count(1):build()
      next_task = echo.iter({ one:submit(math.abs, 1), two:submit(math.abs, 2) })
    end
    collectgarbage()
    local sum = select(3, next_task()) + select(3, next_task())
    assert.equal(3, sum)
    echo.iter({ (echo.builder():build()):submit(math.abs, 1) })
  end)

  it("suspends a coroutine until poll resumes it", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local gate <close> = new_gate()
    local list = { s:submit(gate.pass, gate.path, "second"), s:submit(math.abs, -1) }
    local values = {}
    in_coroutine(s, function()
      for _, _, value in echo.iter(list) do
        values[#values + 1] = value
        gate:open()
      end
    end)
    assert.same({ 1, "second" }, values)
  end)

  it("serves one coroutine at a time", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local gate <close> = new_gate()
    local next_task = echo.iter({ s:submit(gate.pass, gate.path) })
    local first = coroutine.create(next_task)
    coroutine.resume(first)
    local _, err = coroutine.resume(coroutine.create(next_task))
    includes("another coroutine waits with this iterator", err.message)
    gate:open()
    while coroutine.status(first) ~= "dead" do
      s:poll(0.1)
    end
  end)

  it("gives a task that was abandoned", function()
    local s = echo.builder():with_worker_count(1):build()
    local gate <close> = new_gate()
    local task = s:submit(gate:in_c())
    gate:await_arrival()
    local next_task = echo.iter({ task })
    assert.is_nil((s:stop { mode = "cancel", timeout = 0 }))
    local other, well, err = next_task()
    assert.same({ task, false, "lost" }, { other, well, err.kind })
  end)
end)

describe("echo.iter refuses", function()
  it("what is no list of tasks, at the caller's position", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local err = refusal(function() echo.iter(5) end)
    includes(("%s:%d: bad argument #1 to 'iter' (a list of tasks expected, got number)"):format(here, line),
      err)
    includes("item 2: a task expected, got string", refusal(echo.iter, {
      (echo.builder():build()):submit(math.abs, 1), "x" }))
  end)

  it("to wait for the task itself, or in a ring", function()
    local err = fail(function()
      local function me()
        return (echo.submit({ key = "me", conflict = "join" }, print))
      end
      return echo.await((echo.submit({ key = "me" }, function()
        for _ in echo.iter({ me() }) do
        end
      end)))
    end)
    includes("a task cannot wait for itself", err.message)
  end)

  it("to wait for others that all wait for it", function()
    local well, message = run(function()
      local parent = echo.submit({ key = "me" }, function()
        local function wait()
          echo.await((echo.submit({ key = "me", conflict = "join" }, print)))
        end
        local texts = {}
        for _, ended, err in echo.iter({ echo.submit(wait), echo.submit(wait) }) do
          texts[#texts + 1] = ended and "ended" or err.message
        end
        return texts[1]
      end)
      return select(2, echo.pawait(parent))
    end)
    assert.is_true(well)
    includes("would wait for ever", type(message) == "table" and message.message or message)
  end)
end)
