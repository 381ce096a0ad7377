--- A digest of 128 bits, as 32 hexadecimal digits, to tell inputs apart. It is no defence against
--- somebody who looks for two inputs with one digest.

local FIRST, SECOND = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
local FINAL = 0x165667B19E3779F9

local function finish(hash)
  hash = (hash ~ (hash >> 33)) * SECOND
  hash = (hash ~ (hash >> 29)) * FINAL
  return hash ~ (hash >> 32)
end

local unpack = string.unpack

return function(text)
  local size = #text
  local first, second = FIRST ~ size, SECOND + size
  local padded = size % 8 == 0 and text or text .. ("\0"):rep(8 - size % 8)
  for at = 1, #padded, 8 do
    local word = unpack("<i8", padded, at)
    first = (first ~ word) * FIRST
    first = first ~ (first >> 29)
    second = (second + word) * FINAL
    second = second ~ (second >> 31) ~ first
  end
  return ("%016x%016x"):format(finish(first), finish(second))
end
