-- scheduler:trace. The format is told in docs/trace.md; what always holds is checked by
-- recording.read.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local new_gate = require "spec.lua.support.gate"
local process = require "spec.lua.support.process"
local recording = require "spec.lua.support.recording"
local refusal = require "spec.lua.support.refusal"

local pick = recording.pick

local function build(workers)
  return echo.builder():with_worker_count(workers or 1):with_queue("few", { limit = 1 }):build()
end

describe("a recording", function()
  local path

  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  -- Ends it; what it says.
  local function read(s)
    assert.same({ true, 0 }, { s:trace(false) })
    local events = recording.read(path)
    assert.equal(0, recording.dropped(events))
    return events
  end

  it("has what a task did from its submit to its result", function()
    local s <close> = build()
    assert.is_true(s:trace(path))
    s:submit({ name = "sum", priority = "high", queue = "few" }, function(a, b) return a + b end, 1, 2):wait()
    local events = read(s)
    local slices = pick(events, { name = "sum" })
    assert.equal(1, #slices)
    local slice = slices[1]
    assert.same({ "X", "high", 1 }, { slice.ph, slice.cat, slice.tid })
    assert.same({ ended = "done", queue = "few" }, slice.args)
    for _, kind in ipairs { "start", "result" } do
      for _, phase in ipairs { "s", "f" } do
        local flows = pick(events, { cat = kind, ph = phase })
        assert.equal(1, #flows)
        assert.equal(slice.id, flows[1].id)
      end
    end
    local wait, arrow = pick(events, { name = "wait" })[1], pick(events, { cat = "result", ph = "f" })[1]
    assert.is_true(wait.ts <= arrow.ts and arrow.ts <= wait.ts + wait.dur)
    assert.equal("echo-0", pick(events, { name = "thread_name", tid = 1 })[1].args.name)
  end)

  it("calls tasks without a name as their errors do", function()
    local s <close> = build()
    s:trace(path)
    s:submit(string.rep, "x", 3):wait()
    local here = debug.getinfo(1, "l").currentline + 1
    s:submit(function() require "echo".sleep(0.001) end):wait()
    s:map(function(x) return x end, { 1, 2, 3 }):wait()
    local events = read(s)
    assert.equal(1, #pick(events, { name = "string.rep" }))
    local place = debug.getinfo(1, "S").short_src .. ":" .. here
    assert.is_true(#pick(events, { name = place, ended = "done" }) == 1)
    assert.is_true(#pick(events, { name = place, ended = "suspended" }) >= 1)
    assert.is_true(#pick(events, { name = place:gsub("%d+$", here + 1), ended = "done" }) >= 1)
  end)

  it("has names of any bytes", function()
    local s <close> = build()
    s:trace(path)
    local name = 'quo"te \\ \n \27 \195\164 \255 \237\160\128'
    s:submit({ name = name }, math.abs, 1):wait()
    local slice = pick(read(s), { ended = "done" })[1]
    assert.equal('quo"te \\ \n \27 \195\164 \239\191\189 \239\191\189\239\191\189\239\191\189', slice.name)
  end)

  it("tells how tasks end", function()
    local s <close> = build()
    local gate <close> = new_gate()
    s:trace(path)
    s:submit({ name = "fails" }, error, "no"):pwait()
    s:map({ name = "maps" }, function(x) return assert(x > 1) end, { 1 }):pwait()
    local loops = s:submit({ name = "loops" }, function() while true do end end)
    while loops:status() ~= "running" do end
    loops:cancel()
    loops:pwait()
    s:submit(gate.pass, gate.path)
    gate:await_arrival()
    local never = s:submit({ name = "never" }, math.abs, 1)
    never:cancel()
    gate:open()
    s:submit(math.abs, 1):wait()
    local events = read(s)
    for name, ended in pairs { fails = "failed", maps = "failed", loops = "cancelled", never = "cancelled" } do
      local last = pick(events, { name = name, ended = ended })
      assert.equal(1, #last, name)
    end
  end)

  it("tells of tasks that make way", function()
    local s <close> = build()
    s:trace(path)
    local low = s:submit({ name = "low", priority = "low" }, function()
      for _ = 1, 1e12 do end
    end)
    while low:status() ~= "running" do end
    s:submit({ name = "high", priority = "high" }, math.abs, 1):wait()
    low:cancel()
    low:pwait()
    local events = read(s)
    assert.is_true(#pick(events, { name = "low", ended = "interrupted" }) >= 1)
    assert.is_true(#pick(events, { ph = "i", name = "interrupted" }) >= 1)
    assert.equal(1, #pick(events, { name = "low", ended = "cancelled" })) -- where it went on
  end)

  it("leads to whoever takes the result", function()
    local s <close> = build(2)
    s:trace(path)
    local told
    s:submit({ name = "told" }, math.abs, 1):on_complete(function() told = true end)
    while not told do s:poll(1) end
    s:submit({ name = "awaits" }, function()
      local here = require "echo"
      return here.await(here.submit({ name = "awaited" }, math.abs, 1))
    end):wait()
    for _, task in echo.iter { s:submit({ name = "iterated" }, math.abs, 1) } do
      assert.is_true(task)
    end
    local events = read(s)
    for _, name in ipairs { "told", "awaits", "awaited", "iterated" } do
      local slices = pick(events, { name = name, ended = "done" })
      assert.equal(1, #slices, name)
      assert.equal(1, #pick(events, { cat = "result", ph = "f", id = slices[1].id }), name)
    end
  end)

  it("has one beginning for each of many tasks from many places", function()
    local s <close> = build(2)
    s:trace(path)
    local tasks = {}
    for i = 1, 200 do
      tasks[i] = s:submit({ name = "parent", priority = ({ "high", "normal", "low" })[i % 3 + 1] }, function(n)
        local here = require "echo"
        for j = 1, n do
          here.submit({ name = "child", queue = j == 1 and "few" or nil }, math.abs, j)
        end
      end, i % 4)
    end
    for _, task in ipairs(tasks) do
      task:wait()
    end
    s:stop()
    local events = recording.read(path)
    local all, dropped = 200 + 50 * (1 + 2 + 3), recording.dropped(events)
    for _, members in ipairs { { cat = "start", ph = "s" }, { cat = "start", ph = "f" }, { ended = "done" } } do
      local count = #pick(events, members)
      assert.is_true(count <= all and count + 2 * dropped >= all)
      assert.is_true(dropped > 0 or count == all)
    end
  end)

  it("is ended by stop and by leaving the scheduler's block", function()
    do
      local s <close> = build()
      s:trace(path)
      s:submit({ name = "last" }, math.abs, 1)
    end
    assert.equal(1, #pick(recording.read(path), { name = "last", ended = "done" }))
    local s = build()
    s:trace(path)
    s:stop()
    recording.read(path)
    assert.is_false((s:trace(false)))
    includes("stopped", refusal(s.trace, s, path))
  end)

  it("can be begun and ended inside of a task, and by another state", function()
    local s <close> = build()
    s:submit(function(own, name) assert(own:trace(name)) end, s, path):wait()
    s:submit({ name = "between" }, math.abs, 1):wait()
    assert.is_true(s:submit(function(own) return (own:trace(false)) end, s):wait())
    local events = recording.read(path)
    assert.equal(1, #pick(events, { name = "between", ended = "done" }))
    assert.equal(1, #pick(events, { ended = "running" })) -- the one that ended it
  end)

  it("refuses what is no path", function()
    local s <close> = build()
    for _, what in ipairs { 1, true, {} } do
      includes("a path, or false, expected", refusal(s.trace, s, what))
    end
    includes("a path, or false, expected, got no value", refusal(s.trace, s))
    includes("zero", refusal(s.trace, s, "a\0b"))
    assert.is_false((s:trace(false)))
  end)

  it("says why a file cannot be written, and the scheduler goes on", function()
    local s <close> = build()
    includes("cannot write '/nonexistent/file': No such file or directory", refusal(s.trace, s, "/nonexistent/file"))
    includes("cannot write '/tmp': Is a directory", refusal(s.trace, s, "/tmp"))
    if io.open("/dev/full", "w") then
      includes("cannot write '/dev/full': No space left on device", refusal(s.trace, s, "/dev/full"))
    end
    s:trace(path)
    includes("a recording runs already", refusal(s.trace, s, path))
    assert.equal(1, s:submit(math.abs, -1):wait())
    read(s)
  end)

  it("refuses a pipe without waiting for its reader", function()
    local s <close> = build()
    local gate <close> = new_gate()
    includes("cannot write", refusal(s.trace, s, gate.path))
  end)

  it("breaks off when there is no more room, and the file stays whole", function()
    local result = process.shell(([[
      local echo = require "echo"
      local s = echo.builder():with_worker_count(2):build()
      s:trace %q
      for _ = 1, 400 do
        local tasks = {}
        for i = 1, 100 do tasks[i] = s:submit({ name = ("x"):rep(100) }, math.abs, -i) end
        for i = 1, 100 do assert(tasks[i]:wait() == i) end
      end
      print(s:trace(false))
      print(s:submit(math.abs, -7):wait())
      s:stop()]]):format(path), "ulimit -f 600; timeout 60 $LUA $SCRIPT")
    assert.equal("", result.err)
    assert.equal("nil\tthe recording broke off: File too large\n7\n", result.out)
    assert.is_true(#pick(recording.read(path), { ended = "done" }) > 10)
  end)

  it("is whole whenever the process is killed", function()
    for _, seconds in ipairs { 0, 0.01, 0.02, 0.04, 0.07 } do
      local result = process.shell(([[
        local echo = require "echo"
        local s = echo.builder():with_worker_count(2):build()
        s:trace %q
        s:submit({ name = "endless" }, function() while true do end end)
        for _ = 1, 100000 do
          local tasks = {}
          for i = 1, 50 do tasks[i] = s:submit({ name = "task" .. i, priority = "high" }, math.abs, i) end
          for i = 1, 50 do tasks[i]:wait() end
        end
        os.exit(1)]]):format(path), ([[
        $LUA $SCRIPT & pid=$!
        while kill -0 $pid && ! grep -q endless %s; do sleep 0.01; done
        sleep %g; kill -9 $pid; wait $pid]]):format(path, seconds))
      assert.equal(137, result.code)
      local events = recording.read(path)
      assert.is_true(#pick(events, { name = "endless" }) >= 1)
      os.remove(path)
    end
  end)
end)
