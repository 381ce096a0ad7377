-- echo.await(argc, fn, ...): waiting for a call-back.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local logs = require "spec.lua.support.log"
local refusal = require "spec.lua.support.refusal"
local tasks = require "spec.lua.support.tasks"

local run, fail = tasks.run, tasks.fail

-- What the function is called with, after the call-back was called: as many as there are.
local function arguments_of(...)
  local seen
  local place = ...
  echo.await(place, function(...)
    seen = table.pack(...)
    seen[place]()
  end, select(2, ...))
  for i = 1, seen.n do
    if type(seen[i]) == "function" then seen[i] = "call-back" end
    seen[i] = seen[i] == nil and "nil" or seen[i]
  end
  return table.concat(seen, " ")
end

describe("echo.await with a function", function()
  it("gives it the call-back for the argument of that number", function()
    assert.equal("call-back", arguments_of(1))
    assert.equal("nil nil call-back", arguments_of(3))
    assert.equal("a b call-back", arguments_of(3, "a", "b"))
    assert.equal("a call-back c", arguments_of(2, "a", "instead of this", "c"))
  end)

  it("returns what the call-back is called with", function()
    assert.same({ n = 4, nil, "b", nil, nil }, table.pack(echo.await(1, function(done)
      done(nil, "b", nil, nil)
    end)))
    assert.equal(0, select("#", echo.await(1, function(done) done() end)))
    assert.equal(10000, select("#", echo.await(1, function(done)
      done(table.unpack({}, 1, 10000))
    end)))
  end)

  it("takes the first call", function()
    assert.equal("first", echo.await(1, function(done)
      done("first")
      done("second")
    end))
    assert.same({ true, "first", "alive" }, { run(function()
      local keep
      local first = echo.await(1, function(done)
        keep = done
        require("luv").new_timer():start(1, 0, function()
          done("first")
          done("second")
        end)
      end)
      keep("third")
      echo.sleep(0.001)
      keep("fourth")
      return first, "alive"
    end) })
  end)

  it("works with what anybody calls back", function()
    assert.same({ true, "from a task" }, { run(function()
      return echo.await(echo.submit(function()
        local done
        local function later(value, callback)
          done = callback
          local co = coroutine.wrap(function()
            echo.sleep(0.001)
            done(value)
          end)
          co()
        end
        return echo.await(2, later, "from a task")
      end))
    end) })
  end)

  it("calls functions that wait themselves, and tables that can be called", function()
    assert.same({ true, "waited" }, { run(function()
      local patient = setmetatable({}, {
        __call = function(_, value, done)
          echo.sleep(0.001)
          done(value)
        end,
      })
      return echo.await(2, patient, "waited")
    end) })
  end)

  it("raises what the function raises", function()
    assert.equal("as it is", refusal(echo.await, 1, function() error("as it is", 0) end))
    local err = fail(function()
      echo.await(1, function() error("in the task") end)
    end)
    includes("in the task", err.message)
  end)

  -- luv's functions return nil, a message and a name.
  it("raises what a function returns that could not begin", function()
    local err = fail(function()
      local uv = require "luv"
      echo.await(2, uv.shutdown, uv.new_tcp())
    end)
    includes("ENOTCONN: socket is not connected", err.message)
    assert.equal("EINVAL: no", refusal(echo.await, 1, function() return nil, "EINVAL: no", "EINVAL" end))
    assert.equal("value", echo.await(1, function(done)
      done("value")
      return nil, "text", "NAME"
    end))
  end)

  it("is left by a cancel, and the call-back that comes then harms nobody", function()
    local lines <close> = logs.new()
    local s <close> = echo.builder():with_worker_count(1):build()
    local path, write = lines.path, logs.write
    local task = s:submit(function()
      local uv = require "luv"
      local timer = uv.new_timer()
      local _guard <close> = setmetatable({}, { __close = function() write(path, "closed") end })
      echo.await(1, function(done)
        _G.late = done
        write(path, "waits")
        timer:start(1000000, 0, done)
      end)
    end)
    lines:await(1)
    task:cancel()
    local _, err = task:pwait(20)
    assert.equal("cancelled", err.kind)
    assert.equal("fine", s:submit(function()
      _G.late(1)
      _G.late(2)
      return echo.await(1, function(done) done("fine") end)
    end):wait(20))
    assert.same({ "waits", "closed" }, lines:read())
  end)

  it("waits at any depth, and in iterators", function()
    assert.same({ true, 6 }, { run(function()
      local uv = require "luv"
      local timer = uv.new_timer()
      local function tick(value)
        echo.await(4, timer.start, timer, 1, 0)
        return value
      end
      local sum = 0
      for value in coroutine.wrap(function()
        for i = 1, 3 do coroutine.yield(tick(i)) end
      end) do
        sum = sum + value
      end
      timer:close()
      return sum
    end) })
  end)

  it("says where it cannot wait", function()
    local err = fail(function()
      table.sort({ 2, 1 }, function() echo.await(1, function() end) end)
    end)
    includes("echo.await cannot wait here: inside of a C function that calls back", err.message)
    includes("echo.await with a function waits in tasks and in coroutines that can yield",
      refusal(echo.await, 1, function() end))
  end)

  -- An address sanitizer sees it: the collector frees what the refused one has made in any order.
  it("leaves nothing behind where it cannot wait that the collector stumbles over", function()
    for _ = 1, 20 do
      refusal(echo.await, 1, function() end)
    end
    collectgarbage()
    collectgarbage()
  end)

  it("checks its arguments", function()
    includes("bad argument #1 to 'echo.await'", refusal(echo.await, 0, print))
    includes("the call-back's place", refusal(echo.await, 0, print))
    includes("the call-back's place", refusal(echo.await, 1000000, print))
    includes("the call-back's place", refusal(echo.await, 1.5, print))
    includes("bad argument #2", refusal(echo.await, 1))
    includes("bad argument #2", refusal(echo.await, 1, "print"))
  end)

  it("lets go of what it was given", function()
    assert.same({ true, true }, { run(function()
      local weak = setmetatable({}, { __mode = "v" })
      weak[1] = echo.await(1, function(done) done({}) end)
      collectgarbage()
      return weak[1] == nil
    end) })
  end)
end)

describe("echo.await with a function, in a coroutine of the program", function()
  it("waits for the program's own luv", function()
    local uv = require "luv"
    local s <close> = echo.builder():with_worker_count(1):build()
    s:attach(uv)
    local results
    coroutine.wrap(function()
      local timer = uv.new_timer()
      echo.await(4, timer.start, timer, 1, 0)
      timer:close()
      local _, stat = echo.await(2, uv.fs_stat, "/etc/passwd")
      results = stat.type
    end)()
    assert.is_nil(results)
    uv.run()
    s:attach(nil)
    uv.run("nowait")
    assert.equal("file", results)
  end)

  it("is delivered by poll, and only what was given first", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local done, result
    local co = coroutine.wrap(function()
      result = echo.await(1, function(callback) done = callback end)
    end)
    co()
    assert.equal(0, s:poll())
    done("given")
    done("too late")
    assert.is_nil(result)
    s:poll()
    assert.equal("given", result)
    done("much too late")
    assert.equal(0, s:poll())
  end)
end)
