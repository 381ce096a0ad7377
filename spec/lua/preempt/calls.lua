-- Recursion, tail calls, varargs, multiple results, goto.
local out = {}
local function say(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  out[#out + 1] = table.concat(words, " ")
end

local function ackermann(m, n)
  if m == 0 then return n + 1 end
  if n == 0 then return ackermann(m - 1, 1) end
  return ackermann(m - 1, ackermann(m, n - 1))
end
say(ackermann(2, 20))

local function deep(n) return n == 0 and 0 or 1 + deep(n - 1) end
say(deep(5000))

local even, odd
function even(n) if n == 0 then return true end return odd(n - 1) end
function odd(n) if n == 0 then return false end return even(n - 1) end
say(even(5001), odd(5001))

local function loop(n, ...) if n == 0 then return ... end return loop(n - 1, select(2, ...), (...)) end
say(loop(100, "a", "b", "c"))

local function sum(...)
  local total = 0
  for i = 1, select("#", ...) do total = total + (select(i, ...) or 0) end
  return total, ...
end
say(sum())
say(sum(1, nil, 3, nil))
for n = 1, 60 do
  local t = {}
  for i = 1, n do t[i] = i end
  say((sum(table.unpack(t))), select("#", sum(table.unpack(t))), select(-1, table.unpack(t)))
end
local function forward(...) return sum(...) end
local function collect(...) return { ... }, table.pack(...), { "x", ..., "y" }, { ..., nil } end
for n = 0, 12 do
  local t = {}
  for i = 1, n do t[i] = i * i end
  local list, packed, padded = collect(forward(table.unpack(t)))
  say(#list, packed.n, #padded, padded[2], table.concat(list, ","))
end
say(pcall(select, 0), (select("#")), table.unpack({ 1, 2, 3 }, -1, 1))

local function hanoi(n, from, to, via, moves)
  if n == 0 then return moves end
  moves = hanoi(n - 1, from, via, to, moves)
  return hanoi(n - 1, via, to, from, moves + 1)
end
say(hanoi(9, "a", "b", "c", 0))

do -- goto: continue, nested exits, backward, closures in a loop made of goto
  local i, closures = 1, {}
  ::top::
  local mine = i * 2
  closures[i] = function() mine = mine + 1 return mine end
  i = i + 1
  if i <= 50 then goto top end
  local total = 0
  for k = 1, #closures do total = total + closures[k]() end
  say(total)
  for a = 1, 20 do
    for b = 1, 20 do
      if (a * b) % 3 == 0 then goto continue end
      if a * b > 150 then goto done end
      total = total + a * b
      ::continue::
    end
  end
  ::done::
  say(total)
end

local Stack = {}
Stack.__index = Stack
function Stack.new() return setmetatable({ n = 0 }, Stack) end
function Stack:push(...) for _, v in ipairs { ... } do self.n = self.n + 1 self[self.n] = v end return self end
function Stack:pop() local v = self[self.n] self[self.n] = nil self.n = self.n - 1 return v end
local stack = Stack.new()
for i = 1, 100 do stack:push(i, -i):push(stack:pop() + stack:pop()) end
say(stack.n, stack:pop(), #stack)

local function queens(n)
  local found, columns, up, down = 0, {}, {}, {}
  local function place(row)
    if row > n then found = found + 1 return end
    for c = 1, n do
      if not (columns[c] or up[row + c] or down[row - c]) then
        columns[c], up[row + c], down[row - c] = true, true, true
        place(row + 1)
        columns[c], up[row + c], down[row - c] = nil, nil, nil
      end
    end
  end
  place(1)
  return found
end
say(queens(6))
return table.concat(out, "\n")
