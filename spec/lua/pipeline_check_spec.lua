-- What a pipeline is told before it runs, each with the place of the step.

local assert = require "luassert"
local echo = require "echo"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local pipeline = require "echo.pipeline"

local function pass(...) return ... end

-- The problems of a pipeline of these steps, one text for each.
local function problems(fields)
  local ok, list = pipeline.new(fields):check()
  local messages = {}
  for index, problem in ipairs(ok and {} or list) do
    assert.matches("^spec/lua/pipeline_check_spec.lua:%d+$", problem.where)
    messages[index] = problem.message
  end
  return messages
end

-- A tail call leaves no frame: what pipeline.step sees is who called this.
local function step(options)
  options.run = options.run or pass
  return pipeline.step(options)
end

describe("a check", function()
  it("finds nothing in a sound pipeline", function()
    assert.same({}, problems { step { name = "a" }, step { name = "b", needs = "a" } })
  end)

  it("says where the step was defined", function()
    local line = debug.getinfo(1, "l").currentline
    local p = pipeline.new {
      pipeline.step { name = "a", needs = "nowhere", run = pass },
    }
    local _, list = p:check()
    assert.equal(("spec/lua/pipeline_check_spec.lua:%d"):format(line + 2), list[1].where)
    assert.equal(('spec/lua/pipeline_check_spec.lua:%d: step "a": there is no step or parameter "nowhere"'):format(
      line + 2), tostring(list))
  end)

  it("finds circles", function()
    assert.same({ 'step "a": it waits for itself: a <- c <- b <- a' }, problems {
      step { name = "a", needs = "c" }, step { name = "b", after = "a" }, step { name = "c", each = "b" },
    })
    assert.same({ 'step "a": it waits for itself: a <- a' }, problems { step { name = "a", needs = "a" } })
  end)

  it("finds names that nobody has, and names that two have", function()
    assert.same({ 'step "b": there is no step or parameter "x"', 'step "b": there is no step or parameter "y"',
      'step "c": it takes what comes before it, and nothing does' }, problems {
      step { name = "b", needs = "x", after = "y" }, step { name = "c", needs = "..." } })
    local place = ("spec/lua/pipeline_check_spec.lua:%d"):format(debug.getinfo(1, "l").currentline + 1)
    local first = step { name = "a" }
    assert.same({ 'step "a": there is another step of this name, at ' .. place },
      problems { first, step { name = "a" } })
    assert.same({ 'step "a": there is a parameter of this name' },
      problems { params = { a = "number" }, step { name = "a" }, step { name = "b", needs = "a" } })
    assert.same({ 'output: there is no step "z"' }, problems { output = "z", step { name = "a" } })
  end)

  it("finds what nothing uses", function()
    assert.same({ 'step "b": nothing uses its result, and it is no output', 'parameter "n": no step uses it' },
      problems { params = { n = "number" }, output = "a", step { name = "a" }, step { name = "b" } })
  end)

  it("finds wrong options, all of a step at once", function()
    assert.same({
      'step "a": needs: expected a name, or a list of names, got 3',
      'step "a": priority: expected "high", "normal" or "low", got "urgent"',
      'step "a": retries: expected an integer of at least 0, got -1',
      'step "a": timeout: expected a number of seconds above 0, got 0',
      'step "a": unknown option "colour"',
    }, problems { step { name = "a", priority = "urgent", retries = -1, timeout = 0, colour = 1, needs = 3 } })
    assert.same({ 'step "?": name: expected a string of letters, digits, _ and -, got a boolean' },
      problems { step { name = true } })
    assert.same({ 'step "?": name: expected a string of letters, digits, _ and -, got nothing' }, problems { step {} })
    assert.same({ 'step "a": run: expected a function, got nothing' }, problems { pipeline.step { name = "a" } })
  end)

  it("finds options that exclude each other", function()
    assert.same({ 'step "a": each, items, fold and stream exclude each other' },
      problems { step { name = "a", items = { 1 }, stream = true } })
    assert.same({ 'step "a": retries: not for a step that streams or folds' },
      problems { step { name = "a", stream = true, retries = 1 } })
    assert.same({ 'step "a": backoff: there are no retries' }, problems { step { name = "a", backoff = 1 } })
    assert.same({ 'step "a": limit: only for a step of elements' }, problems { step { name = "a", limit = 1 } })
    assert.same({ 'step "a": initial: only for a step that folds' }, problems { step { name = "a", initial = 1 } })
  end)

  it("finds types that do not fit", function()
    assert.same({ 'step "b": it takes the elements of "a", which gives a number' },
      problems { step { name = "a", result = "number" }, step { name = "b", each = "a" } })
    assert.same({ 'step "b": argument 1: expected a string, "a" gives a number' },
      problems { step { name = "a", result = "number" }, step { name = "b", needs = "a", takes = { "string" } } })
    assert.same({ 'step "a": argument 1: expected a table, n gives a number' },
      problems { params = { n = "number" }, step { name = "a", needs = "n", takes = { "table" } } })
  end)

  it("finds elements that do not go together", function()
    assert.same({ 'step "c": "b" has other elements than "items of a"' }, problems {
      step { name = "a", items = { 1 } }, step { name = "b", items = { 2 } },
      step { name = "c", each = { "a", "b" } } })
    assert.same({ 'step "c": "b" is not kept as a whole: it has a window, so use each or fold' }, problems {
      step { name = "a", stream = true }, step { name = "b", each = "a" }, step { name = "c", needs = "b" } })
  end)

  it("finds queues in which a step would wait for itself", function()
    assert.same({ 'step "b": it would wait for ever: "a" keeps its place in the queue "q"' }, problems {
      step { name = "a", stream = true, queue = "q" }, step { name = "b", each = "a", queue = "q" } })
  end)

  it("finds what is wrong in a step that is a pipeline", function()
    local inner = pipeline.new { params = { size = "number" }, step { name = "x", needs = "size" } }
    assert.same({ 'step "in.x": parameter "size" of its pipeline has no value',
      'step "in.x": with: its pipeline has no parameter "colour"' },
      problems { pipeline.step { name = "in", pipeline = inner, with = { colour = 1 } } })
    assert.same({ 'step "in": pipeline: expected a pipeline, got a number' },
      problems { pipeline.step { name = "in", pipeline = 3 } })
    assert.same({ 'step "in.x": timeout: say it in the steps of the pipeline' },
      problems { pipeline.step { name = "in", pipeline = inner, with = { size = 1 }, timeout = 3 } })
  end)
end)

describe("a run", function()
  it("begins nothing when a check finds something", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local p = pipeline.new { step { name = "a" }, step { name = "b", needs = "x" }, step { name = "c", needs = "y" } }
    local ok, message = pcall(p.run, p, s)
    assert.is_false(ok)
    assert.matches('^the pipeline cannot run:\n.-"x"\n.-"y"$', message)
    assert.equal(0, s:stats().submitted)
  end)

  it("begins nothing when the scheduler would refuse a step", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local handle, ran = io.stdout, echo.channel(10)
    local p = pipeline.new {
      step { name = "a", run = function() ran:send(1) end },
      step { name = "b", needs = "a", queue = "nowhere" },
      step { name = "c", needs = "a", run = function() return handle end },
    }
    local ok, message = pcall(p.run, p, s)
    assert.is_false(ok)
    assert.matches("step \"b\": option 'queue': there is no queue named 'nowhere'", message)
    assert.matches('step "c": argument 1: .-handle.-cannot travel', message)
    assert.equal(0, #ran)
  end)

  it("checks its parameters and options", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local p = pipeline.new { params = { n = "number" }, step { name = "a", needs = "n" } }
    local function refused(...)
      local ok, message = pcall(p.run, p, ...)
      assert.is_false(ok)
      return message
    end
    assert.matches('parameter "n": expected a number, got nothing', refused(s))
    assert.matches('parameter "n": expected a number, got a string', refused(s, { n = "1" }))
    assert.matches('parameter "m": the pipeline has none of this name', refused(s, { n = 1, m = 2 }))
    assert.matches("params: expected a table, got a number", refused(s, 1))
    assert.matches("expected a scheduler, got a number", refused(1))
    assert.matches("expected a scheduler, got a userdata", refused(s:submit(math.abs, 1)))
    assert.matches('unknown option "colour"', refused(s, { n = 1 }, { colour = 1 }))
    assert.matches('on_failure: expected "cancel" or "continue", got a string',
      refused(s, { n = 1 }, { on_failure = "x" }))
    assert.matches("progress: expected true or a function", refused(s, { n = 1 }, { progress = 1 }))
  end)

  it("blames the line that runs or starts it", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local p = pipeline.new { params = { n = "number" }, step { name = "a", needs = "n" } }
    local q = step { name = "a", queue = "nowhere" }
    local line = debug.getinfo(1, "l").currentline
    local calls = {
      function() p:run(s) end,
      function() p:start(s) end,
      function() p:run(1) end,
      function() p:start(1) end,
      function() p:run(s, 1) end,
      function() p:run(s, { n = 1 }, { colour = 1 }) end,
      function() p:start(s, { n = 1 }, { journal = 1 }) end,
      function() q:run(s) end,
    }
    for i, call in ipairs(calls) do
      local ok, message = pcall(call)
      assert.is_false(ok)
      includes(("pipeline_check_spec.lua:%d: "):format(line + 1 + i), message)
    end
  end)

  it("is for the program, not for a task", function()
    local s <close> = echo.builder():with_worker_count(1):build()
    local ok, err = s:submit(function(handle)
      local inner = require "echo.pipeline"
      return inner.step { name = "a", run = math.abs }:run(handle)
    end, s):pwait()
    assert.is_false(ok)
    assert.matches("not in a task", err.message)
  end)
end)
