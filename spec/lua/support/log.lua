-- What tasks do, in order: lines in a file, to which a task can write to its very end.
--
--   local lines <close> = log.new()
--   scheduler:submit(log.write, lines.path, "begun")
--   lines:read()                                    -- { "begun" }

local log = {}
log.__index = log

function log.write(path, line)
  local file = io.open(path, "a")
  file:write(line, "\n")
  file:close()
end

-- Sleeps for long, and writes the line when it ends.
function log.sleep(path, line)
  local echo = require "echo"
  local _guard <close> = setmetatable({}, {
    __close = function()
      log.write(path, line)
    end,
  })
  echo.sleep(100)
end

function log:read()
  local lines = {}
  for line in io.lines(self.path) do
    lines[#lines + 1] = line
  end
  return lines
end

-- Returns once there are so many lines.
function log:await(count)
  local deadline = os.time() + 60
  while #self:read() < count do
    assert(os.time() < deadline, "it takes too long")
  end
end

function log:__close()
  os.remove(self.path)
end

function log.new()
  return setmetatable({ path = os.tmpname() }, log)
end

return log
