-- Seeds of the stress that have failed: how they are made small, and what was kept of them.

local delta = require "spec.stress.delta"
local includes = require "spec.lua.support.includes"
local process = require "spec.lua.support.process"
local script = require "spec.stress.script"

local KEPT = "spec/stress/kept"

local function numbers(count)
  local list = {}
  for index = 1, count do
    list[index] = index
  end
  return list
end

-- Whether all that are needed are in a list, which it is asked for; and how often it was.
local function needs(needed)
  local asked = { count = 0 }
  return function(list)
    asked.count = asked.count + 1
    local has = {}
    for _, entry in ipairs(list) do
      has[entry] = true
    end
    for _, entry in ipairs(needed) do
      if not has[entry] then
        return false
      end
    end
    return true
  end, asked
end

describe("a list is shrunk", function()
  it("to what is needed, in order", function()
    assert.same({ 2, 57, 58, 99 }, delta.shrink(numbers(100), needs { 99, 2, 58, 57 }))
    assert.same({}, delta.shrink(numbers(100), needs {}))
    assert.same({}, delta.shrink({}, needs {}))
    assert.same({ 1 }, delta.shrink({ 1 }, needs { 1 }))
    assert.same(numbers(7), delta.shrink(numbers(7), needs(numbers(7))))
  end)

  it("to what is needed, whatever it is", function()
    for seed = 1, 100 do
      math.randomseed(seed)
      local list, needed = numbers(math.random(0, 60)), {}
      for _, entry in ipairs(list) do
        needed[#needed + 1] = math.random(8) == 1 and entry or nil
      end
      assert.same(needed, delta.shrink(list, needs(needed)), "seed " .. seed)
    end
  end)

  it("in few steps where little is needed", function()
    local holds, asked = needs { 700, 701 }
    delta.shrink(numbers(1000), holds)
    assert.is_true(asked.count < 80)
  end)

  it("until none can be left out, where some make up for others", function()
    local function has_three_of_a_kind(list)
      local kinds = {}
      for _, entry in ipairs(list) do
        kinds[entry % 4] = (kinds[entry % 4] or 0) + 1
        if kinds[entry % 4] == 3 then
          return true
        end
      end
      return false
    end
    local left = delta.shrink(numbers(50), has_three_of_a_kind)
    assert.equal(3, #left)
    assert.is_true(has_three_of_a_kind(left))
  end)
end)

describe("a script of the stress", function()
  local path

  before_each(function()
    path = os.tmpname()
  end)

  after_each(function()
    os.remove(path)
  end)

  local function write(text)
    local file <close> = assert(io.open(path, "w"))
    file:write(text)
  end

  it("is read as it was written", function()
    write(script.text("two\nlines", 17, "drain", { { "host.submit", 5 }, { "scope", 1 << 39 } }))
    assert.same({ seed = 17, ending = "drain", actions = { { "host.submit", 5 }, { "scope", 1 << 39 } },
      kept = { [5] = "host.submit", [1 << 39] = "scope" } }, script.read(path))
    write(script.text("of a hang", 3, nil, {}))
    assert.same({ seed = 3, actions = {}, kept = {} }, script.read(path))
    assert.same({ seed = 4711 }, script.read "4711")
  end)

  it("names what is not left out", function()
    assert.equal("scope", script.name({ without = {} }, "scope", 5))
    assert.is_nil(script.name({ without = { scope = true } }, "scope", 5))
    assert.equal("host.submit", script.name({ without = {}, kept = { [5] = "host.submit" } }, "scope", 5))
    assert.is_nil(script.name({ without = {}, kept = {} }, "scope", 5))
  end)

  -- Runs the stress with a list of what it does; returns its names.
  local function list_of(arguments)
    local result = process.shell("", ("export ECHO_STRESS_LIST=%s LUA_PATH='lua/?.lua;?.lua;;'; : >%s;"
      .. " timeout 60 $LUA spec/stress/stress.lua 0 %s"):format(path, path, arguments))
    assert.same({ 0, "" }, { result.code, result.err })
    includes(" 1 rounds", result.out)
    local names = {}
    for line in io.lines(path) do
      names[#names + 1] = line:match "^%S+"
    end
    return names
  end

  it("does what is in it, and nothing else", function()
    local whole = list_of "2"
    assert.is_true(#whole > 10)
    local first = { math.tointeger(tonumber(assert(io.open(path):read "l"):match "%d+$")), whole[1] }
    local file = path .. ".lua"
    local out = assert(io.open(file, "w"))
    out:write(script.text("one", 2, "drain", { { first[2], first[1] } }))
    out:close()
    assert.same({ first[2] }, list_of(file))
    os.remove(file)
  end)
end)

describe("what was kept of a seed that failed", function()
  for name in io.popen("ls " .. KEPT):lines() do
    it("holds: " .. name, function()
      local result = process.shell("", ("export LUA_PATH='lua/?.lua;?.lua;;'; ECHO_STRESS_PATIENCE=60"
        .. " timeout 100 $LUA spec/stress/stress.lua 1 %s/%s"):format(KEPT, name))
      assert.same({ 0, "" }, { result.code, result.err })
    end)
  end
end)
