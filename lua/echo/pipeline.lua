--- Pipelines: steps, what each takes from which others, how wide and how urgent; described first, run
--- later. The manual is docs/pipeline.md.
---
---     local pipeline = require "echo.pipeline"
---     local sizes = pipeline.new {
---       params = { directory = "string" },
---       pipeline.step { name = "list", needs = "directory", run = list },
---       pipeline.step { name = "measure", each = "list", run = measure },
---       pipeline.step { name = "sum", needs = "measure", run = sum },
---     }
---     print(sizes:run(scheduler, { directory = "." }).sum)

local bar = require "echo.pipeline.bar"
local check = require "echo.pipeline.check"
local compose = require "echo.pipeline.compose"
local constant = require "echo.pipeline.constant"
local digest = require "echo.pipeline.journal.digest"
local draw = require "echo.pipeline.draw"
local explain = require "echo.pipeline.explain"
local parameters = require "echo.pipeline.parameters"
local print = require "echo.pipeline.print"
local run = require "echo.pipeline.run"
local start = require "echo.pipeline.start"
local step = require "echo.pipeline.step"
local value = require "echo.pipeline.value"

local pipeline = {}

local FIELDS = { name = "string", params = "table", queues = "table", output = "any" }

--- Making -----------------------------------------------------------------------------------------

local function contents_of_step(options, where)
  local record = step.new(options, where)
  return { steps = { record }, params = {}, queues = {}, where = where }
end

--- A pipeline of one step.
function pipeline.step(options)
  if type(options) ~= "table" or value.contents(options) then
    error("pipeline.step: expected a table of options, got a " .. type(options), 2)
  end
  return value.new(contents_of_step(options, step.place(2) or step.place_of(options.run) or "?"))
end

local function check_fields(fields)
  for name, field in pairs(fields) do
    local wanted = FIELDS[name]
    if math.type(name) ~= "integer" and not wanted then
      error(("pipeline.new: unknown field %q"):format(tostring(name)), 3)
    elseif wanted and wanted ~= "any" and type(field) ~= wanted then
      error(("pipeline.new: %s: expected a %s, got a %s"):format(name, wanted, type(field)), 3)
    end
  end
end

local function queue_limits(queues)
  local limits = {}
  for name, limit in pairs(queues) do
    if type(name) ~= "string" or math.type(limit) ~= "integer" or limit < 1 then
      error(("pipeline.new: queues: %s: expected a limit of at least 1"):format(tostring(name)), 3)
    end
    limits[name] = limit
  end
  return limits
end

local function parts_of(fields, where)
  local parts = {}
  for index, part in ipairs(fields) do
    local contents = value.contents(part)
    if not contents and type(part) == "table" then
      contents = contents_of_step(part, step.place_of(part.run) or where)
    elseif not contents then
      error(("pipeline.new: step %d: expected a step, got a %s"):format(index, type(part)), 3)
    end
    parts[index] = contents
  end
  return parts
end

--- pipeline.new { step, ..., name =, params =, queues =, output = }
function pipeline.new(fields)
  if type(fields) ~= "table" then
    error("pipeline.new: expected a table, got a " .. type(fields), 2)
  end
  check_fields(fields)
  local where = step.place(2) or "?"
  local parts = parts_of(fields, where)
  local params, problem = parameters.declare(fields.params or {}, where)
  if not params then
    error("pipeline.new: " .. problem, 2)
  end
  parts[#parts + 1] = { steps = {}, params = params, queues = queue_limits(fields.queues or {}) }
  local contents = compose.union(parts)
  contents.name, contents.where = fields.name, where
  contents.outputs = fields.output and step.names(fields.output) or nil
  return value.new(contents)
end

--- Several pipelines at the same time, as one whose outputs are those of all.
function pipeline.all(list)
  if type(list) ~= "table" then
    error("pipeline.all: expected a list of pipelines, got a " .. type(list), 2)
  end
  local parts = {}
  for index, part in ipairs(list) do
    parts[index] = value.expect(part, ("pipeline.all: number %d"):format(index), 2)
  end
  local contents = compose.all(parts)
  contents.where = step.place(2)
  return value.new(contents)
end

--- A pipeline once for each element of what comes before it, at most `limit` of a step at a time.
function pipeline.each(part, limit)
  local contents = value.expect(part, "pipeline.each", 2)
  if limit ~= nil and (math.type(limit) ~= "integer" or limit < 1) then
    error("pipeline.each: limit: expected an integer of at least 1, got " .. tostring(limit), 2)
  end
  return value.new(compose.each(contents, limit))
end

--- A value for a step's `with` that is a string, and not the name of a step.
pipeline.value = constant.new

--- A call-back for the option `progress`: a bar, with options of echo.progress.
pipeline.bar = bar.new

--- 32 hexadecimal digits that stand for a text: what a step can return in place of a file's content, so
--- that a journal sees it change.
function pipeline.digest(text)
  if type(text) ~= "string" then
    error("pipeline.digest: expected a string, got a " .. type(text), 2)
  end
  return digest(text)
end

--- Whether this is a pipeline.
function pipeline.is(candidate)
  return value.contents(candidate) ~= nil
end

--- The value --------------------------------------------------------------------------------------

local methods = value.methods

function methods.__concat(first, second)
  local contents = compose.sequence(value.expect(first, "..", 2), value.expect(second, "..", 2))
  contents.where = step.place(2)
  return value.new(contents)
end

function methods:__tostring()
  return print.text((check.plan(self)))
end

--- true, or nil and the list of problems: { step =, where =, message = }.
function methods:check()
  local _, problems = check.plan(self)
  if #problems > 0 then
    return nil, problems
  end
  return true
end

--- An SVG drawing, as text.
function methods:draw()
  return draw.svg(check.sound(self))
end

--- The name, parameters and named queues, as copies.
function methods:describe()
  local contents = value.contents(self)
  local params = {}
  for name, entry in pairs(contents.params) do
    params[name] = { type = entry.type, default = entry.default, about = entry.about }
  end
  return { name = contents.name, params = params, queues = value.copy(contents.queues) }
end

local latest = setmetatable({}, { __mode = "k" })

local function begin(self, scheduler, params, options)
  local started = start.new(self, scheduler, params, options)
  latest[self] = started
  return started
end

--- Starts a run, and returns it.
function methods:start(scheduler, params, options)
  local started = begin(self, scheduler, params, options)
  return started
end

--- Runs to the end: returns the results by step and the run; raises the first error.
function methods:run(scheduler, params, options)
  local started <close> = begin(self, scheduler, params, options)
  return started:wait(), started
end

--- Where the time of the latest run of this pipeline went, or of one that is given.
function methods:explain(of)
  local about = of or latest[self]
  if not about then
    error("explain: this pipeline was not run yet", 2)
  end
  return explain.report(about)
end

function run.methods:explain()
  return explain.report(self)
end

return pipeline
