-- An urgent task that waits for another one in a scope. That one is less urgent, and once it is told to
-- end it needs several turns on the worker.

local echo = require "echo"
local until_status = require "spec.lua.support.until_status"

local function inner()
  local ok, err = pcall(require("echo").sleep, 1000)
  local turns = 0
  for _ = 1, 300000 do
    turns = turns + 1
  end
  assert(not ok and turns == 300000)
  error(err, 0)
end

local function within(handles)
  return require("echo").scope(function(scope)
    handles:send((scope:submit(inner)))
  end)
end

-- What calls `within` in the task. When something comes through `go`, the inner one sleeps.
local outsides = {
  nothing = within,
  scope_that_fails = function(handles, go)
    require("echo").scope(function(scope)
      scope:submit(function(channel)
        channel:receive()
        error "fails"
      end, go)
      within(handles)
    end)
  end,
  time = function(handles)
    require("echo").timeout(1, within, handles)
  end,
}

-- Returns both tasks. The inner one sleeps, or did so until what is outside ended it.
return function(s, outside)
  local handles, go = echo.channel(1), echo.channel(1)
  local task = s:submit({ priority = "high" }, outsides[outside], handles, go)
  local child = handles:receive(20)
  until_status(child, "suspended")
  until_status(task, "suspended")
  child:set_priority "low"
  go:send(true)
  return task, child
end
