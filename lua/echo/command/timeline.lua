--- luaecho timeline: a recording as a picture. Needs none of the module's part in C.

local timeline = require "echo.timeline"

-- What is wrong with an option is the command line's; the option has the same name there.
local function is_option(problem)
  return problem:find "^from: " or problem:find "^to: " or problem:find "^width: "
end

--- Runs the command; returns the exit status.
return function(parsed)
  local ok, result = pcall(timeline, parsed.file, nil, { width = parsed.width, from = parsed.from, to = parsed.to,
    title = parsed.title })
  if not ok then
    local problem = tostring(result):gsub("^.-echo%.timeline: ", "")
    error(is_option(problem) and { usage = "--" .. problem } or { file = problem:gsub("^trace: ", "") }, 0)
  end
  local written, problem = io.stdout:write(result)
  if written then
    written, problem = io.stdout:flush()
  end
  if not written then
    error({ file = "standard output: " .. problem }, 0)
  end
  return 0
end
