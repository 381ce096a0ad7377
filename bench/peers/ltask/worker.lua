-- A service that works: see peers/ltask.lua.
local ltask = require "ltask"
local floor = require "floor"

local service = {}

for name, call in pairs(require "peers.work") do service[name] = call end

local late, waiting, done = {}, 0, {}

function service.sleep(times)
  late, waiting = {}, #times
  for _, seconds in ipairs(times) do
    ltask.fork(function()
      local due = floor.now() + seconds
      ltask.sleep(math.ceil(seconds * 100))
      late[#late + 1] = floor.now() - due
      waiting = waiting - 1
      if waiting == 0 then ltask.wakeup(done) end
    end)
  end
  ltask.sleep(0)
end

function service.late()
  if waiting > 0 then ltask.wait(done) end
  return late
end

function service.quit()
  ltask.quit()
end

return service
