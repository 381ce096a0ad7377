--- Amounts as people read them.

local units = {}

--- An amount of memory or data.
function units.bytes(bytes)
  if bytes >= 1e9 then
    return ("%.2f GB"):format(bytes / 1e9)
  elseif bytes >= 1e6 then
    return ("%.1f MB"):format(bytes / 1e6)
  end
  return ("%.0f kB"):format(bytes / 1e3)
end

return units
