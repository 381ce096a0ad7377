-- What is said of a wrong argument where C calls a method, so that Lua has no name for it.

local assert = require "luassert"
local echo = require "echo"
local it = require "spec.lua.support.it"

local function nothing() end

local scheduler = echo.builder():with_worker_count(1):build()
local task = scheduler:submit(nothing)
task:wait()

-- By method: arguments of which one is wrong, and what is said of it; or false where none can be.
local objects = {
  scheduler = { scheduler, {
    submit = { { 7 }, "1", "function expected, got number" },
    map = { { nothing, 7 }, "2", "list: a table expected after the function, got number" },
    poll = { { "x" }, "1", "seconds: a number from 0 on expected, got 'x'" },
    trace = { { 7 }, "1", "a path, or false, expected, got number" },
    stop = { { 7 }, "1" },
    attach = { { 7 }, "1" },
    on_error = { { 7 }, "1", "function expected, got number" },
    on_task_end = { { 7 }, "1", "function expected, got number" },
    fd = false, stats = false, interrupts = false,
  } },
  task = { task, {
    wait = { { "x" }, "1", "seconds: a number from 0 on expected, got 'x'" },
    pwait = { { -1 }, "1" },
    cancel = { { 7 }, "1", "reason: a string expected, got 7" },
    set_priority = { { "urgent" }, "1", "priority: 'high', 'normal' or 'low' expected, got 'urgent'" },
    on_complete = { {}, "1", "function expected, got no value" },
    progress = false, status = false,
  } },
  channel = { echo.channel(1), {
    send = { {}, "1", "nothing to send: a message is one value or more" },
    try_send = { {}, "1", "nothing to send: a message is one value or more" },
    receive = { { "x" }, "1" },
    try_receive = false, iter = false, close = false,
  } },
  semaphore = { echo.semaphore(1), {
    acquire = { { "x" }, "1" },
    with = { { 7 }, "1", "function expected, got number" },
    try_acquire = false, release = false,
  } },
  buffer = { echo.buffer "abc", {
    sub = { {}, "1", "number expected, got no value" },
    slice = { { 1, 1.5 }, "2", "number has no integer representation" },
    byte = { { {} }, "1", "number expected, got table" },
    find = { { {} }, "1", "string expected, got table" },
  } },
  builder = { echo.builder(), {
    with_worker_count = { { 0 }, "1" },
    with_urgent_workers = { { -1 }, "1" },
    with_capacity = { { "x" }, "1" },
    with_name = { { 7 }, "1" },
    with_pinning = { { 1 }, "1", "boolean expected, got number" },
    with_interrupts = { { "off", 5 }, "2", 'instructions: only "count" has them' },
    with_queue = { { "disk", 7 }, "2", "{ limit = n } expected, got number" },
    with_path = { { 7 }, "1", "path: a string expected, got 7" },
    with_setup = { { 7 }, "1", "function expected, got number" },
    with_isolation = { { 1 }, "1" },
    with_memory_limit = { { 1 }, "1" }, with_fairness = { { "x" }, "1" },
    with_timings = false, build = false,
  } },
}

local function refusal(method, ...)
  local ok, problem = pcall(method, ...)
  assert.is_false(ok)
  return problem
end

for kind, object in pairs(objects) do
  local value, methods = object[1], object[2]
  describe("a method of a " .. kind, function()
    for name, case in pairs(methods) do
      if case then
        it(("names itself and its argument: %s"):format(name), function()
          local problem = refusal(value[name], value, table.unpack(case[1]))
          local start = ("bad argument #%s to '%s' (%s"):format(case[2], name, case[3] or "")
          assert.equal(start, problem:sub(1, #start))
        end)
      end

      it(("names itself, called with something else: %s"):format(name), function()
        assert.equal(("calling '%s' on bad self (echo.%s expected, got number)"):format(name, kind),
          refusal(value[name], 7))
        assert.equal(("calling '%s' on bad self (echo.%s expected, got no value)"):format(name, kind),
          refusal(value[name]))
      end)
    end

    it("is among those looked at here", function()
      for name in pairs(debug.getmetatable(value).__index) do
        assert.is_not_nil(methods[name], name)
      end
    end)
  end)
end

describe("an argument error", function()
  it("is left to Lua where it has a name", function()
    local ok, problem = pcall(function() scheduler:trace(7) end)
    assert.is_false(ok)
    assert.matches("argument_spec.lua:%d+: bad argument #1 to 'trace' %(a path", problem)
    local renamed = scheduler.trace
    assert.matches("bad argument #2 to 'renamed' (a path", refusal(function() renamed(scheduler, 7) end), 1, true)
  end)
end)
