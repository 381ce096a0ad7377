--- Looks a plan over before anything runs. Every problem is found at once, and each says where the step
--- it is about was defined.

local plan = require "echo.pipeline.plan"
local value = require "echo.pipeline.value"

local check = {}

local Problems = { __name = "echo.pipeline.problems" }

function Problems:__tostring()
  local lines = {}
  for index, problem in ipairs(self) do
    lines[index] = ("%s: %s"):format(problem.where, problem.message)
  end
  return table.concat(lines, "\n")
end

local function report(problems, node, text, ...)
  local message = ("step %q: " .. text):format(node.name, ...)
  problems[#problems + 1] = { step = node.name, where = node.where, message = message }
end

local function check_options(graph, problems)
  for _, node in ipairs(graph.nodes) do
    for _, text in ipairs(node.problems) do
      report(problems, node, "%s", text)
    end
  end
end

local function check_names(graph, problems)
  for _, node in ipairs(graph.duplicates) do
    report(problems, node, "there is another step of this name, at %s", graph.node[node.name].where)
  end
  for _, node in ipairs(graph.nodes) do
    if graph.params[node.name] then
      report(problems, node, "there is a parameter of this name")
    end
    for _, source in ipairs(plan.sources(node)) do
      if source == plan.PREVIOUS then
        report(problems, node, "it takes what comes before it, and nothing does")
      elseif not graph.node[source] and not graph.params[source] then
        report(problems, node, "there is no step or parameter %q", source)
      end
    end
  end
end

local function check_outputs(graph, problems)
  for _, name in ipairs(graph.declared or {}) do
    if not graph.node[name] then
      problems[#problems + 1] = { where = graph.where, message = ("output: there is no step %q"):format(name) }
    end
  end
end

local function check_circle(graph, problems)
  local circle = graph.circle
  if not circle then
    return
  end
  local first = 1
  while circle[first] ~= circle[#circle] do
    first = first + 1
  end
  local names = table.move(circle, first, #circle, 1, {})
  report(problems, graph.node[names[1]], "it waits for itself: %s", table.concat(names, " <- "))
end

local function mark_used(graph, name, used)
  if used[name] then
    return
  end
  used[name] = true
  local node = graph.node[name]
  for _, source in ipairs(node and plan.sources(node) or {}) do
    mark_used(graph, source, used)
  end
end

local function check_used(graph, problems)
  local used = {}
  for _, name in ipairs(graph.outputs) do
    mark_used(graph, name, used)
  end
  for _, node in ipairs(graph.nodes) do
    if graph.declared and not used[node.name] then
      report(problems, node, "nothing uses its result, and it is no output")
    end
    for _, source in ipairs(plan.sources(node)) do
      used[source] = true
    end
  end
  for name, parameter in pairs(graph.params) do
    if not used[name] then
      local message = ("parameter %q: no step uses it"):format(name)
      problems[#problems + 1] = { where = parameter.where, message = message }
    end
  end
end

-- The type that a source gives as a whole, or nil if nothing is known of it.
local function whole_type(graph, source)
  local node, parameter = graph.node[source], graph.params[source]
  if node then
    return (node.kind == "element" or node.kind == "stream") and "table" or node.result
  end
  return parameter and parameter.type
end

local function input_type(graph, input)
  if input.kind == "index" then
    return "number"
  elseif input.kind == "value" then
    return type(input.value)
  elseif input.kind == "whole" then
    return whole_type(graph, input.source)
  end
  local node = graph.node[input.source]
  return node and node.kind == "element" and node.result or nil
end

local function check_types(graph, problems)
  for _, node in ipairs(graph.nodes) do
    for position, input in ipairs(node.inputs) do
      local source = graph.node[input.source]
      local listed = input.kind == "item" and input.source and whole_type(graph, input.source)
      if listed and listed ~= "table" then
        report(problems, node, "it takes the elements of %q, which gives a %s", input.source, listed)
      end
      local wanted, got = (node.takes or {})[position], input_type(graph, input)
      if wanted and wanted ~= "any" and got and wanted ~= got then
        report(problems, node, "argument %d: expected a %s, %s gives a %s", position, wanted,
          source and ("%q"):format(input.source) or input.source or input.kind, got)
      end
    end
  end
end

local function check_elements(graph, problems)
  for _, node in ipairs(graph.nodes) do
    for _, input in ipairs(node.inputs) do
      local source = graph.node[input.source]
      local domain = source and source.kind ~= "fold" and source.domain or input.source
      if input.kind == "item" and input.source and domain ~= node.domain then
        report(problems, node, "%q has other elements than %q", input.source, node.domain)
      elseif input.kind == "whole" and source and not plan.keeps(graph, source) then
        report(problems, node, "%q is not kept as a whole: it has a window, so use each or fold", input.source)
      end
    end
  end
end

-- Who streams or folds keeps its place in a queue while it waits for the others.
local function check_queues(graph, problems)
  local held = {}
  for _, node in ipairs(graph.nodes) do
    if node.queue and (node.kind == "stream" or node.kind == "fold") then
      held[node.domain] = held[node.domain] or {}
      held[node.domain][node.queue] = node.name
    end
  end
  for _, node in ipairs(graph.nodes) do
    local holder = node.queue and held[node.domain or ""] and held[node.domain][node.queue]
    if holder and holder ~= node.name then
      report(problems, node, "it would wait for ever: %q keeps its place in the queue %q", holder, node.queue)
    end
  end
end

--- All problems of a plan, an empty list if it is sound. tostring() gives a line for each.
function check.problems(graph)
  local problems = setmetatable({}, Problems)
  check_options(graph, problems)
  check_names(graph, problems)
  check_outputs(graph, problems)
  check_circle(graph, problems)
  if #problems == 0 then
    check_used(graph, problems)
    check_types(graph, problems)
    check_elements(graph, problems)
    check_queues(graph, problems)
  end
  return problems
end

-- A pipeline never changes, so what was found once holds.
local known = setmetatable({}, { __mode = "k" })

--- The plan of a pipeline and its problems.
function check.plan(pipeline)
  local entry = known[pipeline]
  if not entry then
    local contents = value.contents(pipeline)
    local graph = plan.new(contents)
    graph.where = contents.where
    entry = { graph = graph, problems = check.problems(graph) }
    known[pipeline] = entry
  end
  return entry.graph, entry.problems
end

--- The plan of a pipeline; raises all its problems, if there are any.
function check.sound(pipeline)
  local graph, problems = check.plan(pipeline)
  if #problems > 0 then
    error("the pipeline cannot run:\n" .. tostring(problems), 0)
  end
  return graph
end

return check
