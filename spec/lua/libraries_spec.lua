-- Other libraries for sockets, in tasks. Each is left out where it is not installed.

local echo = require "echo"
local assert = require "luassert"
local it = require "spec.lua.support.it"
local tasks = require "spec.lua.support.tasks"

local function test_with(library, sentence, test)
  if package.searchpath(library, package.path) then
    it(library .. " " .. sentence, test)
  else
    pending(library .. " " .. sentence .. " (not installed)")
  end
end

-- Debian has copas for Lua 5.2 and 5.1, and it runs in 5.4.
package.path = package.path .. ";/usr/share/lua/5.2/?.lua"

describe("in a task,", function()
  test_with("socket", "loads and talks", function()
    assert.same({ true, "ping\n" }, { tasks.run(function()
      local socket = require "socket"
      local server = assert(socket.bind("127.0.0.1", 0))
      local _, port = server:getsockname()
      local client = assert(socket.connect("127.0.0.1", port))
      local peer = assert(server:accept())
      client:send("ping\n")
      local line = peer:receive("*l")
      peer:close()
      client:close()
      server:close()
      return line .. "\n"
    end) })
  end)

  test_with("copas", "is stepped, and other tasks have their turns", function()
    assert.same({ true, "echo: hello", true }, { tasks.run_on(1, function()
      local copas = require "copas"
      local socket = require "socket"
      local server = assert(socket.bind("127.0.0.1", 0))
      local _, port = server:getsockname()
      copas.addserver(server, function(peer)
        peer = copas.wrap(peer)
        peer:send("echo: " .. peer:receive("*l") .. "\n")
      end)
      local answer
      copas.addthread(function()
        local raw = socket.tcp()
        raw:settimeout(0)
        copas.connect(raw, "127.0.0.1", port)
        local client = copas.wrap(raw)
        client:send("hello\n")
        answer = client:receive("*l")
      end)
      local others = echo.submit(function()
        for _ = 1, 10 do echo.sleep(0.001) end
        return true
      end)
      while not answer do
        copas.step(0)
        echo.checkpoint()
      end
      return answer, (echo.await(others))
    end) })
  end)

  test_with("cqueues", "is stepped, and other tasks have their turns", function()
    assert.same({ true, "pong", 0, true }, { tasks.run_on(1, function()
      local cqueues = require "cqueues"
      local socket = require "cqueues.socket"
      local loop = cqueues.new()
      local left, right = socket.pair()
      local got
      loop:wrap(function()
        cqueues.sleep(0.005)
        left:write("ping\n")
        left:flush()
        got = left:read("*l")
      end)
      loop:wrap(function()
        assert(right:read("*l") == "ping")
        right:write("pong\n")
        right:flush()
      end)
      local others = echo.submit(function()
        for _ = 1, 10 do echo.sleep(0.001) end
        return true
      end)
      while not loop:empty() do
        assert(loop:step(0))
        echo.checkpoint()
      end
      return got, loop:count(), (echo.await(others))
    end) })
  end)
end)
