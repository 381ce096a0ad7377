--- How pipelines are made of pipelines. All of it works on their steps' inputs: to put one pipeline
--- behind another replaces the source "..." by the outputs of the first.

local step = require "echo.pipeline.step"
local value = require "echo.pipeline.value"

local compose = {}

local PREVIOUS = step.PREVIOUS

local function names_of(steps)
  local names = {}
  for _, record in ipairs(steps) do
    names[record.name] = true
  end
  return names
end

--- The names of the steps whose results are a pipeline's: those it declares, or those that no other
--- step takes anything from.
function compose.outputs(contents)
  if contents.outputs then
    return contents.outputs
  end
  local taken, outputs = {}, {}
  for _, record in ipairs(contents.steps) do
    for _, input in ipairs(record.inputs) do
      taken[input.source or ""] = true
    end
    for _, name in ipairs(record.after) do
      taken[name] = true
    end
  end
  for _, record in ipairs(contents.steps) do
    if not taken[record.name] then
      outputs[#outputs + 1] = record.name
    end
  end
  return outputs
end

local function merged(first, second, what)
  local union = value.copy(first)
  for name, entry in pairs(second) do
    if union[name] ~= nil and union[name] ~= entry then
      error(("pipeline: the %s %q is declared twice"):format(what, name), 0)
    end
    union[name] = entry
  end
  return union
end

--- The union of several contents, without any order between them.
function compose.union(list)
  local union = { steps = {}, params = {}, queues = {} }
  for _, contents in ipairs(list) do
    table.move(contents.steps, 1, #contents.steps, #union.steps + 1, union.steps)
    union.params = merged(union.params, contents.params, "parameter")
    union.queues = merged(union.queues, contents.queues, "queue")
  end
  return union
end

local function bound_inputs(record, sources)
  local inputs = {}
  local taken = record.implicit and { { kind = "whole", source = PREVIOUS } } or record.inputs
  for _, input in ipairs(taken) do
    if input.source ~= PREVIOUS then
      inputs[#inputs + 1] = input
    else
      for _, source in ipairs(sources) do
        inputs[#inputs + 1] = { kind = input.kind, source = source }
      end
    end
  end
  return inputs
end

local function takes_previous(record)
  for _, input in ipairs(record.inputs) do
    if input.source == PREVIOUS then
      return true
    end
  end
  return record.implicit
end

--- A record whose "..." are the given sources.
function compose.bind(record, sources)
  local copy = value.copy(record)
  if takes_previous(record) then
    copy.inputs, copy.implicit = bound_inputs(record, sources), false
  elseif record.items then
    copy.after = table.move(sources, 1, #sources, #record.after + 1, value.copy(record.after))
  end
  return copy
end

--- The steps of `second` take the outputs of `first`.
function compose.sequence(first, second)
  local outputs = compose.outputs(first)
  local joined = value.copy(second)
  joined.steps = {}
  for index, record in ipairs(second.steps) do
    joined.steps[index] = compose.bind(record, outputs)
  end
  local contents = compose.union { first, joined }
  contents.outputs = compose.outputs(second)
  contents.name = first.name or second.name
  return contents
end

--- Several at the same time; the outputs of all.
function compose.all(list)
  local contents = compose.union(list)
  contents.outputs = {}
  for _, part in ipairs(list) do
    local outputs = compose.outputs(part)
    table.move(outputs, 1, #outputs, #contents.outputs + 1, contents.outputs)
  end
  return contents
end

local function refuse_elements(record)
  if record.items or record.fold or record.stream or record.pipeline then
    error(("pipeline.each: step %q (%s) has elements of its own"):format(record.name, record.where), 0)
  end
  for _, input in ipairs(record.inputs) do
    if input.kind == "item" then
      error(("pipeline.each: step %q (%s) has elements of its own"):format(record.name, record.where), 0)
    end
  end
end

local function elementwise(record, names, limit)
  refuse_elements(record)
  local copy, taken = value.copy(record), bound_inputs(record, { PREVIOUS })
  local inputs = {}
  for _, input in ipairs(taken) do
    local inner = input.source == PREVIOUS or names[input.source]
    inputs[#inputs + 1] = inner and { kind = "item", source = input.source } or input
    if input.source == PREVIOUS then
      inputs[#inputs + 1] = { kind = "index" }
    end
  end
  copy.inputs, copy.implicit, copy.limit = inputs, false, limit or record.limit
  return copy
end

--- All steps of a pipeline once for each element of what comes before it.
function compose.each(contents, limit)
  local names, copy = names_of(contents.steps), value.copy(contents)
  copy.steps = {}
  for index, record in ipairs(contents.steps) do
    copy.steps[index] = elementwise(record, names, limit)
  end
  return copy
end

return compose
