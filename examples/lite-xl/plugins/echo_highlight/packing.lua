-- A line's tokens as one string, as the worker sends them and the document keeps them: a string per
-- line costs the editor's collector nothing, and only lines that are drawn are unpacked.
--
-- The string holds the state before the line and the one after it, and for each token the number of
-- its type (in the language's list) and its size in bytes; the text is the line's own. Where the
-- tokens are not its pieces, as the tokenizer's may not be where it is no valid UTF-8, their texts are
-- in the string too.
local packing = {}

local SIZES, TEXTS = 0, 1
local MOST = 128 -- of numbers that one string.pack is given
local formats = setmetatable({}, {
  __index = function(formats, count)
    formats[count] = "<" .. ("I4"):rep(count)
    return formats[count]
  end,
})

local function pack_numbers(numbers)
  if #numbers <= MOST then
    return string.pack(formats[#numbers], table.unpack(numbers))
  end
  local parts = {}
  for first = 1, #numbers, MOST do
    local last = math.min(first + MOST - 1, #numbers)
    parts[#parts + 1] = string.pack(formats[last - first + 1], table.unpack(numbers, first, last))
  end
  return table.concat(parts)
end

local function pack_sizes(tokens, number_of)
  local numbers = {}
  for i = 1, #tokens, 2 do
    local size = #tokens[i + 1]
    if size >= 1 << 24 then
      return nil
    end
    numbers[#numbers + 1] = number_of[tokens[i]] | size << 8
  end
  return pack_numbers(numbers)
end

local function pack_texts(tokens, number_of)
  local parts = {}
  for i = 1, #tokens, 2 do
    parts[#parts + 1] = string.pack("<Bs4", number_of[tokens[i]], tokens[i + 1])
  end
  return table.concat(parts)
end

-- Whether the tokens are the pieces of the line, from its beginning on.
local function are_pieces(tokens, text)
  local at = 1
  for i = 2, #tokens, 2 do
    local token = tokens[i]
    if text:sub(at, at + #token - 1) ~= token then
      return false
    end
    at = at + #token
  end
  return true
end

-- `number_of` gives the number, from 0 to 255, of each type of token.
function packing.pack(text, tokens, init_state, state, number_of)
  local sizes = are_pieces(tokens, text) and pack_sizes(tokens, number_of)
  local form, body = SIZES, sizes
  if not sizes then
    form, body = TEXTS, pack_texts(tokens, number_of)
  end
  return string.pack("<s1s1B", init_state, state, form) .. body
end

-- The state before the line, and the one after it.
function packing.states(packed)
  local init_state, state = string.unpack("<s1s1", packed)
  return init_state, state
end

local function unpack_sizes(packed, at, text, types)
  local tokens, from = {}, 1
  while at <= #packed do
    local number
    number, at = string.unpack("<I4", packed, at)
    local size = number >> 8
    tokens[#tokens + 1] = types[number & 255]
    tokens[#tokens + 1] = text:sub(from, from + size - 1)
    from = from + size
  end
  return tokens
end

local function unpack_texts(packed, at, types)
  local tokens = {}
  while at <= #packed do
    local number, token
    number, token, at = string.unpack("<Bs4", packed, at)
    tokens[#tokens + 1] = types[number]
    tokens[#tokens + 1] = token
  end
  return tokens
end

-- What the editor keeps for a line that it has tokenized itself.
function packing.unpack(packed, text, types)
  local init_state, state, form, at = string.unpack("<s1s1B", packed)
  local tokens = form == SIZES and unpack_sizes(packed, at, text, types)
    or unpack_texts(packed, at, types)
  return { init_state = init_state, state = state, text = text, tokens = tokens, packed = packed }
end

return packing
