-- Calls the function, which must raise an error, and returns that error.

local assert = require "luassert"

return function(call, ...)
  local went_well, err = pcall(call, ...)
  assert.is_false(went_well, "an error was expected")
  return err
end
