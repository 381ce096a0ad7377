--- A value that stands for itself where a string would be the name of a step or parameter.

local constant = {}

local Constant = { __name = "echo.pipeline.value" }

function constant.new(content)
  return setmetatable({ content = content }, Constant)
end

function constant.is(candidate)
  return getmetatable(candidate) == Constant
end

return constant
