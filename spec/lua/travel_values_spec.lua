-- What travels there and back through a scheduler, as its user sees it. The codec's own spec
-- (codec_spec.c) looks at the same in more detail, without one.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"

local function new_scheduler()
  return echo.builder():with_worker_count(1):build()
end

local function give(...)
  return ...
end

describe("values there and back", function()
  it("are the same numbers, bit for bit", function()
    local s <close> = new_scheduler()
    local nan = string.unpack("<d", "\1\2\3\4\5\6\xf8\x7f")
    local sent = { nan, -0.0, 0.0, 1 << 53 | 1, 2.0 ^ 53 + 1, math.maxinteger, math.mininteger,
      math.huge, -math.huge, 5e-324, 1, 1.0 }
    local function bits(list)
      local out = {}
      for i, number in ipairs(list) do
        out[i] = math.type(number) == "float" and string.pack("<d", number)
          or string.pack("<i8", number) .. "i"
      end
      return out
    end
    assert.same(bits(sent), bits { s:submit(give, table.unpack(sent)):wait() })
  end)

  it("keep keys apart that only look alike", function()
    local s <close> = new_scheduler()
    local sent = { [1] = "integer", [1.5] = "float", ["1"] = "string", [true] = "true",
      [2 ^ 53] = "an integer after all", [math.mininteger] = "least", [-1] = "minus" }
    local got, types = s:submit(function(t)
      local found = {}
      for key in pairs(t) do
        found[#found + 1] = (math.type(key) or type(key)) .. tostring(key)
      end
      table.sort(found)
      return t, found
    end, sent):wait()
    assert.same(sent, got)
    assert.same({ "booleantrue", "float1.5", "integer-1", "integer-9223372036854775808",
      "integer1", "integer9007199254740992", "string1" }, types)
  end)

  it("may be a null of JSON, anywhere, and no other light userdata", function()
    local s <close> = new_scheduler()
    local cjson = require "cjson"
    local null = cjson.null
    assert.same({ null, { a = { 1, null } }, { [null] = 2 } },
      { s:submit(give, null, cjson.decode '{"a":[1,null]}', { [null] = 2 }):wait() })
    assert.equal('{"a":null}', s:submit(cjson.encode, { a = null }):wait())
    assert.same({ true, null }, { s:submit(function()
      local same = null == require("cjson").null
      return same, null
    end):wait() })
    local ok, err = pcall(s.submit, s, give, { debug.upvalueid(new_scheduler, 1) })
    assert.same({ false, "transfer" }, { ok, err.kind })
    assert.equal("argument 1: [1]: light userdata cannot travel", err.message)
  end)

  it("may be handles of tasks and schedulers, which equal those that they were made of", function()
    local s <close> = new_scheduler()
    local other <close> = new_scheduler()
    local task = s:submit(math.abs, -1)
    local same, same_task = s:submit(give, s, task):wait()
    assert.is_true(same == s and same_task == task)
    assert.is_false(same == other or same_task == s:submit(math.abs, -1) or same == task)
    assert.is_true(s:submit(function(a, b) return a == b end, task, task):wait())
  end)

  it("may be a string of two hundred megabytes", function()
    local s <close> = new_scheduler()
    local size = 200 * 1000 * 1000
    local text = ("0123456789"):rep(size // 10 - 1) .. "\0\1\2\3\4\5\6\7\8\9"
    local length, last, back = s:submit(function(got)
      return #got, got:sub(-10), got
    end, text):wait()
    assert.equal(size, length)
    assert.equal("\0\1\2\3\4\5\6\7\8\9", last)
    assert.is_true(back == text)
  end)

  it("may be two hundred and fifty, with holes", function()
    local s <close> = new_scheduler()
    local sent = {}
    for i = 1, 250, 3 do
      sent[i] = i
    end
    local got = table.pack(s:submit(give, table.unpack(sent, 1, 250)):wait())
    assert.equal(250, got.n)
    got.n = nil
    assert.same(sent, got)
  end)

  it("may be nested a hundred thousand deep", function()
    local s <close> = new_scheduler()
    local chain
    for i = 1, 100000 do
      chain = { next = chain, i = i }
    end
    local got, depth = s:submit(give, chain):wait(), 0
    while got do
      got, depth = got.next, depth + 1
    end
    assert.equal(100000, depth)
  end)
end)

describe("a module's functions", function()
  it("travel for lpeg and cjson as for Lua's own", function()
    local s <close> = new_scheduler()
    local lpeg, cjson = require "lpeg", require "cjson"
    local encode = cjson.encode
    local text, matched, digits = s:submit(function(list)
      local number = lpeg.R "09" ^ 1
      return encode(list), lpeg.match(number, "123x"), lpeg.type(number)
    end, { 1, 2 }):wait()
    assert.same({ "[1,2]", 4, "pattern" }, { text, matched, digits })
    assert.equal(3, s:submit(lpeg.match, "ab", "ab"):wait())
  end)

  it("travel in either direction", function()
    local s <close> = new_scheduler()
    local lpeg = require "lpeg"
    local match, library = s:submit(function()
      local there = require "lpeg"
      return there.match, there
    end):wait()
    assert.equal(lpeg.match, match)
    assert.equal(lpeg, library)
  end)

  it("say which module the worker cannot find, and where it looked", function()
    local s <close> = echo.builder():with_worker_count(1):with_path("/nowhere/?.lua", "/none/?.so")
      :build()
    local ok, err = s:submit(require("cjson").encode, {}):pwait()
    assert.is_false(ok)
    assert.equal("transfer", err.kind)
    includes('module "cjson" not found:', err.message)
    includes("no file '/nowhere/cjson.lua'", err.message)
    includes("no file '/none/cjson.so'", err.message)
  end)

  it("that the host cannot find are told at the wait", function()
    local s <close> = new_scheduler()
    local task = s:submit(function()
      package.loaded.only_there = { f = string.rep, g = print }
      return package.loaded.only_there
    end)
    local ok, err = pcall(task.wait, task)
    assert.is_false(ok)
    assert.equal("transfer", err.kind)
    includes('module "only_there" not found:', err.message)
  end)
end)

describe("what is met on the way", function()
  local trap = { __index = error, __newindex = error, __len = error, __pairs = error, __eq = error,
    __tostring = error }

  it("is not called: __index, __len, __pairs, __tostring of what cannot travel", function()
    local s <close> = new_scheduler()
    local ok, err = pcall(s.submit, s, print, { setmetatable({}, trap) })
    assert.is_false(ok)
    assert.equal("argument 1: [1]: table with metamethod __eq cannot travel", err.message)
  end)

  it("may run finalizers, whose errors are contained", function()
    local s <close> = new_scheduler()
    local got = s:submit(function(list)
      warn("@off")
      for _ = 1, 1000 do
        setmetatable({}, { __gc = error })
      end
      collectgarbage("generational")
      local copy = {}
      for i, item in ipairs(list) do
        copy[i] = { item }
      end
      return copy
    end, { 1, 2, 3 }):wait()
    assert.same({ { 1 }, { 2 }, { 3 } }, got)
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)

  it("does not hide a failure: an error whose __index and __tostring fail", function()
    local s <close> = new_scheduler()
    local _, err = s:submit(function()
      error(setmetatable({}, { __index = error, __tostring = error, __name = "trap" }))
    end):pwait()
    assert.equal("error", err.kind)
    includes("__tostring failed", err.message)
    assert.equal(1, s:submit(math.abs, -1):wait())
  end)
end)
