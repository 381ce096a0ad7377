-- What mod_slow.lua gives to tasks. A module of Prosody's has an environment of its own, which cannot
-- travel: so functions for tasks live in a plain Lua module.

return function(gate, text)
  local passed <close> = io.open(gate)
  passed:read("a")
  return text:upper()
end
