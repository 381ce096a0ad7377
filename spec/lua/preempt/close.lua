-- Variables to be closed: every way of leaving a block, errors in __close, generic for with a
-- closing value, in coroutines and across tail calls.
local out = {}
local function say(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  out[#out + 1] = table.concat(words, " ")
end
local function guard(name, fails)
  return setmetatable({}, {
    __close = function(_, err)
      local x = 0
      for i = 1, 10 do x = x + i end
      say("close", name, err, x)
      if fails then error(name .. " failed", 0) end
    end,
  })
end

local function leave(how)
  local _a <close> = guard("a")
  do
    local _b <close> = guard("b" .. how)
    if how == "return" then return "returned", how end
    if how == "error" then error("raised", 0) end
    if how == "goto" then goto out end
    if how == "values" then return table.unpack({ 1, 2, 3 }) end
    if how == "tail" then return tostring("tail") end
  end
  say("after b")
  ::out::
  say("out of it")
  return how
end
for _ = 1, 10 do
  for _, how in ipairs { "return", "error", "goto", "values", "tail", "through" } do say(pcall(leave, how)) end
end

local function each(n)
  local function step(limit, i)
    if i < limit then return i + 1 end
  end
  return step, n, 0, guard("iterator" .. n)
end
for round = 1, 15 do
  for i in each(5) do
    if i == round % 6 then break end
    say(i)
  end
end
say(pcall(function() for i in each(3) do if i == 2 then error("in the loop", 0) end end end))
say((function() for i in each(3) do if i == 2 then return "out of the loop", i end end end)())

local function chain()
  local _a <close> = guard("first", true)
  local _b <close> = guard("second")
  local _c <close> = guard("third", true)
  error("original", 0)
end
for _ = 1, 5 do say(pcall(chain)) end
say(xpcall(chain, function(message) return "handled " .. message end))
say(pcall(function() local _ <close> = 42 end))
say(pcall(function() local _ <close> = nil local _x <close> = false return "nil and false are fine" end))

local function yielding()
  return coroutine.wrap(function()
    local _g <close> = setmetatable({}, {
      __close = function(_, e)
        coroutine.yield("closing")
        say("closed", e)
      end,
    })
    coroutine.yield("body")
    return "end"
  end)
end
for _ = 1, 20 do
  local step = yielding()
  say(step(), step(), step())
end
local failing = coroutine.wrap(function()
  local _g <close> = setmetatable({}, {
    __close = function(_, e)
      coroutine.yield("closing after " .. e)
      say("closed", e)
    end,
  })
  error("broken", 0)
end)
local protected = coroutine.wrap(function() return pcall(failing) end)
say(protected())
local caught = coroutine.wrap(function()
  return pcall(function()
    local _g <close> = setmetatable({}, {
    __close = function(_, e)
      coroutine.yield("closing after " .. e)
      say("closed", e)
    end,
  })
    error("broken", 0)
  end)
end)
say(caught())
say(caught())
local breaking = coroutine.wrap(function()
  for i in each(4) do
    local _g <close> = setmetatable({}, { __close = function() coroutine.yield(i * 100) end })
    if i == 3 then break end
    coroutine.yield(i)
  end
  return "over"
end)
repeat
  local value = breaking()
  say(value)
until value == "over"

local depth = 0
local function nest(n)
  local _g <close> = setmetatable({}, { __close = function() depth = depth + n end })
  if n == 0 then return depth end
  return nest(n - 1) + 0
end
for _ = 1, 20 do nest(40) end
say(depth)
local constant <const> = 5
for i = 1, constant do local _g <close> = guard("const" .. i * constant) end
return table.concat(out, "\n")
