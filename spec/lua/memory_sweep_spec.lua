-- A worker's state runs out of memory at each point of a task: the same task again and again, with a
-- limit that is a little higher each time, until it comes through. What it holds meanwhile takes all that
-- the lowest limit leaves. Each time it comes to its result or
-- to an error for want of memory, and its worker lives on. (That an allocation alone fails, at whatever
-- place: exhaust_spec.c.)

local assert = require "luassert"
local echo = require "echo"
local it = require "spec.lua.support.it"

local LOWEST, STEP, HIGHEST = 131072, 144, 1 << 20

-- What is in short supply, or what was when the error of a child was passed on.
local function is_memory(err)
  if type(err) == "string" then
    return err:find("not enough memory", 1, true)
  elseif type(err) == "table" then
    return err.kind == "memory" or is_memory(err.value) or is_memory(err.message)
  end
end

local function attempt(limit, fn, ...)
  local s <close> = echo.builder():with_worker_count(1):with_memory_limit(limit):build()
  local ok, result = s:submit(fn, ...):pwait(30)
  assert(ok or is_memory(result), tostring(result))
  assert.equal(1, s:submit(math.abs, -1):wait(30))
  assert.is_true(s:stop { mode = "cancel", timeout = 30 })
  local stats = s:stats()
  assert.equal(stats.submitted, stats.ended)
  return ok, result
end

-- Something that a task can just have in the lowest limit, if it does nothing with it.
local function ballast()
  local bytes = 1024
  while attempt(LOWEST, function(weight)
    return #weight[1]
  end, { ("x"):rep(bytes + 1024) }) do
    bytes = bytes + 1024
  end
  return { ("x"):rep(bytes) }
end

-- Returns the result, and how many limits were too low.
local function sweep(fn, ...)
  local count = 0
  for limit = LOWEST, HIGHEST, STEP do
    local ok, result = attempt(limit, fn, ...)
    if ok then
      return result, count
    end
    count = count + 1
  end
  error "it never comes through"
end

local function expect(expected, fn, ...)
  local result, count = sweep(fn, ...)
  assert.same(expected, result)
  assert.is_true(count > 50, count .. " limits were too low: there was nothing to see")
end

describe("a worker's state that runs out of memory", function()
  local weight = ballast()

  it("while a task's function, arguments and results travel", function()
    local list, up = {}, { "an upvalue" }
    for i = 1, 100 do
      list[i] = { id = i, name = "item " .. i }
    end
    expect("item 100 an upvalue", function(values, held)
      values = { values, { values, ("y"):rep(3000) }, values }
      return values[3][100].name .. " " .. up[1], held
    end, list, weight)
  end)

  it("while a task computes", function()
    expect(200, function(held)
      local names, functions, chunk = {}, {}, "return " .. ("1 + "):rep(200) .. "0"
      for i = 1, 300 do
        names[i] = "name " .. i
        functions[i] = function()
          return names[i]
        end
      end
      assert(#table.concat(names) > #functions[1]())
      local thread = coroutine.wrap(function(...)
        coroutine.yield(...)
        return load(chunk)()
      end)
      thread(table.unpack({}, 1, 100))
      return thread(), held
    end, weight)
  end)

  it("while a task fails, and its error travels", function()
    expect("failed: {1,2}", function(held)
      local here = require "echo"
      local ok, err = here.pawait(here.submit(function()
        error({ reason = { 1, 2 }, text = ("z"):rep(4000) })
      end))
      if ok or err.kind == "memory" or not err.value then
        error(err, 0) -- for want of memory the value is left out
      end
      return ("failed: {%d,%d}"):format(table.unpack(err.value.reason)), held
    end, weight)
  end)

  it("while tasks wait for each other, in scopes, over channels", function()
    expect(12, function(held)
      local here = require "echo"
      local channel, permits = here.channel(2), here.semaphore(1)
      return here.scope(function(scope)
        scope:submit(function()
          for i = 1, 4 do
            permits:with(here.sleep, 0.0001)
            channel:send { i, ("m"):rep(500) }
          end
          channel:close()
        end)
        local sum = 0
        for message in channel:iter() do
          sum = sum + message[1]
        end
        local both = here.all { scope:submit(math.abs, -1), scope:submit({ delay = 0.0001 }, math.abs, -1) }
        return sum + both[1] + both[2]
      end), held
    end, weight)
  end)

  it("while a list is mapped", function()
    local s
    local function items(limit)
      s = echo.builder():with_worker_count(1):with_memory_limit(limit):build()
      local list = {}
      for i = 1, 40 do
        list[i] = { i, ("item"):rep(100) }
      end
      local ok, result = s:map(function(item)
        return { item[1] * 2, item[2] .. item[2], weight[1] .. item[1] }
      end, list):pwait(30)
      assert(ok or is_memory(result), tostring(result))
      assert.same({ 1, 2 }, s:map(math.abs, { -1, -2 }):wait(30))
      assert.is_true(s:stop())
      return ok
    end
    local failures = 0
    for limit = LOWEST, 16 * HIGHEST, 100 * STEP do
      if items(limit) then
        break
      end
      failures = failures + 1
    end
    assert.is_true(failures > 5)
  end)
end)
