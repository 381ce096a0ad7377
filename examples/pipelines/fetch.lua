-- Thousands of HTTP requests, many at a time on few workers, each tried again if it fails.
--
--     lua5.4 examples/pipelines/fetch/server.lua         # says its port; fails one request in ten
--     luaecho run examples/pipelines/fetch.lua port=PORT count=3000
--
-- While a request waits for its answer its worker does others: luv is on the worker's own loop. Elements
-- that wait are not put together in groups.

local echo = require "echo"
local pipeline = require "echo.pipeline"

local function number_pages(count)
  local pages = {}
  for index = 1, count do
    pages[index] = "/page/" .. index
  end
  return pages
end

-- Reads until the other side closes; then calls done(err, text).
local function read_all(socket, done)
  local parts = {}
  socket:read_start(function(err, data)
    if data then
      parts[#parts + 1] = data
    else
      done(err, table.concat(parts))
    end
  end)
end

local function check(err)
  if err then
    error(err, 0)
  end
end

local function fetch(page, _, port)
  local uv = require "luv"
  local socket = uv.new_tcp()
  local _ <close> = setmetatable({}, { __close = function() socket:close() end })
  check((echo.await(4, socket.connect, socket, "127.0.0.1", port)))
  check((echo.await(3, socket.write, socket, "GET " .. page .. " HTTP/1.0\r\n\r\n")))
  local err, answer = echo.await(2, read_all, socket)
  check(err)
  local status, body = answer:match "^HTTP/1%.%d (%d+).-\r\n\r\n(.*)$"
  if status ~= "200" then
    error(("%s: status %s"):format(page, status or "missing"), 0)
  end
  return body
end

return pipeline.new {
  name = "fetch",
  params = { port = "number", count = { default = 1000 } },
  pipeline.step { name = "pages", needs = "count", run = number_pages },
  pipeline.step { name = "fetch", each = "pages", needs = "port", limit = 64, group = 1, timeout = 20, retries = 8,
    backoff = 0.01, run = fetch },
  pipeline.step { name = "bytes", needs = "fetch", run = function(bodies)
    local sum = 0
    for index = 1, #bodies do
      sum = sum + #bodies[index]
    end
    return sum
  end },
}
