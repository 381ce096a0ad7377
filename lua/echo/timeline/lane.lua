--- What one thread did: stretches that are wide enough to be seen one by one, the others as how much of
--- each column they cover; and what there is to mark.
--
-- How wide is wide enough is decided for all lanes together, by a budget, and goes up as it is used up.

local columns = require "echo.timeline.columns"

local lane = {}

local Lane = {}
Lane.__index = Lane

local MARKED = { interrupted = true, suspended = true, failed = true, cancelled = true }
local MARK_COLUMNS = 4
local IN_PARTS = { interrupted = true, suspended = true, yielded = true }

--- The budget of all lanes of a picture: at most so many stretches one by one.
function lane.budget(most)
  return { most = most, count = 0, narrowest = 2, lanes = {} }
end

--- The lane of a thread, which `window` is drawn of.
function lane.new(thread, window, budget)
  local new = setmetatable({ thread = thread, window = window, budget = budget, stretches = {}, covered = {},
    counts = {}, busy = columns.new(window.width), marks = {}, marked = {}, tasks = {} }, Lane)
  budget.lanes[#budget.lanes + 1] = new
  return new
end

function Lane:blur(class, x1, x2)
  local covered, counts = self.covered[class], self.counts[class]
  if not covered then
    covered, counts = columns.new(self.window.width), {}
    self.covered[class], self.counts[class] = covered, counts
  end
  covered:cover(x1, x2)
  local column = math.min(x1 // 1, self.window.width - 1)
  counts[column] = (counts[column] or 0) + 1
end

-- Twice as wide is wide enough from now on, if there are too many.
local function tighten(budget)
  while budget.count > budget.most do
    budget.narrowest = budget.narrowest * 2
    budget.count = 0
    for _, each in ipairs(budget.lanes) do
      local kept = {}
      for _, stretch in ipairs(each.stretches) do
        if stretch.x2 - stretch.x1 >= budget.narrowest then
          kept[#kept + 1] = stretch
        else
          each:blur(stretch.class, stretch.x1, stretch.x2)
        end
      end
      each.stretches = kept
      budget.count = budget.count + #kept
    end
    if budget.narrowest > budget.lanes[1].window.width then
      return
    end
  end
end

local function keep(self, stretch)
  local budget = self.budget
  self.stretches[#self.stretches + 1] = stretch
  budget.count = budget.count + 1
  if budget.count > budget.most then
    tighten(budget)
  end
end

function Lane:mark(what, x)
  local marks = self.marks[what]
  if not marks then
    marks = {}
    self.marks[what] = marks
  end
  local cell = x // MARK_COLUMNS
  marks[cell] = math.max(marks[cell] or x, x)
  self.marked[what] = (self.marked[what] or 0) + 1
end

--- Adds a stretch: `first`, `last` (microseconds), `class`, `name`, `ended`, `id`, `queue`.
function Lane:add(stretch)
  local window, class = self.window, stretch.class
  if stretch.last < window.from or stretch.first > window.to then
    return
  end
  local x1, x2 = window:x(stretch.first), window:x(stretch.last)
  if class ~= "submit" and class ~= "wait" then
    self.busy:cover(x1, x2)
    if not IN_PARTS[stretch.ended] then
      self.tasks[class] = (self.tasks[class] or 0) + 1
    end
  end
  if MARKED[stretch.ended] and stretch.last <= window.to then
    self:mark(stretch.ended, x2)
  end
  if x2 - x1 >= self.budget.narrowest then
    stretch.x1, stretch.x2 = x1, x2
    keep(self, stretch)
  else
    self:blur(class, x1, x2)
  end
end

--- The share of the window in which a task ran.
function Lane:share()
  local sums, total = self.busy:sum(), 0
  for column = 0, self.window.width - 1 do
    total = total + math.min(sums[column], 1)
  end
  return total / self.window.width
end

return lane
