-- What the pipeline and the serial program share: counting lines, adding counts, and the report.

local count = {}

local TOP = 20

-- The counts of whole lines: ADDRESS PATH STATUS BYTES.
function count.lines(text)
  local addresses, paths, states = {}, {}, {}
  for address, path, status, bytes in text:gmatch "(%S+) (%S+) (%d+) (%d+)\n" do
    addresses[address] = (addresses[address] or 0) + 1
    paths[path] = (paths[path] or 0) + math.tointeger(bytes)
    states[status] = (states[status] or 0) + 1
  end
  return { addresses = addresses, paths = paths, states = states }
end

-- Adds a part to a total, which it changes and returns.
function count.add(total, part)
  for kind, numbers in pairs(part) do
    local sums = total[kind] or {}
    total[kind] = sums
    for name, number in pairs(numbers) do
      sums[name] = (sums[name] or 0) + number
    end
  end
  return total
end

local function top(numbers, lines)
  local names = {}
  for name in pairs(numbers) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    return numbers[a] > numbers[b] or numbers[a] == numbers[b] and a < b
  end)
  for index = 1, math.min(TOP, #names) do
    lines[#lines + 1] = ("%12d  %s"):format(numbers[names[index]], names[index])
  end
end

-- The three lists as text.
function count.report(total)
  local lines = {}
  for _, kind in ipairs { "addresses", "paths", "states" } do
    lines[#lines + 1] = kind
    top(total[kind] or {}, lines)
  end
  return table.concat(lines, "\n") .. "\n"
end

return count
