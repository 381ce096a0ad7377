-- Sorting: table.sort with comparators in Lua, quicksort, merge sort, heaps.
local out = {}
local seed = 7
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed % n + 1
end

local function numbers(n)
  local t = {}
  for i = 1, n do t[i] = random(1000) end
  return t
end

local function quicksort(t, low, high)
  while low < high do
    local pivot, i, j = t[(low + high) // 2], low, high
    repeat
      while t[i] < pivot do i = i + 1 end
      while pivot < t[j] do j = j - 1 end
      if i <= j then
        t[i], t[j] = t[j], t[i]
        i, j = i + 1, j - 1
      end
    until i > j
    if j - low < high - i then
      quicksort(t, low, j)
      low = i
    else
      quicksort(t, i, high)
      high = j
    end
  end
end

local function merge_sort(t)
  if #t < 2 then return t end
  local middle = #t // 2
  local a = merge_sort({ table.unpack(t, 1, middle) })
  local b = merge_sort({ table.unpack(t, middle + 1) })
  local merged, i, j = {}, 1, 1
  while a[i] or b[j] do
    if not b[j] or (a[i] and a[i] <= b[j]) then
      merged[#merged + 1], i = a[i], i + 1
    else
      merged[#merged + 1], j = b[j], j + 1
    end
  end
  return merged
end

local function heap_sort(t)
  local n = #t
  local function sift(from, to)
    local i = from
    while 2 * i <= to do
      local child = 2 * i
      if child < to and t[child] < t[child + 1] then child = child + 1 end
      if t[i] >= t[child] then return end
      t[i], t[child], i = t[child], t[i], child
    end
  end
  for i = n // 2, 1, -1 do sift(i, n) end
  for i = n, 2, -1 do
    t[1], t[i] = t[i], t[1]
    sift(1, i - 1)
  end
end

local t = numbers(300)
quicksort(t, 1, #t)
out[#out + 1] = table.concat(t, " ")
out[#out + 1] = table.concat(merge_sort(numbers(200)), " ")
t = numbers(200)
heap_sort(t)
out[#out + 1] = table.concat(t, " ")

local calls = 0
t = numbers(300)
table.sort(t, function(a, b)
  calls = calls + 1
  if a % 10 ~= b % 10 then return a % 10 < b % 10 end
  return a > b
end)
out[#out + 1] = calls .. ": " .. table.concat(t, " ")

local Word = {}
Word.__lt = function(a, b) return a.text:lower() < b.text:lower() end
local words = {}
for word in ("The quick Brown fox Jumps over the lazy Dog and Then some more"):gmatch("%a+") do
  words[#words + 1] = setmetatable({ text = word .. #words }, Word)
end
table.sort(words)
for i, word in ipairs(words) do out[#out + 1] = i .. word.text end

out[#out + 1] = tostring(select(2, pcall(table.sort, numbers(50), function() return true end)))
out[#out + 1] = tostring(select(2, pcall(table.sort, { 3, 2, 1 }, function() error("no order", 0) end)))
return table.concat(out, "\n")
