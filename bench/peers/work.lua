-- What the tasks do, in whatever library they run. Each function takes one value and returns one, so
-- that it suits those that pass nothing but text and numbers.

local floor = require "floor"

local work = {}

function work.increment(x) return x + 1 end

function work.identity(value) return value end

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end
work.fib = fib

-- Keeps its thread busy for so many microseconds.
function work.spin(microseconds)
  local now = floor.now
  local due = now() + microseconds * 1e-6
  while now() < due do
  end
  return 0
end

-- When the task began.
function work.started() return floor.now() end

-- A row of the Mandelbrot set, a byte for each point; `item` is "row size".
function work.mandelbrot(item)
  local row, size = item:match "(%d+) (%d+)"
  local ci, limit, bytes = 2 * row / size - 1, 100, {}
  for column = 0, size - 1 do
    local cr, zr, zi, count = 2 * column / size - 1.5, 0.0, 0.0, 0
    while count < limit and zr * zr + zi * zi <= 4 do
      zr, zi = zr * zr - zi * zi + cr, 2 * zr * zi + ci
      count = count + 1
    end
    bytes[column + 1] = string.char(count)
  end
  return table.concat(bytes)
end

-- What is in a file of records: "count sum".
function work.json(path)
  local file <close> = assert(io.open(path))
  local sum, count = 0, 0
  for _, record in ipairs(require "cjson".decode(file:read "a")) do
    sum, count = sum + record.score, count + #record.tags
  end
  return ("%d %.3f"):format(count, sum)
end

-- How often each word is in a part of a file, as lines "word count"; `item` is "from size path".
function work.words(item)
  local from, size, path = item:match "(%d+) (%d+) (.*)"
  local file <close> = assert(io.open(path))
  file:seek("set", from)
  local counts, lines = {}, {}
  for word in file:read(tonumber(size)):gmatch "%a+" do counts[word] = (counts[word] or 0) + 1 end
  for word, count in pairs(counts) do lines[#lines + 1] = word .. " " .. count end
  return table.concat(lines, "\n")
end

return work
