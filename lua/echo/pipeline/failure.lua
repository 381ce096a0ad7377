--- The error of a run: what Echo's own errors have (kind, message, value, traceback, others), and of
--- which step and element it is.
---
---   step     the name of the step, or nil if the run itself was cancelled or its journal failed
---   index    the number of the element, or nil for a step without elements
---   item     the element that the function was given
---   where    where the step was defined
---   attempt  the number of the last attempt
---   results  of a run that has ended: the results by step, as far as there are any
---   run      the run

local failure = {}

local Failure = { __name = "echo.pipeline.error" }
Failure.__index = Failure

local function place(err)
  if not err.step then
    return ""
  end
  local item = err.index and (", item %d"):format(err.index) or ""
  return ("step %q%s (%s): "):format(err.step, item, err.where)
end

function Failure:__tostring()
  local text = place(self) .. self.message
  local _, frames = (self.traceback or ""):find("stack traceback:", 1, true)
  return frames and text .. "\nstack traceback:" .. self.traceback:sub(frames + 1) or text
end

--- One line: the place and the message.
function Failure:line()
  return (place(self) .. self.message):match("^[^\n]*")
end

function failure.new(fields)
  return setmetatable(fields, Failure)
end

--- The failure of a node's element, of an Echo error or of the record that a worker made of what was
--- raised.
function failure.of(node, index, item, reason, attempt)
  return failure.new {
    step = node.name, where = node.where, index = index, item = item, attempt = attempt,
    kind = reason.kind, message = reason.message, value = reason.value, traceback = reason.traceback,
  }
end

function failure.is(candidate)
  return getmetatable(candidate) == Failure
end

return failure
