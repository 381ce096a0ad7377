-- A worker that nothing can interrupt, and what tells on which worker a task runs. The functions travel,
-- so they are kept out of what busted gives an environment of its own.

local echo = require "echo"

local stuck = {}

-- Holds the ordinary worker inside of a C function, which nothing interrupts, until the pipe ends.
function stuck.block(s)
  local started = echo.channel()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. path))
  local task = s:submit({ priority = "low" }, function()
    started:send(true)
    local file <close> = io.open(path) -- returns when somebody writes
    return file:read "a"
  end)
  started:receive()
  return function()
    local file = assert(io.open(path, "w"))
    file:write "let go"
    file:close()
    assert(task:wait() == "let go")
    os.remove(path)
  end
end

function stuck.where()
  return require "echo".current().worker
end

return stuck
