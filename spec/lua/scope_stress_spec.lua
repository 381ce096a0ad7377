-- Trees of scopes, waits, cancels and time limits by the seed: every task ends, exactly once.

local echo = require "echo"
local assert = require "luassert"
local it = require "spec.lua.support.it"
local scope_tree = require "spec.lua.support.scope_tree"

local function stress(seed)
  local s = echo.builder():with_worker_count(3):build()
  local random = scope_tree.new_random(seed)
  local count = 0
  for _ = 1, 10 do
    local list = {}
    for i = 1, 60 do
      list[i] = s:submit({ timeout = random(4) == 0 and 0.01 or nil }, scope_tree.grow, 2, random(100000))
    end
    for _ = 1, 15 do
      list[random(60) + 1]:cancel()
    end
    for task, well, result in echo.iter(list) do
      assert.equal(well and "boolean" or "table", type(result))
      assert.is_true(({ done = true, failed = true, cancelled = true })[task:status()])
      count = count + 1
    end
  end
  assert.equal(600, count)
  assert.is_true(s:stop { timeout = 20 })
  local stats = s:stats()
  assert.equal(stats.submitted, stats.ended)
end

describe("scopes under stress", function()
  for seed = 1, 4 do
    it("end all their tasks, with seed " .. seed, function()
      stress(seed)
    end)
  end
end)
