--- A recording as a picture, the text of an SVG file. How large it becomes depends on its width and the
--- number of threads, not on how long the recording is.

local charts = require "echo.timeline.charts"
local collect = require "echo.timeline.collect"
local head = require "echo.timeline.head"
local lanes = require "echo.timeline.lanes"
local sheet = require "echo.timeline.sheet"
local style = require "echo.timeline.style"
local survey = require "echo.timeline.survey"
local svg = require "echo.timeline.svg"
local ticks = require "echo.timeline.ticks"
local window = require "echo.timeline.window"

local picture = {}

local MOST_DRAWN = 128
local AXIS = 24
local HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">\n'
  .. "<title>%s</title>\n%s\n" .. '<rect class="back" width="100%%" height="100%%"/>'

-- The threads that get a lane, and how many get none.
local function threads_of(facts)
  local list, hidden, process = {}, 0, nil
  for _, thread in ipairs(facts.lanes) do
    if thread.used then
      process = process or thread.process
      facts.is_of_many = facts.is_of_many or thread.process ~= process
      if #list < MOST_DRAWN then
        list[#list + 1] = thread
      else
        hidden = hidden + 1
      end
    end
  end
  return list, hidden
end

local function window_of(facts, options)
  local from = facts.first + (options.from or 0) * 1e6
  local to = options.to and facts.first + options.to * 1e6 or facts.last
  if from > facts.last then
    return nil, ("from: expected a time before the recording's end, %.6f s, got %.6f"):format(
      (facts.last - facts.first) / 1e6, options.from)
  end
  return window.new(from, math.max(to, from), sheet.columns(options.width), facts.first)
end

local function axis(paper, top)
  local grid, view = {}, paper.window
  for _, tick in ipairs(ticks.of(view.from - view.origin, view.to - view.origin, view.width)) do
    local x = paper.left + view:x(tick.time + view.origin)
    grid[#grid + 1] = ("M%s %sV%s"):format(svg.number(x), svg.number(top), svg.number(paper.y + 4))
    paper:put(svg.text("small faint middle", x, paper.y + 16, tick.label))
  end
  paper.y = paper.y + AXIS
  return grid[1] and svg.path("grid", grid) or ""
end

local function draw(data, facts, title, hidden, width)
  local paper = sheet.new(width, data.window)
  head.draw(paper, data, facts, title, hidden)
  local grid, top = paper:reserve(), paper.y - 4
  lanes.draw(paper, data, facts)
  charts.draw(paper, data)
  paper.y = paper.y - 8
  paper.parts[grid] = axis(paper, top)
  local height = math.ceil(paper.y + 4)
  return HEAD:format(width, height, width, height, svg.escaped(title), style.element) .. "\n"
    .. table.concat(paper.parts, "\n") .. "\n</svg>\n"
end

--- The picture of the recording at `path`, or nil and what is wrong, and with which option if it is one.
--- Options: `width`, `title`, and if wanted `from` and `to`.
function picture.of(path, decode, options)
  local facts, problem = survey.of(path, decode)
  if not facts then
    return nil, problem
  end
  local view, wrong = window_of(facts, options)
  if not view then
    return nil, nil, wrong
  end
  local threads, hidden = threads_of(facts)
  local data
  data, problem = collect.from(path, decode, facts, view, threads)
  if not data then
    return nil, problem
  end
  return draw(data, facts, options.title, hidden, options.width)
end

return picture
