-- What a task finds around itself: a state of the worker's, and echo in it.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler()
  return echo.builder():with_worker_count(1):build()
end

describe("a task", function()
  it("has the standard libraries", function()
    local s <close> = new_scheduler()
    local names = s:submit(function()
      local found = {}
      for name in pairs(_G) do
        found[name] = true
      end
      return found
    end):wait()
    for _, name in ipairs { "print", "require", "string", "table", "io", "os", "debug", "utf8" } do
      assert.is_true(names[name])
    end
    assert.is_nil(names.arg)
  end)

  it("gets from io what a program gets, with the same errors", function()
    local s <close> = new_scheduler()
    local function same(fn)
      local ok, err = pcall(fn)
      local fine, told = s:submit(fn):pwait()
      assert.is_false(ok or fine)
      assert.equal(err, told.message)
    end
    same(function() io.open(nil) end)
    same(function() io.open("x", "q") end)
    same(function() io.lines("/no/such/file") end)
    same(function() io.input("/no/such/file") end)
    same(function() io.popen("true", "q") end)
    local _, text, number = io.open("/no/such/file")
    local _, text_there, number_there = s:submit(io.open, "/no/such/file"):wait()
    assert.same({ text, number }, { text_there, number_there })
    assert.equal("file", s:submit(function()
      local file <close> = io.tmpfile()
      return io.type(file)
    end):wait())
  end)

  it("finds the globals that an earlier task of its worker left", function()
    local s <close> = new_scheduler()
    s:submit(function()
      left_behind = { 1, 2, 3 } -- luacheck: ignore 111
    end):wait()
    assert.equal(3, s:submit(function()
      return #left_behind -- luacheck: ignore 113
    end):wait())
  end)

  it("gets the same echo from require as the host, in its own state", function()
    local s <close> = new_scheduler()
    local names, again = s:submit(function()
      local module, found = require "echo", {}
      for name, value in pairs(module) do
        found[name] = type(value)
      end
      return found, module == require "echo" and package.loaded.echo == module
    end):wait()
    local expected = {}
    for name, value in pairs(echo) do
      expected[name] = type(value)
    end
    assert.same(expected, names)
    assert.is_true(again)
  end)

  it("may use the host's echo as an upvalue: it is the worker's there", function()
    local s <close> = new_scheduler()
    local now = echo.now
    local same, time = s:submit(function()
      return echo == require "echo" and now == echo.now, now()
    end):wait()
    assert.is_true(same)
    assert.is_true(time <= echo.now())
  end)

  it("may have a scheduler of its own", function()
    local s <close> = new_scheduler()
    local result = s:submit(function()
      local inner <close> = require("echo").builder():with_worker_count(2):build()
      local squares = inner:map(function(x)
        return x * x
      end, { 1, 2, 3 }):wait()
      return squares[3] + inner:submit(math.abs, -1):wait()
    end):wait()
    assert.equal(10, result)
  end)

  it("may leave a scheduler of its own behind, for the end of its worker", function()
    do
      local s <close> = new_scheduler()
      s:submit(function()
        inner = require("echo").builder():with_worker_count(1):build() -- luacheck: ignore 111
        waiting = inner:submit(math.abs, -1) -- luacheck: ignore 111 113
      end):wait()
      assert.equal(1, s:submit(function()
        return waiting:wait() -- luacheck: ignore 113
      end):wait())
    end
    local s <close> = new_scheduler()
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)

  it("runs in a coroutine", function()
    local s <close> = new_scheduler()
    local is_main = select(2, s:submit(function()
      return true, select(2, coroutine.running())
    end):wait())
    assert.is_false(is_main)
  end)

  it("cannot end the program", function()
    local s <close> = new_scheduler()
    local exit = os.exit
    local tasks = {
      s:submit(function()
        os.exit(0)
      end),
      s:submit(function()
        exit(false, true)
      end),
      s:submit(os.exit, true),
    }
    for _, task in ipairs(tasks) do
      local err = refusal(task.wait, task)
      includes("os.exit is not for tasks: it would end the whole program", err.message)
    end
    includes("environment_spec.lua:", refusal(tasks[1].wait, tasks[1]).traceback)
  end)

  it("cannot change the program's locale, but may ask for it", function()
    local s <close> = new_scheduler()
    local before = os.setlocale()
    local tasks = {
      s:submit(function()
        return os.setlocale("C")
      end),
      s:submit(os.setlocale, ""),
      s:submit(os.setlocale, "C", "numeric"),
    }
    for _, task in ipairs(tasks) do
      local err = refusal(task.wait, task)
      includes("os.setlocale is not for tasks: it would change the whole program", err.message)
    end
    assert.equal(before, s:submit(os.setlocale):wait())
    assert.equal(os.setlocale(nil, "numeric"), s:submit(os.setlocale, nil, "numeric"):wait())
    assert.equal(before, os.setlocale())
  end)

  it("leaves the host's os functions alone", function()
    local s <close> = new_scheduler()
    s:submit(os.setlocale):wait()
    assert.is_string(os.setlocale(nil))
  end)
end)

describe("echo.now", function()
  it("is a float of seconds that never goes back", function()
    local last = echo.now()
    assert.equal("float", math.type(last))
    for _ = 1, 1000 do
      local now = echo.now()
      assert.is_true(now >= last)
      last = now
    end
  end)

  it("counts seconds", function()
    local before = echo.now()
    os.execute("sleep 0.2")
    local passed = echo.now() - before
    assert.is_true(passed >= 0.19)
    assert.is_true(passed < 100)
  end)

  it("is the same clock in every worker", function()
    local s <close> = echo.builder():with_worker_count(2):build()
    local before = echo.now()
    local inside = s:submit(echo.now):wait()
    assert.is_true(before <= inside)
    assert.is_true(inside <= echo.now())
  end)
end)
