-- echo.semaphore

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local refusal = require "spec.lua.support.refusal"
local until_status = require "spec.lua.support.until_status"

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 1):build()
end

-- A task that waits for a permit, notes that it has one, and keeps it.
local function new_taker(s, semaphore, notes, name)
  local task = s:submit(function()
    semaphore:acquire()
    if notes then
      notes:send(name)
    end
  end)
  until_status(task, "suspended")
  return task
end

local function is_free(semaphore)
  local taken = semaphore:try_acquire()
  if taken then
    semaphore:release()
  end
  return taken
end

describe("a semaphore", function()
  it("loses no permit to a cancel that strikes right after it was given", function()
    local s <close> = new_scheduler(1)
    local semaphore = echo.semaphore(1)
    local begun = echo.channel(1)
    for round = 1, 100 do
      local task = s:submit(function()
        begun:send(true)
        while true do
          local _ <close> = semaphore:acquire()
        end
      end)
      begun:receive(20)
      for _ = 1, round * 20 do
        task:status() -- a while
      end
      task:cancel()
      task:pwait(20)
      assert.is_true(is_free(semaphore), "in round " .. round)
    end
  end)

  it("gives out as many permits as it has", function()
    local semaphore = echo.semaphore(2)
    assert.is_true(semaphore:acquire() == semaphore)
    assert.is_true(semaphore:try_acquire())
    assert.is_false(semaphore:try_acquire())
    local err = refusal(semaphore.acquire, semaphore, 0.01)
    assert.equal("timeout", err.kind)
    assert.equal("the wait ran out of time: no permit was released", err.message)
    semaphore:release()
    assert.is_true(semaphore:try_acquire())
  end)

  it("lets no more in than that, on whatever worker they are", function()
    local s <close> = new_scheduler(3)
    local semaphore, inside, most, tasks = echo.semaphore(2), echo.channel(10), echo.channel(10), {}
    for i = 1, 20 do
      tasks[i] = s:submit(function()
        for _ = 1, 20 do
          semaphore:acquire()
          inside:send(true)
          if #inside > 2 then
            most:try_send(#inside)
          end
          require("echo").sleep(0)
          inside:receive()
          semaphore:release()
        end
      end)
    end
    for i = 1, 20 do
      tasks[i]:wait()
    end
    assert.equal(0, #most)
    assert.equal(0, #inside)
  end)

  it("serves those who wait in the order in which they came, and nobody passes them", function()
    local s <close> = new_scheduler(2)
    local semaphore, notes = echo.semaphore(1), echo.channel(10)
    semaphore:acquire()
    local tasks = {}
    for i = 1, 4 do
      tasks[i] = new_taker(s, semaphore, notes, i)
    end
    for i = 1, 4 do
      semaphore:release()
      assert.is_false(semaphore:try_acquire())
      assert.equal(i, notes:receive(20))
      tasks[i]:wait()
    end
  end)

  it("is the same one in every state", function()
    local s <close> = new_scheduler()
    local semaphore = echo.semaphore(1)
    assert.is_true(s:submit(function(mine)
      mine:acquire()
      return mine
    end, semaphore):wait() == semaphore)
    assert.is_false(semaphore:try_acquire())
    semaphore:release()
  end)

  it("wakes a host that waits", function()
    local s <close> = new_scheduler()
    local semaphore = echo.semaphore(1)
    semaphore:acquire()
    s:submit(function()
      require("echo").sleep(0.01)
      semaphore:release()
    end)
    semaphore:acquire(20)
    assert.is_false(semaphore:try_acquire())
  end)

  it("cannot be released more often than it was acquired", function()
    local semaphore = echo.semaphore(1)
    includes("the semaphore was released more often than it was acquired",
      refusal(semaphore.release, semaphore))
    semaphore:acquire()
    semaphore:release()
    refusal(semaphore.release, semaphore)
    assert.is_true(semaphore:try_acquire())
    assert.is_false(semaphore:try_acquire())
  end)

  it("is released at the end of a block", function()
    local semaphore = echo.semaphore(1)
    do
      local _ <close> = semaphore:acquire()
      assert.is_false(semaphore:try_acquire())
    end
    assert.is_true(is_free(semaphore))
    pcall(function()
      local _ <close> = semaphore:acquire()
      error("out")
    end)
    assert.is_true(is_free(semaphore))
  end)
end)

describe("with", function()
  it("calls the function with a permit and returns what it returns", function()
    local semaphore = echo.semaphore(1)
    local results = table.pack(semaphore:with(function(...)
      assert.is_false(semaphore:try_acquire())
      return ..., nil
    end, 1, nil, 3))
    assert.same({ 1, nil, n = 2 }, results)
    assert.is_true(is_free(semaphore))
    assert.equal(0, select("#", semaphore:with(function() end)))
  end)

  it("releases the permit when the function raises, and lets the error through", function()
    local semaphore = echo.semaphore(1)
    local err = { "mine" }
    assert.equal(err, refusal(semaphore.with, semaphore, error, err))
    assert.is_true(is_free(semaphore))
  end)

  it("waits for its turn, and the function may wait, in a task", function()
    local s <close> = new_scheduler(1)
    local semaphore, go = echo.semaphore(1), echo.channel()
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = s:submit(function(...)
        return semaphore:with(function(...)
          return go:receive(), ...
        end, ...)
      end, i, nil)
      until_status(tasks[i], "suspended")
    end
    for i = 1, 3 do
      assert.is_false(semaphore:try_acquire())
      go:send("go")
      assert.same({ "go", i, nil, n = 3 }, table.pack(tasks[i]:wait()))
    end
    assert.is_true(is_free(semaphore))
  end)

  it("releases the permit of a task that fails or is cancelled in the midst of it", function()
    local s <close> = new_scheduler(1)
    local semaphore, go = echo.semaphore(1), echo.channel()
    local failing = s:submit(function()
      semaphore:with(function()
        go:receive()
        error("out")
      end)
    end)
    until_status(failing, "suspended")
    go:send(1)
    local well, err = failing:pwait()
    assert.is_false(well)
    includes("out", err.message)
    includes("semaphore_spec.lua", err.traceback)
    assert.is_true(is_free(semaphore))
    local waiting = s:submit(function()
      semaphore:with(go.receive, go)
    end)
    until_status(waiting, "suspended")
    waiting:cancel()
    waiting:pwait()
    assert.is_true(is_free(semaphore))
    local busy = s:submit(function()
      semaphore:with(function()
        go:send(1)
        while true do end -- luacheck: ignore 542
      end)
    end)
    go:receive()
    busy:cancel()
    busy:pwait()
    assert.is_true(is_free(semaphore))
  end)

  it("releases nothing if it got nothing", function()
    local s <close> = new_scheduler(1)
    local semaphore = echo.semaphore(1)
    semaphore:acquire()
    local waiting = s:submit(function()
      semaphore:with(error, "not reached")
    end)
    until_status(waiting, "suspended")
    waiting:cancel()
    assert.equal("cancelled", select(2, waiting:pwait()).kind)
    assert.is_false(semaphore:try_acquire())
  end)
end)

describe("a task that is cancelled while it waits for a permit", function()
  it("takes none", function()
    local s <close> = new_scheduler(1)
    local semaphore, notes = echo.semaphore(1), echo.channel(5)
    semaphore:acquire()
    local first = new_taker(s, semaphore, notes, 1)
    local second = new_taker(s, semaphore, notes, 2)
    first:cancel()
    first:pwait()
    semaphore:release()
    assert.equal(2, notes:receive(20))
    second:wait()
    assert.is_false(semaphore:try_acquire())
  end)

  it("passes on the one that it was given and has not looked at", function()
    local s <close> = new_scheduler(1)
    local semaphore = echo.semaphore(1)
    semaphore:acquire()
    local taker = new_taker(s, semaphore)
    s:submit(function(task)
      semaphore:release()
      task:cancel()
    end, taker):wait()
    assert.equal("cancelled", select(2, taker:pwait()).kind)
    assert.is_true(is_free(semaphore))
  end)

  it("loses none, whenever the cancel comes", function()
    local s <close> = new_scheduler(2)
    local semaphore, tasks = echo.semaphore(2), {}
    for i = 1, 2000 do
      tasks[i] = s:submit(function()
        for _ = 1, 3 do
          semaphore:with(require("echo").sleep, 0)
        end
      end)
      if i > 20 then
        tasks[i - i % 20]:cancel()
      end
    end
    for i = 1, 2000 do
      tasks[i]:pwait()
    end
    assert.is_true(semaphore:try_acquire())
    assert.is_true(semaphore:try_acquire())
    assert.is_false(semaphore:try_acquire())
  end)
end)

describe("arguments", function()
  it("are checked", function()
    for _, permits in ipairs { 0, -1, 1.5, "1", {}, 2 ^ 40 } do
      includes("permits: an integer from 1 to 2147483647 expected",
        refusal(echo.semaphore, permits))
    end
    includes("permits: an integer from 1 to 2147483647 expected, got no value",
      refusal(echo.semaphore))
    local semaphore, channel = echo.semaphore(1), echo.channel()
    includes("seconds: a number from 0 on expected", refusal(semaphore.acquire, semaphore, -1))
    includes("function expected", refusal(semaphore.with, semaphore, 1))
    for _, name in ipairs { "acquire", "try_acquire", "release", "with" } do
      includes("echo.semaphore expected", refusal(semaphore[name], channel, print))
      includes("echo.semaphore expected", refusal(semaphore[name]))
    end
    assert.is_true(is_free(semaphore))
  end)
end)
