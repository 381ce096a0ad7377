--- A step's definition, as it was written, and what its arguments are.
---
--- A step is a record: its options, `where` it was defined, and `inputs`, the arguments of its function
--- in their order. Each input is { kind =, source = }:
---   "item"   one element of the source at a time: this makes the step one of elements
---   "index"  the element's number
---   "whole"  all of the source: a step's result, the list of its elements' results, or a parameter
---   "value"  what is in `value`
--- The source "..." is what comes before the step, and is replaced by whoever composes it. A step that
--- says nothing of its arguments is `implicit`: it takes what comes before it, if anything does.
---
--- Options are looked at here one by one, and what is wrong with them is kept in `problems`, so that a
--- check can tell everything at once.

local step = {}

local PREVIOUS = "..."
local PRIORITIES = { high = true, normal = true, low = true }
local TYPES = {
  ["nil"] = true, boolean = true, number = true, string = true, table = true, ["function"] = true,
  userdata = true, thread = true,
}

local function is_list_of_names(list)
  for index = 1, #list do
    if type(list[index]) ~= "string" then
      return false
    end
  end
  return true
end

local checks = {}

function checks.name(name)
  if type(name) ~= "string" or not name:find("^[%w_][%w_%-]*$") then
    return "a string of letters, digits, _ and -"
  end
end

function checks.names(names)
  if type(names) == "string" then
    return nil
  end
  if type(names) ~= "table" or not is_list_of_names(names) or #names == 0 then
    return "a name, or a list of names"
  end
end

function checks.callable(run)
  if type(run) ~= "function" then
    return "a function"
  end
end

function checks.seconds(seconds)
  if type(seconds) ~= "number" or not (seconds > 0 and seconds < math.huge) then
    return "a number of seconds above 0"
  end
end

function checks.count(count)
  if math.type(count) ~= "integer" or count < 1 then
    return "an integer of at least 1"
  end
end

function checks.times(times)
  if math.type(times) ~= "integer" or times < 0 then
    return "an integer of at least 0"
  end
end

function checks.flag(flag)
  if type(flag) ~= "boolean" then
    return "true or false"
  end
end

function checks.text(text)
  if type(text) ~= "string" then
    return "a string"
  end
end

function checks.list(list)
  if type(list) ~= "table" then
    return "a table"
  end
end

function checks.priority(priority)
  if not PRIORITIES[priority] then
    return '"high", "normal" or "low"'
  end
end

function checks.type_name(name)
  if not TYPES[name] then
    return "the name of a Lua type"
  end
end

function checks.type_names(names)
  if type(names) ~= "table" then
    return "a list of names of Lua types"
  end
  for _, name in ipairs(names) do
    if not TYPES[name] and name ~= "any" then
      return 'a list of names of Lua types, or "any"'
    end
  end
end

function checks.anything() end

local OPTIONS = {
  name = checks.name, run = checks.callable, needs = checks.names, each = checks.names,
  items = checks.list, fold = checks.text, initial = checks.anything, stream = checks.flag,
  after = checks.names, priority = checks.priority, queue = checks.text, timeout = checks.seconds,
  retries = checks.times, backoff = checks.seconds, when = checks.callable,
  fallback = checks.anything, limit = checks.count, window = checks.count, group = checks.count,
  result = checks.type_name, takes = checks.type_names, version = checks.text,
  journal = checks.flag, pipeline = checks.anything, with = checks.list,
}

-- What a step that is a pipeline may say besides: the rest is for the steps inside.
local FOR_PIPELINES = {
  name = true, pipeline = true, with = true, needs = true, each = true, after = true,
  priority = true, queue = true,
}

local function described(got)
  if type(got) == "string" then
    return ("%q"):format(got)
  end
  return type(got) == "number" and tostring(got) or "a " .. type(got)
end

local function wrong_option(name, got)
  local check = OPTIONS[name]
  if not check then
    return ("unknown option %s"):format(described(name))
  end
  local expected = check(got)
  return expected and ("%s: expected %s, got %s"):format(name, expected, described(got))
end

local function wrong_options(options)
  local problems = {}
  for name, got in pairs(options) do
    problems[#problems + 1] = wrong_option(name, got)
  end
  if options.name == nil then
    problems[#problems + 1] = "name: expected a string of letters, digits, _ and -, got nothing"
  end
  table.sort(problems)
  return problems
end

local function conflicts(options)
  local problems = {}
  local function report(wrong, text)
    if wrong then
      problems[#problems + 1] = text
    end
  end
  local kinds = 0
  for _, name in ipairs { "each", "items", "fold", "stream" } do
    kinds = kinds + (options[name] and 1 or 0)
  end
  report(kinds > 1, "each, items, fold and stream exclude each other")
  report(not options.run and not options.pipeline, "run: expected a function, got nothing")
  report(options.run and options.pipeline, "run and pipeline exclude each other")
  report(options.with and not options.pipeline, "with: only for a step that is a pipeline")
  report(options.backoff and not options.retries, "backoff: there are no retries")
  report(options.initial ~= nil and not options.fold, "initial: only for a step that folds")
  local takes_many = options.fold or options.stream
  for _, name in ipairs { "retries", "when", "fallback", "group", "limit", "timeout" } do
    report(takes_many and options[name] ~= nil, name .. ": not for a step that streams or folds")
  end
  report(options.window and options.fold, "window: say it where the elements come from")
  report(options.limit and not (options.each or options.items), "limit: only for a step of elements")
  return problems
end

local function conflicts_of_pipeline(options)
  local problems = {}
  for name in pairs(options) do
    if not FOR_PIPELINES[name] and OPTIONS[name] then
      problems[#problems + 1] = ("%s: say it in the steps of the pipeline"):format(name)
    end
  end
  table.sort(problems)
  return problems
end

--- A name or a list of names as a list.
function step.names(names)
  if type(names) == "string" then
    return { names }
  end
  return type(names) == "table" and names or {}
end

local function inputs_of(options)
  local inputs = {}
  local function add(kind, source)
    inputs[#inputs + 1] = { kind = kind, source = source }
  end
  for _, source in ipairs(step.names(options.each)) do
    add("item", source)
  end
  if options.items then
    add("item", false)
  end
  if options.fold then
    add("item", options.fold)
  end
  if #inputs > 0 then
    add("index")
  end
  for _, source in ipairs(step.names(options.needs)) do
    add("whole", source)
  end
  return inputs
end

--- Where the code `level` above the caller stands, as "file:line".
function step.place(level)
  local info = debug.getinfo(level + 1, "Sl")
  return info and info.currentline > 0 and ("%s:%d"):format(info.short_src, info.currentline)
end

--- Where a function is defined, as "file:line", for a step whose own place is not known: it is the value
--- of a tail call, or a plain table.
function step.place_of(fn)
  local info = type(fn) == "function" and debug.getinfo(fn, "S")
  return info and info.linedefined > 0 and ("%s:%d"):format(info.short_src, info.linedefined)
end

--- A record of the options of pipeline.step { ... }, defined at `where`.
function step.new(options, where)
  local problems = wrong_options(options)
  if #problems == 0 then
    local found = options.pipeline and conflicts_of_pipeline(options) or conflicts(options)
    table.move(found, 1, #found, 1, problems)
  end
  local record = {}
  for name, option in pairs(options) do
    record[name] = option
  end
  record.name = type(options.name) == "string" and options.name or "?"
  record.where, record.problems = where, problems
  record.after = step.names(options.after)
  record.items = type(options.items) == "table" and table.move(options.items, 1, #options.items, 1, {})
  record.inputs = #problems == 0 and inputs_of(options) or {}
  record.implicit = options.needs == nil and #record.inputs == 0
  return record
end

step.PREVIOUS = PREVIOUS

return step
