-- The example that writes metrics: its text against the format's grammar, its numbers against what
-- was done.

package.path = "examples/?.lua;" .. package.path

local assert = require "luassert"
local echo = require "echo"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local metrics = require "prometheus.metrics"
local parse = require "spec.lua.support.prometheus"
local refusal = require "spec.lua.support.refusal"
local tasks = require "prometheus.tasks"

local NASTY = 'a "quoted"\\name\nwith a second line, {braces} and # ä'

-- The one sample of a family that has these labels.
local function value_of(families, name, labels)
  local found
  for _, sample in ipairs(families[name:gsub("_bucket$", ""):gsub("_sum$", ""):gsub("_count$", "")].samples) do
    local fits = sample.name == name
    for label, value in pairs(labels) do
      fits = fits and sample.labels[label] == value
    end
    if fits then
      assert.is_nil(found, "more than one")
      found = sample.value
    end
  end
  return found
end

describe("the reader of the format", function()
  local good = "# HELP a help\n# TYPE a counter\n"

  it("takes what is right", function()
    local families = parse(good .. 'a{b="c\\"\\\\\\n"} 1\na 2.5e-3\n')
    assert.equal('c"\\\n', families.a.samples[1].labels.b)
    assert.equal(0.0025, families.a.samples[2].value)
  end)

  for what, wrong in pairs {
    ["a line without an end"] = "a 1",
    ["a sample without a type"] = "a 1\n",
    ["a raw line break in a value"] = good .. 'a{b="c\nd"} 1\n',
    ["a raw quote in a value"] = good .. 'a{b="c"d"} 1\n',
    ["an escape that is none"] = good .. 'a{b="\\t"} 1\n',
    ["a series twice"] = good .. 'a{b="c"} 1\na{b="c"} 2\n',
    ["a family twice"] = good .. "a 1\n" .. good,
    ["a comma for a point"] = good .. "a 1,5\n",
    ["a counter below zero"] = good .. "a -1\n",
    ["a histogram without +Inf"] = '# HELP h h\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    ["buckets that fall"] = '# HELP h h\n# TYPE h histogram\nh_bucket{le="1"} 2\n'
      .. 'h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    ["bytes that are no UTF-8"] = good .. 'a{b="\xff"} 1\n',
  } do
    it("refuses " .. what, function()
      assert.is_false(pcall(parse, wrong))
    end)
  end
end)

describe("metrics", function()
  it("are written as the format wants them, whatever is in a label", function()
    local registry = metrics.new()
    local counter = registry:counter("things_total", "Things\nand \\ more.", { "kind", "name" })
    counter:add(1, "x", NASTY)
    counter:add(2, "x", NASTY)
    counter:add(0.5, "y", "")
    local families = parse(registry:text())
    assert.equal("Things\nand \\ more.", families.things_total.help)
    assert.equal(3, value_of(families, "things_total", { kind = "x", name = NASTY }))
    assert.equal(0.5, value_of(families, "things_total", { kind = "y", name = "" }))
  end)

  it("count in the buckets of a histogram", function()
    local registry = metrics.new()
    local histogram = registry:histogram("h_seconds", "H.", {}, { 0.1, 1 })
    for _, value in ipairs { 0.05, 0.1, 0.5, 7 } do
      histogram:observe(value)
    end
    local families = parse(registry:text())
    assert.equal(2, value_of(families, "h_seconds_bucket", { le = "0.1" }))
    assert.equal(3, value_of(families, "h_seconds_bucket", { le = "1" }))
    assert.equal(4, value_of(families, "h_seconds_bucket", { le = "+Inf" }))
    assert.equal(7.65, value_of(families, "h_seconds_sum", {}))
    assert.equal(4, value_of(families, "h_seconds_count", {}))
  end)

  it("know infinity, and floats to the last digit", function()
    local registry = metrics.new()
    local gauge = registry:gauge("g", "G.", { "n" })
    gauge:set(math.huge, 1)
    gauge:set(0.1 + 0.2, 2)
    gauge:set(-5, 3)
    local families = parse(registry:text())
    assert.equal(math.huge, value_of(families, "g", { n = "1" }))
    assert.equal(0.1 + 0.2, value_of(families, "g", { n = "2" }))
    assert.equal(-5, value_of(families, "g", { n = "3" }))
  end)

  it("refuse names that the format does not know", function()
    local registry = metrics.new()
    includes("not a valid name: two words", refusal(registry.counter, registry, "two words", ""))
    includes("not a valid name: a-b", refusal(registry.gauge, registry, "a", "", { "a-b" }))
    local counter = registry:counter("c", "", { "a" })
    includes("c has 1 labels, got 2 values", refusal(counter.add, counter, 1, "x", "y"))
    includes("there is a metric c already", refusal(registry.gauge, registry, "c", ""))
  end)
end)

describe("a scheduler's metrics", function()
  it("say what its tasks came to, and how long they took", function()
    local s <close> = echo.builder():with_worker_count(2):with_urgent_workers(1)
      :with_queue("disk", { limit = 1 }):build()
    local watch <close> = tasks.watch(s)
    for i = 1, 10 do
      s:submit({ name = NASTY, queue = "disk", priority = "high" }, i > 7 and error or math.abs, i)
    end
    s:submit({ name = "never", delay = 1000 }, math.abs, 1):cancel()
    s:stop()
    s:poll()
    local families = parse(watch:text())
    local nasty = { name = NASTY, queue = "disk", priority = "high", status = "done" }
    assert.equal(7, value_of(families, "echo_tasks_total", nasty))
    assert.equal(3, value_of(families, "echo_tasks_total", { status = "failed", kind = "error" }))
    assert.equal(1, value_of(families, "echo_tasks_total", { status = "cancelled", name = "never" }))
    assert.equal(10, value_of(families, "echo_task_wait_seconds_count", { priority = "high" }))
    assert.equal(10, value_of(families, "echo_task_run_seconds_count", { name = NASTY }))
    assert.equal(0, value_of(families, "echo_task_ends_dropped_total", {}))
    assert.equal(0, value_of(families, "echo_tasks", { priority = "high", state = "queued" }))
    assert.equal(0, value_of(families, "echo_queue_tasks", { queue = "disk", state = "running" }))
    assert.is_true(value_of(families, "echo_worker_busy_seconds_total", { worker = "1", takes = "all" }) > 0)
    assert.is_true(value_of(families, "echo_worker_tasks_total", { worker = "3", takes = "high" }) >= 0)
  end)
end)

describe("examples/prometheus.lua", function()
  local directory

  before_each(function()
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir " .. directory))
    for i = 1, 20 do
      local file <close> = assert(io.open(("%s/%d"):format(directory, i), "w"))
      file:write(("word "):rep(i))
    end
  end)

  after_each(function()
    os.execute(("rm -rf %s %s.out %s.err"):format(directory, directory, directory))
  end)

  local function run(arguments)
    local _, _, code = os.execute(("timeout 60 lua5.4 examples/prometheus.lua %s >%s.out 2>%s.err"):format(
      arguments, directory, directory))
    local out <close> = io.open(directory .. ".out")
    local err <close> = io.open(directory .. ".err")
    return code, out:read("a"), err:read("a")
  end

  it("writes metrics of what it did", function()
    local code, out, err = run(directory .. "/* " .. directory .. "/missing")
    local families = parse(out)
    assert.equal(1, code)
    includes(("%8d %s/7"):format(7, directory), err)
    includes("missing: No such file", err)
    assert.equal(20, value_of(families, "echo_tasks_total", { status = "done" }))
    assert.equal(1, value_of(families, "echo_tasks_total", { status = "failed" }))
  end)

  it("replaces a file as a whole", function()
    local code, out = run(("--output %s/metrics.prom --every 0.01 %s/[1-9]"):format(directory, directory))
    assert.same({ 0, "" }, { code, out })
    local file <close> = assert(io.open(directory .. "/metrics.prom"))
    assert.equal(9, value_of(parse(file:read("a")), "echo_tasks_total", { status = "done" }))
    assert.is_nil(io.open(directory .. "/metrics.prom.new"))
  end)

  it("says how it is used", function()
    local code, _, err = run("--colour blue x")
    assert.equal(2, code)
    includes("usage:", err)
  end)
end)
