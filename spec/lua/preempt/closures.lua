-- Closures and upvalues: counters, shared cells, loops' fresh variables, memoizing, currying.
local out = {}
local function say(...) out[#out + 1] = table.concat({ ... }, " ") end

local function counter()
  local n = 0
  return function() n = n + 1 return n end, function(to) n = to end, function() return n end
end
local up, set, get = counter()
local up2 = counter()
for _ = 1, 500 do up() end
set(up() * 2)
say(get(), up(), up2(), up2())

local fresh = {}
for i = 1, 100 do
  local square = i * i
  fresh[i] = function(add) square = square + add return i, square end
end
local sum = 0
for round = 1, 10 do
  for i = 1, 100 do
    local index, value = fresh[i](round)
    sum = sum + index * value
  end
end
say(sum)

local function memoize(f)
  local known = {}
  return function(n)
    local value = known[n]
    if value == nil then
      value = f(n)
      known[n] = value
    end
    return value
  end
end
local fib
fib = memoize(function(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end)
say(fib(90))

local function curry(f, n)
  n = n or 2
  if n < 2 then return f end
  local function step(i, arguments)
    return function(x)
      local all = { table.unpack(arguments) }
      all[#all + 1] = x
      if i == n then return f(table.unpack(all)) end
      return step(i + 1, all)
    end
  end
  return step(1, {})
end
local total = 0
for i = 1, 50 do total = total + curry(function(a, b, c, d) return a * b + c * d end, 4)(i)(2)(3)(i) end
say(total)

local function compose(...)
  local fs = { ... }
  return function(x)
    for i = #fs, 1, -1 do x = fs[i](x) end
    return x
  end
end
local chain = {}
for i = 1, 60 do chain[i] = function(x) return (x * i + 1) % 1000003 end end
local value = 1
for _ = 1, 20 do value = compose(table.unpack(chain))(value) end
say(value)

do -- cells that outlive their block, shared by two closures
  local get_cell, set_cell
  do
    local cell = "first"
    get_cell = function() return cell end
    set_cell = function(x) cell = x end
  end
  for i = 1, 200 do set_cell(get_cell():sub(-20) .. i) end
  say(get_cell())
end

local a, b = function() return sum end, function() return total end
say(debug.upvalueid(a, 1) ~= debug.upvalueid(b, 1) and "apart" or "joined", a(), b())
debug.upvaluejoin(a, 1, b, 1)
say(debug.upvalueid(a, 1) == debug.upvalueid(b, 1) and "joined" or "apart", a(), b())

local primes, sieve = {}, {}
for i = 2, 2000 do
  if not sieve[i] then
    primes[#primes + 1] = i
    for j = i * i, 2000, i do sieve[j] = true end
  end
end
say(#primes, table.concat(primes, " "))
return table.concat(out, "\n")
