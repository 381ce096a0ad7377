-- echo.builder(): what it takes, what it refuses, what it makes.

local echo = require "echo"
local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local machine = require "spec.lua.support.machine"
local refusal = require "spec.lua.support.refusal"

-- A thread names itself some time after it was started.
local function await_threads(prefix, expected)
  local deadline = os.time() + 20
  local count
  repeat
    count = 0
    for _, name in ipairs(machine.thread_names()) do
      if name:find(prefix, 1, true) == 1 then
        count = count + 1
      end
    end
  until count == expected or os.time() > deadline
  return count
end

describe("a builder", function()
  it("returns itself from every with_ method", function()
    local builder = echo.builder()
    assert.equal(builder, builder:with_worker_count(2))
    assert.equal(builder, builder:with_queue("disk", { limit = 1 }))
    assert.equal(builder, builder:with_setup(function() end))
    assert.equal(builder, builder:with_path("?.lua", "?.so"))
    assert.equal(builder, builder:with_fairness(61))
    assert.equal(builder, builder:with_name("spec"))
  end)

  it("has at least two workers unless it is told otherwise", function()
    local s <close> = echo.builder():build()
    assert.is_true(s:stats().workers >= 2)
  end)

  it("takes the number of workers it is told, a float that is an integer too", function()
    for _, count in ipairs { 1, 3, 2.0, 1024 } do
      local s <close> = echo.builder():with_worker_count(count):build()
      assert.equal(count, s:stats().workers)
    end
  end)

  it("takes the last number of workers it is told", function()
    local s <close> = echo.builder():with_worker_count(5):with_worker_count(1):build()
    assert.equal(1, s:stats().workers)
  end)

  it("starts no thread before the first submit", function()
    local before = machine.thread_count()
    local s <close> = echo.builder():with_worker_count(3):build()
    assert.equal(before, machine.await_thread_count(before))
    s:submit(math.abs, 1):wait()
    assert.equal(before + 1, machine.thread_count())
    s:submit({ delay = 0.001 }, math.abs, 1):wait()
    assert.equal(before + 1 + 1, machine.thread_count()) -- one keeps time
    s:stop()
    assert.equal(before, machine.await_thread_count(before))
  end)

  it("starts a thread for each task that has to run beside others", function()
    local before, go = machine.thread_count(), echo.channel(3)
    local s <close> = echo.builder():with_worker_count(3):with_setup(function() end):build()
    local tasks, began = {}, echo.channel(3)
    for i = 1, 3 do
      tasks[i] = s:submit(function()
        began:send(true)
        while not go:try_receive() do end
      end)
    end
    for _ = 1, 3 do assert.is_true(began:receive()) end
    assert.equal(before + 3, machine.thread_count())
    for _ = 1, 3 do go:send(true) end
    for i = 1, 3 do tasks[i]:wait() end
  end)

  it("starts no thread for a submit that is refused", function()
    local before = machine.thread_count()
    local s <close> = echo.builder():with_worker_count(3):build()
    refusal(s.submit, s, nil)
    refusal(s.submit, s, math.abs, io.stdout)
    refusal(s.submit, s, { queue = "none" }, math.abs)
    refusal(s.map, s, math.abs, { io.stdout })
    assert.equal(before, machine.await_thread_count(before))
  end)

  it("names its threads", function()
    local s <close> = echo.builder():with_worker_count(1):with_name("named"):build()
    s:submit({ delay = 0.001 }, math.abs, 1)
    assert.equal(2, await_threads("named-", 2))
    assert.equal(1, await_threads("named-clock", 1))
  end)

  it("shortens a name that the system would refuse", function()
    local s <close> = echo.builder():with_worker_count(1):with_name(("n"):rep(100)):build()
    assert.equal(1, s:submit(math.abs, -1):wait())
    assert.equal(1, await_threads("nnnnnnnnnn-0", 1))
  end)

  it("builds once", function()
    local builder = echo.builder()
    local s <close> = builder:build()
    local message = "this builder has built its scheduler; make another with echo.builder()"
    includes(message, refusal(builder.build, builder))
    includes(message, refusal(builder.with_worker_count, builder, 1))
    includes(message, refusal(builder.with_queue, builder, "a", { limit = 1 }))
    includes(message, refusal(builder.with_setup, builder, print))
    includes(message, refusal(builder.with_path, builder, "a"))
    includes(message, refusal(builder.with_fairness, builder, 1))
    includes(message, refusal(builder.with_name, builder, "a"))
    assert.equal(7, s:submit(math.abs, -7):wait())
  end)

  -- Of 65,535 the last would take a minute; the small build has room for 63.
  it("has room for so many queues, and says for how many", function()
    local builder, refused = echo.builder(), nil
    for i = 1, 64 do
      local taken, message = pcall(builder.with_queue, builder, "queue " .. i, { limit = 1 })
      refused = refused or not taken and message
      assert.is_true(taken or i == 64)
    end
    if refused then includes("a scheduler has at most 63 queues", refused) end
  end)

  it("can be used after it refused something", function()
    local builder = echo.builder():with_worker_count(1)
    refusal(builder.with_worker_count, builder, 0)
    refusal(builder.with_queue, builder, "disk", { limit = 0 })
    refusal(builder.with_setup, builder, print, io.stdout)
    local s <close> = builder:with_queue("disk", { limit = 2 }):build()
    assert.equal(1, s:stats().workers)
    assert.equal(3, s:submit({ queue = "disk" }, math.abs, -3):wait())
  end)

  it("may be dropped without having built anything", function()
    echo.builder():with_queue("disk", { limit = 1 }):with_setup(print, ("x"):rep(1000))
    collectgarbage()
    collectgarbage()
  end)

  it("keeps its methods to itself", function()
    local builder = echo.builder()
    local s <close> = echo.builder():build()
    includes("echo.builder expected, got table", refusal(builder.with_name, {}, "a"))
    includes("echo.builder expected, got echo.scheduler", refusal(builder.build, s))
    includes("echo.builder expected, got no value", refusal(builder.build))
    assert.equal("echo.builder", getmetatable(builder))
  end)
end)

-- Each row: what is called, the arguments, and what the message must say of them.
local refused = {
  { "with_worker_count", { 0 }, "worker count: an integer from 1 to 1024 expected, got 0" },
  { "with_worker_count", { -1 }, "worker count: an integer from 1 to 1024 expected, got -1" },
  { "with_worker_count", { 1.5 }, "worker count: an integer from 1 to 1024 expected, got 1.5" },
  { "with_worker_count", { "x" }, "worker count: an integer from 1 to 1024 expected, got 'x'" },
  { "with_worker_count", { "2" }, "worker count: an integer from 1 to 1024 expected, got '2'" },
  { "with_worker_count", { 10 ^ 9 }, "worker count: an integer from 1 to 1024 expected, got 1" },
  { "with_worker_count", { 1025 }, "worker count: an integer from 1 to 1024 expected, got 1025" },
  { "with_worker_count", { math.huge }, "worker count: an integer from 1 to 1024 expected" },
  { "with_worker_count", { 0 / 0 }, "worker count: an integer from 1 to 1024 expected" },
  { "with_worker_count", { {} }, "worker count: an integer from 1 to 1024 expected, got table" },
  { "with_worker_count", {}, "worker count: an integer from 1 to 1024 expected, got no value" },
  { "with_queue", { "disk", { limit = 0 } }, "option 'limit': an integer from 1 on expected, got 0" },
  { "with_queue", { "disk", { limit = -1 } }, "option 'limit': an integer from 1 on expected" },
  { "with_queue", { "disk", { limit = 1.5 } }, "option 'limit': an integer from 1 on expected" },
  { "with_queue", { "disk", { limit = "1" } }, "option 'limit': an integer from 1 on expected" },
  { "with_queue", { "disk", { limit = 2 ^ 40 } }, "option 'limit': an integer from 1 on expected" },
  { "with_queue", { "disk", {} }, "option 'limit': an integer from 1 on expected, got nil" },
  { "with_queue", { "disk", { limit = 1, limt = 2 } }, "unknown option 'limt'" },
  { "with_queue", { "disk", { 1 } }, "unknown option 1: options expected here, this is a list" },
  { "with_queue", { "disk" }, "{ limit = n } expected, got no value" },
  { "with_queue", { "disk", 3 }, "{ limit = n } expected, got number" },
  { "with_queue", { 7, { limit = 1 } }, "queue name: a string expected, got 7" },
  { "with_queue", { "a\0b", { limit = 1 } }, "queue name: a string without zero bytes expected" },
  { "with_setup", { "x" }, "function expected, got string" },
  { "with_setup", {}, "function expected, got no value" },
  { "with_setup", { {} }, "function expected, got table" },
  { "with_path", { 1 }, "path: a string expected, got 1" },
  { "with_path", { "?.lua", 2 }, "cpath: a string expected, got 2" },
  { "with_path", { nil, true }, "cpath: a string expected, got boolean" },
  { "with_path", {}, "path: a string expected" },
  { "with_fairness", { -1 }, "fairness: an integer from 0 to 4294967295 expected, got -1" },
  { "with_fairness", { 0.5 }, "fairness: an integer from 0 to 4294967295 expected, got 0.5" },
  { "with_fairness", { "x" }, "fairness: an integer from 0 to 4294967295 expected, got 'x'" },
  { "with_name", { {} }, "name: a string expected, got table" },
  { "with_name", { 5 }, "name: a string expected, got 5" },
  { "with_name", { "a\0b" }, "name: a string without zero bytes expected" },
}

local function show(arguments)
  local texts = {}
  for index = 1, math.max(#arguments, 1) do
    local value = arguments[index]
    local text = type(value) == "string" and ("%q"):format(value) or tostring(value)
    if type(value) == "table" then
      local key, field = next(value)
      text = key and ("{ %s = %s }"):format(key, field) or "{}"
    end
    texts[index] = text:gsub("\n", "n")
  end
  return table.concat(texts, ", ")
end

describe("a builder refuses", function()
  for _, row in ipairs(refused) do
    local method, arguments, message = table.unpack(row)
    it(("%s(%s)"):format(method, show(arguments)), function()
      local builder = echo.builder()
      local call = load("local builder = ...; builder:" .. method .. "(select(2, ...))", "=call")
      local err = refusal(call, builder, table.unpack(arguments))
      includes("call:1: bad argument #", err)
      includes(("to '%s' (%s"):format(method, message), err)
    end)
  end

  it("to be told anything at once", function()
    local err = refusal(function()
      echo.builder { workers = 3 }
    end)
    includes("bad argument #1 to 'builder' (none expected: a builder is told by its methods)", err)
  end)

  it("a queue that is named twice", function()
    local builder = echo.builder():with_queue("disk", { limit = 1 })
    local err = refusal(function()
      builder:with_queue("disk", { limit = 2 })
    end)
    includes("bad argument #1 to 'with_queue' (there is a queue named 'disk' already)", err)
  end)

  it("a setup whose arguments cannot travel, at once and with the path to the value", function()
    local builder = echo.builder()
    local err = refusal(function()
      builder:with_setup(print, 1, { log = { io.stdout } })
    end)
    assert.equal("transfer", err.kind)
    assert.equal('argument 2: field "log"[1]: userdata FILE* cannot travel', err.message)
    includes("builder_spec.lua:", err.traceback)
  end)
end)
