-- scheduler:submit: what goes to a worker and comes back, and what is refused.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local machine = require "spec.lua.support.machine"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler()
  return echo.builder():with_worker_count(2):build()
end

describe("a submitted function", function()
  it("gets its arguments and gives its results", function()
    local s <close> = new_scheduler()
    local sum, difference = s:submit(function(a, b)
      return a + b, a - b
    end, 10, 4):wait()
    assert.equal(14, sum)
    assert.equal(6, difference)
  end)

  it("is for the queue that its options named, whatever becomes of these", function()
    local queue = ("q"):rep(60) -- Lua keeps long strings apart
    local builder = echo.builder():with_worker_count(1):with_queue(queue .. "1", { limit = 1 })
    local s <close> = builder:build()
    local function submit_with(options)
      local value = setmetatable({}, {
        __echo_transfer = function()
          if not getmetatable(options) then
            options.queue = nil
          end
          collectgarbage()
          local texts = {}
          for i = 1, 1000 do
            texts[i] = ("z"):rep(30 + i % 60) .. i
          end
          return function(...)
            return ...
          end, #texts
        end,
      })
      return s:submit(options, function(count)
        return count, require("echo").current().queue
      end, value):wait(20)
    end
    local given = setmetatable({}, {
      __index = function(_, name)
        return name == "queue" and queue .. 1 or nil
      end,
    })
    for _, options in ipairs({ { queue = queue .. 1 }, given }) do
      assert.same({ 1000, queue .. 1 }, { submit_with(options) })
    end
  end)

  it("may have no arguments and no results", function()
    local s <close> = new_scheduler()
    local results = table.pack(s:submit(function(...)
      if select("#", ...) > 0 then
        error("there are arguments")
      end
    end):wait())
    assert.equal(0, results.n)
  end)

  it("sees every nil among its arguments, at the end too", function()
    local s <close> = new_scheduler()
    local results = table.pack(s:submit(function(...)
      return select("#", ...), ...
    end, nil, 1, nil, nil):wait())
    assert.same({ 4, nil, 1, nil, nil, n = 5 }, results)
  end)

  it("gives every nil among its results, at the end too", function()
    local s <close> = new_scheduler()
    local results = table.pack(s:submit(function()
      return nil, false, nil
    end):wait())
    assert.same({ nil, false, nil, n = 3 }, results)
  end)

  it("takes and gives a thousand values", function()
    local s <close> = new_scheduler()
    local values = {}
    for i = 1, 1000 do
      values[i] = i
    end
    local results = table.pack(s:submit(function(...)
      return ...
    end, table.unpack(values)):wait())
    values.n = 1000
    assert.same(values, results)
  end)

  it("keeps integers and floats apart", function()
    local s <close> = new_scheduler()
    local types = { s:submit(function(...)
      local found = {}
      for i, value in ipairs { ... } do
        found[i] = math.type(value)
      end
      return table.unpack(found)
    end, 1, 1.0, math.maxinteger, -0.0, math.huge):wait() }
    assert.same({ "integer", "float", "integer", "float", "float" }, types)
    assert.equal("float", math.type(s:submit(function()
      return 3.0
    end):wait()))
  end)

  it("gets strings with any bytes, of any length", function()
    local s <close> = new_scheduler()
    local all = {}
    for byte = 0, 255 do
      all[#all + 1] = string.char(byte)
    end
    local text = table.concat(all)
    for _, sent in ipairs { "", "\0", text, text:rep(1000) } do
      assert.equal(sent, s:submit(function(got)
        return got
      end, sent):wait())
    end
  end)

  it("gets a copy of a table, nested and with cycles", function()
    local s <close> = new_scheduler()
    local sent = { 1, 2, { 3, deep = { yes = true } }, name = "n", [1.5] = "float key" }
    sent.self = sent
    sent.same = sent[3]
    local got = s:submit(function(t)
      if t.self ~= t or t.same ~= t[3] then
        error("what was one table became two")
      end
      t.name = "changed"
      return t
    end, sent):wait()
    assert.equal("n", sent.name)
    assert.equal("changed", got.name)
    assert.equal(got, got.self)
    assert.equal(got[3], got.same)
    assert.is_true(got[3].deep.yes)
    assert.equal("float key", got[1.5])
  end)

  it("takes its upvalues along by value", function()
    local s <close> = new_scheduler()
    local count, list = 5, { 1, 2, 3 }
    local function bump()
      count = count + 1
      list[#list + 1] = count
      return count, #list
    end
    local got_count, got_length = s:submit(bump):wait()
    assert.same({ 6, 4 }, { got_count, got_length })
    assert.equal(5, count)
    assert.equal(3, #list)
  end)

  it("starts each time with the upvalues it was submitted with", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local count = 0
    local function bump()
      count = count + 1
      return count
    end
    assert.equal(1, s:submit(bump):wait())
    assert.equal(1, s:submit(bump):wait())
    count = 10
    assert.equal(11, s:submit(bump):wait())
  end)

  it("may call itself and other local functions", function()
    local s <close> = new_scheduler()
    local function twice(n)
      return 2 * n
    end
    local function factorial(n)
      return n == 0 and 1 or n * factorial(n - 1)
    end
    assert.equal(240, s:submit(function(n)
      return twice(factorial(n))
    end, 5):wait())
  end)

  it("may be given functions, and give one back", function()
    local s <close> = new_scheduler()
    local base = 100
    local add = s:submit(function(combine)
      local sum = combine(1, 2)
      return function(n)
        return n + sum
      end
    end, function(a, b)
      return a + b + base
    end):wait()
    assert.equal(110, add(7))
  end)

  it("uses the worker's globals, not the submitter's", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    rawset(_G, "echo_spec_global", "host")
    assert.is_nil(s:submit(function()
      return rawget(_G, "echo_spec_global")
    end):wait())
    s:submit(function()
      rawset(_G, "echo_spec_global", "worker")
    end):wait()
    assert.equal("host", rawget(_G, "echo_spec_global"))
    rawset(_G, "echo_spec_global", nil)
  end)

  it("may be a vararg function with a table constructor and a goto", function()
    local s <close> = new_scheduler()
    local sum = s:submit(function(...)
      local all, total = { ... }, 0
      for i = 1, #all do
        if all[i] % 2 == 0 then
          goto continue
        end
        total = total + all[i]
        ::continue::
      end
      return total
    end, 1, 2, 3, 4, 5):wait()
    assert.equal(9, sum)
  end)

  it("may run coroutines of its own", function()
    local s <close> = new_scheduler()
    assert.same({ 1, 4, 9 }, s:submit(function()
      local squares = {}
      for square in coroutine.wrap(function()
        for i = 1, 3 do
          coroutine.yield(i * i)
        end
      end) do
        squares[#squares + 1] = square
      end
      return squares
    end):wait())
  end)

  it("is collected with its handle while the task goes on", function()
    local s <close> = new_scheduler()
    for i = 1, 1000 do
      s:submit(function(n)
        return n
      end, i)
    end
    collectgarbage()
    s:stop()
    assert.equal(1000, s:stats().ended)
  end)
end)

describe("a library function", function()
  it("travels by the name it has in its module", function()
    local s <close> = new_scheduler()
    assert.equal("7-x", s:submit(string.format, "%d-%s", 7, "x"):wait())
    assert.equal(3, s:submit(math.max, 1, 3, 2):wait())
    assert.equal("table", s:submit(type, {}):wait())
  end)

  it("travels as an upvalue", function()
    local s <close> = new_scheduler()
    local floor, format = math.floor, string.format
    assert.equal("3", s:submit(function(x)
      return format("%d", floor(x))
    end, 3.7):wait())
  end)

  it("travels inside its library's table", function()
    local s <close> = new_scheduler()
    local str, libraries = string, { numbers = math, text = utf8 }
    local upper, pi, char = s:submit(function(text)
      return str.upper(text), libraries.numbers.pi, libraries.text.char(228)
    end, "shout"):wait()
    assert.equal("SHOUT", upper)
    assert.equal(math.pi, pi)
    assert.equal("ä", char)
  end)

  it("is the worker's own there, and the host's own when it comes back", function()
    local s <close> = new_scheduler()
    local same, back, back_table = s:submit(function(given, given_table)
      return given == string.rep and given_table == string, string.rep, string
    end, string.rep, string):wait()
    assert.is_true(same)
    assert.equal(string.rep, back)
    assert.equal(string, back_table)
  end)

  it("of a C module is required by the worker", function()
    local s <close> = new_scheduler()
    local cjson = require "cjson"
    assert.equal("[1,2]", s:submit(cjson.encode, { 1, 2 }):wait())
    assert.same({ a = 1 }, s:submit(function(text)
      return cjson.decode(text)
    end, '{"a":1}'):wait())
  end)

  it("that is in no loaded module is refused", function()
    local s <close> = new_scheduler()
    local err = refusal(s.submit, s, coroutine.wrap(print))
    assert.equal("transfer", err.kind)
    includes("C function cannot travel: it is in no loaded module", err.message)
  end)
end)

describe("a submit whose values cannot travel", function()
  -- What is submitted and what the message is.
  local refused = {
    ["names the argument"] = {
      { print, 1, io.stdout }, "argument 2: userdata FILE* cannot travel",
    },
    ["names the path inside a table"] = {
      { print, 1, { rows = { 1, 2, { handle = io.stdout } } } },
      'argument 2: field "rows"[3].handle: userdata FILE* cannot travel',
    },
    ["names a thread"] = {
      { print, coroutine.create(print) }, "argument 1: thread cannot travel",
    },
    ["names the metamethod of a table"] = {
      { print, setmetatable({}, { __index = {} }) },
      "argument 1: table with metamethod __index cannot travel",
    },
    ["names a callable table"] = {
      { setmetatable({}, { __call = print }) },
      "function: table with metamethod __call cannot travel",
    },
  }
  for sentence, row in pairs(refused) do
    it(sentence, function()
      local s <close> = new_scheduler()
      local values, message = table.unpack(row)
      local err = refusal(s.submit, s, table.unpack(values))
      assert.equal("transfer", err.kind)
      assert.equal(message, err.message)
      assert.equal(0, s:stats().submitted)
    end)
  end

  it("names the upvalue", function()
    local s <close> = new_scheduler()
    local log = io.stdout
    local err = refusal(s.submit, s, function()
      return log
    end)
    assert.equal("transfer", err.kind)
    assert.equal('upvalue "log": userdata FILE* cannot travel', err.message)
  end)

  it("tells the caller's line in the error's traceback", function()
    local s <close> = new_scheduler()
    local line = debug.getinfo(1, "l").currentline + 2
    local err = refusal(function()
      s:submit(print, io.stdout)
    end)
    includes("submit_spec.lua:" .. line .. ":", err.traceback)
    includes(err.message, tostring(err))
    includes("submit_spec.lua:" .. line .. ":", tostring(err))
  end)
end)

describe("submit refuses", function()
  local function refuse(message, call)
    it(message, function()
      local s <close> = new_scheduler()
      local threads = machine.thread_count()
      local err = refusal(call, s)
      includes("submit_spec.lua:", err)
      includes(message, err)
      assert.equal(0, s:stats().submitted)
      assert.equal(threads, machine.await_thread_count(threads))
    end)
  end

  refuse("bad argument #1 to 'submit' (function expected, got nil)", function(s)
    s:submit(nil)
  end)
  refuse("bad argument #1 to 'submit' (function expected, got no value)", function(s)
    s:submit()
  end)
  refuse("bad argument #1 to 'submit' (function expected, got number)", function(s)
    s:submit(5)
  end)
  refuse("bad argument #1 to 'submit' (function expected, got string)", function(s)
    s:submit("print")
  end)
  refuse("bad argument #2 to 'submit' (function expected, got no value)", function(s)
    s:submit({})
  end)
  refuse("bad argument #2 to 'submit' (function expected, got table)", function(s)
    s:submit({ priority = "high" }, {})
  end)
  refuse("bad argument #1 to 'submit' (unknown option 'prority')", function(s)
    s:submit({ prority = "high" }, print)
  end)
  refuse("bad argument #1 to 'submit' (unknown option 1: options expected here, this is a list)", function(s)
    s:submit({ "high" }, print)
  end)
  refuse("(option 'priority': 'high', 'normal' or 'low' expected, got 'urgent')", function(s)
    s:submit({ priority = "urgent" }, print)
  end)
  refuse("(option 'priority': 'high', 'normal' or 'low' expected, got 3)", function(s)
    s:submit({ priority = 3 }, print)
  end)
  refuse("(option 'queue': there is no queue named 'none')", function(s)
    s:submit({ queue = "none" }, print)
  end)
  refuse("(option 'queue': a string expected, got boolean)", function(s)
    s:submit({ queue = true }, print)
  end)
  refuse("(option 'queue': a string without zero bytes expected", function(s)
    s:submit({ queue = "a\0b" }, print)
  end)
  refuse("(option 'name': a string expected, got table)", function(s)
    s:submit({ name = {} }, print)
  end)
  refuse("(option 'name': a string without zero bytes expected", function(s)
    s:submit({ name = "a\0b" }, print)
  end)
  refuse("(echo.scheduler expected, got table)", function(s)
    s.submit({}, print)
  end)
  refuse("(echo.scheduler expected, got function)", function(s)
    s.submit(print)
  end)

  it("everything after a stop, with kind stopped", function()
    local s = new_scheduler()
    s:submit(math.abs, 1)
    s:stop()
    local err = refusal(function()
      s:submit(math.abs, 2)
    end)
    assert.equal("stopped", err.kind)
    includes("it was stopped", err.message)
    includes("submit_spec.lua:", err.traceback)
    assert.equal("stopped", refusal(s.map, s, math.abs, { 1 }).kind)
    assert.equal(1, s:stats().submitted)
  end)

  it("everything after a stop of a scheduler that never started", function()
    local threads = machine.thread_count()
    local s = new_scheduler()
    s:stop()
    assert.equal("stopped", refusal(s.submit, s, math.abs, 2).kind)
    assert.equal(threads, machine.await_thread_count(threads))
  end)
end)
