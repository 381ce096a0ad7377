-- An HTTP server on a free port of this machine, which it prints, that fails one request in ten: with
-- status 503, or by closing the connection.

local uv = require "luv"

local requests = 0

local function answer(text)
  requests = requests + 1
  if requests % 20 == 0 then
    return nil
  elseif requests % 10 == 0 then
    return "HTTP/1.0 503 Service Unavailable\r\n\r\n"
  end
  return "HTTP/1.0 200 OK\r\n\r\nThis is " .. text:match "^GET (%S+)" .. "."
end

local server = uv.new_tcp()
assert(server:bind("127.0.0.1", 0))
server:listen(1024, function(problem)
  assert(not problem, problem)
  local client = uv.new_tcp()
  server:accept(client)
  local function close()
    if not client:is_closing() then
      client:close()
    end
  end
  client:read_start(function(_, data)
    local reply = data and answer(data)
    if reply then
      client:write(reply, close)
    else
      close()
    end
  end)
end)
print(server:getsockname().port)
io.stdout:flush()
uv.run()
