-- Reads Prometheus' text format (version 0.0.4) strictly, after its grammar: raises an error that
-- names the line for anything that a server would refuse or misread. Returns the families by name:
-- { help =, kind =, samples = { { name =, labels = {}, value = } ... } }.

local KINDS = { counter = true, gauge = true, histogram = true, summary = true, untyped = true }
local UNESCAPED = { ["\\"] = "\\", ["n"] = "\n", ['"'] = '"' }

local function parse_value(text)
  if text == "+Inf" or text == "-Inf" then
    return text == "+Inf" and math.huge or -math.huge
  elseif text == "NaN" then
    return 0 / 0
  end
  return text:match("^[+-]?%d+%.?%d*[eE]?[+-]?%d*$") and tonumber(text)
end

-- Returns the labels and what follows the closing brace.
local function parse_labels(text, fail)
  local labels, rest, key = {}, text, ""
  while not rest:match("^}") do
    local name, after = rest:match('^([%a_][%w_]*)="(.*)$')
    if not name then
      fail("no label where one must be: " .. rest)
    elseif labels[name] then
      fail("label twice: " .. name)
    end
    local value, at = {}, 1
    while after:sub(at, at) ~= '"' do
      local c = after:sub(at, at)
      if c == "" then
        fail("label value without an end")
      elseif c == "\\" then
        at = at + 1
        c = UNESCAPED[after:sub(at, at)] or fail("no such escape: \\" .. after:sub(at, at))
      end
      value[#value + 1] = c
      at = at + 1
    end
    labels[name] = table.concat(value)
    if not utf8.len(labels[name]) then
      fail("label value is not UTF-8")
    end
    key = key .. name .. "\0" .. labels[name] .. "\1"
    rest = after:sub(at + 1):match("^,(.*)$") or after:sub(at + 1)
  end
  return labels, rest:sub(2), key
end

local function parse_sample(line, fail)
  local name, rest = line:match("^([%a_:][%w_:]*)(.*)$")
  if not name then
    fail("not a sample")
  end
  local labels, key = {}, ""
  if rest:match("^{") then
    labels, rest, key = parse_labels(rest:sub(2), fail)
  end
  local value = parse_value(rest:match("^ (%S+)$") or "")
  return { name = name, labels = labels, value = value or fail("no value: " .. rest), key = name .. "\2" .. key }
end

-- The family that a sample belongs to, which must be the last one that was opened.
local function belongs(sample, current)
  if current.kind == "histogram" then
    local suffix = sample.name:sub(1, #current.name) == current.name and sample.name:sub(#current.name + 1)
    return suffix == "_bucket" or suffix == "_sum" or suffix == "_count"
  end
  return sample.name == current.name
end

local function series_key(labels)
  local parts = {}
  for name, value in pairs(labels) do
    if name ~= "le" then
      parts[#parts + 1] = name .. "\0" .. value
    end
  end
  table.sort(parts)
  return table.concat(parts, "\1")
end

local function check_histogram(family)
  local all = {}
  for _, sample in ipairs(family.samples) do
    local key = series_key(sample.labels)
    local series = all[key] or { bound = -math.huge, seen = 0 }
    all[key] = series
    if sample.name == family.name .. "_bucket" then
      local bound = parse_value(sample.labels.le or "")
      assert(bound and bound > series.bound, family.name .. ": bounds must rise: " .. tostring(sample.labels.le))
      assert(sample.value >= series.seen, family.name .. ": buckets must not fall")
      series.bound, series.seen = bound, sample.value
    else
      series[sample.name] = sample.value
    end
  end
  for _, series in pairs(all) do
    assert(series.bound == math.huge, family.name .. ": no bucket of +Inf")
    assert(series[family.name .. "_count"] == series.seen, family.name .. ": _count is not the last bucket")
    assert(series[family.name .. "_sum"], family.name .. ": no _sum")
  end
end

local function check_counter(family)
  for _, sample in ipairs(family.samples) do
    assert(sample.value >= 0, family.name .. ": a counter below 0")
  end
end

local function unescape_help(text, fail)
  return (text:gsub("\\(.?)", function(c)
    return c == "n" and "\n" or c == "\\" and "\\" or fail("no such escape in HELP: \\" .. c)
  end))
end

return function(text)
  local families, seen, current, number = {}, {}, nil, 0
  local function fail(why)
    error(("line %d: %s"):format(number, why), 0)
  end
  if text ~= "" and text:sub(-1) ~= "\n" then
    error("the last line has no end", 0)
  end
  for line in text:gmatch("(.-)\n") do
    number = number + 1
    local help_of, help = line:match("^# HELP ([%a_:][%w_:]*) (.*)$")
    local type_of, kind = line:match("^# TYPE ([%a_:][%w_:]*) (%a+)$")
    if help_of then
      if families[help_of] then
        fail("a family twice: " .. help_of)
      end
      current = { name = help_of, help = unescape_help(help, fail), samples = {} }
      families[help_of] = current
    elseif type_of then
      if not current or current.name ~= type_of or current.kind or #current.samples > 0 then
        fail("a TYPE that is out of place")
      end
      current.kind = KINDS[kind] and kind or fail("no such type: " .. kind)
    elseif line:match("^#") or line == "" then
      fail("not a line that ought to be here: " .. line)
    else
      local sample = parse_sample(line, fail)
      if not current or not current.kind or not belongs(sample, current) then
        fail("a sample outside of its family: " .. sample.name)
      elseif seen[sample.key] then
        fail("a series twice")
      end
      seen[sample.key] = true
      current.samples[#current.samples + 1] = sample
    end
  end
  for _, family in pairs(families) do
    local check = family.kind == "histogram" and check_histogram or family.kind == "counter" and check_counter
    if check then
      check(family)
    end
  end
  return families
end
