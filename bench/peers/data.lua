-- The input of real work, and what the serial program makes of it.
--
-- `data.write(folder, name, scale)` makes the input and runs the serial program;
-- `data.read(folder, name)` returns the list of tasks and the expected text;
-- `data.join[name](results)` makes one text of the tasks' results.

local work = require "peers.work"

local data = { join = {} }

function data.join.mandelbrot(rows)
  return table.concat(rows, "\n")
end
data.join.json = data.join.mandelbrot

-- Sums the parts' counts.
function data.join.words(parts)
  local counts, lines = {}, {}
  for _, part in ipairs(parts) do
    for word, count in part:gmatch "(%a+) (%d+)" do
      counts[word] = (counts[word] or 0) + math.tointeger(count)
    end
  end
  for word, count in pairs(counts) do lines[#lines + 1] = ("%s %d"):format(word, count) end
  table.sort(lines)
  return table.concat(lines, "\n")
end

local function spill(path, text)
  local file <close> = assert(io.open(path, "w"))
  assert(file:write(text))
end

local function slurp(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- The same numbers on every machine.
local function generator(seed)
  return function(least, most)
    seed = (seed * 1103515245 + 12345) % 2147483648
    return least + (seed >> 8) % (most - least + 1)
  end
end

local make = {}

-- 400 rows of 400 points.
function make.mandelbrot(_, scale)
  local size, list = math.max(16, math.floor(400 * math.sqrt(scale))), {}
  for row = 1, size do list[row] = ("%d %d"):format(row, size) end
  return list
end

-- 400 files of 100 records.
function make.json(folder, scale)
  local list, random = {}, generator(1)
  for i = 1, math.max(4, math.floor(400 * scale)) do
    local records = {}
    for k = 1, 100 do
      records[k] = ('{"id":%d,"name":"record %d","score":%d.5,"tags":["a","b","%d"],"in":{"x":%d}}'):format(k,
        random(1, 1000000), random(1, 1000), random(1, 9), random(1, 99))
    end
    list[i] = ("%s/%d.json"):format(folder, i)
    spill(list[i], "[" .. table.concat(records, ",") .. "]")
  end
  return list
end

-- 8 MB of words, in parts of 64 KB that end with a line.
function make.words(folder, scale)
  local random, lines, list, at = generator(7), {}, {}, 0
  local path, size = folder .. "/words.txt", 0
  while size < (8 << 20) * scale do
    local words = {}
    for i = 1, 12 do
      local rank = random(1, random(1, 5000))
      words[i] = ("word"):rep(rank % 3 + 1) .. string.char(97 + rank % 26, 97 + rank // 26 % 26,
        97 + rank // 676)
    end
    lines[#lines + 1] = table.concat(words, " ")
    size = size + #lines[#lines] + 1
    if size - at > 65536 then
      list[#list + 1] = ("%d %d %s"):format(at, size - at, path)
      at = size
    end
  end
  if size > at then list[#list + 1] = ("%d %d %s"):format(at, size - at, path) end
  spill(path, table.concat(lines, "\n") .. "\n")
  return list
end

function data.write(folder, name, scale)
  local list, results = make[name](folder, scale), {}
  for i, item in ipairs(list) do results[i] = work[name](item) end
  spill(("%s/%s.list"):format(folder, name), table.concat(list, "\n") .. "\n")
  spill(("%s/%s.expected"):format(folder, name), data.join[name](results))
end

function data.is_needed(name)
  return make[name] ~= nil
end

function data.read(folder, name)
  local list = {}
  for line in io.lines(("%s/%s.list"):format(folder, name)) do list[#list + 1] = line end
  return list, slurp(("%s/%s.expected"):format(folder, name))
end

return data
