--- The tasks that a run submits: each function here submits one for `work` of a node, with options of
--- submit. Work is the number of an element or a list of numbers, a group, and what is asked for is the
--- least that a task can carry: a single element's arguments travel by themselves.

local element = require "echo.pipeline.element"
local state = require "echo.pipeline.state"

local make = {}

--- A task for one element.
function make.one(run, st, options, index)
  local node = st.node
  if st.plain then
    return run.scheduler:submit(options, element.plain_one, node.run, run.items[st.columns[1]][index], index)
  end
  local arguments, count = state.arguments(run, st, index)
  return run.scheduler:submit(options, element.one, node.run, node.when, node.timeout, node.result,
    table.unpack(arguments, 1, count))
end

local function columns_of(run, st, indexes)
  local columns = {}
  for at, source in ipairs(st.columns) do
    local items, column = run.items[source], {}
    for position = 1, #indexes do
      column[position] = items[indexes[position]]
    end
    columns[at] = column
  end
  return columns
end

--- A task for a group, which runs one element after the other.
function make.group(run, st, options, indexes)
  local node = st.node
  local columns = columns_of(run, st, indexes)
  if st.plain then
    return run.scheduler:submit(options, element.plain_group, node.run, columns[1], indexes)
  end
  return run.scheduler:submit(options, element.group, node.run, node.when, node.timeout, node.result,
    st.slots, columns, indexes, st.shared)
end

--- A task for what stands in for an element that has failed.
function make.fallback(run, st, options, index)
  local arguments, count = state.arguments(run, st, index)
  local err = st.fallback_for[index]
  local told = { kind = err.kind, message = err.message, step = err.step, index = err.index }
  return run.scheduler:submit(options, element.fallback, st.node.fallback, told, arguments, count)
end

return make
