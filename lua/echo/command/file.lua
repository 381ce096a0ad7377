--- A pipeline file: Lua code that returns a pipeline.

local pipeline = require "echo.pipeline"

local file = {}

--- The pipeline that a file returns. Raises { file = text } if there is none.
function file.load(path)
  local chunk, problem = loadfile(path)
  if not chunk then
    error({ file = problem }, 0)
  end
  local ok, result = xpcall(chunk, debug.traceback, path)
  if not ok then
    error({ file = result }, 0)
  elseif not pipeline.is(result) then
    error({ file = ("%s: expected it to return a pipeline, got a %s"):format(path, type(result)) }, 0)
  end
  return result
end

return file
