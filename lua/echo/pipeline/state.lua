--- The state of one run: of each node, and of each domain (the elements that are numbered alike).
---
--- A node's state:
---   gate      how many sources it still waits for as a whole; nothing of it starts before that is 0
---   ready     the numbers of elements that may start, from `first` to `last`
---   alone     each of them has a task of its own
---   finished  elements that have ended in any way; failed, skipped, blocked and kept are among them
---   asked     when its tasks were submitted, by the number of their first element
---   consumers the states of those that take its elements one by one; its domain is `domain`
---   values    the results by number; what was consumed is gone if the domain has a window
---   status    "waiting", "running", "done", "failed", "blocked" (it needs one that failed)
--- A domain:
---   members         the states of the nodes that its elements go through
---   count, closed   how many elements there are, and whether there will be no more
---   admitted        how many have been let in, and `alive` how many of them are still about
---   tail            the node that is the last to finish any element, if that is always the same
---   left            how many a stream may emit that it was not told of yet
---   remaining       by number, how many nodes have not finished an element; only with a window

local plan = require "echo.pipeline.plan"

local state = {}

local function slots_of(node)
  local slots, columns, shared = {}, {}, {}
  for at, input in ipairs(node.inputs) do
    if input.kind == "item" then
      columns[#columns + 1] = input.source or plan.items_domain(node)
      slots[at] = #columns
    elseif input.kind == "index" then
      slots[at] = 0
    else
      shared[#shared + 1] = input
      slots[at] = -#shared
    end
  end
  return slots, columns, shared
end

local function distinct(names, params)
  local seen, count = {}, 0
  for _, name in ipairs(names) do
    if not seen[name] and not params[name] then
      seen[name], count = true, count + 1
    end
  end
  return count
end

local function gate_of(node, params)
  local names = table.move(node.after, 1, #node.after, 1, {})
  for _, input in ipairs(node.inputs) do
    if input.kind == "whole" then
      names[#names + 1] = input.source
    end
  end
  return distinct(names, params)
end

local function is_plain(node)
  return #node.inputs == 2 and node.inputs[1].kind == "item" and node.inputs[2].kind == "index"
    and not (node.when or node.timeout or node.result)
end

local function node_state(graph, node)
  local slots, columns, shared = slots_of(node)
  return {
    node = node, rank = node.rank, status = "waiting", gate = gate_of(node, graph.params),
    slots = slots, columns = columns, shared_inputs = shared, plain = is_plain(node),
    options = { priority = node.priority, queue = node.queue, name = node.name },
    limit = node.limit or math.huge, keeps = plan.keeps(graph, node),
    alone = node.group == 1 or node.kind == "single",
    ready = {}, first = 1, last = 0, values = {}, missing = {}, dead = {}, attempts = {}, asked = {},
    on_end = {},
    inflight = 0, finished = 0, failed = 0, skipped = 0, blocked = 0, restored = 0, retried = 0,
    tasks = 0, running_seconds = 0, waiting_seconds = 0,
  }
end

local function domain_state(graph, name)
  local members = {}
  for _, node in ipairs(graph.nodes) do
    if node.domain == name and node.kind ~= "stream" then
      members[#members + 1] = node
    end
  end
  local window = graph.windows[name]
  return {
    name = name, members = members, window = window, count = 0, admitted = 0, alive = 0, left = 0,
    closed = false, remaining = window and {},
  }
end

local function states_of(run, nodes)
  local states = {}
  for at, node in ipairs(nodes) do
    states[at] = run.nodes[node.name]
  end
  return states
end

-- The last of a domain's nodes if each gives its elements to one other at most, and one alone gets those
-- that come in; else nil.
local function tail_of(domain)
  local tail, takers = nil, 0
  for _, st in ipairs(domain.members) do
    local inside = 0
    for _, consumer in ipairs(st.consumers) do
      inside = inside + (consumer.domain == domain and 1 or 0)
    end
    takers = takers + inside
    if inside > 1 or inside == 0 and tail then
      return nil
    end
    tail = inside == 0 and st or tail
  end
  return takers == #domain.members - 1 and tail or nil
end

local function connect(run)
  for _, st in pairs(run.nodes) do
    st.consumers = states_of(run, run.plan.items_to[st.node.name] or {})
    st.domain = run.domains[st.node.domain]
  end
  for _, domain in pairs(run.domains) do
    domain.members = states_of(run, domain.members)
    domain.tail = tail_of(domain)
  end
end

--- Fills the run's `nodes` and `domains`.
function state.prepare(run)
  run.nodes, run.domains, run.unfinished = {}, {}, 0
  for _, node in ipairs(run.plan.nodes) do
    run.nodes[node.name] = node_state(run.plan, node)
    run.unfinished = run.unfinished + 1
    if node.domain and not run.domains[node.domain] then
      run.domains[node.domain] = domain_state(run.plan, node.domain)
    end
  end
  connect(run)
end

--- The arguments of a node's element as a table and their count.
function state.arguments(run, st, index)
  local arguments = {}
  for at, slot in ipairs(st.slots) do
    if slot > 0 then
      arguments[at] = run.items[st.columns[slot]][index]
    elseif slot == 0 then
      arguments[at] = index
    else
      arguments[at] = st.shared[-slot]
    end
  end
  return arguments, #st.slots
end

--- The element that a node's function is given first, or nil for a step without elements.
function state.item(run, st, index)
  return st.columns[1] and run.items[st.columns[1]][index]
end

return state
