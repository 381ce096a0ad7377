-- Makes values at random, from a seed: nested, shared and cyclic, with functions that share their
-- upvalues, objects and buffers.
--
--   local random_value = require "spec.lua.support.random_value"
--   local make = random_value(seed, { Point = metatable, Hooked = metatable, buffer = echo.buffer })
--   local value = make()

local function functions_of(a, b, c)
  return function() return a end,
    function(x) a = x end,
    function() return a, b, tostring end,
    function() return b, c end
end

local function recursive(a)
  local one, other
  function one() return other, a end
  function other() return one end
  return one, other
end

local function plain() return 1 end
local function with_globals() return tostring end

local named = { math.floor, string.format, string, _G, coroutine.wrap, plain, with_globals }

local numbers = {
  0, -0.0, 1, -1, 0.5, 111, 112, -16, -17, 1 / 0, -1 / 0, 2 ^ 53, 2 ^ 53 + 1, 2 ^ 63, -2 ^ 63,
  math.maxinteger, math.mininteger, 127, 128, 16383, 16384, math.pi, 5e-324, 0 / 0,
}

local function new(seed, kinds)
  -- A generator of its own: others may use math.random.
  local state = seed * 2862933555777941757 + 3037000493
  local function below(n)
    state = state * 6364136223846793005 + 1442695040888963407
    return (state >> 33) % n
  end

  local objects, left, next_id

  local function text()
    local length = below(4) == 0 and below(300) or below(12)
    local bytes = {}
    for i = 1, length do bytes[i] = string.char(below(256)) end
    return table.concat(bytes)
  end

  local function scalar()
    local kind = below(8)
    if kind == 0 then return below(2) == 0 end
    if kind < 3 then return numbers[below(#numbers) + 1] end
    if kind == 3 then return below(1000) - 500 end
    if kind == 4 then return below(1000) / 7 end
    if kind == 5 then return "key" .. below(8) end
    if kind == 6 then return text() end
    return named[below(#named) + 1]
  end

  local value

  local function note(object)
    objects[#objects + 1] = object
    return object
  end

  -- What an object that is a key is known by when it comes back; see same.lua.
  local function known(object)
    next_id = next_id + 1
    object.id = next_id
    return object
  end

  local function key()
    local kind = below(6)
    if kind < 2 then return "key" .. below(8) end
    if kind == 2 then return below(20) - 5 end
    if kind == 3 then return below(2) == 0 and below(100) / 8 or text() end
    if kind == 4 then return below(2) == 0 end
    return left > 0 and note(known({ value() })) or text()
  end

  local function fill(object)
    for i = 1, below(4) do object[i] = value() end
    for _ = 1, below(4) do object[key()] = value() end
    return object
  end

  local function add_functions()
    local made = below(2) == 0 and { functions_of(value(), value(), value()) }
      or { recursive(value()) }
    for _, f in ipairs(made) do note(f) end
    return made[below(#made) + 1]
  end

  local function chain()
    local top = note({})
    local link = top
    for _ = 1, below(250) do
      link[1] = note({ up = below(10) == 0 and link or nil })
      link = link[1]
    end
    link[1] = value()
    return top
  end

  local function object()
    local kind = below(16)
    if kind < 8 then return fill(note({})) end
    if kind < 11 then return add_functions() end
    if kind < 13 then return fill(note(setmetatable({}, kinds.Point))) end
    if kind == 13 then return note(kinds.buffer(text())) end
    if kind == 14 then return chain() end
    -- What its hook gives must not lead back to it, so it is not noted before it is full.
    local inside = objects
    objects = {}
    local hooked = fill(setmetatable({}, kinds.Hooked))
    objects = inside
    return note(hooked)
  end

  function value()
    left = left - 1
    if left < 0 or below(3) == 0 then return scalar() end
    if #objects > 0 and below(3) == 0 then return objects[below(#objects) + 1] end
    return object()
  end

  return function()
    objects, left, next_id = {}, below(40), 0
    return value()
  end
end

return new
