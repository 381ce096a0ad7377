--- What a pipeline is: an immutable value. Its contents are a list of steps (see step.lua), the
--- parameters, the named queues that it asks for and the steps whose results are its outputs. They are
--- kept out of reach here; whoever composes pipelines makes new contents and never changes old ones.

local value = {}

local Pipeline = {}
Pipeline.__index = Pipeline
Pipeline.__name = "echo.pipeline"
Pipeline.__metatable = "echo.pipeline"

function Pipeline.__newindex()
  error("a pipeline does not change: make a new one of it", 2)
end

local contents_of = setmetatable({}, { __mode = "k" })

--- The metatable of all pipelines, to which the other files add their methods.
value.methods = Pipeline

function value.new(contents)
  local pipeline = setmetatable({}, Pipeline)
  contents_of[pipeline] = contents
  return pipeline
end

--- The contents of a pipeline, or nil for any other value.
function value.contents(pipeline)
  return contents_of[pipeline]
end

--- The contents of argument `position` of `what`, which has to be a pipeline.
function value.expect(pipeline, what, level)
  local contents = contents_of[pipeline]
  if not contents then
    error(("%s: expected a pipeline, got a %s"):format(what, type(pipeline)), (level or 1) + 1)
  end
  return contents
end

--- A copy of a record or list, one level deep.
function value.copy(table)
  local copy = {}
  for key, field in pairs(table) do
    copy[key] = field
  end
  return copy
end

return value
