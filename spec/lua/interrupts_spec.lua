-- with_interrupts; what a cancel reaches, and what it does not; hooks of a task's own.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local process = require "spec.lua.support.process"

local function new_scheduler(...)
  return echo.builder():with_worker_count(1):with_interrupts(...):build()
end

local ways = { { "signal" }, { "count" }, { "count", 50 } }

-- Waits until the task runs.
local function start(s, ...)
  local task = s:submit(...)
  while task:status() == "queued" do
    io.open("/dev/null"):close()
  end
  return task
end

describe("with_interrupts", function()
  it("says what it wants", function()
    local builder = echo.builder()
    local expected = 'interrupts: "signal", "count" or "off" expected'
    includes(expected, select(2, pcall(builder.with_interrupts, builder, "often")))
    includes(expected, select(2, pcall(builder.with_interrupts, builder)))
    includes("instructions", select(2, pcall(builder.with_interrupts, builder, "count", 0)))
    includes("instructions", select(2, pcall(builder.with_interrupts, builder, "count", "x")))
    includes("only \"count\" has them", select(2, pcall(builder.with_interrupts, builder, "signal", 5)))
    assert.equal(builder, builder:with_interrupts("count", 5))
  end)

  it("is by signal unless it is told otherwise", function()
    local s <close> = echo.builder():build()
    assert.equal("signal", s:interrupts())
    for _, name in ipairs { "signal", "count", "off" } do
      local t <close> = new_scheduler(name)
      assert.equal(name, t:interrupts())
      assert.equal(3, t:submit(math.abs, -3):wait())
    end
  end)

  it("lets an urgent task start while an endless one runs, by signal and by count", function()
    for _, way in ipairs(ways) do
      local s <close> = new_scheduler(table.unpack(way))
      local low = start(s, { priority = "low" }, function()
        while true do
        end
      end)
      local sum = 0
      for i = 1, 20 do
        sum = sum + (select(2, s:submit({ priority = "high" }, math.abs, -i):pwait(30)))
      end
      local interrupted = s:stats().interrupted
      assert.is_true(low:cancel())
      assert.equal("cancelled", select(2, low:pwait(30)).kind)
      assert.equal(210, sum)
      assert.is_true(interrupted > 0)
    end
  end)

  it("keeps fairness' turns by count as well", function()
    local s <close> = echo.builder():with_worker_count(1):with_interrupts("count", 100):with_fairness(2):build()
    local low = s:submit({ priority = "low" }, function()
      local n = 0
      for i = 1, 100000 do
        n = n + i
      end
      return n
    end)
    local highs = {}
    for i = 1, 200 do
      highs[i] = s:submit({ priority = "high" }, function()
        for _ = 1, 1000 do
        end
      end)
    end
    assert.equal(5000050000, low:wait())
    for i = 1, 200 do
      highs[i]:wait()
    end
  end)

  it("off leaves alone what runs, and reaches what waits", function()
    local s <close> = new_scheduler("off")
    local gate <close> = new_gate()
    local low = s:submit({ priority = "low" }, function(pass, path)
      pass(path)
      local n = 0
      for i = 1, 1e6 do
        n = n + i
      end
      ended = true -- luacheck: ignore 111
      return n
    end, gate.pass, gate.path)
    gate:await_arrival()
    local high = s:submit({ priority = "high" }, function()
      return ended -- luacheck: ignore 113
    end)
    gate:open()
    assert.is_true(high:wait())
    assert.equal(500000500000, low:wait())
    assert.equal(0, s:stats().interrupted)
    local sleeping = start(s, function()
      require("echo").sleep(1000)
    end)
    assert.is_true(sleeping:cancel())
    assert.equal("cancelled", select(2, sleeping:pwait()).kind)
  end)
end)

local function endless()
  while true do
  end
end

-- Each would run for ever.
local loops = {
  ["while"] = endless,
  ["goto"] = function()
    ::top::
    goto top
  end,
  ["tail call"] = function()
    local function again()
      return again()
    end
    again()
  end,
  ["pcall in pcall"] = function(loop)
    while true do
      pcall(pcall, pcall, loop)
    end
  end,
  ["coroutine"] = function(loop)
    while true do
      coroutine.resume(coroutine.create(loop))
    end
  end,
  ["coroutines that yield"] = function()
    local function generate()
      while true do
        coroutine.yield()
      end
    end
    for _ in coroutine.wrap(function()
      for _ in coroutine.wrap(generate) do
        coroutine.yield(1)
      end
    end) do
    end
    local ping = coroutine.wrap(generate)
    while true do
      ping()
    end
  end,
  ["metamethod"] = function(loop)
    local object = setmetatable({}, { __index = loop, __add = loop, __lt = loop, __concat = loop })
    while true do
      pcall(function()
        return object.x
      end)
      pcall(function()
        return object + 1
      end)
      pcall(function()
        return object < object
      end)
      pcall(function()
        return object .. "x"
      end)
    end
  end,
  ["tostring"] = function(loop)
    while true do
      pcall(tostring, setmetatable({}, { __tostring = loop }))
    end
  end,
  ["iterator"] = function(loop)
    for _ in loop do
    end
  end,
  ["comparator"] = function(loop)
    while true do
      pcall(table.sort, { 3, 2, 1 }, loop)
    end
  end,
  ["call-back of gsub"] = function(loop)
    while true do
      pcall(string.gsub, "xxx", "x", loop)
    end
  end,
  ["reader of load"] = function(loop)
    while true do
      load(loop)
    end
  end,
  ["many short chunks"] = function()
    while true do
      load("local x = 1 return x")()
    end
  end,
  ["__close"] = function(loop)
    local _guard <close> = setmetatable({}, { __close = loop })
    while true do
    end
  end,
  ["__close, many"] = function(loop)
    local function nest(n)
      local _guard <close> = setmetatable({}, { __close = loop })
      if n > 0 then
        nest(n - 1)
      end
      while true do
      end
    end
    nest(50)
  end,
  ["__close of a coroutine"] = function(loop)
    while true do
      local co = coroutine.wrap(function()
        local _guard <close> = setmetatable({}, { __close = loop })
        coroutine.yield()
      end)
      co()
      co()
    end
  end,
  ["await"] = function()
    local inside = require "echo"
    while true do
      pcall(inside.sleep, 0.0001)
    end
  end,
  ["own hook"] = function()
    debug.sethook(function() end, "crl", 10)
    while true do
      pcall(math.abs, 1)
    end
  end,
  ["own hooks, set all the time"] = function()
    while true do
      debug.sethook(function() end, "l")
      debug.sethook()
      debug.sethook(function() end, "", 3)
      debug.sethook()
    end
  end,
}

describe("a cancel", function()
  for name, body in pairs(loops) do
    local loop = load(string.dump(body)) -- busted's environment is not a task's
    it("ends a task that loops for ever: " .. name, function()
      for _, way in ipairs(ways) do
        local s <close> = new_scheduler(table.unpack(way))
        for _ = 1, 3 do
          local task = start(s, loop, endless)
          assert.is_true(task:cancel("enough"))
          local _, err = task:pwait(30)
          assert.equal("cancelled", err.kind)
          assert.equal("enough", err.message)
        end
        assert.equal(1, s:submit(math.abs, -1):wait())
      end
    end)
  end

  it("ends a map that loops for ever", function()
    local s <close> = new_scheduler("signal")
    local map = start(s, function() end) and s:map(endless, { 1, 2, 3 })
    while map:status() == "queued" do
      io.open("/dev/null"):close()
    end
    assert.is_true(map:cancel())
    assert.equal("cancelled", select(2, map:pwait(30)).kind)
  end)

  -- Lua calls no hook in there.
  for name, body in pairs {
    ["a finalizer"] = [[setmetatable({}, { __gc = function() while true do end end }) collectgarbage()]],
    ["a hook function"] = [[debug.sethook(function() while true do end end, "l")
      local x = 1]],
    ["a message handler"] = [[xpcall(function() while true do end end, function() while true do end end)]],
    ["a pattern"] = [[(("a"):rep(40)):find((".-"):rep(25) .. "b")]],
  } do
    it("does not reach " .. name .. ", and the stop gives it up", function()
      local result = process.shell(([[
        local echo = require "echo"
        local s = echo.builder():with_worker_count(1):build()
        local task = s:submit(function() %s end)
        while task:status() == "queued" do io.open("/dev/null"):close() end
        s:submit(math.abs, 1):pwait(0.1)
        print(task:cancel(), task:status(), (s:stop { mode = "cancel", timeout = 0.2 }))
        print(select(2, task:pwait(0)).kind)
        os.exit(true)
      ]]):format(body), "timeout 60 $LUA $SCRIPT")
      assert.equal("true\trunning\tnil\nlost\n", result.out)
      assert.equal("", result.err)
      assert.equal(0, result.code)
    end)
  end
end)

describe("a hook of a task's own", function()
  it("is neither lost nor seen otherwise while the task is interrupted", function()
    for _, way in ipairs(ways) do
      local s <close> = new_scheduler(table.unpack(way))
      local low = start(s, { priority = "low" }, function(rounds)
        local wrong, called, none = {}, 0, 0
        local function hook()
          called = called + 1
        end
        for i = 1, rounds do
          if debug.gethook() ~= nil then
            wrong[#wrong + 1] = "a hook where there is none: " .. tostring(debug.gethook())
          end
          debug.sethook(hook, i % 2 == 0 and "l" or "", i % 2 == 0 and 0 or 10)
          for _ = 1, 10 do
            none = none + 1
          end
          local f, mask, count = debug.gethook()
          if f ~= hook or mask ~= (i % 2 == 0 and "l" or "") or count ~= (i % 2 == 0 and 0 or 10) then
            wrong[#wrong + 1] = ("%s %s %s"):format(f, mask, count)
          end
          debug.sethook()
          if called == 0 then
            wrong[#wrong + 1] = "not called"
          end
          called = 0
        end
        return table.concat(wrong, "\n")
      end, 30000)
      repeat
        s:submit({ priority = "high" }, math.abs, 1):wait()
      until low:status() == "done"
      assert.equal("", low:wait())
      assert.is_true(s:stats().interrupted > 0)
    end
  end)

  it("is the task's alone", function()
    local s <close> = new_scheduler("signal")
    s:submit(function()
      debug.sethook(function() end, "crl", 1)
    end):wait()
    assert.is_nil(s:submit(debug.gethook):wait())
    local failed = s:submit(function()
      debug.sethook(function()
        error("in the hook", 0)
      end, "", 5)
      while true do
      end
    end)
    assert.equal("in the hook", select(2, failed:pwait()).message)
    assert.is_nil(s:submit(debug.gethook):wait())
  end)

  it("that a setup sets ends with the setup", function()
    local s <close> = echo.builder():with_worker_count(1):with_setup(function()
      debug.sethook(error, "l")
      kept = coroutine.wrap(function(x) -- luacheck: ignore 111
        return x + 1
      end)
    end):build()
    assert.is_false((s:submit(math.abs, 1):pwait()))
    local t <close> = echo.builder():with_worker_count(1):with_setup(function()
      debug.sethook(function() end, "l")
      kept = coroutine.wrap(function(x) -- luacheck: ignore 111
        return x + 1
      end)
    end):build()
    assert.equal(2, t:submit(function()
      assert(debug.gethook() == nil)
      return kept(1) -- luacheck: ignore 113
    end):wait())
  end)

  it("takes the arguments that Lua's own takes", function()
    local s <close> = new_scheduler("signal")
    includes("bad argument #2 to 'debug.sethook'", select(2, s:submit(function()
      debug.sethook(print)
    end):pwait()).message:gsub("to 'sethook'", "to 'debug.sethook'"))
    includes("function expected", select(2, s:submit(function()
      debug.sethook(1, "l")
    end):pwait()).message)
  end)
end)
