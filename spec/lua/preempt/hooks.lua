-- Debug hooks of the program's own: they are called as ever, and see nothing else.
local out = {}
local function say(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  out[#out + 1] = table.concat(words, " ")
end
local function work(n)
  local t = {}
  for i = 1, n do
    t[#t + 1] = tostring(i):rep(2)
    if i % 3 == 0 then
      t[#t] = nil
    end
  end
  return table.concat(t)
end
local function vararg(...)
  local a, b = ...
  return a, b, select("#", ...)
end
local function tail(n)
  if n == 0 then return vararg(1, 2) end
  return tail(n - 1)
end
local one = function(x) return x end

-- Each event with what a hook can see: name, line, and the function that runs.
local function record(mask, count, f, ...)
  local events = {}
  debug.sethook(function(event, line)
    local info = debug.getinfo(2, "Sl")
    events[#events + 1] = ("%s:%s:%s"):format(event, line, info.currentline)
  end, mask, count)
  f(...)
  local hook, m, c = debug.gethook()
  debug.sethook()
  say(mask, count, type(hook), m, c, debug.gethook())
  say(#events, table.concat(events, " "))
end
for _, mask in ipairs { "l", "c", "r", "cr", "crl", "" } do
  record(mask, 0, work, 12)
  record(mask, 0, tail, 5)
  record(mask, 0, vararg, 1, 2, 3)
  record(mask, 0, function() for i = 1, 5 do one(i) end end)
end
record("l", 0, function() for _ = 1, 20 do one(one(1)) end end)
record("l", 0, function()
  local i = 0
  while i < 20 do i = i + 1 end
  repeat i = i - 1 until i == 0
  goto over
  ::over::
end)

-- A hook that changes hooks, one that fails, one that calls.
local n = 0
debug.sethook(function()
  n = n + 1
  if n == 5 then debug.sethook(function() n = n + 100 end, "r") end
  if n > 300 then debug.sethook() end
end, "l")
work(30)
debug.sethook()
say(n)
for _, mask in ipairs { "l", "c", "r" } do
  local fails = 0
  local ok, message = pcall(function()
    debug.sethook(function() fails = fails + 1 if fails == 9 then error("the hook fails", 0) end end, mask)
    for _ = 1, 50 do one(work(3)) end
  end)
  debug.sethook()
  say(mask, ok, message, fails)
end
-- Coroutines have hooks of their own.
local co = coroutine.create(function()
  for i = 1, 6 do
    work(i)
    coroutine.yield(i)
  end
end)
local lines = 0
debug.sethook(co, function() lines = lines + 1 end, "l")
say(type(debug.gethook(co)), debug.gethook())
while coroutine.resume(co) do
  work(5)
end
say(lines, coroutine.status(co))
-- A tracer of calls.
local depth, deepest = 0, 0
debug.sethook(function(event)
  depth = depth + (event == "call" and 1 or event == "return" and -1 or 0)
  deepest = math.max(deepest, depth)
end, "cr")
local function down(k) if k > 0 then down(k - 1) end end
down(30)
tail(10)
debug.sethook()
say(deepest)
return table.concat(out, "\n")
