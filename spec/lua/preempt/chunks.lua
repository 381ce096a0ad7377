-- Chunks that are loaded: text, pieces by a reader in Lua, dumped code, environments; require-like
-- use, and a small interpreter.
local out = {}
local function say(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  out[#out + 1] = table.concat(words, " ")
end

for i = 1, 40 do
  local f = assert(load(("local x = ... local t = {} "
    .. "for k = 1, x do t[k] = k * %d end return #t, t[x]"):format(i), "=chunk" .. i))
  say(f(i))
end
say(load("return +", "=broken"))
say(load("x = = 1", "@file.lua"))
say(pcall(load("error('raised')", "=named")))
say(pcall(load("local a a.b.c = 1", "=named")))

local pieces = { "local a, b = ... ", "local s = 0 ", "for i = a, b do ", "s = s + i ", "end ", "return s" }
for round = 1, 20 do
  local i = 0
  local f = assert(load(function()
    i = i + 1
    for _ = 1, 5 do end
    return pieces[i]
  end, "=pieces"))
  say(f(1, round * 10))
end
say(load(function() error("the reader fails", 0) end))
say(pcall(load, function() return {} end))

local env = { print = nil, n = 0 }
local step = assert(load("n = n + (...) return n", "=env", "t", env))
for i = 1, 100 do step(i) end
say(env.n, step(0))
say(load(string.dump(function() return 1 end), "=binary", "t"))
local function power(n) local p = 1 for _ = 1, n do p = p * 2 end return p end
for i = 0, 30 do say(load(string.dump(power, i % 2 == 0))(i)) end

-- A calculator: reads, parses by recursive descent, evaluates.
local function evaluate(text)
  local position = 1
  local expression
  local function peek() position = text:find("%S", position) or #text + 1 return text:sub(position, position) end
  local function take() local c = peek() position = position + 1 return c end
  local function atom()
    if peek() == "(" then
      take()
      local value = expression()
      if take() ~= ")" then error("missing )", 0) end
      return value
    elseif peek() == "-" then
      take()
      return -atom()
    end
    local digits = text:match("^%d+", position) or error("number expected at " .. position, 0)
    position = position + #digits
    return math.tointeger(tonumber(digits))
  end
  local function term()
    local value = atom()
    while peek():find("[*/%%]") do
      local operator, right = take(), atom()
      if operator == "*" then value = value * right
      elseif operator == "/" then value = value // right
      else value = value % right end
    end
    return value
  end
  function expression()
    local value = term()
    while peek():find("[+-]") do
      local operator, right = take(), term()
      value = operator == "+" and value + right or value - right
    end
    return value
  end
  local value = expression()
  if position <= #text then error("rest at " .. position, 0) end
  return value
end
for _, text in ipairs {
  "1+2*3", "(1+2)*3", "-(4-6)*-5", "100/7%5", "((((7))))", "2*(3+", "1+x", "7 7", "12 * 12 - 4 * (3 - 1)"
} do
  for _ = 1, 4 do say(text, pcall(evaluate, text)) end
end
for i = 1, 20 do
  local text = ("(%d+%d)*%d-%d/%d"):format(i, i * 3, i % 5, i * 100, i)
  say(text, evaluate(text), load("return " .. text:gsub("/", "//"))())
end

-- A stack machine whose program is made by closures.
local function compile(program)
  local code = {}
  for word in program:gmatch("%S+") do
    local number = tonumber(word)
    code[#code + 1] = number and function(s) s[#s + 1] = number end
      or load(("local s = ... local b, a = table.remove(s), table.remove(s) s[#s + 1] = a %s b"):format(word))
  end
  return function() local s = {} for _, f in ipairs(code) do f(s) end return table.unpack(s) end
end
for i = 1, 10 do say(compile(("%d 2 * 3 + 4 %% 7 ^"):format(i))()) end
return table.concat(out, "\n")
