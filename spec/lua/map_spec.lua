-- scheduler:map: one function over a list.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 2):build()
end

local function numbers(count)
  local list = {}
  for i = 1, count do
    list[i] = i
  end
  return list
end

describe("map", function()
  it("gives the results in the list's order", function()
    local s <close> = new_scheduler()
    for _, count in ipairs { 1, 2, 3, 63, 64, 65, 1000 } do
      local results = s:map(function(x)
        return x * x
      end, numbers(count)):wait()
      assert.equal(count, #results)
      for i = 1, count do
        assert.equal(i * i, results[i])
      end
    end
  end)

  it("passes each item and its index", function()
    local s <close> = new_scheduler()
    local results = s:map(function(item, index, ...)
      return item .. index .. select("#", ...)
    end, { "a", "b", "c" }):wait()
    assert.same({ "a10", "b20", "c30" }, results)
  end)

  it("gives an empty list for an empty list", function()
    local s <close> = new_scheduler()
    local task = s:map(error, {})
    assert.same({}, task:wait(60))
    assert.same({}, task:wait(60))
    assert.equal("done", task:status())
    assert.same({}, s:map({ priority = "high" }, error, {}):wait(60))
  end)

  it("keeps the place of results that are nil, and the first of several", function()
    local s <close> = new_scheduler()
    local results = s:map(function(x)
      if x % 2 == 0 then
        return nil
      end
      return x, "dropped"
    end, { 1, 2, 3, 4, 5 }):wait()
    assert.same({ 1, nil, 3, nil, 5 }, results)
    assert.is_nil(next(s:map(function() end, numbers(1000)):wait()))
  end)

  it("takes lists of any values", function()
    local s <close> = new_scheduler()
    local shared = { "shared" }
    local results = s:map(function(x)
      return type(x) == "table" and x[1] or x
    end, { false, 1.5, "text", shared, shared, { 7 } }):wait()
    assert.same({ false, 1.5, "text", "shared", "shared", 7 }, results)
  end)

  it("takes the function's upvalues along, for each map anew", function()
    local s <close> = new_scheduler(1)
    local factor = 10
    local function scale(x)
      return x * factor
    end
    assert.same({ 10, 20 }, s:map(scale, { 1, 2 }):wait())
    factor = 100
    assert.same({ 100, 200 }, s:map(scale, { 1, 2 }):wait())
  end)

  it("takes library functions", function()
    local s <close> = new_scheduler()
    assert.same({ "A", "B" }, s:map(string.upper, { "a", "b" }):wait())
  end)

  it("works through 100,000 items", function()
    local s <close> = new_scheduler()
    local results = s:map(function(x, index)
      return x + index
    end, numbers(100000)):wait()
    assert.equal(100000, #results)
    for i = 1, 100000 do
      if results[i] ~= 2 * i then
        assert.equal(2 * i, results[i])
      end
    end
  end)

  it("works with as many workers as there are items, and with more", function()
    for _, workers in ipairs { 1, 5, 16 } do
      local s <close> = new_scheduler(workers)
      assert.same({ 1, 2, 3, 4, 5 }, s:map(math.abs, { -1, -2, -3, -4, -5 }):wait())
    end
  end)

  it("gives the same at every wait, in tables of their own", function()
    local s <close> = new_scheduler()
    local task = s:map(math.abs, { -1, -2 })
    local first, second = task:wait(), task:wait()
    assert.same({ 1, 2 }, first)
    assert.same(first, second)
    assert.not_equal(first, second)
    assert.same({ true, { 1, 2 } }, { task:pwait() })
  end)

  it("sees a list through its __len and __index", function()
    local s <close> = new_scheduler()
    local list = setmetatable({}, {
      __len = function()
        return 100
      end,
      __index = function(_, index)
        return -index
      end,
    })
    local results = s:map(math.abs, list):wait()
    assert.equal(100, #results)
    assert.equal(100, results[100])
  end)

  it("takes the list as it is at the call", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local list = { 1, 2, 3 }
    local task = s:map(math.abs, list)
    list[1], list[4] = 100, 4
    gate:open()
    assert.same({ 1, 2, 3 }, task:wait())
  end)

  it("lets an item catch its own errors and use coroutines", function()
    local s <close> = new_scheduler()
    local results = s:map(function(x)
      local _, caught = pcall(error, "caught " .. x, 0)
      local double = coroutine.wrap(function()
        coroutine.yield(pcall(error))
        return 2 * x
      end)
      double()
      return caught .. " " .. double()
    end, numbers(200)):wait()
    for i = 1, 200 do
      assert.equal(("caught %d %d"):format(i, 2 * i), results[i])
    end
  end)

  it("runs beside others", function()
    local s <close> = new_scheduler()
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = s:map(function(x)
        return x + i
      end, numbers(100))
      s:submit(math.abs, i)
    end
    for i = 20, 1, -1 do
      local results = tasks[i]:wait()
      assert.equal(100 + i, results[100])
      assert.equal(100, #results)
    end
  end)
end)

describe("an error in a map", function()
  local here = debug.getinfo(1, "S").short_src

  it("is the map's, with message, traceback and name", function()
    local s <close> = new_scheduler()
    local line = debug.getinfo(1, "l").currentline + 3
    local task = s:map(function(x)
      if x == 3 then
        error("item " .. x)
      end
      return x
    end, { 1, 2, 3, 4 })
    local went_well, err = task:pwait()
    assert.is_false(went_well)
    assert.equal("failed", task:status())
    assert.equal("error", err.kind)
    assert.equal(("%s:%d: item 3"):format(here, line), err.message)
    includes(("%s:%d: in function"):format(here, line), err.traceback)
    assert.equal(("%s:%d"):format(here, line - 2), err.task)
    assert.equal(err.message, refusal(task.wait, task).message)
  end)

  it("has the name that the map was given", function()
    local s <close> = new_scheduler()
    local _, err = s:map({ name = "parse" }, error, { "x" }):pwait()
    assert.equal("parse", err.task)
    _, err = s:map(error, { "x" }):pwait()
    assert.equal("error", err.task)
  end)

  it("is the lowest index's of those that fail, each time", function()
    local s <close> = new_scheduler(4)
    for first = 1, 1000, 37 do
      local _, err = s:map(function(x)
        if x >= first then
          error(x, 0)
        end
      end, numbers(1000)):pwait()
      assert.equal(first, err.value)
    end
  end)

  it("costs no worker", function()
    local s <close> = new_scheduler(2)
    for _ = 1, 100 do
      assert.is_false((s:map(error, numbers(100)):pwait()))
    end
    assert.same({ 1, 2 }, s:map(math.abs, { -1, -2 }):wait())
  end)

  it("is of kind transfer, with item and path, for a result that cannot travel", function()
    local s <close> = new_scheduler()
    local line = debug.getinfo(1, "l").currentline + 1
    local _, err = s:map(function(x)
      return x == 2 and { log = { io.stdout } } or x
    end, { 1, 2, 3 }):pwait()
    assert.equal("transfer", err.kind)
    assert.equal('item 2: field "log"[1]: userdata FILE* cannot travel', err.message)
    assert.equal(("%s:%d"):format(here, line), err.task)
  end)

  it("is found deep in a recursion", function()
    local s <close> = new_scheduler()
    local function recurse(n)
      return 1 + recurse(n + 1)
    end
    local _, err = s:map(recurse, { 1 }):pwait()
    includes("stack overflow", err.message)
  end)
end)

describe("map's options", function()
  it("are those of submit", function()
    local s <close> = echo.builder():with_queue("one", { limit = 1 }):build()
    local options = { priority = "low", queue = "one", name = "all" }
    assert.same({ 1, 2 }, s:map(options, math.abs, { -1, -2 }):wait())
  end)

  it("are checked like submit's", function()
    local s <close> = new_scheduler()
    includes("bad argument #1 to 'map' (unknown option 'chunk')", refusal(function()
      s:map({ chunk = 1 }, math.abs, { 1 })
    end))
    includes("option 'priority': 'high', 'normal' or 'low' expected", refusal(function()
      s:map({ priority = 1 }, math.abs, { 1 })
    end))
    includes("option 'queue': there is no queue named 'none'", refusal(function()
      s:map({ queue = "none" }, math.abs, { 1 })
    end))
    assert.equal(0, s:stats().submitted)
  end)
end)

describe("map refuses", function()
  local function refuse(sentence, message, call)
    it(sentence, function()
      local s <close> = new_scheduler()
      includes(message, tostring(refusal(call, s)))
      assert.equal(0, s:stats().submitted)
      assert.same({ 1 }, s:map(math.abs, { -1 }):wait())
    end)
  end

  refuse("no list", "bad argument #2 to 'map' (list: a table expected after the function, got no value)", function(s)
    s:map(print)
  end)
  refuse("a number for a list", "(list: a table expected after the function, got number)", function(s)
    s:map(print, 3)
  end)
  refuse("no function", "bad argument #1 to 'map' (function expected, got nil)", function(s)
    s:map(nil, { 1 })
  end)
  refuse("the list before the function", "(list: a table expected after the function, got no value)", function(s)
    s:map({}, print)
  end)
  refuse("a list of items before the function",
    "bad argument #1 to 'map' (unknown option 1: options expected here, this is a list)", function(s)
      s:map({ 1, 2 }, print)
    end)
  refuse("a table for a function", "bad argument #2 to 'map' (function expected", function(s)
    s:map({}, { 1 })
  end)
  refuse("a function that cannot travel", 'upvalue "log": userdata FILE*', function(s)
    local log = io.stdout
    s:map(function()
      return log
    end, { 1 })
  end)
  refuse("an item that cannot travel", "item 3: [1]: userdata FILE* cannot travel", function(s)
    s:map(print, { 1, 2, { io.stdout } })
  end)
  refuse("a list with a negative length", "a list cannot have -1 items", function(s)
    s:map(print, setmetatable({}, { __len = function() return -1 end }))
  end)
  refuse("a list with an absurd length", "a list cannot have 1152921504606846976 items", function(s)
    s:map(print, setmetatable({}, { __len = function() return 1 << 60 end }))
  end)
  refuse("a list whose __len gives no integer", "object length is not an integer", function(s)
    s:map(print, setmetatable({}, { __len = function() return "x" end }))
  end)
  refuse("a list whose __index fails, with that error", "no such item", function(s)
    s:map(print, setmetatable({}, {
      __len = function() return 10 end,
      __index = function() error("no such item") end,
    }))
  end)
end)

describe("a map that has not started", function()
  it("can be cancelled as a whole", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local task = s:map(function()
      ran = true -- luacheck: ignore 111
    end, numbers(100))
    gate:await_arrival()
    assert.equal("queued", task:status())
    assert.is_true(task:cancel())
    assert.is_false(task:cancel())
    assert.equal("cancelled", task:status())
    assert.equal("cancelled", select(2, task:pwait()).kind)
    gate:open()
    assert.is_nil(s:submit(function()
      return ran -- luacheck: ignore 113
    end):wait())
    assert.equal("cancelled", task:status())
  end)

  it("is cancelled while it runs", function()
    local s <close> = new_scheduler(2)
    local gate <close> = new_gate()
    local task = s:map(gate.pass, { gate.path })
    gate:await_arrival()
    assert.equal("running", task:status())
    assert.is_true(task:cancel())
    gate:open()
    assert.equal("cancelled", select(2, task:pwait()).kind)
  end)

  it("is cancelled in endless loops", function()
    local s <close> = new_scheduler(2)
    local task = s:map(function()
      while true do
      end
    end, { 1, 2, 3 })
    while task:status() == "queued" do
      io.open("/dev/null"):close()
    end
    assert.is_true(task:cancel())
    assert.equal("cancelled", select(2, task:pwait()).kind)
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)

  it("times out in a wait and goes on", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    local task = s:map(math.abs, { -1 })
    assert.equal("timeout", select(2, task:pwait(0.01)).kind)
    gate:open()
    assert.same({ 1 }, task:wait())
  end)
end)
