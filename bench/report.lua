-- How the benchmarks tell what they measured, so that people and bench/run can both read it.
--
-- A sheet holds rows: who answered which question, in which unit, with one value for each round. One
-- of those who answer a question may be its floor: what the system itself takes, without a library.
-- `print` writes a table; with BENCH_ROWS set it writes a line for each row instead, of fields with
-- tabs between, which `gather` reads. BENCH_SCALE multiplies how much is measured (bench/run --quick).
-- bench/report.h is the same for programs in C.

local report = {}
local sheet = {}
sheet.__index = sheet

local SCALE = tonumber(os.getenv "BENCH_SCALE" or 1) or error "BENCH_SCALE: expected a number"

-- So many of something, or as the scale wants it.
function report.count(number, least)
  return math.max(least or 1, math.floor(number * SCALE))
end

function report.new()
  return setmetatable({ rows = {}, by_name = {}, skipped = {} }, sheet)
end

function report.quantile(values, q)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  return sorted[math.max(1, math.ceil(#sorted * q))]
end

function report.median(values)
  return report.quantile(values, 0.5)
end

local function row_of(self, question, who, unit)
  local name = question .. "\t" .. who
  if not self.by_name[name] then
    local row = { question = question, who = who, unit = unit, values = {} }
    self.by_name[name] = row
    table.insert(self.rows, row)
  end
  return self.by_name[name]
end

-- One value of one round. Returns it.
function sheet:add(question, who, unit, value)
  table.insert(row_of(self, question, who, unit).values, value)
  return value
end

-- The same of what is the question's floor.
function sheet:add_floor(question, who, unit, value)
  row_of(self, question, who, unit).floor = true
  return self:add(question, who, unit, value)
end

-- The 50th and the 99th percentile of what one round took.
function sheet:add_quantiles(question, who, unit, values, floor)
  local add = floor and self.add_floor or self.add
  add(self, question .. ", p50", who, unit, report.quantile(values, 0.5))
  add(self, question .. ", p99", who, unit, report.quantile(values, 0.99))
end

-- Who was not measured, and why; at a certain question or at all.
function sheet:skip(who, why)
  if not self.skipped[who] then
    self.skipped[who] = why
    table.insert(self.skipped, who)
  end
end

-- Whether more of it is better: rates, and how many times as fast as one thread.
function report.is_rate(unit)
  return unit:find "/s$" ~= nil or unit == "times one"
end

-- How many times as much `row` costs as `other`, round by round where both have the same rounds:
-- median, least, most.
function report.ratio(row, other)
  local a, b = row.values, other.values
  if report.is_rate(row.unit) then a, b = b, a end
  if #a ~= #b then
    local only = report.median(a) / report.median(b)
    return only, only, only
  end
  local ratios = {}
  for i = 1, #a do ratios[i] = a[i] / b[i] end
  return report.median(ratios), report.quantile(ratios, 0), report.quantile(ratios, 1)
end

-- The rows by question, in the order in which they came: { { question, rows, echo, floor } }.
function report.by_question(rows)
  local list, found = {}, {}
  for _, row in ipairs(rows) do
    local group = found[row.question]
    if not group then
      group = { question = row.question, rows = {} }
      found[row.question], list[#list + 1] = group, group
    end
    table.insert(group.rows, row)
    if row.floor then group.floor = row end
    if row.who == "echo" then group.echo = row end
  end
  return list
end

local function times(row, other)
  if not other or row == other then return "" end
  local ratio = report.ratio(row, other)
  return ratio == ratio and (ratio < 100 and "%.2f" or "%.0f"):format(ratio) or ""
end

-- Not by print, which some libraries turn into a log.
local function say(form, ...)
  io.write(form:format(...), "\n")
end

local function print_table(self)
  say("%-44s %11s %11s %11s  %-10s %8s %8s", "", "median", "least", "most", "", "x echo",
    "x floor")
  for _, group in ipairs(report.by_question(self.rows)) do
    say("%s", group.question)
    for _, row in ipairs(group.rows) do
      say("  %-42s %11.5g %11.5g %11.5g  %-10s %8s %8s", row.who, report.median(row.values),
        report.quantile(row.values, 0), report.quantile(row.values, 1), row.unit,
        times(row, group.echo), times(row, group.floor))
    end
  end
  for _, who in ipairs(self.skipped) do say("%s: %s", who, self.skipped[who]) end
end

local function print_rows(self)
  for _, row in ipairs(self.rows) do
    local values = {}
    for i, value in ipairs(row.values) do values[i] = ("%.9g"):format(value) end
    say("row\t%s\t%s\t%s\t%s\t%s", row.question, row.who, row.unit, row.floor and "floor" or "",
      table.concat(values, " "))
  end
  for _, who in ipairs(self.skipped) do say("skip\t%s\t%s", who, self.skipped[who]) end
  io.flush()
end

function sheet:print()
  if os.getenv "BENCH_ROWS" then print_rows(self) else print_table(self) end
end

function sheet:read(line)
  local question, who, unit, floor, values = line:match("^row\t(.-)\t(.-)\t(.-)\t(.-)\t(.+)$")
  if question then
    for value in values:gmatch "%S+" do
      self[floor == "floor" and "add_floor" or "add"](self, question, who, unit, tonumber(value))
    end
  else
    local whom, why = line:match("^skip\t(.-)\t(.*)$")
    if whom then self:skip(whom, why) end
  end
end

-- Runs a benchmark's command and adds what it measured; true, or nil and why it ended.
function sheet:gather(command)
  local pipe = assert(io.popen("BENCH_ROWS=1 " .. command))
  for line in pipe:lines() do self:read(line) end
  local well, how, code = pipe:close()
  return well, not well and ("%s %d"):format(how == "signal" and "signal" or "status", code) or nil
end

return report
