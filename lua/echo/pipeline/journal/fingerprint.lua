--- What a step's code is compared by: the bytes of its functions, without their lines, and of all that
--- they refer to. Globals are not looked at, nor what C functions do: that is what `version` is for.

local digest = require "echo.pipeline.journal.digest"
local encode = require "echo.pipeline.journal.encode"

local fingerprint = {}

local function loaded_names()
  local names = {}
  for module, content in pairs(package.loaded) do
    if type(content) == "table" then
      for name, field in pairs(content) do
        if type(field) == "function" and type(name) == "string" then
          names[field] = names[field] or module .. "." .. name
        end
      end
    end
  end
  return names
end

local function put_function(out, fn, put, names)
  if out.seen[fn] then
    out[#out + 1] = "R" .. out.seen[fn] .. ";"
    return
  end
  out.ids = out.ids + 1
  out.seen[fn] = out.ids
  if debug.getinfo(fn, "S").what == "C" then
    out[#out + 1] = "C" .. (names[fn] or "?") .. ";"
    return
  end
  out[#out + 1] = "L" .. string.dump(fn, true)
  local index, name, value = 1, debug.getupvalue(fn, 1)
  while name do
    put(out, value ~= _G and value or "_G", "")
    index = index + 1
    name, value = debug.getupvalue(fn, index)
  end
end

--- The bytes of a value, whatever it is made of.
function fingerprint.bytes(value)
  local names
  return encode.bytes(value, function(out, part, put)
    if type(part) == "function" then
      names = names or loaded_names()
      put_function(out, part, put, names)
    else
      out[#out + 1] = "U" .. type(part) .. ";"
    end
  end)
end

--- The digest of what a node does to its arguments.
function fingerprint.node(node)
  return digest(fingerprint.bytes {
    run = node.run, when = node.when, fallback = node.fallback, version = node.version, result = node.result,
  })
end

--- Whether a function may look at its argument number `position`: not if it has no such parameter, or
--- calls it `_`.
function fingerprint.takes(fn, position)
  local info = debug.getinfo(fn, "Su")
  if info.what == "C" or position > info.nparams then
    return info.isvararg
  end
  return debug.getlocal(fn, position) ~= "_"
end

return fingerprint
