-- busted's `it`, for specs that send functions to workers. Busted gives what it runs an environment
-- of its own, and a function with an environment of its own cannot travel: here the test keeps the
-- plain globals. (So `assert` is Lua's there; say `local assert = require "luassert"`.)

local busted = require "busted"

local function join_globals(test)
  local index = 1
  repeat
    local name = debug.getupvalue(test, index)
    if name == "_ENV" then
      debug.upvaluejoin(test, index, function()
        return _ENV
      end, 1)
    end
    index = index + 1
  until not name
end

return function(sentence, test)
  join_globals(test)
  return busted.it(sentence, function()
    return test()
  end)
end
