--- Steps that are pipelines are replaced by the steps of those, each named after both: the step
--- "small" of the step "pictures" is "pictures.small". What remains are plain steps.

local compose = require "echo.pipeline.compose"
local constant = require "echo.pipeline.constant"
local step = require "echo.pipeline.step"
local value = require "echo.pipeline.value"

local expand = {}

local PREVIOUS = step.PREVIOUS

local function parameter_input(name, inner, outer, given)
  if type(given) == "string" then
    return { kind = "whole", source = given }
  elseif given ~= nil then
    return { kind = "value", value = constant.is(given) and given.content or given }
  elseif outer.params[name] then
    return { kind = "whole", source = name }
  elseif inner.params[name].default ~= nil then
    return { kind = "value", value = inner.params[name].default }
  end
end

-- The inputs that stand for one input of a step inside, or nil and what is wrong.
local function outer_inputs(input, inside, around, inner, outer)
  if inside[input.source] then
    return { { kind = input.kind, source = around.name .. "." .. input.source } }
  elseif input.source == PREVIOUS and not around.implicit then
    local kind = input.kind == "item" and "item"
    local inputs = {}
    for index, given in ipairs(around.inputs) do
      inputs[index] = given.source and { kind = kind or given.kind, source = given.source } or given
    end
    return inputs
  elseif input.source and inner.params[input.source] then
    local bound = parameter_input(input.source, inner, outer, (around.with or {})[input.source])
    if not bound then
      return nil, ("parameter %q of its pipeline has no value"):format(input.source)
    end
    bound.kind = bound.kind == "whole" and input.kind or bound.kind
    return { bound }
  end
  return { input }
end

local function renamed(names, prefix)
  local list = {}
  for index, name in ipairs(names) do
    list[index] = prefix .. name
  end
  return list
end

local function moved_in(record, inside, around, inner, outer)
  local copy, prefix = value.copy(record), around.name .. "."
  copy.name, copy.inputs, copy.problems = prefix .. record.name, {}, value.copy(record.problems)
  copy.priority, copy.queue = record.priority or around.priority, record.queue or around.queue
  local taken = record.implicit and not around.implicit and { { kind = "whole", source = PREVIOUS } }
  for _, input in ipairs(taken or record.inputs) do
    local inputs, problem = outer_inputs(input, inside, around, inner, outer)
    table.move(inputs or {}, 1, #(inputs or {}), #copy.inputs + 1, copy.inputs)
    copy.problems[#copy.problems + 1] = problem
  end
  copy.implicit = record.implicit and around.implicit
  copy.after = renamed(record.after, prefix)
  table.move(around.after, 1, #around.after, #copy.after + 1, copy.after)
  return copy
end

local function unknown_parameters(record, inner)
  for name in pairs(record.with or {}) do
    if not inner.params[name] then
      record.problems[#record.problems + 1] = ("with: its pipeline has no parameter %q"):format(name)
    end
  end
end

local flatten

local function flatten_step(record, outer, flat)
  local inner = value.contents(record.pipeline)
  if not inner then
    local copy = value.copy(record)
    copy.problems = { "pipeline: expected a pipeline, got a " .. type(record.pipeline) }
    flat.steps[#flat.steps + 1] = copy
    return
  end
  local around = value.copy(record)
  around.problems = value.copy(record.problems)
  unknown_parameters(around, inner)
  local inside = flatten(inner)
  local names = value.copy(inside.aliases)
  for _, part in ipairs(inside.steps) do
    names[part.name] = true
  end
  for index, part in ipairs(inside.steps) do
    local copy = moved_in(part, names, around, inner, outer)
    table.move(around.problems, 1, index == 1 and #around.problems or 0, #copy.problems + 1, copy.problems)
    flat.steps[#flat.steps + 1] = copy
  end
  for name, sources in pairs(inside.aliases) do
    flat.aliases[record.name .. "." .. name] = renamed(sources, record.name .. ".")
  end
  flat.aliases[record.name] = renamed(compose.outputs(inner), record.name .. ".")
end

function flatten(contents)
  local flat = { steps = {}, aliases = {} }
  for _, record in ipairs(contents.steps) do
    if record.pipeline ~= nil then
      flatten_step(record, contents, flat)
    else
      flat.steps[#flat.steps + 1] = record
    end
  end
  return flat
end

-- An output of a pipeline may be a pipeline again.
local function resolved(name, aliases)
  local sources = aliases[name]
  if not sources then
    return { name }
  end
  local list = {}
  for _, source in ipairs(sources) do
    local deeper = resolved(source, aliases)
    table.move(deeper, 1, #deeper, #list + 1, list)
  end
  return list
end

local function with_resolved(record, aliases)
  local copy = value.copy(record)
  copy.inputs, copy.after = {}, {}
  for _, input in ipairs(record.inputs) do
    for _, source in ipairs(input.source and resolved(input.source, aliases) or { false }) do
      copy.inputs[#copy.inputs + 1] = { kind = input.kind, source = source, value = input.value }
    end
  end
  for _, name in ipairs(record.after) do
    local sources = resolved(name, aliases)
    table.move(sources, 1, #sources, #copy.after + 1, copy.after)
  end
  return copy
end

--- The plain steps of a pipeline's contents, and the names of its outputs.
function expand.steps(contents)
  local flat, steps, outputs = flatten(contents), {}, {}
  for index, record in ipairs(flat.steps) do
    steps[index] = with_resolved(record, flat.aliases)
  end
  for _, name in ipairs(contents.outputs or {}) do
    local sources = resolved(name, flat.aliases)
    table.move(sources, 1, #sources, #outputs + 1, outputs)
  end
  return steps, contents.outputs and outputs
end

return expand
