--- Values as bytes, and back: what a journal keeps, and what it compares inputs by. The same value has
--- the same bytes in every process: keys are sorted. Tables keep their shape, shared and cyclic ones
--- too; buffers come back as buffers. What is not data is refused, with the path to it.
---
--- For comparing alone, `describe` may give bytes for what is no data (see fingerprint.lua).

local echo = require "echo"

local encode = {}

local put

local function refuse(value, path)
  local what = type(value) == "table" and "a table with a metatable" or "a " .. type(value)
  error(("%s: %s cannot be kept in a journal"):format(path == "" and "the value" or path, what), 0)
end

local function put_entries(out, value, count, path)
  local keys, encoded = {}, {}
  for key in next, value do
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then
      local part = { seen = out.seen, ids = out.ids, describe = out.describe }
      put(part, key, path .. " key")
      out.ids = part.ids
      local text = table.concat(part)
      keys[text], encoded[#encoded + 1] = key, text
    end
  end
  table.sort(encoded)
  out[#out + 1] = #encoded .. ":"
  for _, text in ipairs(encoded) do
    out[#out + 1] = text
    local key = keys[text]
    put(out, value[key], type(key) == "string" and path .. "." .. key or path .. "[" .. tostring(key) .. "]")
  end
end

local function put_table(out, value, path)
  if out.seen[value] then
    out[#out + 1] = "R" .. out.seen[value] .. ";"
    return
  end
  if getmetatable(value) ~= nil and not out.describe then
    refuse(value, path)
  end
  out.ids = out.ids + 1
  out.seen[value] = out.ids
  local count = #value
  out[#out + 1] = "A" .. count .. ":"
  for index = 1, count do
    put(out, rawget(value, index), path .. "[" .. index .. "]")
  end
  put_entries(out, value, count, path)
end

local function put_other(out, value, path)
  if type(value) == "userdata" and getmetatable(value) == "echo.buffer" then
    out[#out + 1] = "B" .. #value .. ":" .. tostring(value)
  elseif out.describe then
    out.describe(out, value, put)
  else
    refuse(value, path)
  end
end

function put(out, value, path)
  local kind = math.type(value) or type(value)
  if kind == "integer" then
    out[#out + 1] = "I" .. value .. ";"
  elseif kind == "string" then
    out[#out + 1] = "S" .. #value .. ":" .. value
  elseif kind == "float" then
    out[#out + 1] = "D" .. string.pack("<d", value)
  elseif kind == "boolean" then
    out[#out + 1] = value and "T" or "F"
  elseif kind == "nil" then
    out[#out + 1] = "N"
  elseif kind == "table" then
    put_table(out, value, path)
  else
    put_other(out, value, path)
  end
end

--- The bytes of a value. Raises what cannot be kept.
function encode.bytes(value, describe)
  -- Most elements are a number or a string.
  local kind = math.type(value) or type(value)
  if kind == "integer" then
    return "I" .. value .. ";"
  elseif kind == "string" then
    return "S" .. #value .. ":" .. value
  end
  local out = { seen = {}, ids = 0, describe = describe }
  put(out, value, "")
  return table.concat(out)
end

--- Back -------------------------------------------------------------------------------------------

local get

local function get_sized(text, at)
  local _, last, size = text:find("^(%d+):", at)
  size = tonumber(size)
  return text:sub(last + 1, last + size), last + size + 1
end

local function get_table(text, at, seen)
  local value = {}
  seen[#seen + 1] = value
  local _, last, count = text:find("^(%d+):", at)
  at = last + 1
  for index = 1, tonumber(count) do
    value[index], at = get(text, at, seen)
  end
  _, last, count = text:find("^(%d+):", at)
  at = last + 1
  for _ = 1, tonumber(count) do
    local key
    key, at = get(text, at, seen)
    value[key], at = get(text, at, seen)
  end
  return value, at
end

local function get_number(text, at)
  local _, last, digits = text:find("^(%-?%d+);", at)
  return math.tointeger(tonumber(digits)), last + 1
end

local readers = {
  N = function(_, at) return nil, at end,
  T = function(_, at) return true, at end,
  F = function(_, at) return false, at end,
  I = get_number,
  D = function(text, at) return string.unpack("<d", text, at) end,
  S = get_sized,
  A = get_table,
  B = function(text, at)
    local bytes, after = get_sized(text, at)
    return echo.buffer(bytes), after
  end,
  R = function(text, at, seen)
    local id, after = get_number(text, at)
    return seen[id], after
  end,
}

function get(text, at, seen)
  return readers[text:sub(at, at)](text, at + 1, seen)
end

--- The value of bytes that `encode.bytes` made.
function encode.value(text)
  return (get(text, 1, {}))
end

return encode
