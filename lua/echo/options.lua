--- Checks of options, for what functions of these modules take as a table of them. They raise nothing:
--- whoever calls says whose options they are, and where the error is.

local options = {}

local function is_kind(value, kind)
  if kind == "stream" then
    return io.type(value) == "file" or type(value) == "table" and type(value.write) == "function"
  end
  return type(value) == kind
end

--- What is wrong with one option, or nil. `kinds` has by name the type that it should be, or "stream": a
--- file, or a table that can be written to.
function options.problem_of(kinds, name, value)
  local kind = kinds[name]
  if not kind then
    return ("unknown option %q"):format(tostring(name))
  elseif not is_kind(value, kind) then
    return ("%s: expected a %s, got a %s"):format(name, kind, io.type(value) or type(value))
  end
end

--- What is wrong with the first that is wrong in a table of options, or nil.
function options.problem(kinds, given)
  for name, value in pairs(given) do
    local problem = options.problem_of(kinds, name, value)
    if problem then
      return problem
    end
  end
end

return options
