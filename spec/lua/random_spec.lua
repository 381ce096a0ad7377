-- Values made at random come back as they went: from the host to a worker and to the host again.
--
-- Each run takes other seeds; the one that failed is in the message, and SEED=n tries it alone.

local echo = require "echo"
local assert = require "luassert"
local it = require "spec.lua.support.it"
local kinds = require "spec.lua.support.random_kinds"
local random_value = require "spec.lua.support.random_value"
local same = require "spec.lua.support.same"

local SEEDS, VALUES = 300, 100 -- thirty thousand values

local function pool()
  return echo.builder():with_worker_count(1)
    :with_setup(echo.register, "spec.random.Point", kinds.Point)
    :with_setup(echo.register, "spec.random.Hooked", kinds.Hooked):build()
end

local function there_and_back(...)
  return ...
end

local function try(scheduler, seed, values)
  local make = random_value(seed, kinds)
  for number = 1, values do
    local value = make()
    local arrived = table.pack(scheduler:submit(there_and_back, value, { value }):wait())
    local wrong = same(table.pack(value, { value }), arrived)
    if wrong then error(("seed %d, value %d: %s"):format(seed, number, wrong)) end
  end
end

describe("a value made at random", function()
  it("comes back from a worker as the same graph", function()
    local s <close> = pool()
    local one = tonumber(os.getenv("SEED"))
    local first = one or os.time()
    for seed = first, first + (one and 0 or SEEDS - 1) do try(s, seed, VALUES) end
  end)

  it("is told from one that differs", function()
    local shared, x = {}, 1
    local function reads() return x end
    local function writes() x = 2 end
    local function other(y) return function() return y end end
    assert.is_nil(same({ shared, shared }, { shared, shared }))
    assert.is_string(same({ shared, shared }, { {}, {} }))
    assert.is_string(same({ {}, {} }, { shared, shared }))
    assert.is_string(same(1, 1.0))
    assert.is_string(same(0.0, -0.0))
    assert.is_string(same({ a = 1 }, { a = 1, b = 2 }))
    assert.is_string(same({ a = 1, b = 2 }, { a = 1 }))
    assert.is_string(same(setmetatable({}, kinds.Point), {}))
    assert.is_string(same(reads, writes))
    assert.is_string(same(other(1), other(2)))
    local one = other(1)
    assert.is_string(same({ one, one }, { other(1), other(1) }))
    assert.is_string(same({ [{ id = 1 }] = 1 }, { [{ id = 2 }] = 1 }))
  end)
end)
