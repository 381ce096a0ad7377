-- What a task tells the editor of the lines that it has found, in a form that costs the editor little: one
-- text to be appended, and where in it the matches are. A message is a table:
--
--   text      lines of the form `path:number:line`, the path below the directory
--   marks     a flat list: where a match begins, from 1 on, and its length
--   lines     how many lines have matched
--   files     how many files were searched since the last message
--   problems  what could not be read, as a list of sentences, or nil

local report = {}
report.__index = report

local ENOUGH = 1 << 14 -- bytes; what an editor shows in about a millisecond
local LONGEST = 500 -- bytes shown of a line
local MARK = " …"

function report.new(channel)
  return setmetatable({ channel = channel }, report):clear()
end

function report:clear()
  self.parts, self.size, self.marks = {}, 0, {}
  self.lines, self.files, self.problems = 0, 0, nil
  return self
end

-- Cuts a long line, not in the midst of a character.
local function shorten(line)
  if #line <= LONGEST then
    return line
  end
  return line:sub(1, (line:sub(1, LONGEST + 1):match("^.*()[^\x80-\xbf]") or LONGEST + 1) - 1) .. MARK
end

function report:line(path, number, line, ranges)
  local place = ("%s:%d:"):format(path, number)
  local shown = shorten(line)
  local before = self.size + #place
  for i = 1, ranges and #ranges or 0, 2 do
    -- A match that is cut off has no mark: the editor would take its place for that of the match.
    if ranges[i + 1] <= #line and (shown == line or ranges[i + 1] <= #shown - #MARK) then
      self.marks[#self.marks + 1] = before + ranges[i]
      self.marks[#self.marks + 1] = ranges[i + 1] - ranges[i] + 1
    end
  end
  self.parts[#self.parts + 1] = place .. shown .. "\n"
  self.size = before + #shown + 1
  self.lines = self.lines + 1
  if self.size >= ENOUGH then
    self:flush()
  end
end

function report:file()
  self.files = self.files + 1
end

function report:problem(sentence)
  self.problems = self.problems or {}
  table.insert(self.problems, sentence)
end

-- Sends what there is. Waits while the editor has not yet taken what came before.
function report:flush()
  if self.files > 0 or self.lines > 0 or self.problems then
    self.channel:send {
      text = table.concat(self.parts),
      marks = self.marks,
      lines = self.lines,
      files = self.files,
      problems = self.problems,
    }
    self:clear()
  end
end

return report
