-- Coroutines of a task's own: a wait passes through them, and else they are as ever.

local echo = require "echo"
local assert = require "luassert"
local it = require "spec.lua.support.it"
local tasks = require "spec.lua.support.tasks"

local run_on = tasks.run_on

-- The function must do the same in a task, where `pause` waits, as in this state, where it does
-- nothing; and the same in a task where it does nothing.
local function same_as_ever(body)
  local function nothing() end
  local expected = table.pack(true, body(nothing))
  assert.same(expected, table.pack(run_on(1, body, nothing)))
  assert.same(expected, table.pack(run_on(1, body, function()
    echo.sleep(0)
  end)))
end

describe("in a task", function()
  it("coroutine.resume passes values in and out, and says how it ended", function()
    same_as_ever(function(pause)
      local log = {}
      local function note(...)
        log[#log + 1] = table.concat({ ... }, " ")
      end
      local function text(...)
        local values = table.pack(...)
        for i = 1, values.n do
          values[i] = tostring(values[i])
        end
        return table.unpack(values, 1, values.n)
      end
      local co = coroutine.create(function(a, b)
        pause()
        note("first", a, b)
        note("second", text(coroutine.yield(1, nil, 3)))
        pause()
        note("third", text(coroutine.yield()))
        pause()
        return "end", nil
      end)
      note(text(coroutine.resume(co, "x", "y")))
      note(coroutine.status(co))
      note(text(coroutine.resume(co, nil, 2)))
      note(text(coroutine.resume(co)))
      note(text(coroutine.resume(co)))
      note(coroutine.status(co))
      return log
    end)
  end)

  it("an error in a coroutine is given to resume, and raised by wrap, as it is", function()
    same_as_ever(function(pause)
      local results = {}
      for i, value in ipairs { "text", { 1 }, 5, false } do
        local well, err = coroutine.resume(coroutine.create(function()
          pause()
          error(value)
        end))
        local wrapped = coroutine.wrap(function()
          pause()
          error(value)
        end)
        local again, raised = pcall(function()
          wrapped()
        end)
        results[i] = { well, err, again, raised }
      end
      return results
    end)
  end)

  it("wrap tells the position of the call for texts, and dead coroutines", function()
    same_as_ever(function(pause)
      local co = coroutine.wrap(function()
        pause()
      end)
      co()
      local _, dead = pcall(function()
        co()
      end)
      local failing = coroutine.wrap(function()
        pause()
        return (nil).field
      end)
      local _, index = pcall(function()
        failing()
      end)
      return dead, index, select(2, pcall(coroutine.wrap, 5)), select(2, pcall(coroutine.resume, 5))
    end)
  end)

  it("running, isyieldable and status are as ever", function()
    same_as_ever(function(pause)
      local log = {}
      local co
      co = coroutine.create(function()
        pause()
        local me, main = coroutine.running()
        log[#log + 1] = me == co and not main
        log[#log + 1] = coroutine.isyieldable()
        log[#log + 1] = coroutine.status(co)
        local inner = coroutine.create(function()
          pause()
          log[#log + 1] = coroutine.status(co)
          log[#log + 1] = coroutine.status(coroutine.running())
          coroutine.yield()
        end)
        coroutine.resume(inner)
        log[#log + 1] = coroutine.status(inner)
        log[#log + 1] = coroutine.isyieldable(inner)
        pause()
        coroutine.yield()
      end)
      log[#log + 1] = coroutine.status(co)
      coroutine.resume(co)
      log[#log + 1] = coroutine.status(co)
      return log
    end)
  end)

  it("a coroutine cannot be resumed by itself, by one inside, or when it is dead", function()
    same_as_ever(function(pause)
      local log = {}
      local co
      co = coroutine.create(function()
        pause()
        log[#log + 1] = { coroutine.resume(co) }
        coroutine.wrap(function()
          pause()
          log[#log + 1] = { coroutine.resume(co) }
        end)()
      end)
      coroutine.resume(co)
      log[#log + 1] = { coroutine.resume(co) }
      return log
    end)
  end)

  it("coroutine.close closes variables, and gives their error", function()
    same_as_ever(function(pause)
      local log = {}
      local function new(fails)
        local co = coroutine.create(function()
          local _guard <close> = setmetatable({}, {
            __close = function(_, err)
              log[#log + 1] = "closed " .. tostring(err)
              if fails then
                error("in close", 0)
              end
            end,
          })
          pause()
          coroutine.yield()
        end)
        coroutine.resume(co)
        return co
      end
      log[#log + 1] = { coroutine.close(new(false)) }
      log[#log + 1] = { coroutine.close(new(true)) }
      local co = new(false)
      coroutine.close(co)
      log[#log + 1] = { coroutine.status(co), coroutine.close(co) }
      log[#log + 1] = { pcall(coroutine.close, 5) }
      log[#log + 1] = { pcall(coroutine.close, (coroutine.running())) }
      local failed = coroutine.create(error)
      coroutine.resume(failed, "x")
      log[#log + 1] = { coroutine.close(failed) }
      log[#log][2] = tostring(log[#log][2])
      return log
    end)
  end)

  it("generators nest and interleave", function()
    same_as_ever(function(pause)
      local function count(n)
        return coroutine.wrap(function()
          for i = 1, n do
            pause()
            coroutine.yield(i)
          end
        end)
      end
      local function pairs_of(a, b)
        return coroutine.wrap(function()
          for x in a do
            pause()
            coroutine.yield(x, b())
          end
        end)
      end
      local log = {}
      for x, y in pairs_of(count(4), count(3)) do
        log[#log + 1] = x .. ":" .. tostring(y)
      end
      return log
    end)
  end)

  it("coroutines nest 50 deep, with an error from the bottom", function()
    same_as_ever(function(pause)
      local function nest(depth)
        pause()
        if depth == 50 then
          error("bottom", 0)
        end
        local value = coroutine.wrap(nest)(depth + 1)
        pause()
        return value
      end
      local function sum(depth)
        pause()
        return depth == 50 and depth or depth + coroutine.wrap(sum)(depth + 1)
      end
      return select(2, pcall(nest, 1)), sum(1)
    end)
  end)

  it("tail calls, varargs and many values pass", function()
    same_as_ever(function(pause)
      local function loop(n, ...)
        if n == 0 then
          return ...
        end
        pause()
        return loop(n - 1, n, ...)
      end
      local co = coroutine.wrap(function(...)
        pause()
        return coroutine.yield(select("#", ...))
      end)
      local numbers = {}
      for i = 1, 200 do
        numbers[i] = i
      end
      local before = co(table.unpack(numbers))
      return before, select("#", co(table.unpack(numbers))), loop(20)
    end)
  end)

  it("loops close their values, also when they are left in the middle", function()
    same_as_ever(function(pause)
      local log = {}
      local function each(name)
        local guard = setmetatable({}, {
          __close = function()
            pause()
            log[#log + 1] = "closed " .. name
          end,
        })
        return coroutine.wrap(function()
          for i = 1, 3 do
            pause()
            coroutine.yield(i)
          end
        end), nil, nil, guard
      end
      for i in each("whole") do
        log[#log + 1] = i
      end
      for i in each("left") do
        log[#log + 1] = i
        if i == 2 then
          break
        end
      end
      log[#log + 1] = select(2, pcall(function()
        for _ in each("failed") do
          error("x", 0)
        end
      end))
      return log
    end)
  end)

  it("a debug hook of a coroutine stays", function()
    same_as_ever(function(pause)
      local lines = 0
      local function body()
        pause()
        local x = 1
        pause()
        return x
      end
      local co = coroutine.create(body)
      debug.sethook(co, function()
        lines = lines + (debug.getinfo(2, "f").func == body and 1 or 0)
      end, "l")
      coroutine.resume(co)
      return lines
    end)
  end)

  it("a yield to the scheduler is refused, in the task's own coroutine", function()
    local _, err = run_on(1, function()
      coroutine.yield(1)
    end)
    assert.equal("a task cannot coroutine.yield() to the scheduler: only inside a coroutine of its "
      .. "own", err.message)
  end)

  it("a coroutine that waits can be resumed by nobody else", function()
    assert.same({ true, "done 1", "suspended" }, { run_on(1, function()
      local co = coroutine.create(function()
        echo.sleep(0.01)
        return 1
      end)
      local watcher = echo.submit(function()
        return "suspended"
      end)
      local _, value = coroutine.resume(co)
      return "done " .. value, echo.await(watcher)
    end) })
  end)

  it("two generators wait for different things", function()
    assert.same({ true, "b1 a1 b2 a2" }, { run_on(1, function()
      local function generate(name)
        return coroutine.wrap(function()
          for i = 1, 2 do
            local text = echo.await((echo.submit(function()
              return name .. i
            end)))
            coroutine.yield(text)
          end
        end)
      end
      local a, b = generate("a"), generate("b")
      return table.concat({ b(), a(), b(), a() }, " ")
    end) })
  end)
end)
