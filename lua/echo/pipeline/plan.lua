--- The plan of a run: the plain steps as nodes that know each other. It is made once per check and
--- never changed by a run.
---
--- A node has, besides its step's options:
---   kind       "single", "element", "stream" or "fold"
---   domain     where its elements come from: the name of a stream, of what gives a list, or
---              "items of NAME" if it has `items`. All elements of a domain are numbered alike
---   rank       its place in an order in which every node comes after those that it takes from
--- A plan has `nodes` (by rank), `node` (by name), and by source `items_to`, `wholes_to` and `after_to`:
--- the nodes that take its elements one by one, all of it, or wait for its end.

local compose = require "echo.pipeline.compose"
local expand = require "echo.pipeline.expand"
local step = require "echo.pipeline.step"
local value = require "echo.pipeline.value"

local plan = {}

local function kind_of(record)
  if record.fold or record.stream then
    return record.fold and "fold" or "stream"
  end
  for _, input in ipairs(record.inputs) do
    if input.kind == "item" then
      return "element"
    end
  end
  return "single"
end

local function node_of(record)
  local node = value.copy(record)
  node.kind = kind_of(record)
  node.problems = value.copy(record.problems)
  return node
end

local function first_item(node)
  for _, input in ipairs(node.inputs) do
    if input.kind == "item" then
      return input.source
    end
  end
end

--- The sources that a node takes anything from, or waits for.
function plan.sources(node)
  local sources = {}
  for _, input in ipairs(node.inputs) do
    if input.source then
      sources[#sources + 1] = input.source
    end
  end
  table.move(node.after, 1, #node.after, #sources + 1, sources)
  return sources
end

-- Visits depth first; a node that is met while it is being visited closes a circle.
local function rank(graph, node, visiting, trail)
  if visiting[node.name] == "done" then
    return
  end
  trail[#trail + 1] = node.name
  if visiting[node.name] then
    graph.circle = graph.circle or value.copy(trail)
    trail[#trail] = nil
    return
  end
  visiting[node.name] = "open"
  for _, source in ipairs(plan.sources(node)) do
    local from = graph.node[source]
    if from then
      rank(graph, from, visiting, trail)
    end
  end
  trail[#trail] = nil
  visiting[node.name] = "done"
  graph.nodes[#graph.nodes + 1] = node
  node.rank = #graph.nodes
end

--- The name of the domain of a step's own items: no step can be called so.
function plan.items_domain(node)
  return "items of " .. node.name
end

local function domain_of(graph, node)
  local source = first_item(node)
  if source == nil then
    return node.kind == "stream" and node.name or nil
  elseif source == false then
    return plan.items_domain(node)
  end
  local from = graph.node[source]
  local flows = from and (from.kind == "element" or from.kind == "stream")
  return flows and from.domain or source
end

local function add_consumer(consumers, source, node)
  consumers[source] = consumers[source] or {}
  if consumers[source][#consumers[source]] ~= node then
    table.insert(consumers[source], node)
  end
end

local function connect(graph, node)
  for _, input in ipairs(node.inputs) do
    if input.kind == "item" and input.source then
      add_consumer(graph.items_to, input.source, node)
    elseif input.kind == "whole" then
      add_consumer(graph.wholes_to, input.source, node)
    end
  end
  for _, source in ipairs(node.after) do
    add_consumer(graph.after_to, source, node)
  end
end

-- A window is said where the elements come from, and holds for all steps that they go through.
local function spread_windows(graph)
  local windows = {}
  for _, node in ipairs(graph.nodes) do
    if node.kind == "stream" then
      windows[node.name] = node.window or plan.WINDOW
    elseif node.domain and node.window then
      windows[node.domain] = math.min(node.window, windows[node.domain] or math.huge)
    end
  end
  graph.windows = windows
end

--- How many elements of a stream may be about if it does not say.
plan.WINDOW = 64

--- The plan of a pipeline's contents. It may have problems: `circle`, a list of names, is one.
function plan.new(contents)
  local steps, outputs = expand.steps(contents)
  local graph = {
    name = contents.name, params = contents.params, queues = contents.queues, nodes = {}, node = {},
    items_to = {}, wholes_to = {}, after_to = {}, duplicates = {}, declared = outputs,
    outputs = outputs or compose.outputs { steps = steps },
  }
  for index, record in ipairs(steps) do
    local node = node_of(record)
    steps[index] = node
    if graph.node[node.name] then
      graph.duplicates[#graph.duplicates + 1] = node
    else
      graph.node[node.name] = node
    end
  end
  local visiting = {}
  for _, node in ipairs(steps) do
    rank(graph, node, visiting, {})
  end
  for _, node in ipairs(graph.nodes) do
    node.domain = domain_of(graph, node)
    connect(graph, node)
  end
  spread_windows(graph)
  return graph
end

--- Whether the results of a node's elements are kept, so that a list of them can be had.
function plan.keeps(graph, node)
  return not (node.domain and graph.windows[node.domain]) or node.kind == "fold"
end

plan.PREVIOUS = step.PREVIOUS

return plan
