--- JSON by the library that is there. Looked for at run time: who draws no picture needs none.

local json = {}

local MISSING = "needs a JSON library to read a recording, and found none: install lua-cjson or lua-dkjson"
  .. " (Debian: apt install lua-cjson; LuaRocks: lua-cjson or dkjson)"

local function with_cjson(cjson)
  -- An instance of its own: how the program has set up cjson is the program's.
  local decode = (cjson.new and cjson.new() or cjson).decode
  return function(text)
    local ok, value = pcall(decode, text)
    if ok then
      return value
    end
  end
end

local function with_dkjson(dkjson)
  return function(text)
    local ok, value, after = pcall(dkjson.decode, text)
    -- It is content with a value that something follows.
    if ok and after == #text + 1 then
      return value
    end
  end
end

local KINDS = { { "cjson", with_cjson }, { "dkjson", with_dkjson } }

--- A function that gives the value of a text, or nil if the text is no JSON; or nil and what is missing.
function json.decoder()
  for _, kind in ipairs(KINDS) do
    local found, library = pcall(require, kind[1])
    if found and type(library) == "table" and type(library.decode) == "function" then
      return kind[2](library)
    end
  end
  return nil, MISSING
end

return json
