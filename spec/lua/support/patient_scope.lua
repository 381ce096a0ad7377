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

-- What calls `within` in the task.
local outsides = {
  nothing = within,
  scope_that_fails = function(handles)
    require("echo").scope(function(scope)
      scope:submit({ delay = 0.05 }, error, "fails")
      within(handles)
    end)
  end,
  time = function(handles)
    require("echo").timeout(0.05, within, handles)
  end,
}

-- Returns both tasks, of which the inner one sleeps.
return function(s, outside)
  local handles = echo.channel(1)
  local task = s:submit({ priority = "high" }, outsides[outside], handles)
  local child = handles:receive(20)
  until_status(child, "suspended")
  until_status(task, "suspended")
  child:set_priority "low"
  return task, child
end
