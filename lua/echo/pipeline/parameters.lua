--- A pipeline's parameters: how they are declared, and the values that a run is given.

local parameters = {}

local TYPES = { boolean = true, number = true, string = true, table = true, any = true }

local function declaration(name, given, where)
  local fields = type(given) == "string" and { type = given } or given
  if type(fields) ~= "table" then
    return nil, ("parameter %q: expected a type or a table, got a %s"):format(name, type(given))
  end
  local kind = fields.type or (fields.default ~= nil and type(fields.default)) or "any"
  if not TYPES[kind] then
    return nil, ("parameter %q: type: expected boolean, number, string, table or any"):format(name)
  elseif fields.default ~= nil and kind ~= "any" and type(fields.default) ~= kind then
    return nil, ("parameter %q: default: expected a %s, got a %s"):format(name, kind, type(fields.default))
  end
  return { name = name, type = kind ~= "any" and kind or nil, default = fields.default,
    about = fields.about, where = where }
end

--- The declarations by name, of { name = "type" or { type =, default =, about = } }.
function parameters.declare(list, where)
  local declared = {}
  for name, given in pairs(list) do
    if type(name) ~= "string" then
      return nil, "params: expected names of parameters"
    end
    local entry, problem = declaration(name, given, where)
    if not entry then
      return nil, problem
    end
    declared[name] = entry
  end
  return declared
end

--- The values of a run, with the defaults; raises what is wrong with them.
function parameters.bind(declared, given, level)
  local values = {}
  for name, entry in pairs(declared) do
    local value = given[name]
    if value == nil then
      value = entry.default
    end
    if value == nil then
      error(("parameter %q: expected a %s, got nothing"):format(name, entry.type or "value"), level + 1)
    elseif entry.type and type(value) ~= entry.type then
      error(("parameter %q: expected a %s, got a %s"):format(name, entry.type, type(value)), level + 1)
    end
    values[name] = value
  end
  for name in pairs(given) do
    if not declared[name] then
      error(("parameter %q: the pipeline has none of this name"):format(tostring(name)), level + 1)
    end
  end
  return values
end

return parameters
