--- Values as JSON, for whoever reads what the command prints. A table is a list if it has only the keys
--- from 1 on; keys are sorted. What JSON cannot say is said by its text.

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quoted(text)
  -- Bytes that are no UTF-8 are taken for Latin-1.
  local pattern = utf8.len(text) and '[%c"\\\127]' or '[%c"\\\127-\255]'
  return '"' .. text:gsub(pattern, function(character)
    return ESCAPES[character] or ("\\u%04x"):format(character:byte())
  end) .. '"'
end

local function number(value)
  if value ~= value or value == math.huge or value == -math.huge then
    return "null"
  end
  -- Another locale writes a comma.
  return (math.type(value) == "integer" and "%d" or "%.17g"):format(value):gsub(",", ".")
end

local json

local function list(value, seen)
  local parts = {}
  for index = 1, value.n or #value do
    parts[index] = json(value[index], seen)
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function object(value, seen)
  local keys, texts = {}, {}
  for key in pairs(value) do
    keys[#keys + 1] = tostring(key)
    texts[tostring(key)] = value[key]
  end
  table.sort(keys)
  for index, key in ipairs(keys) do
    keys[index] = quoted(key) .. ":" .. json(texts[key], seen)
  end
  return "{" .. table.concat(keys, ",") .. "}"
end

local function is_list(value)
  local length = math.type(value.n) == "integer" and value.n or #value
  for key in pairs(value) do
    if key ~= "n" and not (math.type(key) == "integer" and key >= 1 and key <= length) then
      return false
    end
  end
  return length > 0 or next(value) == nil
end

function json(value, seen)
  local kind = type(value)
  if kind == "table" then
    if seen[value] then
      return quoted "(again)"
    end
    seen[value] = true
    local text = (is_list(value) and list or object)(value, seen)
    seen[value] = nil
    return text
  elseif kind == "number" then
    return number(value)
  elseif kind == "boolean" then
    return tostring(value)
  end
  return value == nil and "null" or quoted(tostring(value))
end

return function(value)
  return json(value, {})
end
