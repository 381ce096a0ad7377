-- Measures the editor while it scrolls through a file; with the plugin, it then compares each line's
-- tokens with those of the editor's own tokenizer. Loaded by the init.lua that probe.sh writes; what
-- it is to do is in the environment:
--
--   ECHO_PROBE_FILE     the file to open
--   ECHO_PROBE_REPORT   where the report is written to
--   ECHO_PROBE_SPEED    lines per second (1000)
--   ECHO_PROBE_EDITS    edits per second in the line that is at the top (0): new lines and comments that
--                       begin, the last of them undone now and then
--   ECHO_PROBE_SECONDS  for so long it scrolls, down and up again (20); then, without being measured,
--   ECHO_PROBE_LIMIT    no longer than that until the whole file has its tokens (120)
local core = require "core"
local config = require "core.config"
local tokenizer = require "core.tokenizer"

local function number(name, default)
  return tonumber(os.getenv(name) or "") or default
end

local path = assert(os.getenv("ECHO_PROBE_FILE"), "ECHO_PROBE_FILE is not set")
local speed = number("ECHO_PROBE_SPEED", 1000)
local edits = number("ECHO_PROBE_EDITS", 0)
local seconds = number("ECHO_PROBE_SECONDS", 20)
local limit = number("ECHO_PROBE_LIMIT", 120)

local _, plugin = pcall(require, "plugins.echo_highlight")
local view, doc
local started, last_frame, whole_after
local worst, worst_at = 0, 0
local gaps, plain_lines, plain_frames, seen_lines = {}, 0, 0, 0

-- -- while it scrolls ------------------------------------------------------------------------------

local function background()
  return type(plugin) == "table" and plugin.background_of(doc.highlighter)
end

local function is_whole()
  if background() then
    return background():is_done()
  end
  return doc.highlighter.first_invalid_line > #doc.lines
end

-- Down to the end of the file and up again, at the same speed.
local function scroll(now)
  local way = #doc.lines - 1
  local at = (now - started) * speed % (2 * way)
  local y = (at <= way and at or 2 * way - at) * view:get_line_height()
  view.scroll.y, view.scroll.to.y = y, y
  core.redraw = true
end

local TEXTS = { "x", "/* ", "*/ ", "\n", "\n\n" }
local edited = 0

local function edit(now)
  while edited < (now - started) * edits do
    edited = edited + 1
    if edited % 3 == 0 then
      doc:undo()
    else
      local line = view:get_visible_line_range()
      doc:insert(line, 1, TEXTS[edited % #TEXTS + 1])
    end
  end
end

local function count_plain()
  if not background() then
    return
  end
  local plain, first, last = 0, view:get_visible_line_range()
  for line = first, last do
    plain = plain + (background():get(line) and 0 or 1)
  end
  plain_lines, plain_frames = plain_lines + plain, plain_frames + (plain > 0 and 1 or 0)
  seen_lines = seen_lines + last - first + 1
end

local function frame(now)
  if last_frame then
    gaps[#gaps + 1] = now - last_frame
    if now - last_frame > worst then
      worst, worst_at = now - last_frame, now - started
    end
  end
  last_frame = now
  count_plain()
  if not whole_after and is_whole() then
    whole_after = now - started
  end
end

-- -- at the end ------------------------------------------------------------------------------------

local function same(a, b)
  if #a ~= #b then
    return false
  end
  for i = 1, #a do
    if a[i] ~= b[i] then
      return false
    end
  end
  return true
end

-- How many lines have other tokens than the editor's tokenizer gives, and the first one.
local function compare()
  if not background() then
    return "not compared"
  end
  local fps, state, differ, first = config.fps, nil, 0, nil
  config.fps = 1e-9 -- the tokenizer takes the time it needs
  for line, text in ipairs(doc.lines) do
    local tokens
    tokens, state = tokenizer.tokenize(doc.syntax, text, state)
    local kept = doc.highlighter:get_line(line)
    if not same(kept.tokens, tokens) or kept.state ~= state then
      differ, first = differ + 1, first or line
    end
  end
  config.fps = fps
  return ("%d lines%s"):format(differ, first and (", first %d"):format(first) or "")
end

local function errors()
  local list = {}
  for _, item in ipairs(core.log_items) do
    if item.level == "ERROR" then
      list[#list + 1] = "error          " .. item.text .. "\n"
    end
  end
  return table.concat(list)
end

local function report()
  local total, late = 0, 0
  for _, gap in ipairs(gaps) do
    total, late = total + gap, late + (gap > 0.025 and 1 or 0)
  end
  table.sort(gaps)
  return ([[
highlighter    %s
lines          %d of %s
fps            %.1f
median gap ms  %.1f
99 %% gap ms    %.1f
worst gap ms   %.1f, at %.1f s
gaps > 25 ms   %d of %d
whole after s  %s
plain lines    %d of %d, in %d frames
other tokens   %s
%s]]):format(background() and "echo" or "stock", #doc.lines, doc.syntax.name, #gaps / total,
    gaps[#gaps // 2] * 1000, gaps[#gaps * 99 // 100] * 1000, worst * 1000, worst_at, late, #gaps,
    whole_after and ("%.1f"):format(whole_after) or "not", plain_lines, seen_lines, plain_frames,
    compare(), errors())
end

local function finish()
  local file = assert(io.open(assert(os.getenv("ECHO_PROBE_REPORT")), "w"))
  file:write(report())
  file:close()
  core.quit(true)
end

local step = core.step
local done = false

function core.step(...)
  local now = system.get_time()
  if not view or done then
    return step(...)
  end
  scroll(now)
  edit(math.min(now, started + seconds))
  local drawn = step(...)
  now = system.get_time()
  if now - started <= seconds then
    frame(now)
  elseif is_whole() or now - started > limit then
    whole_after = whole_after or is_whole() and now - started
    done = true
    finish()
  end
  return drawn
end

core.add_thread(function()
  coroutine.yield(1) -- until the window is there
  doc = core.open_doc(path)
  view = core.root_view:open_doc(doc)
  started = system.get_time()
end)
