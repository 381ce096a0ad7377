-- The same work in one state, by nobody.
local work = require "peers.work"

local pool = {}
pool.__index = pool

function pool:call(name, value)
  return self.work[name](value)
end

function pool:each(name, list)
  local results, call = {}, self.work[name]
  for i = 1, #list do results[i] = call(list[i]) end
  return results
end

function pool.stop()
end

return { start = function() return setmetatable({ work = work }, pool) end }
