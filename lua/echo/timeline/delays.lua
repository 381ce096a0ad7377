--- How long tasks waited from their submit to their start: a flow's beginning and end and the task's first
--- stretch come in any order, and are brought together by the task's number.

local generations = require "echo.timeline.generations"

local delays = {}

local Delays = {}
Delays.__index = Delays

-- A task that waits while so many others are submitted is not followed to its start.
local MOST_WAITING = 1 << 18
local MOST_UNTOLD = 1 << 15
local MOST_LINKS = 60
local BINS_A_DECADE = 12
local SHORTEST = 0.1
local POINT_COLUMNS = 2

function delays.new(window)
  return setmetatable({
    window = window, submitted = generations.new(MOST_WAITING), started = generations.new(MOST_UNTOLD),
    delayed = generations.new(MOST_UNTOLD), classes = generations.new(MOST_UNTOLD), cells = {}, histograms = {},
    links = {}, submitters = generations.new(MOST_WAITING), longest = 0, count = 0, starts = 0,
  }, Delays)
end

local function bin(delay)
  return math.floor(math.log(math.max(delay, SHORTEST) / SHORTEST, 10) * BINS_A_DECADE)
end

--- The delay, in microseconds, that a bin begins with; `of` bins make a decade.
function delays.of_bin(index)
  return SHORTEST * 10 ^ (index / BINS_A_DECADE)
end

local function entry(all, class)
  local one = all[class]
  if not one then
    one = {}
    all[class] = one
  end
  return one
end

local function add(self, class, start, delay)
  local row = bin(delay)
  local cell = self.window:x(start) // POINT_COLUMNS * POINT_COLUMNS
  entry(entry(self.cells, class), row)[cell] = true
  local histogram = entry(self.histograms, class)
  histogram[row] = (histogram[row] or 0) + 1
  histogram.count = (histogram.count or 0) + 1
  self.longest, self.count = math.max(self.longest, delay), self.count + 1
end

local function tell(self, known, class)
  add(self, class, known.start, known.delay)
  if known.link then
    known.link.class = class
  end
end

local function link(self, from, submit, to, start)
  if not self.links or #self.links >= MOST_LINKS then
    self.links = nil
    return
  end
  local new = { from = from, submit = submit, to = to, start = start, class = "other" }
  self.links[#self.links + 1] = new
  return new
end

local function pair(self, id, submit, start, lane)
  local from = self.submitters:take(id)
  if not self.window:has(start) then
    return
  end
  local known = { start = start, delay = math.max(start - submit, 0) }
  known.link = self.links and link(self, from, submit, lane, start)
  local class = self.classes:take(id)
  if class then
    tell(self, known, class)
  else
    self.delayed:set(id, known)
  end
end

--- A task was submitted at that time, by the thread of that lane.
function Delays:submit(id, time, lane)
  if self.links and lane then
    self.submitters:set(id, lane)
  end
  local start = self.started:take(id)
  if start then
    pair(self, id, time, start.time, start.lane)
  else
    self.submitted:set(id, time)
  end
end

--- A task was started.
function Delays:start(id, time, lane)
  self.starts = self.starts + (self.window:has(time) and 1 or 0)
  local submit = self.submitted:take(id)
  if submit then
    pair(self, id, submit, time, lane)
  else
    self.started:set(id, { time = time, lane = lane })
  end
end

--- A stretch of a task, which says of what class it is.
function Delays:stretch(id, class)
  local known = self.delayed:take(id)
  if known then
    tell(self, known, class)
  else
    self.classes:set(id, class)
  end
end

--- Those of whom no stretch was seen are of no class.
function Delays:finish()
  self.delayed:each(function(known)
    tell(self, known, "other")
  end)
end

--- How many tasks were started of whose submit nothing is known: it was not recorded, or it is forgotten.
function Delays:unknown()
  return self.starts - self.count
end

--- About how long the given share of the class's tasks waited at most, in microseconds, or nil.
function Delays:quantile(class, share)
  local histogram = self.histograms[class]
  if not histogram then
    return
  end
  local wanted, seen, row = histogram.count * share, 0, -1
  repeat
    row = row + 1
    seen = seen + (histogram[row] or 0)
  until seen >= wanted or row > bin(self.longest)
  return delays.of_bin(row + 0.5)
end

delays.point_columns = POINT_COLUMNS
return delays
