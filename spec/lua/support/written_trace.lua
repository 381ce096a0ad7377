-- Recordings in Chrome's trace format, written by hand, as files.

local json = require "echo.command.json"

local written_trace = {}

local paths = {}

-- The path of a new file with this text.
function written_trace.file(text)
  local path = os.tmpname()
  paths[#paths + 1] = path
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
  return path
end

-- Removes the files that were made.
function written_trace.remove()
  for _, path in ipairs(paths) do
    os.remove(path)
  end
  paths = {}
end

-- The events as Echo writes them, one a line.
function written_trace.text(events)
  local lines = {}
  for index, event in ipairs(events) do
    lines[index] = json(event)
  end
  return "[" .. table.concat(lines, ",\n") .. "]\n"
end

function written_trace.name(tid, name)
  return { ph = "M", pid = 7, tid = tid, name = "thread_name", args = { name = name } }
end

-- A stretch of a task: from, for how long, on which lane, of which priority, and what else there is.
function written_trace.stretch(from, length, tid, priority, more)
  local event = { ph = "X", pid = 7, tid = tid, ts = from, dur = length, cat = priority, name = "task" }
  for name, value in pairs(more or {}) do
    event[name] = value
  end
  return event
end

-- A flow from a submit to a start.
function written_trace.submitted(id, tid, from)
  return { ph = "s", pid = 7, tid = tid, ts = from, cat = "start", name = "start", id = id }
end

function written_trace.started(id, tid, from)
  return { ph = "f", bp = "e", pid = 7, tid = tid, ts = from, cat = "start", name = "start", id = id }
end

return written_trace
