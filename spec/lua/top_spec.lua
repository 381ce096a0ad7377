-- echo.top: the live view, on a stream, and on a terminal of its own.

local echo = require "echo"
local top = require "echo.top"
local layout = require "echo.top.layout"
local units = require "echo.units"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local new_screen = require "spec.lua.support.screen"
local process = require "spec.lua.support.process"
local refusal = require "spec.lua.support.refusal"

local WIDTH, HEIGHT = 78, 24

local function new_scheduler(workers)
  return echo.builder():with_worker_count(workers or 2):with_queue("disk", { limit = 3 }):with_timings(1):build()
end

local function new_view(s, options)
  local screen = new_screen(options and options.width or WIDTH)
  local all = { stream = screen, terminal = true, width = WIDTH, height = HEIGHT, colour = false, interval = 0.01 }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return top.new(s, all), screen
end

-- The line that begins with this text.
local function line_of(screen, beginning)
  for line in (screen:text() .. "\n"):gmatch("(.-)\n") do
    if line:sub(1, #beginning) == beginning then
      return line
    end
  end
end

describe("a view", function()
  it("shows what is queued and running of each priority and queue", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    local view <close>, screen = new_view(s)
    s:submit({ priority = "high" }, gate.pass, gate.path)
    gate:await_arrival()
    for i = 1, 7 do
      s:submit({ priority = "low", queue = i <= 2 and "disk" or nil }, math.abs, i)
    end
    view:draw()
    assert.is_true(screen.other and screen.hidden)
    assert.is_truthy(line_of(screen, "high"):match("^high +0 +1 "))
    assert.is_truthy(line_of(screen, "low"):match("^low +7 +0 +%- +%- +%- +%-$"))
    assert.is_truthy(line_of(screen, "queue disk"):match("2 queued +0 of 3 run$"))
    gate:open()
  end)

  it("shows workers, and how long tasks waited and ran", function()
    local s <close> = new_scheduler(2)
    local view <close>, screen = new_view(s)
    for i = 1, 100 do
      s:submit({ name = "job", priority = "high" }, i > 90 and error or math.abs, i)
    end
    s:stop()
    s:poll()
    view:draw()
    includes("100 ended", line_of(screen, "echo"))
    includes("10 failed", line_of(screen, "echo"))
    assert.is_truthy(line_of(screen, "high"):match("^high +0 +0 +%S+ %S*s +%S+ %S*s +%S+ %S*s +%S+ %S*s$"))
    for i = 1, 2 do
      assert.is_truthy(line_of(screen, "worker " .. i):match("%[#* *%] +%d+ %% +[%d k]+/s +%d+ stolen +%d+ kB$"))
    end
  end)

  it("lists the longest tasks, the longest first", function()
    local s <close> = new_scheduler(1)
    local view <close>, screen = new_view(s)
    for i = 1, 40 do
      s:submit({ name = "task " .. i, queue = "disk" }, function(n)
        local x = 0
        for j = 1, n do
          x = x + j
        end
        return x
      end, i % 7 * 20000)
    end
    s:stop()
    s:poll()
    view:draw()
    local times = {}
    for figure, unit in screen:text():gmatch("([%d.]+) (%S+)  task %d+ +normal  disk +waited") do
      times[#times + 1] = tonumber(figure) * ({ ["s"] = 1, ["ms"] = 1e-3, ["µs"] = 1e-6, ["ns"] = 1e-9 })[unit]
    end
    assert.is_true(#times >= 5)
    for i = 2, #times do
      assert.is_true(times[i] <= times[i - 1])
    end
  end)

  it("draws again only after its interval, unless it is told to", function()
    local s <close> = new_scheduler()
    local now = 0
    local view <close>, screen = new_view(s, { interval = 1, clock = function()
      return now
    end })
    view:draw()
    view:draw()
    assert.equal(1, screen.pictures)
    now = 1
    view:draw()
    assert.equal(2, screen.pictures)
    view:draw(true)
    assert.equal(3, screen.pictures)
  end)

  it("shows the share of time in which a worker was awake", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    local view <close>, screen = new_view(s)
    s:submit(gate.pass, gate.path)
    gate:await_arrival()

    -- Draws every 20 ms until the worker's share is as expected; a machine that is busy may take long.
    local function await_share(least, most)
      local deadline = echo.now() + 20
      repeat
        local start = echo.now()
        repeat until echo.now() > start + 0.02
        view:draw(true)
        local share = tonumber(line_of(screen, "worker 1"):match("(%d+) %%"))
        assert.is_true(echo.now() < deadline, "never within bounds")
      until least <= share and share <= most
    end

    await_share(90, 100)
    gate:open()
    await_share(0, 10)
  end)

  it("never writes more than the terminal holds", function()
    local nasty = ("näme\27[2Jof a\ntask\xff"):rep(5)
    for _, size in ipairs { { 20, 6 }, { 40, 10 }, { 60, 12 }, { 200, 50 } } do
      local s <close> = new_scheduler(24)
      local view <close>, screen = new_view(s, { width = size[1], height = size[2], colour = true })
      for i = 1, 50 do
        s:submit({ name = nasty, queue = "disk" }, math.abs, i)
      end
      s:stop()
      s:poll()
      view:draw()
      local _, breaks = screen:text():gsub("\n", "")
      assert.is_true(breaks < size[2])
    end
  end)

  it("says how many workers and queues it does not show", function()
    local builder = echo.builder():with_worker_count(30)
    for i = 1, 9 do
      builder:with_queue("queue" .. i, { limit = 1 })
    end
    local s <close> = builder:build()
    local view <close>, screen = new_view(s)
    view:draw()
    includes("and 5 more queues", screen:text())
    includes("more workers", screen:text())
  end)

  it("gives the terminal back, with the last picture below", function()
    local s <close> = new_scheduler()
    local view, screen = new_view(s)
    screen:write("before\r\n")
    view:draw()
    assert.is_nil(line_of(screen, "before"))
    view:close()
    view:close()
    view:draw()
    assert.is_false(screen.other or screen.hidden)
    assert.equal("before", screen:text():match("^[^\n]*"))
    assert.is_truthy(line_of(screen, "priority"))
    assert.equal(1, screen.pictures)
  end)

  it("writes nothing if it was never drawn, nor to what is no terminal", function()
    local s <close> = new_scheduler()
    local view, screen = new_view(s)
    view:close()
    assert.equal("", screen:text())
    local quiet <close> = top.new(s, { stream = screen })
    quiet:draw()
    assert.equal("", screen:text())
  end)

  it("is closed when nobody has it any more", function()
    local s <close> = new_scheduler()
    local screen
    do
      local view
      view, screen = new_view(s)
      view:draw()
    end
    assert.is_true(screen.other)
    collectgarbage()
    collectgarbage()
    assert.is_false(screen.other)
  end)

  it("refuses what it does not know", function()
    local s <close> = new_scheduler()
    includes("top: scheduler: expected an echo.scheduler, got a table", refusal(top.new, {}))
    includes("top: options: expected a table, got a number", refusal(top.new, s, 5))
    includes('top: unknown option "tall"', refusal(top.new, s, { tall = 1 }))
    includes("top: interval: expected a number above 0, got 0", refusal(top.run, s, 1, { interval = 0 }))
    includes("top: stream: expected a stream, got a boolean", refusal(top.new, s, { stream = true }))
    local line = debug.getinfo(1, "l").currentline + 2
    includes(("top_spec.lua:%d: top: seconds: expected a number of at least 0, got soon"):format(line),
      refusal(function() top.run(s, "soon") end))
    includes("top_spec.lua", refusal(function()
      top.new(s, { tall = 1 })
    end))
  end)
end)

describe("top.run", function()
  it("returns when all has ended and was delivered", function()
    local s <close> = new_scheduler()
    local screen, called = new_screen(WIDTH), 0
    for i = 1, 50 do
      s:submit(math.abs, i):on_complete(function()
        called = called + 1
      end)
    end
    top.run(s, nil, { stream = screen, terminal = true, width = WIDTH, height = HEIGHT, interval = 0.01 })
    assert.equal(50, called)
    assert.is_false(screen.other)
    includes("50 ended", line_of(screen, "echo"))
  end)

  it("returns after so many seconds, whatever runs", function()
    local s <close> = new_scheduler(1)
    local gate <close> = new_gate()
    s:submit(gate.pass, gate.path)
    gate:await_arrival()
    top.run(s, 0.02, { terminal = false })
    assert.equal(0, s:stats().ended)
    gate:open()
  end)
end)

describe("figures", function()
  it("are short", function()
    assert.equal("5 ns", layout.time(5e-9))
    assert.equal("12 µs", layout.time(1.2e-5))
    assert.equal("1.5 ms", layout.time(0.0015))
    assert.equal("2.00 s", layout.time(2))
    assert.equal("2:05 min", layout.time(125.5))
    assert.equal("-", layout.time(nil))
    assert.equal("99999", layout.count(99999))
    assert.equal("123 k", layout.count(123456))
    assert.equal("120 M", layout.count(120e6))
    assert.equal("20 kB", units.bytes(20000))
    assert.equal("2.0 MB", units.bytes(2e6))
    assert.equal("1.50 GB", units.bytes(1.5e9))
    assert.equal("äö", layout.cut("äöü", 2))
  end)
end)

describe("a view in a terminal", function()
  local prelude = [[
    local echo, top = require "echo", require "echo.top"
    local s <close> = echo.builder():with_worker_count(2):build()
    for i = 1, 30 do s:submit({ name = "piece " .. i }, string.rep, "x", i) end
  ]]

  -- Runs a script in a terminal of 50 columns; returns the terminal as the script has left it.
  local function in_terminal(body, term)
    local result = process.shell(prelude .. body,
      ("TERM=%s timeout 20 script -qec 'stty cols 50 rows 20; exec $LUA $SCRIPT' /dev/null"):format(term or "xterm"))
    local screen = new_screen(50)
    screen:feed((result.out:gsub("\t", "        ")))
    return screen, result.code
  end

  it("fits, and is gone at the end", function()
    local screen, code = in_terminal "top.run(s); print 'bye'"
    assert.equal(0, code)
    assert.is_true(screen.pictures > 0)
    assert.is_false(screen.other or screen.hidden)
    includes("30 ended", line_of(screen, "echo"))
    assert.equal("bye", line_of(screen, "bye"))
  end)

  it("is gone after an error, which can be read", function()
    local screen, code = in_terminal "local view <close> = top.new(s); view:draw(); error('oh no', 0)"
    assert.equal(1, code)
    assert.equal(1, screen.pictures)
    assert.is_false(screen.other or screen.hidden)
    includes("oh no", screen:text())
  end)

  it("is gone after Ctrl-C", function()
    local screen, code = in_terminal [[
      s:submit(echo.sleep, 1000)
      local view <close> = top.new(s)
      view:draw()
      local ok, err = pcall(function()
        os.execute("(sleep 1; kill -INT $PPID) &") -- os.execute itself keeps the signal off
        view:run()
      end)
      view:close()
      print(ok, err:match "interrupted!$") -- where it struck may be a long path
      s:stop { mode = "cancel" }
    ]]
    assert.equal(0, code)
    assert.is_false(screen.other or screen.hidden)
    includes("interrupted!", line_of(screen, "false"))
  end)

  it("is left out where a cursor cannot be placed", function()
    local screen = in_terminal("top.run(s); print 'bye'", "dumb")
    assert.equal(0, screen.pictures)
    assert.equal("bye", screen:text():match("^[^\n]*"))
  end)

  it("is left out where output is no terminal", function()
    local result = process.run(prelude .. "top.run(s); print 'bye'")
    assert.same({ "bye\n", "", 0 }, { result.out, result.err, result.code })
  end)
end)
