-- A module for Prosody: slow work goes to Echo, and the server answers meanwhile. What is built here,
-- while the server loads its modules, survives its becoming a daemon after that.

local echo = require "echo"
local server = require "net.server"
local scheduler = echo.builder():with_worker_count(2):build()
local slow = require "slow_work"
local gate = os.getenv "GATE"

-- Prosody's loop delivers the results. It is told at the first request, since in the child of a fork
-- the descriptor is another one, which a loop from before the fork does not know.
local watch

local function poll()
  scheduler:poll()
end

module:depends "http"
module:provides("http", {
  route = {
    ["GET /quick"] = function()
      return "quick"
    end,
    ["GET /slow"] = function(event)
      watch = watch or server.watchfd(scheduler:fd(), poll)
      scheduler:submit({ priority = "low" }, slow, gate, "slow"):on_complete(function(task)
        event.response:send(task:wait())
      end)
      return true
    end,
  },
})

function module.unload()
  if watch then
    watch:close()
  end
  scheduler:stop { mode = "cancel", timeout = 1 }
end
