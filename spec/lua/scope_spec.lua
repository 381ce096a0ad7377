-- echo.scope: nothing that is started inside outlives it, and the first failure ends it.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local logs = require "spec.lua.support.log"

local new_gate = require "spec.lua.support.gate"
local helper = require "spec.lua.support.tasks"

local run, run_on, fail = helper.run, helper.run_on, helper.fail
local new_log, write, sleep = logs.new, logs.write, logs.sleep

local here = debug.getinfo(1, "S").short_src

describe("echo.scope", function()
  it("says what failed though what makes the error's value waits, too", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local failures = s:submit(function()
      local function fails()
        error(setmetatable({}, {
          __echo_transfer = function()
            return function()
              require("echo").checkpoint()
              -- of the size of what the wait has kept
              local texts = {}
              for i = 1, 2000 do
                texts[i] = ("z"):rep(i % 60) .. i
              end
              return texts
            end
          end,
        }))
      end
      local count = 0
      for _ = 1, 20 do
        local well, err = pcall(echo.scope, function()
          echo.submit(fails)
        end)
        count = count + (not well and #err.value or 0)
      end
      return count
    end):wait(20)
    assert.equal(20 * 2000, failures)
  end)

  it("calls the function in this task with a handle and returns all its results", function()
    local count = 0
    assert.same({ true, 1, nil, "c", nil, "userdata", 1 }, { run(function()
      local kind
      local a, b, c, d = echo.scope(function(scope)
        kind = type(scope)
        count = count + 1
        return 1, nil, "c", nil
      end)
      return a, b, c, d, kind, count
    end) })
  end)

  it("gives further arguments to the function", function()
    assert.same({ true, 3 }, { run(function()
      return echo.scope(function(_, a, b)
        return a + b
      end, 1, 2)
    end) })
  end)

  it("returns when every task has ended that was started inside", function()
    for workers = 1, 2 do
      assert.same({ true, "done done done" }, { run_on(workers, function()
        local tasks = {}
        echo.scope(function(scope)
          for i = 1, 2 do
            tasks[i] = echo.submit(function()
              echo.sleep(0.01)
            end)
          end
          tasks[3] = scope:submit(function()
            echo.sleep(0.01)
          end)
        end)
        for i, task in ipairs(tasks) do
          tasks[i] = task:status()
        end
        return table.concat(tasks, " ")
      end) })
    end
  end)

  it("waits for tasks that were started by a function that it calls, and in coroutines", function()
    assert.same({ true, "done done" }, { run(function()
      local first, second
      local function start()
        first = echo.submit(echo.sleep, 0.01)
      end
      echo.scope(function()
        start()
        coroutine.wrap(function()
          second = echo.submit(echo.sleep, 0.01)
        end)()
      end)
      return first:status() .. " " .. second:status()
    end) })
  end)

  it("does not wait for what was started before it, or after it", function()
    assert.same({ true, "suspended", "suspended" }, { run_on(1, function()
      local before = echo.submit(echo.sleep, 100)
      echo.scope(function()
        echo.sleep(0.01)
      end)
      local status = before:status()
      local after = echo.submit(echo.sleep, 100)
      echo.sleep(0.01)
      local late = after:status()
      before:cancel()
      after:cancel()
      return status, late
    end) })
  end)

  it("does not wait for a detached task", function()
    assert.same({ true, true, false, "suspended suspended" }, { run_on(1, function()
      local first, second, detached, again
      echo.scope(function(scope)
        first = echo.submit({ detach = true }, echo.sleep, 100)
        second = echo.submit(echo.sleep, 100)
        detached = scope:detach(second)
        again = scope:detach(second)
        echo.sleep(0.01)
      end)
      local states = first:status() .. " " .. second:status()
      first:cancel()
      second:cancel()
      return detached, again, states
    end) })
  end)

  it("does not let go of a task that has ended", function()
    assert.same({ true, false }, { run(function()
      return echo.scope(function(scope)
        local task = echo.submit(function() end)
        echo.await(task)
        return scope:detach(task)
      end)
    end) })
  end)

  it("ends its tasks when it is told to, and later ones, and goes on itself", function()
    assert.same({ true, "cancelled cancelled done", "fine" }, { run_on(1, function()
      local before, after, other
      local result = echo.scope(function(scope)
        before = echo.submit(echo.sleep, 100)
        other = echo.submit({ detach = true }, math.abs, 1)
        scope:cancel()
        after = echo.submit(echo.sleep, 100)
        echo.await(other)
        return "fine"
      end)
      return ("%s %s %s"):format(before:status(), after:status(), other:status()), result
    end) })
  end)

  it("keeps order with many tasks", function()
    assert.same({ true, 2000 }, { run(function()
      local tasks = {}
      echo.scope(function()
        for i = 1, 2000 do
          tasks[i] = echo.submit(function() end)
        end
      end)
      local done = 0
      for i = 1, #tasks do
        done = done + (tasks[i]:status() == "done" and 1 or 0)
      end
      return done
    end) })
  end)

  it("can be used inside of map", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local list = s:map(function(x)
      local sum = 0
      echo.scope(function()
        for _, task in ipairs { echo.submit(math.max, x, 1), echo.submit(math.max, x, 2) } do
          sum = sum + echo.await(task)
        end
      end)
      return sum
    end, { 10, 20, 30 }):wait(20)
    assert.same({ 20, 40, 60 }, list)
  end)

  it("owns the tasks of a map that is started inside", function()
    local err = fail(function(scheduler)
      echo.scope(function()
        scheduler:map(function()
          error("an item")
        end, { 1 })
      end)
    end, (echo.builder():with_worker_count(1):build()))
    includes("an item", err.message)
  end)
end)

describe("a scope's failure", function()
  it("is that of the task, with its kind, message, name, value and traceback", function()
    local line = debug.getinfo(1, "l").currentline + 4
    local err = fail(function()
      echo.scope(function()
        echo.submit({ name = "child" }, function()
          error({ code = 7 })
        end)
      end)
    end)
    assert.equal("error", err.kind)
    assert.equal("child", err.task)
    assert.equal(7, err.value.code)
    assert.is_nil(err.others)
    includes(("%s:%d: in function"):format(here, line), err.traceback)
    includes("awaited by [task " .. here, err.traceback)
    includes("in function 'echo.scope'", err.traceback)
  end)

  it("is that of the function, the value that it raised and where", function()
    local line = debug.getinfo(1, "l").currentline + 4
    local err = fail(function()
      echo.scope(function()
        local function inner()
          error("it broke")
        end
        inner()
      end)
    end)
    assert.equal(("%s:%d: it broke"):format(here, line), err.message)
    assert.equal(err.message, err.value)
    assert.is_nil(err.others)
    includes("in upvalue 'inner'", (err.traceback:gsub("local 'inner'", "upvalue 'inner'")))
    includes(("%s:%d: in function"):format(here, line + 2), err.traceback)
  end)

  it("can be caught, as the very value that the function raised", function()
    assert.same({ true, true }, { run(function()
      local value = {}
      local well, err = pcall(echo.scope, function()
        error(value)
      end)
      return not well and err == value
    end) })
  end)

  it("cancels the other tasks and waits until they have ended", function()
    local log <close> = new_log()
    local err = fail(function(path)
      echo.scope(function()
        for i = 1, 3 do
          echo.submit(function()
            sleep(path, "closed " .. i)
          end)
        end
        echo.submit(function()
          echo.sleep(0.01)
          error("first")
        end)
      end)
    end, log.path)
    includes("first", err.message)
    assert.is_nil(err.others)
    local lines = log:read()
    table.sort(lines)
    assert.same({ "closed 1", "closed 2", "closed 3" }, lines)
  end)

  it("ends tasks that keep the worker of the scope busy", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    for _, wait in ipairs { true, false } do
      local _, err = s:submit({ priority = "low" }, function(waits)
        echo.scope(function()
          echo.submit({ priority = "normal" }, function()
            echo.sleep(0.01)
            error("x", 0)
          end)
          for _ = 1, 3 do
            echo.submit({ priority = "low" }, function()
              while true do
              end
            end)
          end
          if waits then
            echo.sleep(100)
          end
        end)
      end, wait):pwait(20)
      assert.equal("x", err.message)
    end
  end)

  it("cancels the tasks when the function fails", function()
    assert.same({ true, "cancelled", "cancelled" }, { run(function()
      local task
      pcall(echo.scope, function()
        task = echo.submit(echo.sleep, 100)
        error("body")
      end)
      return task:status(), select(2, echo.pawait(task)).kind
    end) })
  end)

  it("reaches the function where it waits, at once", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    assert.same({ "cancelled", "a task of this scope failed", "cancelled" }, s:submit({ key = "body" },
      function()
        local first, second
        pcall(echo.scope, function()
          echo.submit(function()
            local body = echo.submit({ key = "body", conflict = "join" }, print)
            while body:status() ~= "suspended" do
              echo.sleep(0.001)
            end
            error("x")
          end)
          first = select(2, pcall(echo.sleep, 100))
          second = select(2, pcall(echo.sleep, 0))
        end)
        return { first.kind, first.message, second.kind }
      end):wait(20))
  end)

  it("reaches the function where it runs", function()
    local err = fail(function()
      echo.scope(function()
        echo.submit(error, "x")
        while true do
        end
      end)
    end)
    assert.equal("x", err.message)
  end)

  it("cannot be caught for ever", function()
    for _, pause in ipairs { function() end, function()
      echo.sleep(0.001)
    end } do
      local err = fail(function(wait)
        echo.scope(function()
          echo.submit(error, "x")
          while true do
            pcall(wait)
          end
        end)
      end, pause)
      assert.equal("x", err.message)
    end
  end)

  it("leaves what comes after the scope alone", function()
    assert.same({ true, 5000050000 }, { run(function()
      pcall(echo.scope, function()
        echo.submit(error, "x")
        pcall(function()
          while true do
          end
        end)
      end)
      echo.sleep(0.001)
      local sum = 0
      for i = 1, 100000 do
        sum = sum + i
      end
      return sum
    end) })
  end)

  it("has those attached that happened before their tasks were told to end", function()
    local s <close> = echo.builder():with_worker_count(2):with_queue("one", { limit = 1 }):build()
    local lines <close> = logs.new()
    local first <close> = new_gate() -- for the tasks, until the body is where nothing interrupts it
    local gate <close> = new_gate()
    local task = s:submit(function(path, pass, first_path, execute, command)
      echo.scope(function()
        echo.submit({ queue = "one" }, pass, first_path)
        for i = 1, 3 do
          echo.submit({ name = "t" .. i, queue = "one" }, error, "failure " .. i)
        end
        echo.submit({ queue = "one" }, write, path, "all have failed")
        execute(command)
        error("the body's own", 0)
      end)
    end, lines.path, first.pass, first.path, gate:in_c())
    gate:await_arrival()
    first:open()
    lines:await(1)
    gate:open()
    local _, err = task:pwait(20)
    assert.same({ "failure 1", "t1", 2 }, { err.message, err.task, #err.others })
    assert.same({ "failure 2", "t2" }, { err.others[1].message, err.others[1].task })
    assert.same({ "failure 3", "t3" }, { err.others[2].message, err.others[2].task })
    assert.equal("echo.error", getmetatable(err.others[1]))
    assert.equal("error", err.others[1].kind)
  end)

  it("has that of the function attached, if it had one of its own", function()
    local err = fail(function()
      echo.scope(function()
        pcall(function()
          echo.submit(error, "task")
          echo.sleep(100)
        end)
        error({ "body" })
      end)
    end)
    assert.same({ "task", 1, "body" }, { err.message, #err.others, err.others[1].value[1] })
  end)

  it("is there once, if the function awaited the task that failed", function()
    local err = fail(function()
      echo.scope(function()
        echo.await(echo.submit({ name = "child" }, error, "x"))
      end)
    end)
    assert.same({ "x", "child" }, { err.message, err.task })
    assert.is_nil(err.others)
  end)

  it("is none if somebody cancelled the task", function()
    assert.same({ true, "fine" }, { run(function()
      return echo.scope(function()
        echo.submit(echo.sleep, 100):cancel()
        echo.sleep(0.01)
        return "fine"
      end)
    end) })
  end)

  it("is one if the task ran out of its time", function()
    local err = fail(function()
      echo.scope(function()
        echo.submit({ name = "slow", timeout = 0.01 }, echo.sleep, 100)
      end)
    end)
    assert.same({ "timeout", "slow" }, { err.kind, err.task })
  end)

  it("is one if the results cannot travel", function()
    assert.equal("transfer", fail(function()
      echo.scope(function()
        echo.submit(coroutine.create, print)
      end)
    end).kind)
  end)

  it("ends tasks that are started when it is too late", function()
    assert.same({ true, "cancelled" }, { run(function()
      local task
      pcall(echo.scope, function()
        pcall(function()
          echo.submit(error, "x")
          echo.sleep(100)
        end)
        task = echo.submit(echo.sleep, 100)
      end)
      return task:status()
    end) })
  end)
end)

describe("nested scopes", function()
  it("own each its own tasks", function()
    assert.same({ true, "done", "suspended", "done" }, { run_on(1, function()
      local outer, inner, meanwhile
      echo.scope(function()
        outer = echo.submit(echo.sleep, 0.1)
        echo.scope(function()
          inner = echo.submit(echo.sleep, 0.01)
        end)
        inner, meanwhile = inner:status(), outer:status()
      end)
      return inner, meanwhile, outer:status()
    end) })
  end)

  it("fail from the inside out", function()
    assert.same({ true, "x", "cancelled" }, { run(function()
      local task
      local _, err = pcall(echo.scope, function()
        task = echo.submit(echo.sleep, 100)
        echo.scope(function()
          echo.submit(error, "x")
        end)
      end)
      return err.message, task:status()
    end) })
  end)

  it("fail from the outside in, where the inner one waits", function()
    assert.same({ true, "x", "cancelled", "cancelled" }, { run(function()
      local inner, caught
      local _, err = pcall(echo.scope, function()
        echo.submit(function()
          echo.sleep(0.01)
          error("x", 0)
        end)
        local _
        _, caught = pcall(echo.scope, function()
          inner = echo.submit(echo.sleep, 100)
        end)
        error(caught)
      end)
      return err.message, inner:status(), caught.kind
    end) })
  end)

  it("leave the outer one alone if the inner failure is caught", function()
    assert.same({ true, "x", "done" }, { run(function()
      local task
      local message = echo.scope(function()
        task = echo.submit(echo.sleep, 0.01)
        local _, err = pcall(echo.scope, function()
          echo.submit(error, "x")
        end)
        return err.message
      end)
      return message, task:status()
    end) })
  end)

  it("submit to the one whose handle is used", function()
    assert.same({ true, "suspended", "done" }, { run_on(1, function()
      local task, meanwhile
      echo.scope(function(outer)
        echo.scope(function()
          task = outer:submit(echo.sleep, 0.05)
          echo.sleep(0.001)
        end)
        meanwhile = task:status()
      end)
      return meanwhile, task:status()
    end) })
  end)

  it("go 100 deep", function()
    local err = fail(function()
      local function nest(depth)
        echo.scope(function()
          echo.submit(echo.sleep, 100)
          if depth == 100 then
            error("at the bottom", 0)
          end
          nest(depth + 1)
        end)
      end
      nest(1)
    end)
    assert.equal("at the bottom", err.message)
    assert.is_nil(err.others)
  end)
end)

describe("a scope whose task is cancelled", function()
  local function start(s, task, ...)
    local t = s:submit(task, ...)
    while t:status() ~= "suspended" do
      pcall(t.wait, t, 0.001)
    end
    return t
  end

  it("cancels its tasks, and the task ends when they have", function()
    for workers = 1, 2 do
      local log <close> = new_log()
      local s <close> = echo.builder():with_worker_count(workers):build()
      local task = start(s, function(path)
        local _guard <close> = setmetatable({}, {
          __close = function()
            write(path, "parent")
          end,
        })
        echo.scope(function()
          echo.submit(sleep, path, "child")
          echo.sleep(0.01)
        end)
      end, log.path)
      pcall(task.wait, task, 0.1)
      assert.is_true(task:cancel("enough"))
      local _, err = task:pwait(20)
      assert.same({ "cancelled", "enough" }, { err.kind, err.message })
      assert.same({ "child", "parent" }, log:read())
    end
  end)

  it("ends a child that catches its cancellation again and again", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local task = start(s, function()
      echo.scope(function()
        echo.submit(function()
          while true do
            pcall(function()
              while true do
              end
            end)
          end
        end)
        echo.submit(function()
          while true do
            pcall(echo.sleep, 100)
          end
        end)
      end)
    end)
    task:cancel()
    assert.equal("cancelled", select(2, task:pwait(20)).kind)
  end)

  it("ends children that keep its worker busy", function()
    local lines <close> = logs.new()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = s:submit(function(path)
      echo.scope(function()
        for _ = 1, 3 do
          echo.submit(function()
            write(path, "busy")
            while true do
            end
          end)
        end
      end)
    end, lines.path)
    lines:await(1)
    task:cancel()
    assert.equal("cancelled", select(2, task:pwait(20)).kind)
  end)

  it("raises the cancellation in the function", function()
    local log <close> = new_log()
    local s <close> = echo.builder():with_worker_count(1):build()
    local task = start(s, function(path)
      echo.scope(function()
        local _, err = pcall(echo.sleep, 100)
        write(path, err.kind .. " " .. err.message)
        error(err)
      end)
    end, log.path)
    task:cancel("why not")
    task:pwait(20)
    assert.same({ "cancelled why not" }, log:read())
  end)

  it("is not a scope that waits for ever, when the scheduler stops with cancel", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local task = start(s, function()
      echo.scope(function()
        for _ = 1, 10 do
          echo.submit(echo.sleep, 100)
        end
      end)
    end)
    assert.is_true(s:stop { mode = "cancel", timeout = 20 })
    assert.equal("cancelled", task:status())
  end)
end)

describe("a scope that is left without having been finished", function()
  local function in_order(log, ...)
    assert.same({ ... }, log:read())
  end

  it("is finished by coroutine.close", function()
    local log <close> = new_log()
    assert.same({ true, true }, { run(function(path)
      local co = coroutine.create(function()
        echo.scope(function()
          echo.submit(sleep, path, "child")
          echo.sleep(0.01)
          coroutine.yield()
        end)
      end)
      coroutine.resume(co)
      local well = coroutine.close(co)
      write(path, "closed")
      return well
    end, log.path) })
    in_order(log, "child", "closed")
  end)

  it("is finished with its task, if its coroutine is forgotten", function()
    local log <close> = new_log()
    local s <close> = echo.builder():with_worker_count(2):build()
    local task = s:submit(function(path)
      coroutine.wrap(function()
        echo.scope(function()
          echo.submit(sleep, path, "child")
          echo.sleep(0.01)
          coroutine.yield()
        end)
      end)()
      collectgarbage()
      write(path, "parent")
      return "result"
    end, log.path)
    assert.equal("result", task:wait(20))
    in_order(log, "parent", "child")
  end)

  it("is finished with its task, if that fails meanwhile", function()
    local log <close> = new_log()
    local s <close> = echo.builder():with_worker_count(2):build()
    local task = s:submit(function(path)
      coroutine.wrap(function()
        echo.scope(function()
          echo.submit(sleep, path, "child")
          echo.sleep(0.01)
          coroutine.yield()
        end)
      end)()
      error("oh", 0)
    end, log.path)
    assert.equal("oh", select(2, task:pwait(20)).message)
    in_order(log, "child")
  end)

  it("is finished with its task, where no wait is possible", function()
    local log <close> = new_log()
    local err = fail(function(path)
      table.sort({ 1, 2 }, function()
        echo.scope(function()
          echo.submit(sleep, path, "child")
        end)
      end)
    end, log.path)
    includes("echo.scope cannot wait here", err.message)
    local lines = log:read() -- it may have been cancelled before it began
    assert.is_true(#lines == 0 or lines[1] == "child")
  end)

  it("does not reach what its coroutine yields to", function()
    assert.same({ true, "suspended" }, { run_on(1, function()
      local generate = coroutine.wrap(function()
        echo.scope(function()
          coroutine.yield()
        end)
      end)
      generate()
      local task = echo.submit(echo.sleep, 100) -- not the generator's
      generate()
      local status = task:status() == "queued" and "suspended" or task:status()
      task:cancel()
      return status
    end) })
  end)
end)

describe("echo.scope refuses", function()
  it("what is no function, at the caller's position", function()
    local line = debug.getinfo(1, "l").currentline + 2
    local err = fail(function()
      echo.scope(5)
    end)
    assert.equal(("%s:%d: bad argument #1 to 'scope' (function expected, got number)"):format(here,
      line), (err.message:gsub("'echo.scope'", "'scope'")))
  end)

  it("to work outside of tasks", function()
    local well, err = pcall(echo.scope, function() end)
    assert.is_false(well)
    includes("echo.scope is for tasks", err)
  end)

  it("a handle that has ended", function()
    local err = fail(function()
      local kept
      echo.scope(function(scope)
        kept = scope
      end)
      kept:submit(print)
    end)
    includes("this scope has ended", err.message)
  end)

  it("an option 'detach' that is no boolean", function()
    includes("option 'detach': true or false expected, got 'yes'", fail(function()
      echo.submit({ detach = "yes" }, print)
    end).message)
  end)

  it("to wait for tasks that wait for it", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local _, err = s:submit({ key = "parent" }, function()
      echo.scope(function()
        echo.submit(function()
          echo.await((echo.submit({ key = "parent", conflict = "join" }, print)))
        end)
      end)
    end):pwait(20)
    includes("would wait for ever", err.message)
  end)
end)
