-- Functions that travel: whose upvalues they have, and what is left of what they were.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local refusal = require "spec.lua.support.refusal"

local function new_scheduler()
  return echo.builder():with_worker_count(1):build()
end

describe("a function that is submitted again and again", function()
  it("never shows a task the upvalues of another, even if functions escaped", function()
    local s <close> = new_scheduler()
    local secret = "none"
    local function task()
      escaped = escaped or {} -- luacheck: ignore 111 113
      local own = debug.getinfo(1, "f").func
      local function inner()
        return secret
      end
      table.insert(escaped, { own = own, inner = inner }) -- luacheck: ignore 113
      return secret
    end
    for i = 1, 20 do
      secret = "secret " .. i
      assert.equal(secret, s:submit(task):wait())
    end
    local seen = s:submit(function()
      local list = {}
      for i, e in ipairs(escaped) do -- luacheck: ignore 113
        local name, value = debug.getupvalue(e.own, 1)
        list[i] = { e.inner(), name == "secret" and value or select(2, debug.getupvalue(e.own, 2)) }
      end
      return list
    end):wait()
    for i = 1, 20 do
      assert.equal("secret " .. i, seen[i][1])
    end
    assert.equal(20, #seen)
    local objects = s:submit(function()
      local different = {}
      for _, e in ipairs(escaped) do -- luacheck: ignore 113
        different[e.own] = true
      end
      local count = 0
      for _ in pairs(different) do
        count = count + 1
      end
      return count
    end):wait()
    assert.equal(20, objects)
  end)

  it("starts with fresh upvalues that only its own functions share", function()
    local s <close> = new_scheduler()
    local count = 0
    local function bump()
      count = count + 1
    end
    local function read()
      return count
    end
    for _ = 1, 5 do
      assert.equal(2, s:submit(function(increase, look)
        increase()
        increase()
        return look()
      end, bump, read):wait())
    end
  end)

  it("keeps its file, its lines and its names each time", function()
    local s <close> = new_scheduler()
    local missing = tonumber("none")
    local line = debug.getinfo(1, "l").currentline + 2
    local function task()
      return missing.field
    end
    for _ = 1, 4 do
      local _, err = s:submit(task):pwait()
      includes(("travel_function_spec.lua:%d: attempt to index a nil value (upvalue 'missing')")
        :format(line), err.message)
      includes(("travel_function_spec.lua:%d: in function"):format(line), err.traceback)
    end
  end)

  it("may have from one to 255 upvalues, and functions of all sorts inside", function()
    local s <close> = new_scheduler()
    for _, count in ipairs { 1, 2, 60, 189, 190, 191, 199, 255 } do
      local groups = {}
      for first = 1, count, 150 do
        local names, values = {}, {}
        for i = first, math.min(first + 149, count) do
          names[#names + 1] = "u" .. i
          values[#values + 1] = i
        end
        table.insert(groups, { names = names, values = values })
      end
      -- Each group of variables belongs to a function around the next.
      local head, sum, tail = {}, {}, {}
      for _, group in ipairs(groups) do
        head[#head + 1] = ("return (function() local %s = %s"):format(
          table.concat(group.names, ","), table.concat(group.values, ","))
        sum[#sum + 1] = table.concat(group.names, "+")
        tail[#tail + 1] = "end)()"
      end
      local f = load(("%s return function(x) local t = {1.5, nil, true, false, 'text', 1 << 40}"
        .. " local function g(...) return x, ... end"
        .. " return %s + g() + #t[5], (function() return u1 end)() end %s"):format(
          table.concat(head, " "), table.concat(sum, "+"), table.concat(tail, " ")))()
      for round = 1, 4 do
        local total, one = s:submit(f, round):wait()
        assert.equal(count * (count + 1) // 2 + round + 4, total)
        assert.equal(1, one)
      end
    end
  end)

  it("may be stripped", function()
    local s <close> = new_scheduler()
    local function make(n)
      return load(string.dump(load("local n = ... return function() return n + 1 end"), true))(n)
    end
    for n = 1, 4 do
      assert.equal(n + 1, s:submit(make(n)):wait())
    end
    local _, err = s:submit(make("x")):pwait()
    includes("attempt to add a 'string' with a 'number'", err.message)
  end)

  it("costs what it needs, not what its code is long", function()
    local s <close> = new_scheduler()
    local parts, up = {}, 1
    for i = 1, 20000 do
      parts[i] = ("if x == %d then return up + %d end"):format(i, i)
    end
    local f = load("local up = ... return function(x) " .. table.concat(parts, " ") .. " end")(up)
    local before = s:submit(function(g)
      collectgarbage()
      collectgarbage("stop")
      return collectgarbage("count"), g(1)
    end, f):wait()
    for i = 1, 50 do
      assert.equal(up + 1, s:submit(f, 1):wait(), i)
    end
    local grown = s:submit(function()
      return collectgarbage("count")
    end):wait() - before
    -- Its code is a megabyte; it may be loaded for the first task and once more to be kept.
    assert.is_true(grown < 10000, grown)
  end)
end)

describe("functions in a transfer", function()
  it("may be mutually recursive, in tables, and results that the host calls", function()
    local s <close> = new_scheduler()
    local tools = s:submit(function()
      local even, odd
      function even(n)
        return n == 0 or odd(n - 1)
      end
      function odd(n)
        return n ~= 0 and even(n - 1)
      end
      local count = 0
      return { even = even, odd = { odd }, next = function()
        count = count + 1
        return count
      end, read = function()
        return count
      end }
    end):wait()
    assert.is_true(tools.even(10))
    assert.is_false(tools.odd[1](10))
    tools.next()
    tools.next()
    assert.equal(2, tools.read())
  end)

  it("have the worker's globals, also as results the host's", function()
    local s <close> = new_scheduler()
    local env, globals = s:submit(function()
      only_in_the_worker = true -- luacheck: ignore 111
      return function()
        return _ENV
      end, _G
    end):wait()
    assert.equal(_G, env())
    assert.equal(_G, globals)
    assert.is_nil(rawget(_G, "only_in_the_worker"))
  end)

  it("with an _ENV of their own are refused, with the reason", function()
    local s <close> = new_scheduler()
    local err = refusal(s.submit, s, load("return x", "chunk", "t", {}))
    assert.equal("transfer", err.kind)
    assert.equal('upvalue "_ENV": a changed _ENV cannot travel', err.message)
    assert.equal(0, s:stats().submitted)
  end)
end)
