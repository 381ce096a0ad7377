-- Pictures of recordings made at random: what has to hold for each of them. A failure names its seed.
-- ECHO_TIMELINE_ROUNDS=1000 tries more of them.

local includes = require "spec.lua.support.includes"
local random_trace = require "spec.lua.support.random_trace"
local written_trace = require "spec.lua.support.written_trace"
local timeline = require "echo.timeline"
local words = require "echo.timeline.words"
local xml = require "spec.lua.support.xml"

local ROUNDS = tonumber(os.getenv "ECHO_TIMELINE_ROUNDS") or 15
local SPAN = 1024
-- Columns of a microsecond, or of a part of one that is exact in binary: the order of adding is no matter.
local WIDTHS = { 1024 + 174, 512 + 174, 2048 + 174 }

local function each_seed(fn)
  for seed = 1, ROUNDS do
    math.randomseed(seed)
    local ok, raised = pcall(fn, seed)
    if not ok then
      error(("seed %d: %s"):format(seed, raised), 0)
    end
  end
end

local function draw(events, options)
  return timeline(written_trace.file(written_trace.text(events)), nil, options)
end

local function check(text, width)
  xml.check(text)
  assert(not text:find '"%-?nan' and not text:find '"%-?inf' and not text:find "[ MHVLC]%-?nan", "no number")
  for x, wide in text:gmatch '<rect class="[^"]*" x="([^"]*)" y="[^"]*" width="([^"]*)"' do
    assert(tonumber(x) >= 0 and tonumber(x) + tonumber(wide) <= width, "outside of the picture")
  end
  assert(#text < 4e6, "too large")
end

local function shuffled(events)
  local copy = table.move(events, 1, #events, 1, {})
  for index = #copy, 2, -1 do
    local other = math.random(index)
    copy[index], copy[other] = copy[other], copy[index]
  end
  return copy
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do
    lines[#lines + 1] = line
  end
  table.sort(lines)
  return lines
end

-- Raises the first line that one of them has alone.
local function same_lines(one, other)
  one, other = lines_of(one), lines_of(other)
  for index = 1, math.max(#one, #other) do
    if one[index] ~= other[index] then
      error(("%s\nhas become\n%s"):format(one[index], other[index]), 0)
    end
  end
end

-- Calls fn with a library hidden from require.
local function without(library, fn, argument)
  local loaded, preload = package.loaded[library], package.preload[library]
  package.loaded[library] = nil
  package.preload[library] = function()
    error "hidden"
  end
  local ok, result = pcall(fn, argument)
  package.loaded[library], package.preload[library] = loaded, preload
  return assert(ok and result, result)
end

describe("a recording made at random", function()
  after_each(written_trace.remove)

  it("is told in its picture", function()
    local texts = {}
    each_seed(function()
      local made = random_trace.sound(SPAN)
      local width = WIDTHS[math.random(#WIDTHS)]
      local text = draw(made.events, { width = width, title = "random" })
      check(text, width)
      texts[#texts + 1] = text
      includes(("%s · %s · %s busy"):format(words.counted(made.workers, "worker"), words.counted(made.tasks, "task"),
        words.share(made.busy / SPAN / made.workers)), text)
      assert.equal(made.flows > 0, text:find("until start", 1, true) ~= nil)
    end)
    xml.lint(texts)
  end)

  it("is the same picture in whatever order the events are", function()
    each_seed(function()
      local made = random_trace.sound(SPAN)
      local options = { width = WIDTHS[math.random(#WIDTHS)], title = "random" }
      same_lines(draw(made.events, options), draw(shuffled(made.events), options))
    end)
  end)

  it("is the same picture by either library", function()
    each_seed(function()
      local path = written_trace.file(written_trace.text(random_trace.sound(SPAN).events))
      same_lines(without("dkjson", timeline, path), without("cjson", timeline, path))
    end)
  end)

  it("of strange events makes a picture", function()
    local texts = {}
    each_seed(function()
      local text = draw(random_trace.strange(math.random(20, 300)), { width = 600 })
      check(text, 600)
      texts[#texts + 1] = text
    end)
    xml.lint(texts)
  end)
end)
