-- Numbers: loops with extreme bounds and steps, integer division and modulo, floats, random.
local out = {}
local function say(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  out[#out + 1] = table.concat(words, " ")
end
local function list(from, to, step)
  local t = {}
  for i = from, to, step do
    t[#t + 1] = tostring(i)
    if #t > 12 then t[#t + 1] = "..." break end
  end
  return table.concat(t, ",")
end

local max, min = math.maxinteger, math.mininteger
say(list(1, 5, 1), list(5, 1, -1), list(1, 0, 1), list(1, 2, 0.25), list(1.0, 3, 1), list(3, 1.5, -0.5))
say(list(max - 3, max, 1), list(min, min + 3, 1), list(min + 2, min, -1), list(max, max, max))
say(list(max - 1, math.huge, 1), list(min + 1, -math.huge, -1), list(1, math.huge, max))
say(list(min, max, max), list(max, min, min), list(1, 10, 3.5), list(0.1, 1, 0.1))
say(pcall(list, 1, 10, 0), pcall(list, 1, "x", 1), pcall(list, {}, 1, 1))
for i = 3, 1 do say("never", i) end
for i = 1, 3 do local j = i i = 10 say(i, j) end

for _, a in ipairs { 7, -7, 0, max, min, 7.5, -7.5 } do
  for _, b in ipairs { 2, -2, 3, -3, 1, -1, 2.5, -0.5 } do
    say(a // b, a % b, a / b, math.fmod(a, b), a * b, a + b, a - b)
  end
end
say(pcall(function() return 1 // 0 end), pcall(function() return 1 % 0 end))
say(1 // 0.0, -1 // 0.0, 0 / 0 ~= 0 / 0, 1 % math.huge, -1 % math.huge)
say(max + 1 == min, min - 1 == max, max * 2, min // -1, min % -1, 1 << 63, 1 << 64, -1 >> 1, 5 // 0.3)
say(3 | 4.0, pcall(function() return 3 | 4.5 end))
say("3" + 4, 2 ^ 0.5, math.type(3 // 1), math.type(3 // 1.0), 7 // 2 * 2 + 7 % 2)
say(1e15, 123456789012345678, 0x7fffffffffffffff, 0xffffffffffffffff, 1 == 1.0, math.ult(1, -1), 2^63 == max + 1.0)

local x, y = 0, 1
for i = 1, 2000 do
  x, y = y, (x + y) % 1000000007
  if i % 100 == 0 then say(i, x) end
end
local collatz, longest = 0, 0
for start = 1, 300 do
  local n, steps = start, 0
  while n ~= 1 do
    n = n % 2 == 0 and n // 2 or 3 * n + 1
    steps = steps + 1
  end
  if steps > longest then collatz, longest = start, steps end
end
say(collatz, longest)

local mandelbrot = {}
for py = -10, 10 do
  for px = -20, 8 do
    local cr, ci, zr, zi, n = px / 12, py / 8, 0.0, 0.0, 0
    repeat
      zr, zi, n = zr * zr - zi * zi + cr, 2 * zr * zi + ci, n + 1
    until zr * zr + zi * zi > 4 or n >= 20
    mandelbrot[#mandelbrot + 1] = n >= 20 and "#" or n % 10
  end
end
say(table.concat(mandelbrot))

local pi, sign = 0.0, 1
for i = 1, 4001, 2 do pi, sign = pi + sign * 4 / i, -sign end
say(pi, ("%.17g"):format(math.sin(pi)), math.floor(-pi), math.ceil(pi), math.tointeger(3.0), math.abs(min))

math.randomseed(42)
for _ = 1, 100 do say(math.random(100), math.random(-5, 5), ("%.17g"):format(math.random())) end
say(math.random(0) ~= 0, pcall(math.random, 2, 1))
local matrix = {}
for i = 1, 12 do
  matrix[i] = {}
  for j = 1, 12 do matrix[i][j] = (i * j) % 7 + (i == j and 1 or 0) end
end
for _ = 1, 3 do
  local product = {}
  for i = 1, 12 do
    product[i] = {}
    for j = 1, 12 do
      local dot = 0
      for k = 1, 12 do dot = dot + matrix[i][k] * matrix[k][j] end
      product[i][j] = dot % 10007
    end
  end
  matrix = product
end
for i = 1, 12 do say(table.concat(matrix[i], " ")) end
return table.concat(out, "\n")
