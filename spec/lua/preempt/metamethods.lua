-- All metamethods, in all places an instruction can call them from.
local out, log = {}, {}
local function say(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  out[#out + 1] = table.concat(words, " ")
end
local function spin(n)
  local x = 0
  for i = 1, n do x = x + i % 3 end
  return x
end

local N = {}
local function new(value) return setmetatable({ value = value }, N) end
local function raw(x) return type(x) == "table" and rawget(x, "value") or x end
local function operator(name, f)
  N[name] = function(a, b)
    log[name] = (log[name] or 0) + 1
    spin(5)
    return f(raw(a), raw(b))
  end
end
operator("__add", function(a, b) return new(a + b) end)
operator("__sub", function(a, b) return new(a - b) end)
operator("__mul", function(a, b) return new(a * b % 1000003) end)
operator("__div", function(a, b) return new(a / b) end)
operator("__mod", function(a, b) return new(a % b) end)
operator("__pow", function(a, b) return new(a ^ b) end)
operator("__idiv", function(a, b) return new(a // b) end)
operator("__band", function(a, b) return new(a & b) end)
operator("__bor", function(a, b) return new(a | b) end)
operator("__bxor", function(a, b) return new(a ~ b) end)
operator("__shl", function(a, b) return new(a << b) end)
operator("__shr", function(a, b) return new(a >> b) end)
operator("__unm", function(a) return new(-a) end)
operator("__bnot", function(a) return new(~a) end)
operator("__eq", function(a, b) return a == b end)
operator("__lt", function(a, b) return a < b end)
operator("__le", function(a, b) return a <= b end)
operator("__len", function(a) return a end)
operator("__concat", function(a, b) return tostring(a) .. "." .. tostring(b) end)
operator("__call", function(a, b) return a, b end)
N.__tostring = function(x) spin(3) return "N(" .. tostring(x.value) .. ")" end
N.__name = "N"

for i = 1, 40 do
  local x, y = new(i), new(i % 7 + 1)
  say(x + y, x - 1, 2 * y, x / y, x % y, y ^ 2, x // y, -x, ~y)
  say(x & y, x | 8, 1 ~ y, x << 2, 1024 >> y, #x, x .. y .. "t" .. 5 .. x, x("argument"))
  say(x == y, x ~= new(i), x < y, x <= y, x > y, x >= y, not (x == y)) -- luacheck: ignore 581
  if x < y then say("less") elseif x == y then say("equal") else say("more") end
  local both = x < y and y or x
  say(both, (x + y) * (x - y) // (y + 1) | 3)
end
local counts = {}
for name, count in pairs(log) do counts[#counts + 1] = name .. count end
table.sort(counts)
say(table.concat(counts, " "))

local missing, stored = {}, {}
local proxy = setmetatable({}, {
  __index = function(_, key) missing[#missing + 1] = key return spin(4) .. tostring(key) end,
  __newindex = function(t, key, value) stored[#stored + 1] = key rawset(t, key, value) end,
})
for i = 1, 100 do
  local _, _, _ = proxy[i], proxy.name, proxy["k" .. i]
  proxy["k" .. i] = i
  proxy[i] = proxy[i] .. proxy.other
end
say(#missing, #stored, proxy[1], proxy.k100, rawlen(proxy))

local base = { greet = function(self, n) return self.name .. n end }
local middle = setmetatable({}, { __index = base })
local object = setmetatable({ name = "deep" }, { __index = function(_, k) return middle[k] end })
for i = 1, 50 do say(object:greet(i)) end

local pairs_like = setmetatable({ 3, 2, 1 }, {
  __pairs = function(t)
    local i = 0
    return function() i = i + 1 spin(2) if t[i] then return i, t[i] * 10 end end
  end,
})
for key, value in pairs(pairs_like) do say(key, value) end
say(pcall(function() return {} .. 1 end))
say(pcall(function() return {} < {} end))
say(getmetatable(setmetatable({}, { __metatable = "locked" })))
say(pcall(setmetatable, setmetatable({}, { __metatable = 1 }), {}))

local mode = { __mode = "k" }
local weak = setmetatable({}, mode)
for i = 1, 50 do weak[{}] = i end
collectgarbage()
say(next(weak))

local finalized = 0
for _ = 1, 200 do setmetatable({}, { __gc = function() finalized = finalized + 1 spin(3) end }) end
collectgarbage()
collectgarbage()
say(finalized)
return table.concat(out, "\n")
