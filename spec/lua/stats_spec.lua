-- scheduler:stats.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local refusal = require "spec.lua.support.refusal"

describe("stats", function()
  it("are all integers", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local names = {}
    for name, value in pairs(s:stats()) do
      names[#names + 1] = name
      assert.equal("integer", math.type(value))
    end
    table.sort(names)
    local all = "ended interrupted parked stolen submitted task_bytes workers"
    assert.equal(all, table.concat(names, " "))
  end)

  it("count what was submitted and what ended", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local gate <close> = new_gate()
    assert.equal(0, s:stats().submitted)
    s:submit(gate.pass, gate.path)
    for i = 1, 10 do
      s:submit(i % 2 == 0 and error or math.abs, i)
    end
    gate:await_arrival()
    assert.equal(11, s:stats().submitted)
    assert.equal(0, s:stats().ended)
    gate:open()
    s:stop()
    assert.equal(11, s:stats().submitted)
    assert.equal(11, s:stats().ended)
  end)

  it("can be asked for before the first submit and after a stop", function()
    local s <close> = echo.builder():with_worker_count(3):build()
    assert.equal(3, s:stats().workers)
    s:stop()
    assert.equal(3, s:stats().workers)
    assert.equal(0, s:stats().ended)
  end)

  it("are a scheduler's", function()
    local s <close> = echo.builder():build()
    includes("echo.scheduler expected, got table", refusal(s.stats, {}))
  end)
end)
