-- A scope that is to end waits for its tasks, and lets them have the worker meanwhile, however little
-- urgent they are: it does not ask for its turn again and again, which would starve them where lower
-- priorities have no share of their own (`with_fairness(0)`).

local assert = require "luassert"
local echo = require "echo"
local it = require "spec.lua.support.it"
local start = require "spec.lua.support.patient_scope"

local function new_scheduler()
  return echo.builder():with_worker_count(1):with_fairness(0):build()
end

local function ends_with(kind, task)
  local ok, err = task:pwait(20)
  assert.is_false(ok)
  assert.equal(kind, err.kind)
end

describe("a scope waits patiently for its tasks", function()
  it("when its task is cancelled", function()
    local s = new_scheduler()
    local task, child = start(s, "nothing")
    assert.is_true(task:cancel())
    ends_with("cancelled", task)
    ends_with("cancelled", child)
    assert.is_true(s:stop { mode = "cancel", timeout = 20 })
  end)

  it("when a scope around it fails", function()
    local s = new_scheduler()
    local task, child = start(s, "scope_that_fails")
    ends_with("error", task)
    ends_with("cancelled", child)
    assert.is_true(s:stop { mode = "cancel", timeout = 20 })
  end)

  it("when the time of a scope around it is up", function()
    local s = new_scheduler()
    local task, child = start(s, "time")
    ends_with("timeout", task)
    ends_with("cancelled", child)
    assert.is_true(s:stop { mode = "cancel", timeout = 20 })
  end)

  it("when its scheduler stops with cancel", function()
    local s = new_scheduler()
    local task, child = start(s, "nothing")
    assert.is_true(s:stop { mode = "cancel", timeout = 20 })
    ends_with("cancelled", task)
    ends_with("cancelled", child)
  end)
end)
