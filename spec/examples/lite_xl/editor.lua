-- As much of an editor with Lite XL's interface as the plugin uses: a program of its own, in which a
-- spec's script runs.
--
-- Usage: lua5.4 editor.lua FOLDER SCRIPT [without echo | native]
--
-- FOLDER is the user directory that the plugin is installed in.
local folder, script, without = arg[1], arg[2], arg[3]
local here = arg[0]:match("^(.*)/")
package.path = ("%s/?.lua;%s/?/init.lua;%s/?.lua"):format(folder, folder, here)
package.cpath = folder .. "/?.so"
local host = package.loadlib(folder .. "/host.so", os.getenv("EDITOR_SDL") and "*" or "luaopen_host")
host = os.getenv("EDITOR_SDL") and assert(package.loadlib(folder .. "/host.so", "luaopen_host"))() or host()

package.searchers[3] = function(name)
  local path, message = package.searchpath(name, package.cpath)
  if not path or name:match("[^.]+$") == without then
    return message or "\n\tnot installed"
  end
  return function() return host.load(name:match("[^.]+$"), path) end, path
end
package.searchers[4] = nil

-- -- what is part of the program ---------------------------------------------------------------------

local syntaxes = require "syntaxes"
local echo

_G.system = { get_time = function() return echo and echo.now() or os.time() end }
package.loaded.utf8extra = { len = string.len, find = string.find, charpattern = utf8.charpattern }
_G.regex = { cmatch = string.find, ANCHORED = 16, find_offsets = function() end }
package.loaded.regex = _G.regex
local dirmonitor = { watched = {}, checks = 0 }
_G.dirmonitor = dirmonitor
function dirmonitor.new()
  local monitor = {}
  function monitor:watch(path)
    self.file = assert(io.open(path))
    dirmonitor.watched[#dirmonitor.watched + 1] = self
  end
  function monitor.check() dirmonitor.checks = dirmonitor.checks + 1 end
  return monitor
end

-- -- core --------------------------------------------------------------------------------------------

local core = { errors = {}, redraw = false, drawn = {}, views = {} }
package.loaded.core = core
package.loaded["core.config"] = { fps = 60, plugins = {} }
package.loaded["core.syntax"] = { items = {}, get = syntaxes.find }
package.loaded["core.common"] = {
  merge = function(a, b)
    local merged = {}
    for _, from in ipairs { a, b or {} } do
      for key, value in pairs(from) do
        merged[key] = value
      end
    end
    return merged
  end,
}
function core.error(format, ...)
  core.errors[#core.errors + 1] = format:format(...)
end
function core.log(format, ...)
  core.logged = format:format(...)
end
function core.step()
  core.drawn = {}
  for _, view in ipairs(core.views) do
    view:draw()
  end
end

local tokenizer = require "core.tokenizer"
local Highlighter = {}
Highlighter.__index = Highlighter
package.loaded["core.doc.highlighter"] = Highlighter
function Highlighter:soft_reset() self.lines = {} end
function Highlighter.insert_notify() end
function Highlighter.remove_notify() end
function Highlighter:update_notify(line, more) self.notified = { line, line + more } end
function Highlighter:tokenize_line(idx, state)
  local line = { init_state = state, text = self.doc.lines[idx], here = true }
  line.tokens, line.state = tokenizer.tokenize(self.doc.syntax, line.text, state)
  return line
end
function Highlighter:get_line(idx)
  self.lines[idx] = self:tokenize_line(idx, idx > 1 and self:get_line(idx - 1).state or nil)
  return self.lines[idx]
end

local Doc = {}
Doc.__index = Doc
package.loaded["core.doc"] = Doc
function Doc:reset()
  self.lines = { "\n" }
  self.highlighter = setmetatable({ doc = self }, Highlighter)
  self.highlighter:soft_reset()
end
function Doc.on_close() end
function Doc:get_name() return self.name end
function Doc:insert(line, texts) -- the line is replaced by these
  table.remove(self.lines, line)
  for i, text in ipairs(texts) do
    table.insert(self.lines, line + i - 1, text)
  end
  self.highlighter:insert_notify(line, #texts - 1)
end
function Doc:remove(line, count)
  for _ = 1, count do
    table.remove(self.lines, line + 1)
  end
  self.highlighter:remove_notify(line, count)
end

local DocView = {}
DocView.__index = DocView
package.loaded["core.docview"] = DocView
function DocView:get_visible_line_range()
  return self.first, math.min(self.first + 9, #self.doc.lines)
end
function DocView:draw()
  for line = self.first, select(2, self:get_visible_line_range()) do
    core.drawn[line] = self.doc.highlighter:get_line(line)
  end
end

-- -- for scripts -------------------------------------------------------------------------------------

local editor = { core = core, host = host, tokenizer = tokenizer }

function editor.open(name, lines)
  local doc = setmetatable({ name = name, syntax = syntaxes.find(name) }, Doc)
  doc:reset()
  doc.lines = lines
  core.views = {}
  return doc, editor.show(doc, 1)
end

function editor.show(doc, first)
  local view = setmetatable({ doc = doc, first = first }, DocView)
  table.insert(core.views, view)
  return view
end

-- Goes round the loop until it is so.
function editor.until_true(condition)
  for _ = 1, 2000 do
    core.step()
    if condition() then
      return
    end
    if editor.plugin then
      editor.plugin.scheduler:poll(0.01)
    end
  end
  error("it has not come to that", 2)
end

function editor.is_done(doc)
  return function()
    return editor.plugin.background_of(doc.highlighter):is_done()
  end
end

-- The lines whose tokens are not what the tokenizer gives from the top.
function editor.differing(doc)
  local list, state = {}, nil
  for line, text in ipairs(doc.lines) do
    local tokens
    tokens, state = tokenizer.tokenize(doc.syntax, text, state)
    local kept = doc.highlighter:get_line(line)
    if table.concat(kept.tokens, "|") ~= table.concat(tokens, "|") or kept.here then
      list[#list + 1] = line
    end
  end
  return table.concat(list, " ")
end

local plugin = require "plugins.echo_highlight"
editor.plugin = type(plugin) == "table" and plugin or nil
echo = editor.plugin and require "echo"
assert(load(script, "=script", "t", setmetatable({ editor = editor }, { __index = _G })))()
