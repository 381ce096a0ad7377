--- Figures as people read them.

local words = {}

local UNITS = { { "s", 1e6 }, { "ms", 1e3 }, { "µs", 1 }, { "ns", 1e-3 } }

-- Another locale writes a comma.
local function plain(text)
  return (text:gsub(",", "."))
end

--- The unit for times of this size (in microseconds), and how many microseconds it has.
function words.unit(time)
  for _, unit in ipairs(UNITS) do
    if time >= unit[2] then
      return unit[1], unit[2]
    end
  end
  return "ns", 1e-3
end

--- A duration in microseconds, with three digits: "3.20 ms".
function words.duration(time)
  if time < 0.0005 then
    return "0"
  end
  local unit, size = words.unit(time)
  local value = time / size
  local format = value < 9.995 and "%.2f %s" or value < 99.95 and "%.1f %s" or "%.0f %s"
  return plain(format:format(value, unit))
end

--- 1234567 as "1,234,567".
function words.count(number)
  local text = ("%.0f"):format(number)
  local sign, digits = text:match "^(-?)(%d+)$"
  if not digits then
    return text
  end
  return sign .. digits:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
end

--- "1 worker", "2 workers".
function words.counted(number, noun)
  return words.count(number) .. " " .. noun .. (number == 1 and "" or "s")
end

--- A share of one as "87 %".
function words.share(part)
  return ("%.0f %%"):format(part * 100)
end

return words
