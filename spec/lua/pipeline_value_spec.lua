-- What a pipeline is before it runs: a value that composes, prints and draws itself.

local assert = require "luassert"
local includes = require "spec.lua.support.includes"
local it = require "spec.lua.support.it"
local pipeline = require "echo.pipeline"

local function pass(...) return ... end

local function named(name, fields)
  local options = { name = name, run = pass }
  for key, field in pairs(fields or {}) do options[key] = field end
  return pipeline.step(options)
end

describe("a pipeline", function()
  it("does not change", function()
    local items = { 1, 2 }
    local p = named("a", { items = items })
    items[3] = 3
    assert.equal("pipeline without a name\n  a <- each of 2 items", tostring(p))
    assert.error_matches(function() p.extra = 1 end, "does not change")
  end)

  it("leaves those that it is made of as they are", function()
    local a, b = named "a", named "b"
    local both = a .. b
    assert.equal("pipeline without a name\n  b", tostring(b))
    assert.equal("pipeline without a name\n  a\n  b <- a", tostring(both))
  end)

  it("is known as one", function()
    assert.is_true(pipeline.is(named "a"))
    assert.is_false(pipeline.is {})
  end)

  it("puts all outputs of several before the next one", function()
    local p = pipeline.all { named "a", named "b" } .. named "c"
    assert.equal("pipeline without a name\n  a\n  b\n  c <- a, b", tostring(p))
  end)

  it("puts what comes before it where \"...\" stands", function()
    local p = pipeline.new { params = { size = { default = 3 } },
      named "a" .. named("b", { needs = { "...", "size" } }) }
    assert.is_true(p:check())
    assert.equal("pipeline without a name\n  size: number = 3\n  a\n  b <- a, size", tostring(p))
  end)

  it("runs a whole pipeline for each element", function()
    local p = named "list" .. pipeline.each(named "a" .. named "b", 4) .. named "sum"
    assert.equal("pipeline without a name\n  list\n  a <- each of list (4 wide)\n  b <- each of a (4 wide)\n  sum <- b",
      tostring(p))
  end)

  it("has pipelines as steps", function()
    local inner = pipeline.new {
      params = { size = "number", label = { default = "x" } },
      named("load", { needs = { "...", "size" } }), named("save", { needs = { "load", "label" } }),
    }
    local p = pipeline.new {
      params = { wanted = "number" },
      named "first",
      pipeline.step { name = "inner", pipeline = inner, needs = "first", with = { size = "wanted" }, priority = "low" },
      named("last", { needs = "inner" }),
    }
    assert.is_true(p:check())
    assert.equal([[
pipeline without a name
  wanted: number
  first
  inner.load <- first, wanted (low)
  inner.save <- inner.load (low)
  last <- inner.save]], tostring(p))
  end)

  it("says what it is", function()
    local p = pipeline.new { name = "pictures", params = { size = { default = 3, about = "pixels" } },
      queues = { convert = 2 }, named("a", { needs = "size" }) }
    assert.same({ name = "pictures", queues = { convert = 2 },
      params = { size = { type = "number", default = 3, about = "pixels" } } }, p:describe())
  end)

  it("draws itself", function()
    local p = pipeline.new { name = "a <b>", params = { n = "number" }, named("first", { needs = "n" }),
      named("many", { each = "first", limit = 3 }), named("last", { after = "many" }) }
    local svg = p:draw()
    includes("<title>a &lt;b&gt;</title>", svg)
    includes(">first</text>", svg)
    includes(">3 wide</text>", svg)
    includes("stroke-dasharray", svg)
    assert.equal(3, select(2, svg:gsub("marker%-end", "")))
    assert.equal("</svg>\n", svg:sub(-7))
  end)
end)

describe("what is not a pipeline", function()
  it("is refused where it is made", function()
    assert.error_matches(function() pipeline.step(1) end, "pipeline.step: expected a table of options, got a number")
    assert.error_matches(function() pipeline.new { 3 } end, "pipeline.new: step 1: expected a step, got a number")
    assert.error_matches(function() pipeline.new { colour = 1 } end, 'pipeline.new: unknown field "colour"')
    assert.error_matches(function() pipeline.new { name = 1 } end,
      "pipeline.new: name: expected a string, got a number")
    assert.error_matches(function() pipeline.new { queues = { a = 0 } } end, "queues: a: expected a limit")
    assert.error_matches(function() pipeline.new { params = { a = "colour" } } end, 'parameter "a": type: expected')
    assert.error_matches(function() pipeline.new { params = { a = { type = "number", default = "x" } } } end,
      'parameter "a": default: expected a number, got a string')
    assert.error_matches(function() pipeline.all { 1 } end, "pipeline.all: number 1: expected a pipeline, got a number")
    assert.error_matches(function() pipeline.each(1) end, "pipeline.each: expected a pipeline, got a number")
    assert.error_matches(function() pipeline.each(named "a", 0) end, "limit: expected an integer of at least 1, got 0")
    assert.error_matches(function() return named "a" .. "b" end, "expected a pipeline, got a string")
    assert.error_matches(function() pipeline.each(named("a", { items = { 1 } })) end, "has elements of its own")
  end)
end)
