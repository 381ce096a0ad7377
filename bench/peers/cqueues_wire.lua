-- Messages over the socket between a cqueues thread and who started it: a line of kind, index, name and
-- size, and the value as text.
local wire = {}

function wire.prepare(socket)
  socket:setmode("bn", "bf")
  socket:setmaxline(1 << 20)
end

function wire.write(socket, index, name, value)
  local kind = type(value):sub(1, 1)
  local text = kind == "t" and require "cjson".encode(value) or tostring(value)
  assert(socket:write(("%s %d %s %d\n"):format(kind, index, name, #text), text))
end

function wire.read(socket)
  local head = socket:read "*l"
  if not head then return nil end
  local kind, index, name, size = head:match "^(%a) (%d+) (%S+) (%d+)$"
  local text = size == "0" and "" or assert(socket:read(tonumber(size)))
  local value = text
  if kind == "n" then
    value = tonumber(text)
  elseif kind == "t" then
    value = require "cjson".decode(text)
  end
  return tonumber(index), name, value
end

return wire
