-- Coroutines: producers, filters and consumers, iterators by wrap, yields across pcall and
-- metamethods, generators, status and errors.
local out = {}
local function say(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  out[#out + 1] = table.concat(words, " ")
end

local function producer(n)
  return coroutine.create(function()
    for i = 1, n do coroutine.yield(i) end
    return nil
  end)
end
local function filter(source, f)
  return coroutine.create(function()
    while true do
      local _, value = coroutine.resume(source)
      if value == nil then return nil end
      local kept = f(value)
      if kept then coroutine.yield(kept) end
    end
  end)
end
local function consume(source)
  local sum, count = 0, 0
  while true do
    local ok, value = coroutine.resume(source)
    if not ok or value == nil then return sum, count, ok, coroutine.status(source) end
    sum, count = sum + value, count + 1
  end
end
local line = producer(300)
for stage = 1, 5 do
  line = filter(line, function(x) return (x * stage) % 7 ~= 0 and x + stage end)
end
say(consume(line))

local function tree(depth) return depth > 0 and { tree(depth - 1), depth, tree(depth - 1) } or nil end
local function walk(node)
  if node then
    walk(node[1])
    coroutine.yield(node[2])
    walk(node[3])
  end
end
local seen = {}
for value in coroutine.wrap(function() walk(tree(7)) end) do seen[#seen + 1] = value end
say(table.concat(seen))

local function permutations(t, n)
  if n == 0 then coroutine.yield(table.concat(t)) return end
  for i = 1, n do
    t[i], t[n] = t[n], t[i]
    permutations(t, n - 1)
    t[i], t[n] = t[n], t[i]
  end
end
for p in coroutine.wrap(function() permutations({ 1, 2, 3, 4 }, 4) end) do say(p) end

local guarded = coroutine.wrap(function(...)
  local got = table.pack(...)
  for round = 1, 20 do
    local ok, value = pcall(function()
      local answer = coroutine.yield(round, got.n)
      if answer % 3 == 0 then error("bad " .. answer, 0) end
      return answer
    end)
    got = table.pack(ok, value)
    say(ok, value)
  end
  return "done"
end)
say(guarded("a", nil, nil))
for i = 1, 19 do say(guarded(i)) end
say(guarded(20))
say(pcall(guarded))

local Meta = {
  __add = function(a, b) return coroutine.yield(a.v + b.v) end,
  __index = function(_, k) return coroutine.yield(k) end,
  __lt = function() return coroutine.yield("lt") end,
  __concat = function() return coroutine.yield("cat") end,
  __eq = function() return coroutine.yield("eq") end,
  __call = function(_, x) return coroutine.yield("call" .. x) end,
}
local in_meta = coroutine.wrap(function()
  local a, b = setmetatable({ v = 1 }, Meta), setmetatable({ v = 2 }, Meta)
  for _ = 1, 20 do
    say(a + b, a.key, a < b, a == b, a .. b .. "x", a(7))
    if not (a < b) then say("not less") end -- luacheck: ignore 581
  end
  return "over"
end)
local answer = in_meta()
local rounds = 0
while answer ~= "over" do
  rounds = rounds + 1
  answer = in_meta(rounds % 3 ~= 0 and answer)
end
say(rounds)

local function iterate(t)
  return coroutine.wrap(function() for i, v in ipairs(t) do coroutine.yield(i, v) end end)
end
for i, v in iterate({ "x", "y", "z" }) do for j, w in iterate({ v, v .. v }) do say(i, v, j, w) end end

local self
self = coroutine.create(function()
  say(coroutine.status(self), coroutine.isyieldable(), coroutine.running() == self)
  say(coroutine.resume(self))
  error({ code = 5 })
end)
local ok, err = coroutine.resume(self)
say(ok, type(err), err.code, coroutine.status(self), coroutine.resume(self))
say(coroutine.close(self), coroutine.close(coroutine.create(print)))

local closing = coroutine.create(function()
  local _guard <close> = setmetatable({}, {
    __close = function(_, e)
      for i = 1, 20 do out[#out + 1] = i end
      say("closed", e)
    end,
  })
  coroutine.yield("inside")
end)
say(coroutine.resume(closing))
say(coroutine.close(closing), coroutine.status(closing))

local nested = function(depth)
  local function level(n)
    if n == 0 then return coroutine.yield("bottom") end
    local inner = coroutine.wrap(level)
    local x = inner(n - 1)
    while x == "bottom" do x = inner(coroutine.yield(x)) end
    return x .. n
  end
  return coroutine.wrap(level)(depth)
end
say(nested(12))
return table.concat(out, "\n")
