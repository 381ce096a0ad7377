-- echo.register: objects that keep their metatable, which travels by name.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local Point = require "spec.lua.support.point"
local refusal = require "spec.lua.support.refusal"

local function with_points()
  return echo.builder():with_worker_count(1):with_setup(echo.register, "spec.Point", Point):build()
end

describe("an object whose metatable is registered", function()
  it("arrives with the metatable of that name, in either direction", function()
    local s <close> = with_points()
    local sum, moved = s:submit(function(a, b)
      return (a + b):sum(), a + b
    end, Point.new(1, 2), Point.new(10, 20)):wait()
    assert.equal(33, sum)
    assert.equal(Point, getmetatable(moved))
    assert.equal(33, moved:sum())
  end)

  it("may be shared, in cycles, deep down, a key, an upvalue and an item", function()
    local s <close> = with_points()
    local a = Point.new(1, 2)
    a.self, a.list = a, { a, { a } }
    local deep = a
    for _ = 1, 300 do
      deep = Point.new(deep, {})
      deep.y.up = deep
    end
    local got, back = s:submit(function(given, keys)
      return given == a and given.self == a and given.list[2][1] == a and next(keys) == a
        and a:sum() == 3, deep
    end, a, { [a] = true }):wait()
    assert.is_true(got)
    local depth = 0
    while back ~= nil and getmetatable(back.x) == Point do
      assert.equal(Point, getmetatable(back))
      assert.equal(back, back.y.up)
      back, depth = back.x, depth + 1
    end
    assert.equal(300, depth)
    assert.same({ 3, 7 }, s:map(function(p)
      return p:sum()
    end, { Point.new(1, 2), Point.new(3, 4) }):wait())
  end)

  it("may come by the ten thousand", function()
    local s <close> = with_points()
    local list = {}
    for i = 1, 10000 do
      list[i] = Point.new(i, -i + 1)
    end
    local got = s:submit(function(points)
      for i, p in ipairs(points) do
        points[i] = p + p
      end
      return points
    end, list):wait()
    for i = 1, 10000 do
      assert.equal(2, got[i]:sum())
    end
  end)

  it("is a class whose methods refer to it, and which is one and the same there", function()
    local s <close> = with_points()
    assert.is_true(s:submit(function(p, class)
      return class == Point and getmetatable(p) == Point and getmetatable(Point.new(1, 1)) == class
    end, Point.new(1, 1), Point):wait())
    assert.equal(Point, s:submit(function()
      return Point
    end):wait())
  end)

  it("travels in a task's error", function()
    local s <close> = with_points()
    local _, err = s:submit(function()
      error(Point.new(3, 4))
    end):pwait()
    assert.equal("error", err.kind)
    assert.equal(7, err.value:sum())
  end)

  it("runs none of its metamethods on the way", function()
    local strict = { __index = error, __newindex = error, __len = error, __pairs = error,
      __eq = error, __mode = "k", __gc = false }
    echo.register("spec.strict", strict)
    local s <close> = echo.builder():with_worker_count(1):with_setup(function()
      require("echo").register("spec.strict", { __index = error, __newindex = error })
    end):build()
    local got = s:submit(function(object)
      return rawget(object, "x"), object
    end, setmetatable({ x = 1, [2] = 2 }, strict)):wait()
    assert.equal(1, got)
  end)

  it("is finalized when it has arrived whole, and only then", function()
    local name = "spec.finalized"
    local mt = { __gc = function() end }
    echo.register(name, mt)
    local s <close> = echo.builder():with_worker_count(1):with_setup(function()
      finalized = {} -- luacheck: ignore 111
      require("echo").register("spec.finalized", { __gc = function(object)
        table.insert(finalized, object.last or "half") -- luacheck: ignore 113
      end })
    end):build()
    local object = setmetatable({ inner = setmetatable({ last = "inner" }, mt), last = "outer" }, mt)
    s:submit(type, object):wait()
    package.loaded.only_here = { f = coroutine.wrap(print) }
    local half = setmetatable({ "item", f = package.loaded.only_here.f }, mt)
    assert.equal("transfer", select(2, s:submit(type, half):pwait()).kind)
    package.loaded.only_here = nil
    local seen = s:submit(function()
      collectgarbage()
      collectgarbage()
      table.sort(finalized) -- luacheck: ignore 113
      return finalized -- luacheck: ignore 113
    end):wait()
    assert.same({ "inner", "outer" }, seen)
  end)
end)

describe("a metatable", function()
  it("that is not registered where it comes to is an error that says how to", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local class = echo.register("spec.only_here", { __index = {} })
    for _, value in ipairs { setmetatable({}, class), class } do
      local _, err = s:submit(type, value):pwait()
      assert.equal("transfer", err.kind)
      assert.equal('no metatable is registered as "spec.only_here" in the state that it came to: '
        .. 'call echo.register("spec.only_here", metatable) there, as in with_setup', err.message)
    end
    local task = s:submit(function()
      return setmetatable({}, require("echo").register("spec.only_there", {}))
    end)
    local ok, err = pcall(task.wait, task)
    assert.is_false(ok)
    assert.equal("transfer", err.kind)
    includes('no metatable is registered as "spec.only_there"', err.message)
  end)

  it("may be registered by a module that both require", function()
    local path = os.tmpname()
    local folder, module = path:match("^(.*)/([^/]+)$")
    local file <close> = io.open(path .. ".lua", "w")
    file:write([[
      local Stack = {}
      Stack.__index = Stack
      function Stack.new(...) return setmetatable({ ... }, Stack) end
      function Stack:pop() return table.remove(self) end
      return require("echo").register("spec.Stack", Stack)
    ]])
    file:close()
    local old = package.path
    package.path = folder .. "/?.lua;" .. old
    local Stack = require(module)
    local s <close> = echo.builder():with_worker_count(1):with_setup(require, module):build()
    local popped, rest = s:submit(function(stack)
      return stack:pop(), stack
    end, Stack.new(1, 2, 3)):wait()
    package.path = old
    os.remove(path)
    os.remove(path .. ".lua")
    assert.equal(3, popped)
    assert.equal(2, rest:pop())
  end)

  it("that a module returns is required by whoever it comes to", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local sum, class = s:submit(function(given)
      return given.new(1, 2):sum(), given
    end, Point):wait()
    assert.equal(3, sum)
    assert.equal(Point, class)
  end)

  it("without metamethods is left behind when it is not registered, as ever", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    assert.is_nil(s:submit(getmetatable, setmetatable({}, { __name = "plain", color = 1 })):wait())
    local err = refusal(s.submit, s, print, { setmetatable({}, { __index = {} }) })
    assert.equal("transfer", err.kind)
    assert.equal("argument 1: [1]: table with metamethod __index cannot travel", err.message)
  end)
end)

describe("echo.register", function()
  local taken = echo.register("spec.taken", {})

  local function refuse(message, ...)
    local arguments = table.pack(...)
    it("refuses: " .. message, function()
      includes(message, refusal(echo.register, table.unpack(arguments, 1, arguments.n)))
    end)
  end

  refuse("bad argument #1 to 'echo.register' (name: a string expected, got no value)")
  refuse("bad argument #1 to 'echo.register' (name: a string expected, got 5)", 5, {})
  refuse("bad argument #1 to 'echo.register' (name: a string expected, got table)", {}, "spec.x")
  refuse("bad argument #1 to 'echo.register' (name: a string without zero bytes expected)", "a\0b", {})
  refuse("bad argument #1 to 'echo.register' (name: it is empty)", "", {})
  refuse("(name: those that begin with 'echo.' are echo's own)", "echo.error", {})
  refuse("bad argument #2 to 'echo.register' (table expected, got no value)", "spec.x")
  refuse("bad argument #2 to 'echo.register' (table expected, got function)", "spec.x", print)
  refuse("(name: another table is registered as 'spec.taken' already)", "spec.taken", {})
  refuse("bad argument #2 to 'echo.register' (this table is registered as 'spec.taken' already)",
    "spec.y", taken)

  it("returns the table, and may be called again with the same", function()
    local mt = {}
    assert.equal(mt, echo.register("spec.twice", mt))
    assert.equal(mt, echo.register("spec.twice", mt))
  end)

  it("leaves nothing behind when it refuses", function()
    assert.is_false((pcall(echo.register, "spec.taken", {})))
    local mt = {}
    assert.is_false((pcall(echo.register, "", mt)))
    assert.equal(mt, echo.register("spec.free", mt))
  end)

  it("takes names of any length and with any letters", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    for _, name in ipairs { "ä", ("n"):rep(39), ("n"):rep(40), ("n"):rep(41), ("n"):rep(500) } do
      local mt = echo.register(name, { __len = error })
      assert.equal(mt, getmetatable(s:submit(function(label)
        return setmetatable({}, require("echo").register(label, { __len = error }))
      end, name):wait()))
    end
  end)
end)

describe("an error object of echo", function()
  it("travels as itself: as an argument, a result, a value raised again", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local _, err = s:submit({ name = "first" }, error, { code = 7 }):pwait()
    local kind, text, back = s:submit(function(given)
      return given.kind, tostring(given), { given }
    end, err):wait()
    assert.equal("error", kind)
    assert.equal(tostring(err), text)
    assert.equal("echo.error", getmetatable(back[1]))
    assert.equal(tostring(err), tostring(back[1]))
    assert.same({ 7, "first" }, { back[1].value.code, back[1].task })
    local _, again = s:submit({ name = "second" }, error, err):pwait()
    assert.equal("echo.error", getmetatable(again))
    assert.same({ 7, "first" }, { again.value.code, again.task })
    assert.equal(err.message, again.message)
  end)

  it("arrives in a state that never required echo", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local _, err = s:submit(error, "x"):pwait()
    assert.is_true(s:submit(function(given)
      return getmetatable(given) == "echo.error"
    end, err):wait())
  end)
end)

describe("results that cannot be had in the host", function()
  it("are an error of kind transfer, which pwait returns", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local went_well, err = s:submit(function()
      return setmetatable({}, require("echo").register("spec.only-in-the-worker", {}))
    end):pwait()
    assert.is_false(went_well)
    assert.equal("transfer", err.kind)
    assert.is_truthy(err.message:find("spec.only-in-the-worker", 1, true))
    went_well, err = s:map(function()
      return setmetatable({}, require("echo").register("spec.another", {}))
    end, { 1 }):pwait()
    assert.is_false(went_well)
    assert.equal("transfer", err.kind)
  end)
end)
