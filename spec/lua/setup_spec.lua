-- with_setup: what each worker's new state does before its first task.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

describe("a setup", function()
  it("runs once in each worker, before its first task", function()
    local path = os.tmpname()
    do
      local s <close> = echo.builder():with_worker_count(3):with_setup(function(log)
        setups = (setups or 0) + 1 -- luacheck: ignore 111 113
        local file = io.open(log, "a")
        file:write("setup\n")
        file:close()
      end, path):build()
      local first <close> = new_gate()
      local second <close> = new_gate()
      s:submit(first.pass, first.path)
      first:await_arrival()
      s:submit(second.pass, second.path)
      second:await_arrival()
      local tasks = {}
      for i = 1, 300 do
        tasks[i] = s:submit(function()
          return setups -- luacheck: ignore 113
        end)
      end
      for _, task in ipairs(tasks) do
        assert.equal(1, task:wait())
      end
    end
    local count = 0
    for _ in io.lines(path) do
      count = count + 1
    end
    os.remove(path)
    assert.equal(3, count)
  end)

  it("runs after the ones that were named before it", function()
    local builder = echo.builder():with_worker_count(1)
    for i = 1, 5 do
      builder:with_setup(function()
        order = (order or "") .. i -- luacheck: ignore 111 113
      end)
    end
    local s <close> = builder:build()
    assert.equal("12345", s:submit(function()
      return order -- luacheck: ignore 113
    end):wait())
  end)

  it("gets its arguments and upvalues, as they were at with_setup", function()
    local options, level = { colour = "red" }, 3
    local builder = echo.builder():with_worker_count(1):with_setup(function(...)
      seen = { select("#", ...), (...).colour, level } -- luacheck: ignore 111
    end, options, nil)
    options.colour, level = "blue", 4
    local s <close> = builder:build()
    assert.same({ 2, "red", 3 }, s:submit(function()
      return seen -- luacheck: ignore 113
    end):wait())
  end)

  it("may be a library function", function()
    local s <close> =
      echo.builder():with_worker_count(1):with_setup(rawset, math, "tau", 2 * math.pi):build()
    assert.equal(2 * math.pi, s:submit(function()
      return math.tau -- luacheck: ignore 143
    end):wait())
    assert.is_nil(rawget(math, "tau"))
  end)

  it("may require echo and modules", function()
    local s <close> = echo.builder():with_worker_count(1):with_setup(function()
      json, clock = require "cjson", require("echo").now -- luacheck: ignore 111
    end):build()
    local text, time = s:submit(function()
      return json.encode({ 1 }), clock() -- luacheck: ignore 113
    end):wait()
    assert.equal("[1]", text)
    assert.equal("float", math.type(time))
  end)

  it("may not leave the program, nor change its locale", function()
    for _, setup in ipairs { function() os.exit(0) end, function() os.setlocale("C") end } do
      local s <close> = echo.builder():with_worker_count(1):with_setup(setup):build()
      local err = select(2, s:submit(math.abs, 1):pwait())
      includes("is not for tasks", err.message)
    end
  end)

  it("serves maps as well", function()
    local s <close> = echo.builder():with_worker_count(2):with_setup(function()
      base = 100 -- luacheck: ignore 111
    end):build()
    assert.same({ 101, 102 }, s:map(function(x)
      return x + base -- luacheck: ignore 113
    end, { 1, 2 }):wait())
  end)
end)

describe("a setup that fails", function()
  it("fails every task, with its message, file and line", function()
    local here, line = debug.getinfo(1, "S").short_src, debug.getinfo(1, "l").currentline + 2
    local s <close> = echo.builder():with_worker_count(2):with_setup(function()
      error("no database")
    end):build()
    for _ = 1, 10 do
      local task = s:submit({ name = "query" }, math.abs, 1)
      local err = refusal(task.wait, task)
      assert.equal("error", err.kind)
      assert.equal(
        ("the worker's setup failed: %s:%d: no database"):format(here, line),
        err.message
      )
      assert.equal("query", err.task)
      includes("no database", tostring(err))
      assert.equal("failed", task:status())
    end
    local map = s:map(math.abs, { 1, 2, 3 })
    includes("no database", refusal(map.wait, map).message)
    assert.is_true(s:stop())
  end)

  it("runs again for the next task, which has better luck when the reason is gone", function()
    local gate = new_gate()
    os.remove(gate.path)
    local s <close> = echo.builder():with_worker_count(1):with_setup(function(path)
      local file = io.open(path) or error("not yet", 0)
      file:close()
    end, gate.path):build()
    includes("not yet", select(2, s:submit(math.abs, -1):pwait()).message)
    io.open(gate.path, "w"):close()
    assert.equal(1, s:submit(math.abs, -1):wait())
    os.remove(gate.path)
  end)

  it("hands over what it raised", function()
    local s <close> = echo.builder():with_worker_count(1):with_setup(error, { code = 5 }):build()
    local err = select(2, s:submit(math.abs, -1):pwait())
    assert.equal(5, err.value.code)
  end)

  it("may yield, overflow the stack or name a module that is not there", function()
    local function recurse(n)
      return 1 + recurse(n + 1)
    end
    local function missing()
      require "no.such.module"
    end
    local expected = {
      [coroutine.yield] = "attempt to yield from outside a coroutine",
      [recurse] = "stack overflow",
      [missing] = "module 'no.such.module' not found",
    }
    for setup, message in pairs(expected) do
      local s <close> = echo.builder():with_worker_count(1):with_setup(setup, 1):build()
      local err = select(2, s:submit(math.abs, -1):pwait())
      includes("the worker's setup failed: ", err.message)
      includes(message, err.message)
    end
  end)
end)
