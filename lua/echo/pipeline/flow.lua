--- How elements move from step to step. All of it runs on the thread of the run's state, in call-backs
--- of tasks that have ended; it submits nothing itself, but leaves what may start in `ready` lists and
--- the node's name in `run.dirty`, for launch.lua.

local flow = {}

local function touch(run, st)
  run.dirty[st.rank] = st
end
flow.touch = touch

local function make_ready(run, st, index)
  local last = st.last + 1
  st.last, st.ready[last] = last, index
  run.dirty[st.rank] = st
end

local complete

-- Notes that a stream may emit one more: the run tells it when the call-back at hand is over. Told of each
-- alone, it would wake, emit one and wait again.
local function give_back(run, domain)
  domain.left = domain.left + 1
  run.giving[domain] = true
end

-- Whether this was the last node of its domain to finish an element. Where they stand in a line, it is
-- the one at the end; where they branch, it takes counting.
local function is_last(domain, st, index)
  if domain.tail then
    return st == domain.tail
  end
  local left = (domain.remaining[index] or #domain.members) - 1
  domain.remaining[index] = left > 0 and left or nil
  return left == 0
end

-- An element leaves when the last node of its domain has finished it.
local function leave(run, st, index)
  local domain = st.domain
  if not domain or not domain.remaining or not is_last(domain, st, index) then
    return
  end
  domain.alive = domain.alive - 1
  if domain.streams then
    run.items[domain.name][index] = nil
  end
  local members = domain.members
  for at = 1, #members do
    members[at].values[index] = nil
  end
  if domain.streams then
    return give_back(run, domain)
  end
  flow.admit(run, domain)
end
flow.leave = leave

local function block_element(run, st, index)
  if st.dead[index] then
    return
  end
  if #st.columns > 1 then
    st.dead[index] = true
  end
  if st.node.kind == "fold" then
    flow.block(run, st)
    return leave(run, st, index)
  end
  st.blocked, st.finished = st.blocked + 1, st.finished + 1
  flow.pass_on(run, st, index, block_element)
  leave(run, st, index)
  complete(run, st)
end

local function available(run, st, index)
  local status = st.status
  if status == "blocked" or status == "failed" then
    return block_element(run, st, index)
  elseif st.arrived then
    return st.arrived(index)
  elseif not st.columns[2] then
    return make_ready(run, st, index)
  elseif not st.dead[index] then
    local missing = (st.missing[index] or #st.columns) - 1
    st.missing[index] = missing > 0 and missing or nil
    if missing == 0 then
      make_ready(run, st, index)
    end
  end
end

function flow.pass_on(run, st, index, call)
  local consumers = st.consumers
  for at = 1, #consumers do
    call(run, consumers[at], index)
  end
end

-- As many elements as the window has room for.
local function admit_some(run, domain, consumers)
  local window = domain.window
  while domain.admitted < domain.count and domain.alive < window and not run.stopping do
    domain.admitted, domain.alive = domain.admitted + 1, domain.alive + 1
    for at = 1, #consumers do
      available(run, consumers[at], domain.admitted)
    end
  end
end

local function make_all_ready(run, st, first, count)
  local ready, before = st.ready, st.last - first + 1
  for index = first, count do
    ready[before + index] = index
  end
  st.last = before + count
  run.dirty[st.rank] = st
end

local function takes_as_they_come(st)
  return (st.status == "waiting" or st.status == "running") and not st.arrived and not st.columns[2]
end

-- Without a window a list is let in as a whole, since nobody looks at an element before all are there.
local function admit_all(run, domain, consumers)
  local first, count = domain.admitted + 1, domain.count
  domain.admitted = count
  for at = 1, #consumers do
    local st = consumers[at]
    if takes_as_they_come(st) then
      make_all_ready(run, st, first, count)
    else
      for index = first, count do
        available(run, st, index)
      end
    end
  end
end

--- Lets elements of a list in.
function flow.admit(run, domain)
  if domain.streams or domain.admitting or domain.admitted == domain.count then
    return
  end
  domain.admitting = true
  local admit = domain.window and admit_some or admit_all
  admit(run, domain, run.entries[domain.name])
  domain.admitting = false
end

--- One more element of a stream.
function flow.emitted(run, domain, item)
  domain.count, domain.alive = domain.count + 1, domain.alive + 1
  local index = domain.count
  run.items[domain.name][index] = item
  if #domain.members == 0 then
    run.items[domain.name][index] = nil
    give_back(run, domain)
  end
  for _, st in ipairs(run.entries[domain.name]) do
    available(run, st, index)
  end
end

--- There are no more elements than have been counted.
function flow.close(run, domain)
  domain.closed = true
  for _, st in ipairs(domain.members) do
    complete(run, st)
    touch(run, st)
  end
end

--- A list gives the elements of a domain.
function flow.open(run, domain, list)
  run.items[domain.name], domain.count = list, list.n or #list
  flow.admit(run, domain)
  flow.close(run, domain)
end

local function open_gate(run, st)
  st.gate = st.gate - 1
  if st.gate == 0 then
    flow.begin(run, st)
  end
end

local function each_waiting(run, name, call)
  local seen = {}
  for _, consumers in ipairs { run.plan.wholes_to[name] or {}, run.plan.after_to[name] or {} } do
    for _, consumer in ipairs(consumers) do
      if not seen[consumer] then
        seen[consumer] = true
        call(run, run.nodes[consumer.name])
      end
    end
  end
end

--- A node will not run, since something that it needs has failed.
function flow.block(run, st)
  if st.status ~= "waiting" and st.status ~= "running" then
    return
  end
  st.status = "blocked"
  if st.on_block then
    st.on_block()
  end
  if st.node.kind ~= "element" then
    return flow.ended(run, st, "blocked")
  end
  local first, last = st.first, st.last
  st.first = last + 1
  for at = first, last do
    block_element(run, st, st.ready[at])
    st.ready[at] = nil
  end
  for _, consumer in ipairs(st.consumers) do
    flow.block(run, consumer)
  end
  complete(run, st)
end

local function block_elements_of(run, st)
  for _, consumer in ipairs(st.consumers) do
    flow.block(run, consumer)
  end
  local domain = run.domains[st.node.name]
  if domain and not domain.closed then
    flow.close(run, domain)
  end
end

local function list_for_consumers(run, st, list)
  local domain = run.domains[st.node.name]
  if not domain or domain.streams then
    return
  end
  if type(list) == "table" then
    return flow.open(run, domain, list)
  end
  local text = ("it should give a list to %q, and gave a %s"):format(st.consumers[1].node.name, type(list))
  run:fail(st, { kind = "error", message = text })
  block_elements_of(run, st)
end

--- A node has ended: "done", "failed" or "blocked". Its result is in run.results by now.
function flow.ended(run, st, status)
  st.status = status
  run.unfinished = run.unfinished - 1
  if status == "done" then
    each_waiting(run, st.node.name, open_gate)
    if st.node.kind == "single" or st.node.kind == "fold" then
      list_for_consumers(run, st, run.results[st.node.name])
    end
  else
    each_waiting(run, st.node.name, flow.block)
    if st.node.kind ~= "element" then
      block_elements_of(run, st)
    end
  end
end

function complete(run, st)
  local domain = st.domain
  if st.finished < domain.count or not domain.closed or st.node.kind ~= "element" or st.completed
    or st.gate > 0 and st.status ~= "blocked" then
    return
  end
  st.completed = true
  if st.failed > 0 or st.blocked > 0 or st.status == "blocked" then
    return flow.ended(run, st, st.failed > 0 and "failed" or "blocked")
  end
  if st.keeps then
    st.values.n = #st.values ~= domain.count and domain.count or nil
    run.results[st.node.name] = st.values
  end
  flow.ended(run, st, "done")
end
flow.complete = complete

--- An element has its result.
function flow.finish(run, st, index, result)
  st.finished = st.finished + 1
  if st.node.kind == "single" then
    run.results[st.node.name] = result
    return flow.ended(run, st, "done")
  end
  if st.keeps or st.consumers[1] then
    st.values[index] = result
    if st.consumers[1] then
      flow.pass_on(run, st, index, available)
    end
  end
  local domain = st.domain
  if domain.remaining then
    leave(run, st, index)
  end
  if st.finished >= domain.count then
    complete(run, st)
  end
end

--- An element has failed for good.
function flow.fail(run, st, index)
  st.finished, st.failed = st.finished + 1, st.failed + 1
  if st.node.kind == "single" then
    return flow.ended(run, st, "failed")
  end
  flow.pass_on(run, st, index, block_element)
  leave(run, st, index)
  complete(run, st)
end

local function shared_values(run, st)
  local shared = {}
  for at, input in ipairs(st.shared_inputs) do
    if input.kind == "value" then
      shared[at] = input.value
    elseif run.plan.params[input.source] then
      shared[at] = run.params[input.source]
    else
      shared[at] = run.results[input.source]
    end
  end
  return shared
end

--- All that a node waited for as a whole is there.
function flow.begin(run, st)
  if st.status ~= "waiting" then
    return
  end
  st.status, st.shared = "running", shared_values(run, st)
  local kind = st.node.kind
  if kind == "single" then
    make_ready(run, st, 1)
  elseif kind == "element" then
    touch(run, st)
    complete(run, st)
  else
    run.begin_flow[kind](run, st)
  end
end

local function entries_of(run, name)
  local entries = {}
  for _, consumer in ipairs(run.plan.items_to[name] or {}) do
    entries[#entries + 1] = run.nodes[consumer.name]
  end
  return entries
end

local function prepare_domains(run)
  for name, domain in pairs(run.domains) do
    run.entries[name] = entries_of(run, name)
    run.items[name] = {}
    domain.streams = run.nodes[name] and run.nodes[name].node.kind == "stream"
  end
  for name, st in pairs(run.nodes) do
    if st.node.kind == "element" then
      run.items[name] = st.values
    end
    if st.node.items then
      run.entries[st.node.domain] = { st }
    end
  end
end

--- Starts all nodes that wait for nothing, and lets in the elements that are there from the beginning.
function flow.start(run)
  run.items, run.entries = {}, {}
  prepare_domains(run)
  for _, node in ipairs(run.plan.nodes) do
    if run.nodes[node.name].gate == 0 then
      flow.begin(run, run.nodes[node.name])
    end
  end
  for _, node in ipairs(run.plan.nodes) do
    if node.items then
      flow.open(run, run.domains[node.domain], node.items)
    end
  end
  for name, domain in pairs(run.domains) do
    if run.plan.params[name] then
      flow.open(run, domain, run.params[name])
    end
  end
end

return flow
