--- A live view of a scheduler in the terminal: workers, queues, delays, and the longest tasks.
--
--     local top = require "echo.top"
--     top.run(scheduler)                      -- polls and draws until all that was submitted has ended
--
-- or, in a loop of your own:
--
--     local view <close> = top.new(scheduler)
--     while working do
--       scheduler:poll(0.1)
--       view:draw()
--     end
--
-- It is drawn on the terminal's other screen, which is left when the view is closed, after an error
-- too; the last picture then stands below what was there before. Where standard output is no terminal
-- nothing is written.

local echo = require "echo"
local layout = require "echo.top.layout"
local check = require "echo.options"
local terminal = require "echo.top.terminal"

local top = {}

local View = {}
View.__index = View

local USUAL_INTERVAL = 0.5
local MOST_KEPT = 10

local OPTIONS = {
  stream = "stream",
  terminal = "boolean",
  colour = "boolean",
  width = "number",
  height = "number",
  interval = "number",
  clock = "function",
}

--- Checked arguments ------------------------------------------------------------------------------

local function check_option(name, value, level)
  local problem = check.problem_of(OPTIONS, name, value)
  if problem then
    error("top: " .. problem, level)
  elseif OPTIONS[name] == "number" and not (value > 0 and value < math.huge) then
    error(("top: %s: expected a number above 0, got %s"):format(name, value), level)
  end
end

local function check_seconds(seconds, level)
  if seconds ~= nil and not (type(seconds) == "number" and seconds >= 0) then
    error(("top: seconds: expected a number of at least 0, got %s"):format(tostring(seconds)), level)
  end
end

local function check_arguments(scheduler, options, level)
  if getmetatable(scheduler) ~= "echo.scheduler" then
    error(("top: scheduler: expected an echo.scheduler, got a %s"):format(type(scheduler)), level)
  elseif options ~= nil and type(options) ~= "table" then
    error(("top: options: expected a table, got a %s"):format(type(options)), level)
  end
  for name, value in pairs(options or {}) do
    check_option(name, value, level + 1)
  end
end

--- What is shown ----------------------------------------------------------------------------------

-- Keeps the longest, the longest first.
local function keep_longest(kept, ends)
  for _, e in ipairs(ends) do
    local last = kept[MOST_KEPT]
    if e.ran and (not last or e.ran > last.ran) then
      local place = #kept + 1
      while place > 1 and kept[place - 1].ran < e.ran do
        place = place - 1
      end
      table.insert(kept, place, e)
      kept[MOST_KEPT + 1] = nil
    end
  end
end

-- Rates are of the time since the picture before.
function View:look()
  local now, stats, before = self.clock(), self.scheduler:stats(), self.before
  local seconds = math.max(now - before.time, 1e-9)
  local data = { stats = stats, seconds = now - self.began, slowest = self.longest, workers = {} }
  data.rate = (stats.ended - before.stats.ended) / seconds
  for i, worker in ipairs(stats.per_worker) do
    local earlier = before.stats.per_worker[i]
    data.workers[i] = {
      busy = math.min((worker.busy - earlier.busy) / seconds, 1), -- the clock was read a moment before
      rate = (worker.executed - earlier.executed) / seconds,
    }
  end
  self.before = { time = now, stats = stats }
  return data
end

--- The interface ----------------------------------------------------------------------------------

--- Draws a picture, if the one before is older than the interval; with `now`, in any case.
function View:draw(now)
  if self.closed or not self.screen then
    return
  end
  if not now and self.clock() - self.before.time < self.interval and self.screen.open then
    return
  end
  local width, height = self.screen:size()
  -- The last column stays free: a character there makes some terminals wrap.
  self.screen:show(layout.lines(self:look(), width - 1, height, self.colour))
end

--- Polls and draws for so many seconds; without, until all that was submitted has ended and
--- nothing is expected any more.
function View:run(seconds)
  check_seconds(seconds, 3)
  local finish = self.clock() + (seconds or math.huge)
  repeat
    local _, expected = self.scheduler:poll(math.max(0, math.min(self.interval, finish - self.clock())))
    self:draw()
    local stats = self.scheduler:stats()
    local idle = expected == 0 and stats.ended == stats.submitted
  until self.clock() >= finish or seconds == nil and idle
  self.scheduler:poll()
  self.before = self.first -- the last picture shows the averages of the whole
  self:draw(true)
end

--- Leaves the terminal as it was. Harmless a second time.
function View:close()
  if self.closed then
    return
  end
  self.closed = true
  self.forget()
  if self.screen then
    self.screen:leave()
  end
end

View.__close = View.close
View.__gc = View.close

local function wants_colour(options)
  if options.colour ~= nil then
    return options.colour
  end
  return (os.getenv("NO_COLOR") or "") == ""
end

local function new(scheduler, options)
  local stream, clock = options.stream or io.stdout, options.clock or echo.now
  local view = {
    scheduler = scheduler,
    clock = clock,
    interval = options.interval or USUAL_INTERVAL,
    colour = wants_colour(options),
    longest = {},
    closed = false,
    began = clock(),
    before = { time = clock(), stats = scheduler:stats() },
  }
  view.first = view.before
  local shows = options.terminal
  if shows == nil then
    shows = terminal.is(stream)
  end
  view.screen = shows and terminal.screen(stream, clock, options.width, options.height) or nil
  local longest = view.longest -- not the view, which goes when its user lets go of it
  view.forget = scheduler:on_task_end(function(ends)
    keep_longest(longest, ends)
  end)
  return setmetatable(view, View)
end

--- top.new(scheduler, { stream = io.stdout, terminal =, colour =, width =, height =, interval = 0.5,
--- clock = }): a view, which is drawn by view:draw() and ended by view:close().
function top.new(scheduler, options)
  check_arguments(scheduler, options, 3)
  return new(scheduler, options or {})
end

--- top.run(scheduler, [seconds], [options]): a view for as long as this takes, see view:run.
function top.run(scheduler, seconds, options)
  check_arguments(scheduler, options, 3)
  check_seconds(seconds, 3)
  local view <close> = new(scheduler, options or {})
  view:run(seconds)
end

return top
