-- The background of one document: which of its lines have tokens, which are to get some, and in what
-- order. It knows no editor: what it needs of one is given to it.
--
-- Lines are tokenized in jobs of consecutive ones, each a task. A job begins in the state that the
-- line before it ends in, or in a guess where that is not known yet; what was made from a wrong guess
-- is made anew when the lines before it are done (see stretches.lua). So several workers go through
-- one document, and the tokens are, when all is done, what one tokenizer makes of it from the top.
--
-- Never does a line have tokens that were made of another text than its own: an edit cancels the
-- jobs of the lines that it touches, and what arrives is compared with the document once more.
-- Tokens that are known to be right are not replaced by others.
local language = require "plugins.echo_highlight.language"
local packing = require "plugins.echo_highlight.packing"
local Stretches = require "plugins.echo_highlight.stretches"

local Background = {}
Background.__index = Background

-- Lines in a job: what is seen should come soon; what is not should wake the editor seldom. Where a
-- guess was wrong the next lines are often right again.
Background.SIZES = { high = 32, normal = 64, low = 400, again = 64 }

-- In bytes. The tokenizer's time grows with the square of a line's length; the editor's own highlighter
-- shows what it has of such a line.
Background.LONGEST = 20000

local RANK = { high = 3, normal = 2, low = 1 }

-- `options`:
--   doc       has the document's `lines`
--   language  of language.lua
--   submit    function(priority, copy of the language, text, init_state) -> a task that gives a list of packed
--             lines; with cancel, status, set_priority, pwait and on_complete, as Echo's have
--   depth     how many jobs for lines that nobody sees may be under way
--   arrived   function(first, last): these lines have got their tokens
--   failed    function(err): a job has failed, or a line is too long (kind "long"); nothing more is done
function Background.new(options)
  local self = setmetatable({ jobs = {}, packed = {}, texts = {} }, Background)
  for name, value in pairs(options) do
    self[name] = value
  end
  self.stretches = Stretches.new(function(line)
    return packing.states(self.packed[line]) == self:state_after(line - 1)
  end)
  return self
end

-- The packed tokens of a line, if it has some that are of its text.
function Background:get(line)
  local text = self.texts[line]
  if text and text == self.doc.lines[line] then
    return self.packed[line]
  end
end

-- The state that a line with tokens ends in.
function Background:state_after(line)
  if line < 1 then
    return "\0"
  end
  return (select(2, packing.states(self.packed[line])))
end

-- The state to begin a line with: the right one as far as is known, or a guess.
function Background:state_before(line)
  if line == 1 or self.stretches:find(line - 1) then
    return self:state_after(line - 1)
  end
  return language.guess(self.language, self:state_after(self.stretches:proven()))
end

-- Whether every line has its tokens, and the right ones.
function Background:is_done()
  return self.stretches:proven() >= #self.doc.lines
end

-- -- jobs ------------------------------------------------------------------------------------------

local function is_of_the_document(self, job, first)
  for line = first, job.last do
    if self.doc.lines[line] ~= job.texts[line - job.first + 1] then
      return false
    end
  end
  return true
end

local function install(self, job, results)
  local first = math.max(job.first, self.stretches:proven() + 1)
  if first > job.last or not is_of_the_document(self, job, first) then
    return
  end
  self.stretches:cut(first, job.last)
  for line = first, job.last do
    local index = line - job.first + 1
    self.packed[line], self.texts[line] = results[index], job.texts[index]
  end
  self.stretches:add(first, job.last)
  self.arrived(first, job.last)
end

local function fail(self, err)
  if not self.closed then
    self:close()
    self.failed(err)
  end
end

local function finish(self, job, task)
  if not self.jobs[job] then
    return
  end
  self.jobs[job] = nil
  local ok, results = task:pwait(0)
  if ok then
    install(self, job, results)
    self:advance()
  else
    fail(self, results)
  end
end

local function find_long(self, first, last)
  for line = first, last do
    if #self.doc.lines[line] > self.LONGEST then
      return line
    end
  end
end

local function start(self, first, last, priority)
  local long = find_long(self, first, last)
  if long then
    return fail(self, { kind = "long", message = ("line %d is too long"):format(long) })
  end
  local texts = table.move(self.doc.lines, first, last, 1, {})
  local job = { first = first, last = last, priority = priority, texts = texts }
  local ok, task = pcall(self.submit, priority, self.language.copy, table.concat(texts), self:state_before(first))
  if not ok then
    return fail(self, task)
  end
  job.task, self.jobs[job] = task, true
  task:on_complete(function()
    finish(self, job, task)
  end)
end

local function drop(self, job)
  self.jobs[job] = nil
  job.task:cancel()
end

local function is_low(job)
  return job.priority == "low"
end

local function is_urgent(job)
  return job.priority ~= "low"
end

-- Of the jobs that are `wanted`, the one that has `line`; and where the next one after that begins.
local function job_at(self, line, wanted)
  local found, next_first = nil, math.huge
  for job in pairs(self.jobs) do
    if wanted(job) and job.first <= line and job.last >= line then
      found = job
    elseif wanted(job) and job.first > line then
      next_first = math.min(next_first, job.first)
    end
  end
  return found, next_first
end

-- -- what is seen ----------------------------------------------------------------------------------

local function raise(job, priority)
  if RANK[job.priority] < RANK[priority] then
    job.priority = priority
    job.task:set_priority(priority)
  end
end

-- Whether a line has tokens, and they fit those of the line before it.
local function is_fine(self, line)
  local first = self.stretches:find(line)
  if first and not self:get(line) then -- the document has changed, and nobody has told
    self:edit(line, 1, 1)
    return false
  end
  return first and (first < line or line == 1 or not self.stretches:find(line - 1))
end

local function want_at(self, line, last, priority)
  if is_fine(self, line) then
    return line + 1
  end
  local job, next_job = job_at(self, line, is_urgent)
  if job then
    raise(job, priority)
    return job.last + 1
  end
  local first, known = self.stretches:find(line)
  local stop = first and math.huge or known or math.huge
  last = math.min(last, line + self.SIZES[priority] - 1, next_job - 1, stop - 1)
  start(self, line, last, priority)
  return last + 1
end

-- Sees to it that these lines have tokens, or are in jobs of that priority, "high" or "normal".
function Background:want(first, last, priority)
  local line = math.max(first, 1)
  last = math.min(last, #self.doc.lines)
  while line <= last and not self.closed do
    line = want_at(self, line, last, priority)
  end
end

local function is_in(job, ranges)
  for _, range in ipairs(ranges) do
    if job.first <= range.last and job.last >= range.first then
      return true
    end
  end
  return false
end

-- Only lines of these ranges, each with `first` and `last`, are seen or soon will be. Jobs for others
-- are not urgent any more; those that have not begun are left for later.
function Background:look_at(ranges)
  for job in pairs(self.jobs) do
    if is_urgent(job) and not is_in(job, ranges) then
      if job.task:status() == "queued" then
        drop(self, job)
      else
        job.priority = "low"
        job.task:set_priority("low")
      end
    end
  end
end

-- -- the rest --------------------------------------------------------------------------------------

-- The last line of the part to be done that begins with `line`, if it is one; or nil, and the next
-- line to look at. `is_settled`: the state before `line` will not change.
local function part_at(self, line, is_settled)
  local count, sizes = #self.doc.lines, self.SIZES
  local _, next_job = job_at(self, line, is_low)
  local first, known = self.stretches:find(line)
  if not first then
    return math.min(count, line + sizes.low - 1, next_job - 1, (known or math.huge) - 1)
  end
  if is_settled and first == line and line > 1 then
    return math.min(count, line + sizes.again - 1, next_job - 1)
  end
  return nil, known + 1
end

-- Keeps as many jobs for the rest under way as are allowed, from the first line on that is not done.
function Background:advance()
  local busy = 0
  for job in pairs(self.jobs) do
    busy = busy + (is_low(job) and 1 or 0)
  end
  local line, is_settled = self.stretches:proven() + 1, true
  while busy < self.depth and line <= #self.doc.lines and not self.closed do
    local job = job_at(self, line, is_low)
    local last, after = nil, job and job.last + 1
    if not job then
      last, after = part_at(self, line, is_settled)
    end
    if last then
      start(self, line, last, "low")
      busy, after = busy + 1, last + 1
    end
    line, is_settled = after, false
  end
end

-- -- edits -----------------------------------------------------------------------------------------

local function splice(list, at, removed, inserted, count)
  table.move(list, at + removed, count, at + inserted)
  for line = at, at + inserted - 1 do
    list[line] = false
  end
  for line = count + inserted - removed + 1, count do
    list[line] = nil
  end
end

-- So many lines from `line` on were replaced by so many others; the document has those already.
function Background:edit(line, removed, inserted)
  local last, by = line + removed - 1, inserted - removed
  local count = #self.doc.lines - by
  for job in pairs(self.jobs) do
    if job.first <= last and job.last >= line then
      drop(self, job)
    elseif job.first > last then
      job.first, job.last = job.first + by, job.last + by
    end
  end
  self.stretches:cut(line, last)
  self.stretches:move(last, by)
  splice(self.packed, line, removed, inserted, count)
  splice(self.texts, line, removed, inserted, count)
end

-- Nothing is done any more, and what is under way is given up.
function Background:close()
  self.closed = true
  for job in pairs(self.jobs) do
    drop(self, job)
  end
end

return Background
