-- __echo_transfer: objects and userdata that say themselves how they travel.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local refusal = require "spec.lua.support.refusal"
local process = require "spec.lua.support.process"

local function new_scheduler()
  return echo.builder():with_worker_count(1):build()
end

local function raw(fields)
  return fields
end

-- A metatable whose objects arrive as plain tables of what `pick` gives, and the count of its calls.
local function new_class(pick)
  local class = { calls = 0 }
  class.__index = class
  function class.__echo_transfer(object)
    class.calls = class.calls + 1
    return raw, pick(object)
  end
  return class
end

local Box = new_class(function(box)
  return { is = "box", value = box.value }
end)

local function box(value)
  return setmetatable({ value = value }, Box)
end

describe("an object with __echo_transfer", function()
  it("arrives as what the function makes that its hook gave", function()
    local s <close> = new_scheduler()
    local function rebuild(a, b, ...)
      return { a = a, b = b, n = select("#", ...) }
    end
    local object = setmetatable({}, { __echo_transfer = function()
      return rebuild, "first", { "second" }, nil, 4, nil
    end })
    local got, metatable = s:submit(function(x)
      return x, getmetatable(x)
    end, object):wait()
    assert.same({ a = "first", b = { "second" }, n = 3 }, got)
    assert.is_nil(metatable)
  end)

  it("may become any value but nil", function()
    local s <close> = new_scheduler()
    for _, becomes in ipairs { "text", 5, false, 2.5 } do
      local object = setmetatable({}, { __echo_transfer = function()
        return function()
          return becomes, "and this is left"
        end
      end })
      local list = s:submit(function(...)
        return { select("#", ...), ... }
      end, object, object, 7):wait()
      assert.same({ 3, becomes, becomes, 7 }, list)
    end
    local object = setmetatable({}, { __echo_transfer = function()
      return string.upper, "name"
    end })
    assert.same({ { "NAME", NAME = 1 }, "NAME" }, { s:submit(function(...)
      return ...
    end, { object, [object] = 1 }, object):wait() })
  end)

  it("is asked once in a transfer, and stays one object", function()
    local s <close> = new_scheduler()
    local one = box(1)
    Box.calls = 0
    local function upvalues()
      return one
    end
    assert.is_true(s:submit(function(a, list, f, keys)
      return a == list[1] and a == list[2][1] and a == f() and keys[a] and a.is == "box"
    end, one, { one, { one } }, upvalues, { [one] = true }):wait())
    assert.equal(1, Box.calls)
    s:submit(type, one):wait()
    assert.equal(2, Box.calls)
  end)

  it("is asked in the order of the values", function()
    local s <close> = new_scheduler()
    local order = {}
    local function named(name)
      return setmetatable({}, { __echo_transfer = function()
        order[#order + 1] = name
        return raw, name
      end })
    end
    s:submit(print and type, named "a", { named "b", { named "c" } }, named "d"):wait()
    assert.same({ "a", "b", "c", "d" }, order)
  end)

  it("may be given by another one's hook, in chains and shared", function()
    local s <close> = new_scheduler()
    local shared = { "shared" }
    local last = box(shared)
    local chain = last
    for _ = 1, 500 do
      chain = box(chain)
    end
    local got, same, depth = s:submit(function(first, second, third)
      local n, x = 0, first
      while x.value.is do
        x, n = x.value, n + 1
      end
      return x.value, x == second and x.value == third, n
    end, chain, last, shared):wait()
    assert.same({ "shared" }, got)
    assert.is_true(same)
    assert.equal(500, depth)
  end)

  it("comes before whoever needs it, whatever the order they are met in", function()
    local s <close> = new_scheduler()
    local inner = box("inner")
    local table_between = { inner }
    local a, b = box { table_between, inner }, box { inner, table_between }
    local function is_whole(x)
      return x[1][1] == x[2] and x[2].value == "inner" or x[1] == x[2][1] and x[1].value == "inner"
    end
    assert.same({ true, true, true }, { s:submit(function(x, y, between)
      return is_whole(x.value), is_whole(y.value), between == x.value[1] and between == y.value[2]
    end, a, b, table_between):wait() })
    assert.same({ true, true }, { s:submit(function(y, x)
      return is_whole(x.value), is_whole(y.value)
    end, b, a):wait() })
  end)

  it("has complete values to be made from, however deep", function()
    local s <close> = new_scheduler()
    local function count(list)
      local n = 0
      while list do
        list, n = list.next, n + 1
      end
      return n
    end
    local chain
    for _ = 1, 1000 do
      chain = { next = chain }
    end
    local object = setmetatable({}, { __echo_transfer = function()
      return count, chain
    end })
    local deep = { object }
    for _ = 1, 1000 do
      deep = { deep }
    end
    local found = s:submit(function(list)
      while type(list) == "table" do
        list = list[1]
      end
      return list
    end, deep):wait()
    assert.equal(1000, found)
  end)

  it("may come by the ten thousand", function()
    local s <close> = new_scheduler()
    local list = {}
    for i = 1, 10000 do
      list[i] = box(i)
    end
    Box.calls = 0
    local sum = s:submit(function(boxes)
      local total = 0
      for _, b in ipairs(boxes) do
        total = total + b.value
      end
      return total
    end, list):wait()
    assert.equal(50005000, sum)
    assert.equal(10000, Box.calls)
  end)

  it("may be a result, an item of a map, and the value of an error", function()
    local s <close> = new_scheduler()
    local hook = Box.__echo_transfer
    assert.same({ is = "box", value = 3 }, s:submit(function()
      local made = { value = 3 }
      return setmetatable(made, { __echo_transfer = function()
        return function(value)
          return { is = "box", value = value }
        end, made.value
      end })
    end):wait())
    assert.same({ 1, 2, 3 }, s:map(function(b)
      return b.value
    end, { box(1), box(2), box(3) }):wait())
    local _, err = s:submit(function()
      error(setmetatable({}, { __echo_transfer = function()
        return string.rep, "x", 3
      end }))
    end):pwait()
    assert.equal("xxx", err.value)
    assert.equal(hook, Box.__echo_transfer)
  end)

  it("is not what a registered name would make of it: the hook says more", function()
    local s <close> = new_scheduler()
    local mt = echo.register("spec.hooked", { __echo_transfer = function()
      return string.upper, "hook"
    end })
    assert.equal("HOOK", s:submit(function(x)
      return x
    end, setmetatable({}, mt)):wait())
  end)
end)

describe("a userdata with __echo_transfer", function()
  local paths = setmetatable({}, { __mode = "k" })
  local FILE = getmetatable(io.stdout)
  local open_file = io.open

  -- Moves: the file goes on over there where it was, and is closed here.
  local function move(file)
    local position = file:seek()
    file:close()
    return function(path, offset)
      local moved = open_file(path)
      moved:seek("set", offset)
      return moved
    end, paths[file], position
  end

  local function open(text)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    file = assert(io.open(path))
    paths[file] = path
    return file, path
  end

  before_each(function()
    FILE.__echo_transfer = move
  end)
  after_each(function()
    FILE.__echo_transfer = nil
  end)

  it("moves: an open file is read on by the task", function()
    local s <close> = new_scheduler()
    local file, path = open("one\ntwo\nthree\n")
    assert.equal("one", file:read("l"))
    local same, line = s:submit(function(f, list)
      local read = f:read("l")
      f:close()
      return f == list.again, read
    end, file, { again = file }):wait()
    os.remove(path)
    assert.is_true(same)
    assert.equal("two", line)
    assert.equal("closed file", io.type(file))
  end)

  it("is not asked when something else cannot travel: it is not moved", function()
    local s <close> = new_scheduler()
    local file, path = open("text")
    local err = refusal(s.submit, s, print, file, { coroutine.create(print) })
    assert.equal("argument 2: [1]: thread cannot travel", err.message)
    assert.equal("text", file:read("a"))
    file:close()
    os.remove(path)
  end)

  it("says where it is when its hook fails", function()
    local s <close> = new_scheduler()
    local file, path = open("text")
    file:close()
    os.remove(path)
    local err = refusal(s.submit, s, print, { files = { file } })
    assert.equal("transfer", err.kind)
    includes('argument 1: field "files"[1]: __echo_transfer failed: ', err.message)
    includes("attempt to use a closed file", err.message)
    assert.equal(0, s:stats().submitted)
  end)
end)

describe("a hook that does not do as it should", function()
  local function refuse(sentence, message, hook)
    it(sentence, function()
      local s <close> = new_scheduler()
      local object = setmetatable({}, { __echo_transfer = hook })
      local err = refusal(s.submit, s, print, { rows = { 1, object } })
      assert.equal("transfer", err.kind)
      includes('argument 1: field "rows"[2]' .. message, err.message)
      includes("travel_hook_spec.lua:", err.traceback)
      assert.equal(0, s:stats().submitted)
      assert.equal(1, s:submit(math.abs, -1):wait())
    end)
  end

  refuse("raises an error", ": __echo_transfer failed: no way", function()
    error("no way", 0)
  end)
  refuse("raises an object", ": __echo_transfer failed: as text", function()
    error(setmetatable({}, { __tostring = function()
      return "as text"
    end }))
  end)
  refuse("raises what has no text",
    ": __echo_transfer failed: (error object is a table value whose __tostring failed)", function()
    error(setmetatable({}, { __tostring = error }))
  end)
  refuse("gives nothing",
    ": __echo_transfer must return a function that makes the value anew, got nothing", function() end)
  refuse("gives nil",
    ": __echo_transfer must return a function that makes the value anew, got nil", function()
    return nil, 5
  end)
  refuse("gives another value first",
    ": __echo_transfer must return a function that makes the value anew, got table", function()
    return {}
  end)
  refuse("is no function", ": __echo_transfer failed: attempt to call a boolean value", true)
  refuse("gives a value that cannot travel",
    ', value 2 of __echo_transfer: field "x": userdata FILE* cannot travel', function()
    return raw, 1, { x = io.stdout }
  end)
  refuse("gives a function that cannot travel",
    ', function of __echo_transfer: upvalue "out": userdata FILE* cannot travel', function()
    local out = io.stdout
    return function()
      return out
    end
  end)
  refuse("yields", ": __echo_transfer failed: attempt to yield", function()
    coroutine.yield()
  end)
  refuse("gives its own object", ", value 1 of __echo_transfer: what __echo_transfer gives for an "
    .. "object cannot lead back to the object", function(object)
    return raw, object
  end)
  refuse("gives something that its object is in",
    ", value 1 of __echo_transfer: field \"back\"[1]: what __echo_transfer gives for an object "
    .. "cannot lead back to the object", function(object)
    return raw, { back = { object } }
  end)

  it("gives another such object, and that one another, without end", function()
    local s <close> = new_scheduler()
    local class = {}
    function class.__echo_transfer()
      return raw, setmetatable({}, class)
    end
    local err = refusal(s.submit, s, print, setmetatable({}, class))
    includes("argument 1, value 1 of __echo_transfer, value 1 of", err.message)
    includes("...: more than 10000 objects with __echo_transfer one inside the other", err.message)
    assert.equal("transfer", err.kind)
  end)

  it("goes round in a circle with others", function()
    local s <close> = new_scheduler()
    local a, b, c = box(), box(), box()
    a.value, b.value, c.value = { b }, { c }, { a }
    local err = refusal(s.submit, s, print, a)
    assert.equal("transfer", err.kind)
    includes("argument 1, value 1 of __echo_transfer: field \"value\"[1], value 1 of "
      .. "__echo_transfer: field \"value\"[1], value 1 of __echo_transfer: field \"value\"[1]: "
      .. "what __echo_transfer gives for an object cannot lead back to the object", err.message)
  end)

  it("changes the values that are being sent", function()
    local s <close> = new_scheduler()
    local list = {}
    local growing = {}
    function growing.__echo_transfer()
      list[#list + 1] = setmetatable({}, growing)
      return raw, "grown"
    end
    list[1] = setmetatable({}, growing)
    local err = refusal(s.submit, s, print, list)
    assert.equal("values: they change with every call of their __echo_transfer",
      err.message)
    local late = {}
    local once = setmetatable({}, { __echo_transfer = function()
      late[2] = box("late")
      return raw, "once"
    end })
    late[1] = once
    local got = s:submit(function(values)
      return values
    end, late):wait()
    assert.equal("once", got[1])
    assert.equal("late", got[2].value)
    local gone = {}
    gone[1] = setmetatable({}, { __echo_transfer = function()
      gone[1] = nil
      return raw, 1
    end })
    assert.same({}, s:submit(function(values)
      return values
    end, gone):wait())
  end)

  it("submits tasks itself", function()
    local s <close> = new_scheduler()
    local inner
    local object = setmetatable({}, { __echo_transfer = function()
      inner = s:submit(function(b)
        return b.value
      end, box("inside"))
      return raw, "outside"
    end })
    local list = { object, box(1), { deep = { {} } } }
    local got = s:submit(function(values)
      return values
    end, list):wait()
    assert.same({ "outside", { is = "box", value = 1 }, { deep = { {} } } }, got)
    assert.equal("inside", inner:wait())
    local again = setmetatable({}, { __echo_transfer = function(object_again)
      s:submit(print, object_again)
    end })
    assert.matches("^argument 1: __echo_transfer failed: argument 1: __echo_transfer failed: ",
      refusal(s.submit, s, print, again).message)
  end)

  it("takes its own or another's metatable away", function()
    local s <close> = new_scheduler()
    local other = setmetatable({}, { __echo_transfer = error })
    local object = setmetatable({}, { __echo_transfer = function(self)
      setmetatable(self, nil)
      setmetatable(other, nil)
      return raw, 1
    end })
    includes("argument 2: __echo_transfer failed", refusal(s.submit, s, print, object, other).message)
  end)

  it("fails for a result: the task fails", function()
    local s <close> = new_scheduler()
    local _, err = s:submit(function()
      return 1, { x = setmetatable({}, { __echo_transfer = function()
        error("not this one", 0)
      end }) }
    end):pwait()
    assert.equal("transfer", err.kind)
    assert.equal('result 2: field "x": __echo_transfer failed: not this one', err.message)
  end)

  it("fails for a task's error: its text travels", function()
    local s <close> = new_scheduler()
    local _, err = s:submit(function()
      error(setmetatable({}, { __echo_transfer = error, __tostring = function()
        return "the text"
      end }))
    end):pwait()
    assert.equal("error", err.kind)
    assert.equal("the text", err.message)
    assert.is_nil(err.value)
  end)
end)

describe("the function that a hook gave", function()
  local function arrive(rebuild, ...)
    local s <close> = new_scheduler()
    local given = table.pack(...)
    local object = setmetatable({}, { __echo_transfer = function()
      return rebuild, table.unpack(given, 1, given.n)
    end })
    local ok, err = s:submit(type, { x = { object } }):pwait()
    assert.is_false(ok)
    assert.equal(1, s:submit(math.abs, -1):wait())
    return err
  end

  it("fails: so does the task, which says where the value was", function()
    local err = arrive(error, "cannot be opened", 0)
    assert.equal("transfer", err.kind)
    assert.equal('argument 1: field "x"[1]: the function of __echo_transfer failed: cannot be opened',
      err.message)
  end)

  it("raises an object, or one without a text", function()
    includes("failed: its text", arrive(function()
      error(setmetatable({}, { __tostring = function()
        return "its text"
      end }))
    end).message)
    includes("__tostring failed", arrive(function()
      error(setmetatable({}, { __tostring = error }))
    end).message)
  end)

  it("returns nothing", function()
    assert.equal('argument 1: field "x"[1]: the function of __echo_transfer returned nothing',
      arrive(function() end).message)
  end)

  it("yields", function()
    includes("attempt to yield", arrive(coroutine.yield).message)
  end)

  it("is called by every wait for a result, and by each worker for a setup", function()
    local s <close> = new_scheduler()
    local task = s:submit(function()
      return setmetatable({}, { __echo_transfer = function()
        return function()
          rawset(_G, "rebuilt", (rawget(_G, "rebuilt") or 0) + 1)
          return rawget(_G, "rebuilt")
        end
      end })
    end)
    local first, second = task:wait(), task:wait()
    rawset(_G, "rebuilt", nil)
    assert.same({ 1, 2 }, { first, second })
  end)

  it("fails for a result at the wait", function()
    local s <close> = new_scheduler()
    local task = s:submit(function()
      return setmetatable({}, { __echo_transfer = function()
        return error, "not here", 0
      end })
    end)
    local ok, err = pcall(task.wait, task)
    assert.is_false(ok)
    assert.equal("transfer", err.kind)
    assert.equal("result 1: the function of __echo_transfer failed: not here", err.message)
  end)
end)

describe("transfers with hooks", function()
  it("leave no memory behind, whether they succeed or not", function()
    local result = process.run([[
      local echo = require "echo"
      local s = echo.builder():with_worker_count(1):build()
      local function raw(...) return ... end
      local mt = { __echo_transfer = function(o)
        if o.bad then error("bad") end
        return raw, { o.value, ("x"):rep(1000) }
      end }
      local function work(n)
        for i = 1, n do
          local list = {}
          for k = 1, 100 do list[k] = setmetatable({ value = { k } }, mt) end
          assert(s:submit(type, list):wait() == "table")
          list[50].bad = true
          assert(not pcall(s.submit, s, type, list))
          list[50].bad, list[51].value = nil, io.stdout
          assert(not pcall(s.submit, s, type, list))
        end
        collectgarbage()
        collectgarbage()
        return collectgarbage("count")
      end
      work(50)
      local before = work(50)
      print(work(300) - before < 100)
      s:stop()
    ]])
    assert.equal("true\n", result.out)
    assert.equal("", result.err)
  end)
end)
