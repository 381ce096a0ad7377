-- mod-version:3 --priority:50
--
-- Highlights in the background: the editor's tokenizer runs in Echo's workers, for the lines that are
-- seen first. See README.md.
local core = require "core"
local common = require "core.common"
local config = require "core.config"
local syntax = require "core.syntax"
local Doc = require "core.doc"
local DocView = require "core.docview"
local Highlighter = require "core.doc.highlighter"
local Background = require "plugins.echo_highlight.background"
local language = require "plugins.echo_highlight.language"
local packing = require "plugins.echo_highlight.packing"
local pool = require "plugins.echo_highlight.pool"

config.plugins.echo_highlight = common.merge({
  -- Threads; nil: one less than there are processors, as the editor needs one itself.
  workers = nil,
  -- Seconds that a frame waits for tokens of lines that it shows, before it shows them without.
  grace = 0.004,
  -- Jobs that are under way for lines that nobody sees, per document.
  depth = 6,
}, config.plugins.echo_highlight)
local settings = config.plugins.echo_highlight

local scheduler = pool.open(settings)
if not scheduler then
  return
end

-- -- documents -------------------------------------------------------------------------------------

local backgrounds = setmetatable({}, { __mode = "k" }) -- by highlighter; false: left to the editor
local languages = setmetatable({}, { __mode = "k" }) -- by syntax
local stock = {}

local function language_of(highlighter)
  local base = highlighter.doc.syntax
  local made = languages[base]
  if not made or made.count ~= #syntax.items then -- what is embedded by name may be another now
    made = { count = #syntax.items }
    made.language, made.message = language.new(base, syntax.get)
    languages[base] = made
  end
  return made.language, made.message
end

local function arrived(highlighter, first, last)
  for _, range in ipairs(highlighter.echo_seen or {}) do
    core.redraw = core.redraw or first <= range.last and last >= range.first
  end
  highlighter:update_notify(first, last - first)
end

local function failed(highlighter, err)
  backgrounds[highlighter] = false
  highlighter.first_invalid_line = 1
  core.redraw = true
  local say = err.kind == "long" and core.log or core.error
  say("Echo highlighter: %s is left to the editor's own: %s", highlighter.doc:get_name(), err.message or err)
end

local function new_background(highlighter)
  local made, message = language_of(highlighter)
  if not made then
    failed(highlighter, message)
    return false
  end
  return Background.new {
    doc = highlighter.doc,
    language = made,
    submit = pool.submit,
    depth = settings.depth,
    arrived = function(first, last) arrived(highlighter, first, last) end,
    failed = function(err) failed(highlighter, err) end,
  }
end

local function background_of(highlighter)
  local base = highlighter.doc.syntax
  if backgrounds[highlighter] == nil and base and #base.patterns > 0 then
    backgrounds[highlighter] = new_background(highlighter)
  end
  return backgrounds[highlighter]
end

local function forget(highlighter)
  if backgrounds[highlighter] then
    backgrounds[highlighter]:close()
  end
  backgrounds[highlighter] = nil
end

-- -- what the editor calls ---------------------------------------------------------------------------

local function replace(class, name, method)
  stock[name] = class[name]
  class[name] = method
end

local is_drawing = false

local function tokenize_here(highlighter, idx)
  local previous = highlighter.lines[idx - 1]
  local background = backgrounds[highlighter]
  local state = background:get(idx - 1) and background:state_after(idx - 1)
  local line = highlighter:tokenize_line(idx, state or previous and previous.state)
  highlighter.lines[idx] = line
  highlighter:update_notify(idx, 0)
  return line
end

-- The editor draws token by token, up to the edge of the window.
local function plain_line(text)
  local rest = text:find("[^\x80-\xBF]", 2000) -- where a character begins
  local tokens = rest and { "normal", text:sub(1, rest - 1), "normal", text:sub(rest) } or { "normal", text }
  return { text = text, tokens = tokens, init_state = "\0", state = "\0" }
end

-- A drawing takes what is there. Who else asks, as a command that looks at the cursor's line, gets what
-- the editor's own highlighter would give.
replace(Highlighter, "get_line", function(self, idx)
  local background = background_of(self)
  if not background then
    return stock.get_line(self, idx)
  end
  local line, text = self.lines[idx], self.doc.lines[idx]
  local packed = background:get(idx)
  if line and line.text == text and line.packed == packed then
    return line
  elseif packed then
    self.lines[idx] = packing.unpack(packed, text, background.language.types)
    return self.lines[idx]
  elseif is_drawing then
    return plain_line(text)
  end
  return tokenize_here(self, idx)
end)

replace(Highlighter, "soft_reset", function(self)
  stock.soft_reset(self)
  forget(self)
end)

replace(Highlighter, "insert_notify", function(self, line, count)
  stock.insert_notify(self, line, count)
  if backgrounds[self] then
    backgrounds[self]:edit(line, 1, count + 1)
  end
end)

replace(Highlighter, "remove_notify", function(self, line, count)
  stock.remove_notify(self, line, count)
  if backgrounds[self] then
    backgrounds[self]:edit(line, count + 1, 1)
  end
end)

replace(Doc, "reset", function(self)
  if self.highlighter then
    forget(self.highlighter)
  end
  return stock.reset(self)
end)

replace(Doc, "on_close", function(self)
  forget(self.highlighter)
  return stock.on_close(self)
end)

-- -- frames ----------------------------------------------------------------------------------------

local frame_end = 0 -- of the time that this frame may wait

local function is_there(background, first, last)
  for line = first, last do
    if not background:get(line) then
      return false
    end
  end
  return true
end

local function wait_for(background, first, last)
  local now = system.get_time()
  while now < frame_end and not background.closed and not is_there(background, first, last) do
    scheduler:poll(frame_end - now)
    now = system.get_time()
  end
end

-- The lines that a view shows, and where it is going to: two pages, or one in each direction.
local function range_of(view)
  local first, last = view:get_visible_line_range()
  local page = last - first + 1
  local moved = first - (view.echo_first or first)
  view.echo_first = first
  local before = moved < 0 and 2 * page or moved > 0 and 0 or page
  return { first = first, last = last, from = first - before, to = last + 2 * page - before }
end

local drawn = {} -- in this frame: the ranges of each highlighter

local function draw(view)
  local highlighter = view.doc.highlighter
  local background = background_of(highlighter)
  if not background then
    return stock.draw(view)
  end
  if not drawn[highlighter] then
    drawn[highlighter] = {}
    highlighter.echo_seen = drawn[highlighter]
  end
  local range = range_of(view)
  table.insert(drawn[highlighter], range)
  background:want(range.first, range.last, "high")
  wait_for(background, range.first, range.last)
  is_drawing = true
  stock.draw(view)
  is_drawing = false
end

-- When all views are drawn: what else is to be done for their documents.
local function look_ahead(background, ranges)
  local wide = {}
  for i, range in ipairs(ranges) do
    background:want(range.last + 1, range.to, "normal")
    background:want(range.from, range.first - 1, "normal")
    wide[i] = { first = range.from, last = range.to }
  end
  background:look_at(wide)
  background:advance()
end

replace(DocView, "draw", draw)

-- Results are taken whenever the loop goes round, and they make it go round.
replace(core, "step", function(...)
  is_drawing = false
  pool.deliver()
  frame_end = system.get_time() + settings.grace
  local did_draw = stock.step(...)
  for highlighter, ranges in pairs(drawn) do
    if backgrounds[highlighter] then
      look_ahead(backgrounds[highlighter], ranges)
    end
  end
  drawn = {}
  return did_draw
end)

return { scheduler = scheduler, background_of = background_of }
