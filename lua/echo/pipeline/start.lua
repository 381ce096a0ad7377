--- From a pipeline to a run of it: all that can be looked at beforehand is looked at here, so that
--- nothing has run when it is refused.

local echo = require "echo"
local bar = require "echo.pipeline.bar"
local check = require "echo.pipeline.check"
local parameters = require "echo.pipeline.parameters"
local run = require "echo.pipeline.run"

local start = {}

-- Whose line errors have: start.new is called by a function that p:start and p:run share.
local CALLER = 4

local OPTIONS = {
  on_failure = function(option)
    return option == "cancel" or option == "continue", '"cancel" or "continue"'
  end,
  progress = function(option)
    return option == true or type(option) == "function", "true or a function"
  end,
  journal = function(option)
    return type(option) == "string", "the path of a file"
  end,
}

local function checked_options(options, level)
  local copy = {}
  for name, option in pairs(options or {}) do
    if not OPTIONS[name] then
      error(("run: unknown option %q"):format(tostring(name)), level + 1)
    end
    local ok, expected = OPTIONS[name](option)
    if not ok then
      error(("run: %s: expected %s, got a %s"):format(name, expected, type(option)), level + 1)
    end
    copy[name] = option
  end
  return copy
end

local function nothing() end

local function refused(node, err)
  local text = type(err) == "table" and err.message
    or tostring(err):gsub("^bad argument #%d+ to '[^']*' %((.*)%)$", "%1")
  return ("%s: step %q: %s"):format(node.where, node.name, text)
end

-- A task that is cancelled at once: what the scheduler refuses of it, it would refuse later.
local function probe(scheduler, node)
  local options = { delay = 3600, queue = node.queue, priority = node.priority }
  local ok, task = pcall(scheduler.submit, scheduler, options, nothing, node.run, node.when,
    node.fallback, node.initial)
  if ok then
    task:cancel()
  elseif type(task) ~= "table" or task.kind == "transfer" or task.kind == "stopped" then
    return refused(node, task)
  end
end

local function probe_all(scheduler, graph, level)
  local lines = {}
  for _, node in ipairs(graph.nodes) do
    lines[#lines + 1] = probe(scheduler, node)
  end
  if #lines > 0 then
    error("the pipeline cannot run:\n" .. table.concat(lines, "\n"), level + 1)
  end
end

local function is_scheduler(candidate)
  local ok, submit = pcall(function()
    return candidate.submit
  end)
  return type(candidate) == "userdata" and ok and submit ~= nil
end

--- Starts a run of a pipeline, or raises all that is wrong.
function start.new(pipeline, scheduler, given, options)
  if not is_scheduler(scheduler) then
    error("run: expected a scheduler, got a " .. type(scheduler), CALLER)
  elseif echo.current() then
    error("run: a pipeline is run by the program, not in a task: make it a step of another one", CALLER)
  elseif given ~= nil and type(given) ~= "table" then
    error("run: params: expected a table, got a " .. type(given), CALLER)
  end
  options = checked_options(options, CALLER)
  local graph = check.sound(pipeline)
  local params = parameters.bind(graph.params, given or {}, CALLER)
  probe_all(scheduler, graph, CALLER)
  if options.progress == true then
    options.progress = bar.new()
  end
  local journal = options.journal and require "echo.pipeline.journal".open(options.journal, graph)
  return run.start(graph, scheduler, params, options, journal)
end

return start
