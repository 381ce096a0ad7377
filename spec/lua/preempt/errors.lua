-- pcall, xpcall, error, messages with names, tracebacks, stack overflow, errors as values.
local out = {}
local function say(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  out[#out + 1] = table.concat(words, " ")
end

local function risky(n)
  if n % 5 == 0 then error("five " .. n) end
  if n % 7 == 0 then error({ n = n }) end
  if n % 11 == 0 then return nil + n end
  if n % 13 == 0 then local t t.x = n return t end -- luacheck: ignore 221
  if n % 17 == 0 then return #n end
  if n % 19 == 0 then return n < {} end
  if n % 23 == 0 then return ("x"):nothing(n) end
  return n
end
for n = 1, 250 do
  local ok, err = pcall(risky, n)
  say(ok, type(err) == "table" and err.n or err)
end

local function nested(n)
  local _, err = pcall(function()
    if n == 0 then error("bottom", 0) end
    nested(n - 1)
  end)
  error(err .. n, 0)
end
say(pcall(nested, 30))

local function handler(message) return "handled: " .. tostring(message):upper() end
for i = 1, 40 do
  say(xpcall(function(...)
    if select("#", ...) % 2 == 0 then error("even " .. i, 0) end
    return "odd", ...
  end, handler, table.unpack({}, 1, i)))
end
say(select("#", xpcall(error, function() error("again") end)), (xpcall(error, error, "x")))

-- Whole stacks, of coroutines of our own: nothing of whoever called this program is in them.
local function traced(f)
  return coroutine.wrap(function() return select(2, xpcall(f, debug.traceback)) end)()
end
local function third() error("deep down") end
local function second() third() return "not a tail call" end
local function first() return (second()) end
for _ = 1, 20 do say(traced(first)) end
say(traced(function() return third() end))
say(traced(function() table.sort({ 2, 1 }, function() error("in the comparator") end) end))
say(traced(function() return setmetatable({}, { __add = function() error("in a metamethod") end }) + 1 end))
say(traced(function() for _ in function() error("in an iterator") end do end end))
say(traced(function() ("x"):gsub("x", function() error("in gsub") end) end))
local stopped = coroutine.create(function() local function wait() coroutine.yield() end wait() return 1 end)
coroutine.resume(stopped)
say(debug.traceback(stopped), debug.traceback(stopped, "message", 1), debug.traceback("text", 0) ~= nil)

local function overflow(n) return 1 + overflow(n + 1) end
coroutine.wrap(function()
  local ok, message = pcall(overflow, 1)
  say(ok, (message:match("stack overflow")))
end)()
say(pcall(string.rep), pcall(setmetatable, 1, 2), pcall(ipairs), pcall(error), pcall(error, nil))
say(pcall(string.rep, "x", -1), pcall(string.format, "%d", 1.5), pcall(tostring))
say(select(2, pcall(error, setmetatable({}, { __tostring = function() return "an object" end }))))

local lines = {}
for level = 1, 30 do
  local function at(n, l) if n == 0 then error("level", l) end at(n - 1, l) return n end
  lines[level] = select(2, pcall(at, 5, level % 4))
end
say(table.concat(lines, "\n"))
say(pcall(assert, false), pcall(assert, nil, "asserted"), pcall(assert, 1, 2, 3), select("#", assert(1, nil, nil)))

local log = {}
local function retry(times, f)
  for attempt = 1, times do
    local ok, result = pcall(f, attempt)
    if ok then return result, attempt end
    log[#log + 1] = result
  end
  return nil, log[#log]
end
for i = 1, 30 do say(retry(5, function(a) if a < i % 7 then error("attempt " .. a, 0) end return a * i end)) end
say(#log)
return table.concat(out, "\n")
