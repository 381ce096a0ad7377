-- with_isolation: what a task sets is its own.
-- luacheck: ignore 111 112 113 121 142 143 (globals are what this is about)

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 1):with_isolation("task"):build()
end

describe("with_isolation", function()
  it("names what it wants", function()
    local builder = echo.builder()
    for _, bad in ipairs { "all", 1, true } do
      local ok, err = pcall(builder.with_isolation, builder, bad)
      assert.is_false(ok)
      includes('isolation: "none" or "task" expected', err)
    end
    assert.equal(builder, builder:with_isolation("none"))
  end)

  it("is off unless it is asked for", function()
    local s <close> = echo.builder():with_worker_count(1):with_isolation("task"):with_isolation("none"):build()
    s:submit(function() left_behind = 1 end):wait()
    assert.equal(1, s:submit(function() return left_behind end):wait())
  end)

  it("keeps a task's globals from the next one, however they are set", function()
    local s <close> = new_scheduler()
    local set = function(value)
      one = value
      _G.two = value
      _ENV["three"] = value
      rawset(_G, "four", value)
      return one, two, three, four, _G == _ENV
    end
    assert.same({ 1, 1, 1, 1, true }, { s:submit(set, 1):wait() })
    local function look() return one, two, three, four end
    assert.same({ n = 4 }, table.pack(s:submit(look):wait()))
  end)

  it("keeps them also if the task fails, is cancelled or tried again", function()
    local s <close> = new_scheduler()
    local function fail()
      seen = (seen or 0) + 1
      error(seen)
    end
    assert.equal(1, select(2, s:submit(fail):pwait()).value)
    assert.equal(1, select(2, s:submit({ retries = 3 }, fail):pwait()).value)
    local task = s:submit(function()
      seen = 1
      echo.sleep(1000)
    end)
    while task:status() ~= "suspended" do end
    task:cancel()
    task:pwait()
    assert.is_nil(s:submit(function() return seen end):wait())
  end)

  it("keeps tasks apart that are on one worker at the same time", function()
    local s <close> = new_scheduler()
    local function body(value, ready, go)
      mine = value
      ready:send(true)
      go:receive()
      return mine
    end
    local ready, go, tasks = echo.channel(4), echo.channel(4), {}
    for i = 1, 3 do tasks[i] = s:submit(body, i, ready, go) end
    for _ = 1, 3 do ready:receive() end
    for _ = 1, 3 do go:send(true) end
    for i = 1, 3 do assert.equal(i, tasks[i]:wait()) end
  end)

  it("leaves the worker's globals and libraries in sight, those of a setup too", function()
    local s <close> = echo.builder():with_worker_count(1):with_isolation("task")
      :with_setup(function() from_setup = { 1 } end):build()
    assert.same({ 1 }, s:submit(function()
      assert(print and require and string.format)
      return from_setup
    end):wait())
    s:submit(function() from_setup = nil; print = nil end):wait()
    assert.is_true(s:submit(function() return from_setup ~= nil and print ~= nil end):wait())
  end)

  it("gives all functions of a task its environment: upvalues, nested ones, results and messages", function()
    local s <close> = new_scheduler(2)
    local function get() return mine end
    local function set(value) mine = value end
    assert.equal(5, s:submit(function()
      set(5)
      return (function() return get() end)()
    end):wait())
    assert.equal(6, s:submit(function()
      mine = 6
      local child = echo.submit(function()
        mine = 7
        return function() return mine end
      end)
      return echo.await(child)()
    end):wait())
    local channel = echo.channel(1)
    channel:send(get)
    assert.equal(8, s:submit(function(ch)
      mine = 8
      return ch:receive()()
    end, channel):wait())
  end)

  it("gives a function that a task returns the globals of whoever gets it", function()
    local s <close> = new_scheduler()
    local read = s:submit(function()
      here_too = "the task's"
      return function() return here_too end
    end):wait()
    here_too = "the host's"
    assert.equal("the host's", read())
    here_too = nil
  end)

  it("lets the items of a map share one on each worker, and no other task", function()
    local s <close> = new_scheduler()
    local count = function()
      items = (items or 0) + 1
      return items
    end
    assert.same({ 1, 2, 3 }, s:map(count, { 0, 0, 0 }):wait())
    assert.same({ 1, 2 }, s:map(count, { 0, 0 }):wait())
    assert.is_nil(s:submit(function() return items end):wait())
    local readers = s:map(function(i)
      items = i
      return function() return items end
    end, { 1, 2, 3 }):wait()
    assert.is_nil(readers[3]())
  end)

  it("keeps the environment of a task that is suspended while others come and go", function()
    local s <close> = new_scheduler()
    local gate <close> = new_gate()
    local task = s:submit(function(pass, path)
      mine = "kept"
      echo.sleep(0.01)
      pass(path)
      local again = echo.await(echo.submit(function() return function() return mine end end))
      return mine, again()
    end, gate.pass, gate.path)
    for i = 1, 100 do s:submit({ priority = "high" }, function(n) mine = n end, i) end
    gate:open()
    assert.same({ "kept", "kept" }, { task:wait() })
  end)

  it("hides what all environments share", function()
    local s <close> = new_scheduler()
    assert.same({ false, false }, { s:submit(function()
      return getmetatable(_ENV), (pcall(setmetatable, _ENV, {}))
    end):wait() })
  end)

  it("does not reach into libraries, nor into what load compiles without _ENV", function()
    local s <close> = new_scheduler()
    s:submit(function() string.not_isolated = 1; load("not_isolated = 2")() end):wait()
    assert.same({ 1, 2 }, { s:submit(function() return string.not_isolated, not_isolated end):wait() })
    assert.is_nil(s:submit(function()
      load("isolated = 3", "chunk", "t", _ENV)()
      assert(isolated == 3)
      return echo.await(echo.submit(function() return isolated end))
    end):wait())
  end)
end)
