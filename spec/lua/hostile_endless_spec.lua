-- Tasks that mean to stay for ever: what a cancel ends, and what only a stop with a time-out leaves
-- behind. See hostile_spec.lua; more loops are in interrupts_spec.lua.

local assert = require "luassert"
local hostile = require "spec.lua.support.hostile"

local function is_ended(sentence, body, options)
  it(sentence, function()
    local result = hostile.cancel(body, options)
    assert.equal("", result.err)
    assert.equal("cancelled\tenough\n0\ntrue\n", result.out)
    assert.equal(0, result.code)
  end)
end

local guard = [[local _guard <close> = setmetatable({}, { __close = function() while true do end end }) ]]

describe("a cancel ends", function()
  describe("an endless __close in a coroutine", function()
    is_ended("that wrap made and an error ended", [[
      coroutine.wrap(function() ]] .. guard .. [[ error("x") end)()]])
    is_ended("that wrap made and the cancel ended", [[
      coroutine.wrap(function() ]] .. guard .. [[ while true do end end)()]])
    is_ended("that wrap made, one inside the other, and the cancel ended", [[
      local function deep(n) ]] .. guard .. [[
        if n == 0 then while true do end end
        for _ in coroutine.wrap(function() deep(n - 1) end) do end
      end
      deep(5)]])
    is_ended("that wrap made inside of ten others, and an error ended", [[
      local function deep(n)
        if n > 0 then return coroutine.wrap(deep)(n - 1) end
        ]] .. guard .. [[
        error("x")
      end
      deep(11)]])
    is_ended("that coroutine.create made and the cancel ended", [[
      local co = coroutine.create(function() ]] .. guard .. [[ while true do end end)
      coroutine.resume(co)
      coroutine.close(co)]])
    is_ended("that coroutine.create made and the cancel ended in a pcall", [[
      local co = coroutine.create(function() ]] .. guard .. [[
        pcall(function() while true do end end)
        while true do end
      end)
      coroutine.resume(co)
      coroutine.close(co)]])
    is_ended("that coroutine.close closes", [[
      local co = coroutine.create(function() ]] .. guard .. [[ coroutine.yield() end)
      coroutine.resume(co)
      coroutine.close(co)]])
    is_ended("that coroutine.close closes after an error", [[
      local co = coroutine.create(function() ]] .. guard .. [[ error("x") end)
      coroutine.resume(co)
      coroutine.close(co)]])
    is_ended("that a coroutine closes, whose own has no end", [[
      coroutine.wrap(function() ]] .. guard .. [[
        local co = coroutine.create(function() ]] .. guard .. [[ coroutine.yield() end)
        coroutine.resume(co)
        coroutine.close(co)
      end)()]])
    is_ended("by count, too", [[
      coroutine.wrap(function() ]] .. guard .. [[ error("x") end)()]],
      { builder = [[:with_interrupts("count", 100)]] })
    is_ended("that catches all errors", [[
      coroutine.wrap(function()
        local _guard <close> = setmetatable({}, { __close = function()
          while true do pcall(function() while true do end end) end
        end })
        error("x")
      end)()]])
  end)

  describe("endless coroutines", function()
    is_ended("in coroutines", [[
      local function f() while true do pcall(coroutine.wrap(f)) end end f()]])
    is_ended("that are never gone on with", [[
      while true do coroutine.wrap(function() coroutine.yield() end)() end]])
    is_ended("that close each other", [[
      while true do
        local co = coroutine.create(function()
          local _guard <close> = setmetatable({}, { __close = function() error("z") end })
          error("y")
        end)
        coroutine.resume(co)
        coroutine.close(co)
      end]])
  end)

  describe("what an error object says of itself for ever", function()
    is_ended("by __tostring", [[
      error(setmetatable({}, { __tostring = function() while true do end end }))]])
    is_ended("by __tostring that catches all errors", [[
      error(setmetatable({}, { __tostring = function()
        while true do pcall(function() while true do end end) end
      end }))]])
    is_ended("by __tostring in a scope", [[
      echo.scope(function()
        echo.submit(error, "first")
        error(setmetatable({}, { __tostring = function() while true do end end }))
      end)]])
    is_ended("by __echo_transfer", [[
      error(setmetatable({}, { __echo_transfer = function() while true do end end }))]])
    is_ended("by the __index that it gave Echo's own", [[
      local _, err = pcall(echo.timeout, 0, echo.submit(echo.sleep, 0.1))
      debug.getmetatable(err).__index = function() while true do end end
      err.kind = nil
      error(err)]])
  end)

  describe("an endless __echo_transfer", function()
    is_ended("of a result", [[
      return setmetatable({}, { __echo_transfer = function() while true do end end })]])
    is_ended("of a message, at the receiver", [[
      local channel = echo.channel(1)
      channel:send(setmetatable({}, { __echo_transfer = function()
        return function() while true do end end
      end }))
      channel:receive()]])
    is_ended("of an argument", [[
      echo.submit(type, setmetatable({}, { __echo_transfer = function() while true do end end }))]])
  end)

  describe("what C functions call for ever", function()
    is_ended("as table.concat", [[
      table.concat(setmetatable({}, { __index = function() return "" end,
        __len = function() return math.maxinteger end }))]])
    is_ended("as ipairs", [[
      for _ in ipairs(setmetatable({}, { __index = function() return 1 end })) do end]])
    is_ended("as table.move", [[
      table.move(setmetatable({}, { __index = function() return 1 end }), 1, math.maxinteger - 1, 2,
        setmetatable({}, { __newindex = function() end }))]])
    is_ended("as string.gsub", [[
      local again = {}
      function again.f() return (("x"):rep(1000):gsub(".", function() pcall(again.f) end)) end
      again.f()]])
  end)

  describe("a collector that", function()
    is_ended("is stopped, while garbage is made", [[
      collectgarbage("stop")
      while true do local _ = {} end]], { builder = ":with_memory_limit(4 << 20)" })
    is_ended("is called all the time", [[while true do collectgarbage() end]])
    is_ended("finalizes all the time", [[
      local metatable = {}
      metatable.__gc = function() setmetatable({}, metatable) error("again") end
      while true do setmetatable({}, metatable) end]])
  end)

  is_ended("hooks that count, look at lines and calls, and fail", [[
    debug.sethook(function() end, "crl", 1)
    while true do pcall(error) end]])
  is_ended("tasks that it has made, which make way all the time", [[
    echo.scope(function()
      for _ = 1, 20 do
        echo.submit(function() local e = require "echo" while true do e.checkpoint() end end)
      end
    end)]])
end)

-- Lua calls no hooks there, or it is C that runs.
describe("a stop leaves behind", function()
  local function is_given_up(sentence, body, options)
    it(sentence, function()
      local result = hostile.give_up(body, options)
      assert.equal("", result.err)
      assert.equal("0\nnil\t1\nlost\n", result.out)
      assert.equal(0, result.code)
    end)
  end

  is_given_up("a finalizer", [[
    setmetatable({}, { __gc = function() while true do end end }) collectgarbage()]])
  is_given_up("a message handler", [[xpcall(error, function() while true do end end)]])
  is_given_up("a copy of elements without end", [[table.move({}, 1, math.maxinteger - 1, 2)]])
  is_given_up("a repetition of nothing", [[string.rep("", 1 << 60)]])
  is_given_up("a pattern", [[(("a"):rep(40)):find((".-"):rep(25) .. "b")]])
  is_given_up("a program that it waits for", [[os.execute("sleep 5")]])
  is_given_up("a read", [[io.popen("sleep 5"):read()]])
  is_given_up("a call-back of luv", [[
    require("luv").new_timer():start(0, 0, function() while true do end end)
    echo.sleep(100)]])
  is_given_up("an endless __close in a coroutine that the cancel left through a C function", [[
    coroutine.wrap(function() ]] .. guard .. [[
      table.sort({ 3, 2, 1 }, function() while true do end end)
    end)()]])

  it("a setup", function()
    local result = hostile.give_up("", { workers = 1, before = [[
      do
        local echo = require "echo"
        local s = echo.builder():with_worker_count(1):with_setup(function() while true do end end):build()
        local task = s:submit(type, 1)
        task:pwait(0.05)
        print(s:stop { mode = "cancel", timeout = 0.1 })
        print((select(2, task:pwait(0)).kind))
        os.exit(true)
      end]] })
    assert.equal("", result.err)
    assert.equal("nil\t0\ncancelled\n", result.out) -- the task had not begun
    assert.equal(0, result.code)
  end)
end)
