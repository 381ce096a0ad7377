-- echo.await, echo.pawait, echo.sleep: waiting in a task, at any depth.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local logs = require "spec.lua.support.log"
local tasks = require "spec.lua.support.tasks"

local here = debug.getinfo(1, "S").short_src
local run, run_on, fail = tasks.run, tasks.run_on, tasks.fail
local write = logs.write

describe("echo.await", function()
  it("returns all results, on any number of workers", function()
    for workers = 1, 2 do
      assert.same({ true, 1, nil, "c" }, { run_on(workers, function()
        return echo.await(echo.submit(function()
          echo.sleep(0.001)
          return 1, nil, "c"
        end))
      end) })
    end
  end)

  it("can be called again, and by several tasks", function()
    assert.same({ true, { 7, 7, 7 } }, { run(function()
      local task = echo.submit(function()
        echo.sleep(0.01)
        return 7
      end)
      local waiters = {}
      for i = 1, 3 do
        waiters[i] = echo.submit(function()
          return echo.await(task)
        end)
      end
      return echo.all(waiters)
    end) })
  end)

  it("waits no longer than it is told, and the task goes on", function()
    assert.same({ true, "timeout", 5 }, { run(function()
      local task = echo.submit(function()
        echo.sleep(0.05)
        return 5
      end)
      local _, err = pcall(echo.await, task, 0.001)
      return err.kind, echo.await(task)
    end) })
  end)

  it("goes 300 tasks deep on one worker", function()
    assert.same({ true, 300 }, { run_on(1, function()
      local function nest(depth)
        if depth == 300 then
          return depth
        end
        return echo.await((echo.submit(nest, depth + 1)))
      end
      return nest(0)
    end) })
  end)

  it("lets one worker serve a tree of tasks", function()
    assert.same({ true, 610 }, { run_on(1, function()
      local function fib(n)
        if n < 2 then
          return n
        end
        local left, right = echo.submit(fib, n - 1), echo.submit(fib, n - 2)
        return echo.await(left) + echo.await(right)
      end
      return fib(15)
    end) })
  end)

  it("brings its results though what makes them waits, too", function()
    local s = echo.builder():with_worker_count(1):build()
    local task = s:submit(function()
      local function make()
        return setmetatable({}, {
          __echo_transfer = function()
            return function()
              require("echo").checkpoint()
              -- of the size of what the await has kept
              local texts = {}
              for i = 1, 2000 do
                texts[i] = ("z"):rep(60 + i % 40) .. i
              end
              return texts
            end
          end,
        })
      end
      local child = echo.submit(function(...)
        return (...)(), 8
      end, make)
      local texts, eight = echo.await(child)
      local well, again, last = echo.pawait(child)
      return type(texts), eight, well, type(again), last
    end)
    assert.same({ "table", 8, true, "table", 8, n = 5 }, table.pack(task:wait(20)))
    s:stop()
  end)

  it("is what wait is, in a task", function()
    assert.same({ true, 3, false, "x" }, { run_on(1, function()
      local well, err = echo.submit(error, "x"):pwait()
      return echo.submit(math.abs, -3):wait(), well, err.message
    end) })
  end)
end)

describe("an awaited task's failure", function()
  it("is an error object that can be caught", function()
    assert.same({ true, "echo.error", "error", "x", "child", "x", false, "x" }, { run(function()
      local task = echo.submit({ name = "child" }, error, "x")
      local _, err = pcall(echo.await, task)
      local well, again = echo.pawait(task)
      return getmetatable(err), err.kind, err.message, err.task, err.value, well, again.message
    end) })
  end)

  it("leaves the awaiting task as what it is, with the tracebacks of both", function()
    local line = debug.getinfo(1, "l").currentline + 3
    local err = fail(function()
      local function child()
        error({ code = 7 })
      end
      local function parent()
        return (echo.await((echo.submit({ name = "child" }, child))))
      end
      parent()
    end)
    assert.same({ "error", "child", 7 }, { err.kind, err.task, err.value.code })
    local first, second = err.traceback:find("awaited by [task ", 1, true)
    assert.is_truthy(first)
    includes(("%s:%d: in function"):format(here, line), err.traceback:sub(1, first))
    includes(("%s:%d: in "):format(here, line + 3), err.traceback:sub(second))
    includes("in function 'echo.await'", err.traceback:sub(second))
    assert.equal(1, select(2, err.traceback:gsub("awaited by", "")))
  end)

  it("keeps its kind over three tasks", function()
    local err = fail(function()
      local function fails()
        echo.await((echo.submit({ name = "slow", timeout = 0.01 }, echo.sleep, 100)))
      end
      echo.await((echo.submit({ name = "middle" }, fails)))
    end)
    assert.same({ "timeout", "slow" }, { err.kind, err.task })
    includes("awaited by [task middle] stack traceback", err.traceback)
    includes("awaited by [task " .. here, err.traceback)
  end)

  it("of kind 'cancelled' makes a failed task, not a cancelled one", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit(function()
      local child = echo.submit(echo.sleep, 100)
      child:cancel("no need")
      echo.await(child)
    end)
    local _, err = task:pwait(20)
    assert.same({ "failed", "cancelled", "no need" }, { task:status(), err.kind, err.message })
  end)

  it("travels when it is raised again by hand, or returned", function()
    assert.same({ true, "x", "x" }, { run(function()
      local task = echo.submit(error, "x")
      local relay = echo.submit(function()
        local well, err = echo.pawait(task)
        if not well then
          error(err)
        end
      end)
      local _, raised = echo.pawait(relay)
      local returned = select(2, echo.pawait(task))
      return raised.message, returned.message
    end) })
  end)

  it("without a value that can travel still has its text", function()
    local err = fail(function()
      local _, caught = echo.pawait((echo.submit({ name = "child" }, error, "x")))
      caught.value = coroutine.create(print)
      caught.others = { caught, io.stdout }
      error(caught)
    end)
    assert.same({ "x", "child" }, { err.message, err.task })
    assert.is_nil(err.value)
  end)

  it("may be spoilt by a script, which harms nobody", function()
    local err = fail(function()
      local _, caught = echo.pawait((echo.submit(error, "x")))
      caught.kind, caught.message, caught.traceback, caught.task, caught.others = 5, {}, 7, false, 9
      error(caught)
    end)
    assert.equal("error", err.kind)
    includes("table: ", err.message)
  end)

  it("is tried again if the awaiting task may, as any error", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.equal(2, s:submit({ retries = 3 }, function()
      local attempt = echo.current().attempt
      echo.await((echo.submit(function()
        assert(attempt == 2)
      end)))
      return attempt
    end):wait(20))
  end)
end)

describe("a wait", function()
  local function waits(where)
    assert.same({ true, 42 }, { run_on(1, where) })
  end

  it("can be in pcall and xpcall, with errors after it", function()
    waits(function()
      local well, err = pcall(function()
        echo.sleep(0.001)
        error({ 40 })
      end)
      assert(not well)
      local _, more = xpcall(function()
        echo.sleep(0.001)
        error(1)
      end, function(one)
        return one + 1
      end)
      return err[1] + more
    end)
  end)

  it("can be in coroutines, iterators and their closing values", function()
    waits(function()
      local sum = 0
      local function each(limit)
        local guard = setmetatable({}, {
          __close = function()
            echo.sleep(0.001)
            sum = sum + 4
          end,
        })
        return function(_, i)
          echo.sleep(0.001)
          return i < limit and i + 1 or nil
        end, nil, 0, guard
      end
      for i in each(4) do
        sum = sum + i
      end
      for i in coroutine.wrap(function()
        for i = 1, 7 do
          echo.sleep(0.001)
          coroutine.yield(i)
        end
      end) do
        sum = sum + i
      end
      return sum
    end)
  end)

  it("can be in metamethods", function()
    waits(function()
      local function slow(value)
        return function()
          echo.sleep(0)
          return value
        end
      end
      local t = setmetatable({}, {
        __index = slow(1),
        __call = slow(2),
        __add = slow(3),
        __concat = slow(4),
        __unm = slow(5),
        __len = slow(6),
        __eq = slow(true),
        __lt = slow(true),
        __le = slow(true),
        __newindex = slow(),
      })
      t.x = 1
      local other = setmetatable({}, getmetatable(t))
      local truths = 0
      for _, truth in ipairs({ t == other, t < other, t <= other }) do
        truths = truths + (truth and 7 or 0)
      end
      return t.field + t() + (t + 1) + (t .. "") + -t + #t + truths
    end)
  end)

  it("can be in a closing variable, and after an error there", function()
    waits(function()
      local sum = 0
      pcall(function()
        local _first <close> = setmetatable({}, {
          __close = function()
            echo.sleep(0.001)
            sum = sum + 21
          end,
        })
        local _second <close> = setmetatable({}, {
          __close = function()
            echo.sleep(0.001)
            sum = sum + 21
            error("again")
          end,
        })
        error("x")
      end)
      return sum
    end)
  end)

  it("says so where it cannot be: in callbacks of C functions", function()
    for _, where in ipairs {
      function()
        table.sort({ 2, 1 }, function()
          echo.sleep(0.001)
        end)
      end,
      function()
        return ("x"):gsub(".", function()
          echo.await((echo.submit(math.abs, 1)))
        end)
      end,
      function()
        error((select(2, load(function()
          echo.sleep(0.001)
        end))))
      end,
      function()
        table.sort({ 2, 1 }, coroutine.wrap(function()
          echo.sleep(0.001)
        end))
      end,
    } do
      local _, err = run_on(1, where)
      includes("cannot wait here: inside of a C function that calls back, such as table.sort or "
        .. "string.gsub", err.message)
      includes(here, err.message)
    end
  end)

  it("goes on after one that could not be", function()
    waits(function()
      pcall(table.sort, { 2, 1 }, function()
        echo.sleep(0.001)
      end)
      echo.sleep(0.001)
      return echo.await((echo.submit(math.abs, -42)))
    end)
  end)

  it("for itself is told so", function()
    local err = fail(function()
      echo.await((echo.submit({ key = "me" }, function()
        echo.await((echo.submit({ key = "me", conflict = "join" }, print)))
      end)))
    end)
    includes("a task cannot wait for itself", err.message)
  end)

  it("in a ring is told so, to the one that would close it", function()
    for length = 2, 5 do
      local err = fail(function(count)
        local function link(i)
          local key = { key = "task " .. i % count + 1, conflict = "join" }
          echo.await((echo.submit(key, link, i + 1)))
        end
        echo.await((echo.submit({ key = "task 1" }, link, 1)))
      end, length)
      includes("this task waits, over others, for the one that calls", err.message)
    end
  end)
end)

describe("a suspended task that is cancelled", function()
  local function start(s, task, ...)
    local t = s:submit(task, ...)
    while t:status() ~= "suspended" do
      pcall(t.wait, t, 0.001)
    end
    return t
  end

  it("ends at once, with its closing variables and handlers run", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local lines <close> = logs.new()
    local task = start(s, function(path)
      local _guard <close> = setmetatable({}, {
        __close = function(_, err)
          write(path, "closed: " .. err.message)
        end,
      })
      local _, err = pcall(echo.sleep, 100)
      local sum = 0
      for i = 1, 10000 do
        sum = sum + i
      end
      write(path, ("caught: %s, %s, %d"):format(err.kind, err.message, sum))
      error(err)
    end, lines.path)
    assert.is_true(task:cancel("enough"))
    assert.equal("enough", select(2, task:pwait(20)).message)
    assert.same({ "caught: cancelled, enough, 50005000", "closed: enough" }, lines:read())
    assert.equal("cancelled", task:status())
  end)

  it("cannot wait any more", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local lines <close> = logs.new()
    local task = start(s, function(path)
      local other = echo.submit(math.abs, 1)
      for _, wait in ipairs { echo.sleep, echo.sleep, echo.await, echo.pawait } do
        local well, err = pcall(wait, wait == echo.sleep and 100 or other)
        write(path, tostring(well) .. " " .. tostring(err and err.kind))
      end
    end, lines.path)
    task:cancel()
    assert.equal("cancelled", select(2, task:pwait(20)).kind)
    assert.same({ "false cancelled", "false cancelled", "false cancelled", "false cancelled" },
      lines:read())
  end)

  it("cannot catch it for ever", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    for _, again in ipairs {
      function()
        while true do
          pcall(echo.sleep, 100)
        end
      end,
      function()
        while true do
          pcall(coroutine.wrap(function()
            echo.sleep(100)
          end))
        end
      end,
      function()
        while true do
          pcall(echo.sleep, 100)
          coroutine.wrap(function() end)()
        end
      end,
      function()
        local function close()
          local _guard <close> = setmetatable({}, { __close = close })
          pcall(echo.sleep, 100)
        end
        while true do
          pcall(close)
        end
      end,
    } do
      local task = start(s, again)
      task:cancel()
      assert.equal("cancelled", select(2, task:pwait(20)).kind)
    end
    assert.equal(1, s:submit(math.abs, 1):wait(20))
  end)

  it("is reached inside of coroutines", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local lines <close> = logs.new()
    local task = start(s, function(path)
      local co = coroutine.wrap(function()
        local inner = coroutine.wrap(function()
          pcall(echo.sleep, 100)
          write(path, "inner")
          echo.sleep(100)
        end)
        pcall(inner)
        write(path, "outer")
        inner()
      end)
      co()
    end, lines.path)
    task:cancel()
    assert.equal("cancelled", select(2, task:pwait(20)).kind)
    assert.same({ "inner", "outer" }, lines:read())
  end)
end)
