-- The kinds of objects that random values have in them: one whose metatable is registered, one that
-- says itself how it travels, and buffers.

local echo = require "echo"

local Point = echo.register("spec.random.Point", {
  __index = { sum = function(p) return #p end },
})
local Hooked = {}
echo.register("spec.random.Hooked", Hooked)

-- Its object is made anew from its entries, each of which travels.
local function remake(metatable, ...)
  local object = {}
  for i = 1, select("#", ...), 2 do
    local key, value = select(i, ...)
    object[key] = value
  end
  return setmetatable(object, metatable)
end

function Hooked.__echo_transfer(object)
  local entries = {}
  for key, value in next, object do
    entries[#entries + 1] = key
    entries[#entries + 1] = value
  end
  return remake, Hooked, table.unpack(entries)
end

return { Point = Point, Hooked = Hooked, buffer = echo.buffer }
