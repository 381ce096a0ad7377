--- The command line of luaecho: which command, its file, its options, and parameters as name=value.

local arguments = {}

local OPTIONS = {
  run = { ["--workers"] = "number", ["--journal"] = "path", ["--trace"] = "path", ["--json"] = true,
    ["--dry-run"] = true, ["--explain"] = true, ["--keep-going"] = true, ["--quiet"] = true },
  graph = {},
  check = {},
  bench = { ["--workers"] = "number" },
  timeline = { ["--width"] = "width", ["--from"] = "time", ["--to"] = "time", ["--title"] = "text" },
}

local function fail(text, ...)
  error({ usage = text:format(...) }, 0)
end

local function option_value(kind, name, value)
  if value == nil then
    fail("%s needs a %s", name, kind)
  elseif kind == "number" then
    local count = math.tointeger(tonumber(value))
    if not count or count < 1 or count > 1024 then
      fail("%s: expected a number from 1 to 1024, got %q", name, value)
    end
    return count
  elseif kind == "width" or kind == "time" then
    return tonumber(value) or fail("%s: expected a number, got %q", name, value)
  end
  return value
end

local function take_option(parsed, list, at)
  local name, attached = list[at]:match "^(%-%-[^=]+)=(.*)$"
  name = name or list[at]
  local kind = OPTIONS[parsed.command][name]
  if not kind then
    fail("%s has no option %s", parsed.command, name)
  elseif kind == true then
    if attached then
      fail("%s takes no value", name)
    end
    parsed[name:sub(3)] = true
    return at + 1
  end
  parsed[name:sub(3)] = option_value(kind, name, attached or list[at + 1])
  return at + (attached and 1 or 2)
end

local function take_word(parsed, word)
  local name, value = word:match "^([%w_][%w_%-]*)=(.*)$"
  if parsed.command == "bench" then
    fail("bench takes no %q", word)
  elseif not parsed.file then
    parsed.file = word
  elseif name and parsed.command == "run" then
    parsed.params[name] = value
  else
    fail("expected param=value, got %q", word)
  end
end

--- The parsed command line: command, file, params, and options by name. Raises { usage = text }.
function arguments.parse(list)
  local command = list[1]
  if not command or command == "--help" or command == "-h" then
    return { help = true, missing = not command }
  elseif command == "--version" then
    return { version = true }
  elseif not OPTIONS[command] then
    fail("there is no command %q", command)
  end
  local parsed, at = { command = command, params = {} }, 2
  while list[at] do
    if list[at] == "--help" or list[at] == "-h" then
      return { help = true }
    elseif list[at]:sub(1, 1) == "-" and #list[at] > 1 then
      at = take_option(parsed, list, at)
    else
      take_word(parsed, list[at])
      at = at + 1
    end
  end
  if command ~= "bench" and not parsed.file then
    fail("%s needs a file", command)
  end
  return parsed
end

local CONVERT = {
  string = function(text) return text end,
  any = function(text) return text end,
  number = function(text) return math.tointeger(tonumber(text)) or tonumber(text) end,
  boolean = function(text)
    if text == "true" or text == "false" then
      return text == "true"
    end
  end,
  table = function(text)
    local list = {}
    for part in text:gmatch "[^,]+" do
      list[#list + 1] = part
    end
    return list
  end,
}

--- The parameters as the pipeline declares them.
function arguments.params(given, declared)
  local params = {}
  for name, text in pairs(given) do
    if not declared[name] then
      fail("the pipeline has no parameter %q", name)
    end
    local kind = declared[name].type or "any"
    params[name] = CONVERT[kind](text)
    if params[name] == nil then
      fail("%s: expected a %s, got %q", name, kind, text)
    end
  end
  return params
end

return arguments
