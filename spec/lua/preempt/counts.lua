-- Debug hooks by count: they are called after exactly so many instructions of the program's.
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
for _, mask in ipairs { "c", "r", "cr", "" } do
  for _, count in ipairs { 1, 7, 100 } do
    record(mask, count, work, 12)
    record(mask, count, tail, 5)
    record(mask, count, vararg, 1, 2, 3)
    record(mask, count, function() for i = 1, 5 do one(i) end end)
  end
end
record("", 12345, work, 5000)

-- For lines and counts at once neither is exact: Lua counts an instruction again when it goes on there.
local lines_seen, counts_seen = 0, 0
debug.sethook(function(event)
  if event == "line" then lines_seen = lines_seen + 1 else counts_seen = counts_seen + 1 end
end, "l", 30)
work(50)
debug.sethook()
say(lines_seen > 100, counts_seen > 1)

local ok, message = pcall(function()
  debug.sethook(function() error("at a count", 0) end, "", 40)
  work(100)
end)
debug.sethook()
say(ok, message)

local outer, inner = 0, 0
debug.sethook(function() outer = outer + 1 end, "", 10)
coroutine.wrap(function()
  debug.sethook(function() inner = inner + 1 end, "", 10)
  for i = 1, 30 do
    work(4)
    coroutine.yield(i)
  end
end)()
work(40)
debug.sethook()
say(outer, inner)

-- A profiler.
local profile = {}
debug.sethook(function()
  local info = debug.getinfo(2, "Sl")
  local key = info.short_src .. ":" .. info.currentline
  profile[key] = (profile[key] or 0) + 1
end, "", 13)
for i = 1, 40 do work(i % 9) end
debug.sethook()
local keys = {}
for key, value in pairs(profile) do keys[#keys + 1] = key:match(":%d+$") .. "=" .. value end
table.sort(keys)
say(table.concat(keys, " "))
return table.concat(out, "\n")
