-- Metrics in Prometheus' text format (version 0.0.4): counters, gauges and histograms with labels.
--
--   local metrics = require "prometheus.metrics"
--   local registry = metrics.new()
--   local tasks = registry:counter("echo_tasks_total", "Tasks that have ended.", { "status" })
--   tasks:add(1, "done")
--   io.write(registry:text())
--
-- Label values may be any bytes that are UTF-8. Families are written in the order in which they were
-- made, their series sorted, so that the same numbers are the same text.

local metrics = {}

local Registry, Family = {}, {}
Registry.__index, Family.__index = Registry, Family

--- Writing ----------------------------------------------------------------------------------------

local ESCAPES = { ["\\"] = "\\\\", ["\n"] = "\\n", ['"'] = '\\"' }

local function escape_label(value)
  return (value:gsub('[\\\n"]', ESCAPES))
end

local function escape_help(text)
  return (text:gsub("[\\\n]", ESCAPES))
end

-- Not %g: a locale may write a comma, and 17 digits tell all of a float.
local function format_number(value)
  if value ~= value then
    return "NaN"
  elseif value == math.huge or value == -math.huge then
    return value > 0 and "+Inf" or "-Inf"
  elseif math.type(value) == "integer" then
    return ("%d"):format(value)
  end
  return (("%.17g"):format(value):gsub(",", "."))
end

-- For the bounds of buckets, which are part of a series' name: as short as they were written.
local function format_bound(value)
  local short = (("%.6g"):format(value):gsub(",", "."))
  return value == math.huge and "+Inf" or short
end

local function label_list(names, values)
  local parts = {}
  for i, name in ipairs(names) do
    parts[i] = ('%s="%s"'):format(name, escape_label(values[i]))
  end
  return table.concat(parts, ",")
end

local function sample(name, labels, value)
  local where = labels == "" and name or ("%s{%s}"):format(name, labels)
  return where .. " " .. format_number(value) .. "\n"
end

--- Families ---------------------------------------------------------------------------------------

local function check_name(name, pattern, what)
  if type(name) ~= "string" or not name:match(pattern) then
    error(("metrics: %s: not a valid name: %s"):format(what, tostring(name)), 4)
  end
end

function Family:series(...)
  local values = table.pack(...)
  if values.n ~= #self.labels then
    error(("metrics: %s has %d labels, got %d values"):format(self.name, #self.labels, values.n), 3)
  end
  for i = 1, values.n do
    values[i] = tostring(values[i])
  end
  local key = label_list(self.labels, values)
  local series = self.all[key]
  if not series then
    series = { value = 0, sum = 0, counts = {} }
    for i = 1, self.buckets and #self.buckets or 0 do
      series.counts[i] = 0
    end
    self.all[key] = series
  end
  return series
end

--- Counters and gauges: adds, or sets, the series with these label values.
function Family:add(amount, ...)
  local series = self:series(...)
  series.value = series.value + amount
end

function Family:set(value, ...)
  self:series(...).value = value
end

--- Histograms: enters a value.
function Family:observe(value, ...)
  local series = self:series(...)
  series.value, series.sum = series.value + 1, series.sum + value
  for i, bound in ipairs(self.buckets) do
    if value <= bound then
      series.counts[i] = series.counts[i] + 1
      return
    end
  end
end

function Family:histogram_text(labels, series)
  local lines, seen = {}, 0
  local comma = labels == "" and "" or ","
  for i, bound in ipairs(self.buckets) do
    seen = seen + series.counts[i]
    lines[i] = sample(self.name .. "_bucket", ('%s%sle="%s"'):format(labels, comma, format_bound(bound)), seen)
  end
  lines[#lines + 1] = sample(self.name .. "_bucket", ('%s%sle="+Inf"'):format(labels, comma), series.value)
  lines[#lines + 1] = sample(self.name .. "_sum", labels, series.sum)
  lines[#lines + 1] = sample(self.name .. "_count", labels, series.value)
  return table.concat(lines)
end

function Family:text()
  local keys = {}
  for key in pairs(self.all) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  local parts = { ("# HELP %s %s\n# TYPE %s %s\n"):format(self.name, escape_help(self.help), self.name, self.kind) }
  for _, key in ipairs(keys) do
    local series = self.all[key]
    parts[#parts + 1] = self.buckets and self:histogram_text(key, series) or sample(self.name, key, series.value)
  end
  return table.concat(parts)
end

--- Registries -------------------------------------------------------------------------------------

local function add_family(registry, kind, name, help, labels, buckets)
  check_name(name, "^[%a_:][%w_:]*$", "metric")
  for _, label in ipairs(labels or {}) do
    check_name(label, "^[%a_][%w_]*$", "label")
  end
  for _, family in ipairs(registry) do
    if family.name == name then
      error(("metrics: there is a metric %s already"):format(name), 3)
    end
  end
  local family = { kind = kind, name = name, help = help, labels = labels or {}, buckets = buckets, all = {} }
  registry[#registry + 1] = setmetatable(family, Family)
  return family
end

function Registry:counter(name, help, labels)
  return add_family(self, "counter", name, help, labels)
end

function Registry:gauge(name, help, labels)
  return add_family(self, "gauge", name, help, labels)
end

--- The buckets are upper bounds, from the smallest on.
function Registry:histogram(name, help, labels, buckets)
  return add_family(self, "histogram", name, help, labels, buckets)
end

function Registry:text()
  local parts = {}
  for i, family in ipairs(self) do
    parts[i] = family:text()
  end
  return table.concat(parts)
end

function metrics.new()
  return setmetatable({}, Registry)
end

return metrics
