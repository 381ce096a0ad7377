-- scheduler:fd, watched with luv as any event loop would.

local echo = require "echo"
local uv = require "luv"
local assert = require "luassert"
local deliver_all = require "spec.lua.support.deliver"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"

local function new_scheduler()
  return echo.builder():with_worker_count(1):build()
end

local function is_readable(descriptor)
  local readable = false
  local handle = assert(uv.new_poll(descriptor))
  handle:start("r", function(err)
    readable = not err
  end)
  uv.run("nowait")
  handle:close()
  uv.run("nowait")
  return readable
end

describe("fd", function()
  it("is one and the same descriptor, for all schedulers of the state", function()
    local first <close> = new_scheduler()
    local second <close> = new_scheduler()
    assert.equal("integer", math.type(first:fd()))
    assert.equal(first:fd(), first:fd())
    assert.equal(first:fd(), second:fd())
  end)

  it("is readable while something waits to be delivered", function()
    local s <close> = new_scheduler()
    assert.is_false(is_readable(s:fd()))
    for _ = 1, 3 do
      local task = s:submit(math.abs, 1)
      for _ = 1, 2 do
        task:on_complete(function()
          local started = echo.now()
          repeat
          until echo.now() > started + 0.002
        end)
      end
      task:wait()
      assert.is_true(is_readable(s:fd()))
      assert.same({ 1, 1 }, { s:poll(0.001) })
      assert.is_true(is_readable(s:fd()))
      assert.same({ 1, 0 }, { s:poll() })
      assert.is_false(is_readable(s:fd()))
    end
  end)

  it("is readable for what was there before it was made", function()
    -- In a process of its own, since here the descriptor has been made.
    local process = require "spec.lua.support.process"
    local result = process.run([[
      local echo, uv = require "echo", require "luv"
      local s <close> = echo.builder():with_worker_count(1):build()
      local task = s:submit(math.abs, 1):on_complete(print)
      task:wait()
      local handle = uv.new_poll(s:fd())
      handle:start("r", function(err) print(err) end)
      uv.run("nowait")
    ]])
    assert.equal("nil\n", result.out)
    assert.equal("", result.err)
  end)

  it("becomes readable for a coroutine whose time is up", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local kind
    local co = coroutine.create(function()
      kind = select(2, echo.pawait(s:submit(gate.pass, gate.path), 0.02)).kind
    end)
    assert(coroutine.resume(co))
    local handle = assert(uv.new_poll(s:fd()))
    handle:start("r", function()
      s:poll()
      handle:close()
    end)
    uv.run()
    assert.equal("timeout", kind)
    gate:open()
    deliver_all(s)
  end)

  it("is not inherited, and does not block", function()
    local s <close> = new_scheduler()
    local file = io.open(("/proc/self/fdinfo/%d"):format(s:fd()))
    if not file then
      return pending "only Linux tells the flags of a descriptor"
    end
    local flags = tonumber(file:read("a"):match("flags:%s*(%d+)"), 8)
    file:close()
    assert.equal(0x800, flags & 0x800)
    assert.equal(0x80000, flags & 0x80000)
  end)
end)
