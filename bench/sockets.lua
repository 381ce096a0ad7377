-- Ten thousand TCP clients as tasks on two workers, all connected at once, against an echo server (luv
-- alone, in a process of its own). Each sends so many messages, waits for each to come back, and
-- compares. Beside it the same clients with call-backs, in one state with luv alone.
--
-- Usage: lua5.4 bench/sockets.lua [clients [messages [rounds]]]

package.path = (arg[0]:match ".*/" or "./") .. "?.lua;" .. package.path
local report = require "report"
local uv = require "luv"

local sheet = report.new()
local CLIENTS = tonumber(arg[1]) or report.count(10000, 10)
local MESSAGES = tonumber(arg[2]) or 10
local ROUNDS = tonumber(arg[3]) or 3
local SPARE = 200 -- descriptors for other things than clients

-- -- the server: prints its port, and ends with its input ----------------------------------------

local function serve()
  local server = uv.new_tcp()
  assert(server:bind("0.0.0.0", 0))
  assert(server:listen(4096, function()
    local peer = uv.new_tcp()
    server:accept(peer)
    peer:read_start(function(_, data)
      if data then peer:write(data) else peer:close() end
    end)
  end))
  io.stdout:write(server:getsockname().port, "\n")
  io.stdout:flush()
  local input = uv.new_pipe(false)
  input:open(0)
  input:read_start(function(_, data)
    if not data then os.exit(0) end
  end)
  uv.run()
end

if arg[1] == "serve" then serve() end

-- Runs this script anew with as many descriptors as the clients need, or as there may be.
local function quote(text) return "'" .. text .. "'" end

local function limit_of(kind)
  local pipe = io.popen("ulimit " .. kind .. "n")
  local limit = pipe:read("l")
  pipe:close()
  return tonumber(limit) or math.huge
end

if limit_of("-S") < CLIENTS + SPARE and limit_of("-H") > limit_of("-S") then
  local limit = math.min(CLIENTS + SPARE, limit_of("-H"))
  os.exit(os.execute(("ulimit -n %d && exec %s %s %d %d %d"):format(limit, quote(arg[-1]), quote(arg[0]),
    CLIENTS, MESSAGES, ROUNDS)))
end
if limit_of("-S") < CLIENTS + SPARE then
  CLIENTS = limit_of("-S") - SPARE
  sheet:skip("sockets", ("the limit on descriptors allows %d clients"):format(CLIENTS))
end

-- -- clients as tasks ----------------------------------------------------------------------------

local echo = require "echo"

-- Returns how many messages came back as they were.
local function client(address, port, messages, number, ready, go)
  local luv = require "luv"
  local socket = luv.new_tcp()

  local function read(done)
    socket:read_start(function(err, data)
      socket:read_stop()
      done(err, data)
    end)
  end

  local err = echo.await(4, socket.connect, socket, address, port)
  ready:send(err or "connected")
  go:receive()
  local good = 0
  for i = 1, messages do
    local text, got = ("%d:%d;"):format(number, i), ""
    socket:write(text)
    while #got < #text do
      local failed, data = echo.await(1, read)
      if failed or not data then break end
      got = got .. data
    end
    if got == text then good = good + 1 end
  end
  socket:close()
  return good
end

local function run_tasks(address, port)
  local s <close> = echo.builder():with_worker_count(2):build()
  local ready, go = echo.channel(1000), echo.channel()
  local clients, failed = {}, 0
  local began = echo.now()
  for i = 1, CLIENTS do
    clients[i] = s:submit(client, address, port, MESSAGES, i, ready, go)
  end
  for _ = 1, CLIENTS do
    if ready:receive() ~= "connected" then failed = failed + 1 end
  end
  local connected = echo.now()
  go:close()
  local good = 0
  for i = 1, CLIENTS do good = good + clients[i]:wait() end
  return good, failed, connected - began, echo.now() - connected
end

-- -- the same with call-backs --------------------------------------------------------------------

local function run_callbacks(address, port)
  local good, failed, open = 0, 0, 0
  local sockets = {}
  local began = echo.now()
  for number = 1, CLIENTS do
    local socket = uv.new_tcp()
    sockets[number] = socket
    socket:connect(address, port, function(err)
      if err then failed = failed + 1 end
      open = open + 1
      if open == CLIENTS then uv.stop() end
    end)
  end
  uv.run()
  local connected = echo.now()
  for number, socket in ipairs(sockets) do
    local i, text, got = 0, nil, ""
    local function send()
      i, got = i + 1, ""
      text = ("%d:%d;"):format(number, i)
      socket:write(text)
    end
    socket:read_start(function(_, data)
      if not data then
        socket:close()
        return
      end
      got = got .. data
      if #got < #text then return end
      if got == text then good = good + 1 end
      if i < MESSAGES then send() else socket:close() end
    end)
    send()
  end
  uv.run()
  return good, failed, connected - began, echo.now() - connected
end

-- -- both in turn --------------------------------------------------------------------------------

local server, port
local to_server, from_server = uv.new_pipe(false), uv.new_pipe(false)
server = assert(uv.spawn(arg[-1], { args = { arg[0], "serve" }, stdio = { to_server, from_server, 2 } },
  function() end))
from_server:read_start(function(_, data)
  port = tonumber(data)
  uv.stop()
end)
uv.run()
from_server:close()
to_server:unref()
server:unref()

for round = 1, ROUNDS do
  for index, way in ipairs { { "echo", run_tasks }, { "call-backs, one state", run_callbacks } } do
    -- An address for each run: the system keeps the ports of closed connections for a while.
    local address = ("127.0.%d.%d"):format(round, index)
    local good, failed, connecting, talking = way[2](address, port)
    sheet:add("all TCP clients connect", way[1], "s", connecting)
    sheet:add("messages of TCP clients, there and back", way[1], "k/s", good / talking / 1e3)
    sheet:add("messages of TCP clients, lost", way[1], "messages", CLIENTS * MESSAGES - good + failed)
  end
end
sheet:print()
