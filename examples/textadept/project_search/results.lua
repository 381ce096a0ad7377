-- The buffer with the results. It is the one that the editor's own "find in files" writes to, in the same
-- form, so that all that the user knows works in it: Enter, a double click, the keys for the next result.

local results = {}
results.__index = results

local function is_results(candidate)
  return candidate._type == _L["[Files Found Buffer]"]
end

local function displayed(text)
  if _CHARSET and _CHARSET ~= "UTF-8" then
    local converted, utf8 = pcall(string.iconv, text, "UTF-8", _CHARSET)
    return converted and utf8 or text
  end
  return text
end

-- Shows the buffer, and leaves the focus there.
function results.show()
  local shown = ui.print_to(_L["[Files Found Buffer]"], "")
  shown.undo_collection = false
  local self = setmetatable({ buffer = shown, lines = 0, files = 0, problems = {} }, results)
  self:write("")
  return self
end

-- Replaces what the buffer has.
function results:write(text)
  self.buffer:clear_all()
  self.buffer:append_text(text)
  self.buffer:set_save_point()
end

-- Begins anew for a search.
function results:begin(job)
  local filter = type(job.filter) == "table" and table.concat(job.filter, ",") or job.filter
  self.lines, self.files, self.problems = 0, 0, {}
  self:write(table.concat({
    _L["Find:"]:gsub("[_&]", "") .. " " .. job.query.text,
    _L["Directory:"] .. " " .. displayed(job.directory),
    _L["Filter:"]:gsub("[_&]", "") .. " " .. filter,
    "",
  }, "\n"))
end

-- Whether the user has closed the buffer.
function results:gone()
  return not (_BUFFERS[self.buffer] and is_results(self.buffer))
end

-- The buffer counts as changed until the search is over: to say otherwise each time would draw its tab each time.
-- The text is styled at once, as the editor would have a lexer do it, in Lua, all at a time. The newline at its end
-- gets a style of its own, for the lexer looks back for the last change of style.
function results:append(text)
  local shown, start = self.buffer, self.buffer.length + 1
  shown:append_text(displayed(text))
  if shown.length >= start then
    shown:start_styling(start, 0)
    shown:set_styling(shown.length - start, view.STYLE_DEFAULT)
    shown:set_styling(1, shown:style_of_name("whitespace"))
  end
end

-- Adds a message of the tasks, see report.lua.
function results:add(message)
  local shown, start = self.buffer, self.buffer.length
  self:append(message.text)
  -- The editor would call Lua for each mark, to no use, which takes longer than the mark.
  local mask = shown.mod_event_mask
  shown.mod_event_mask = 0
  shown.indicator_current = ui.find.INDIC_FIND
  for i = 1, #message.marks, 2 do
    shown:indicator_fill_range(start + message.marks[i], message.marks[i + 1])
  end
  shown.mod_event_mask = mask
  self.lines, self.files = self.lines + message.lines, self.files + message.files
  table.move(message.problems or {}, 1, #(message.problems or {}), #self.problems + 1, self.problems)
end

-- The last lines. `message` says why the search has ended, if it was not at its end.
function results:finish(message)
  local lines = {}
  for _, sentence in ipairs(self.problems) do
    lines[#lines + 1] = "(" .. sentence .. ")"
  end
  lines[#lines + 1] = self.lines == 0 and not message and _L["No results found"] or message or nil
  if #lines > 0 then
    self:append(table.concat(lines, "\n") .. "\n")
  end
  self.buffer:set_save_point()
end

-- Puts the caret on the first result.
function results:enter()
  for _, candidate in ipairs(_VIEWS) do
    if candidate.buffer == self.buffer then
      ui.goto_view(candidate)
      self.buffer:goto_line(4)
      return
    end
  end
end

return results
