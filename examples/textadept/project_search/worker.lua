-- The tasks of a search. A job is a table:
--
--   query      see matcher.lua
--   directory  where to search, without a slash at its end
--   filter     as lfs.walk takes it
--   open       a list of the files that are open in the editor, the current one first: tables with a
--              `path`, and a `text` if there are changes that have not been saved
--   binary     the text shown for a binary file that matches
--
-- What they find goes into a channel, as report.lua says. The channel has a bounded capacity, so that an
-- editor which is slow to show results, or has forgotten the search, is not flooded.

local echo = require "echo"

local files = require "project_search.files"
local matcher = require "project_search.matcher"
local report = require "project_search.report"
local scan = require "project_search.scan"

local worker = {}

local FIRST_BATCHES, FIRST_SIZE = 8, 8 -- small ones at first, so that something is there soon
local BATCH_SIZE = 64
local WINDOW = 16 -- batches under way at most

local function searcher(job, channel)
  local compiled, out = matcher.compile(job.query), report.new(channel)
  local prefix = files.prefix(job.directory)
  local function search(path, text)
    local shown = path:sub(#prefix + 1)
    local function found(number, line, ranges)
      out:line(shown, number, line or job.binary, ranges)
    end
    local file, message = not text and io.open(path, "rb")
    if text then
      scan.text(text, compiled, found)
    elseif file then
      local _ <close> = file
      local _, trouble = scan.file(file, compiled, found)
      message = trouble and path .. ": " .. trouble
    end
    if message then
      out:problem(message)
    end
    out:file()
  end
  return search, out
end

-- A task: the files that are open, as far as a walk would come to them.
function worker.open(job, channel)
  local search, out = searcher(job, channel)
  local seen = {}
  for _, file in ipairs(job.open) do
    if files.has(job.directory, job.filter, file.path, seen) then
      search(file.path, file.text)
    end
    out:flush()
  end
end

-- A task: the files of a list.
function worker.batch(job, channel, paths)
  local search, out = searcher(job, channel)
  for _, path in ipairs(paths) do
    search(path)
  end
  out:flush()
end

-- By name, so that a task takes none of this module along.
local function batch(...)
  return require("project_search.worker").batch(...)
end

-- A task: all other files, in batches of their own tasks, which end with this one. Their results come after those of
-- the task `open`.
function worker.tree(job, channel, open)
  local out, is_open = report.new(channel), {}
  for _, file in ipairs(job.open) do
    is_open[file.path] = true
  end
  local lean = { query = job.query, directory = job.directory, binary = job.binary }
  echo.scope(function()
    local under_way, list, count = {}, {}, 0
    local function submit()
      if count == 0 then
        echo.await(open)
      elseif #under_way == WINDOW then
        echo.await(table.remove(under_way, 1))
      end
      under_way[#under_way + 1] = echo.submit({ name = "search files" }, batch, lean, channel, list)
      list, count = {}, count + 1
    end
    local walk, problems = files.walk(job.directory, job.filter)
    for path in walk do
      if not is_open[path] then
        list[#list + 1] = path
      end
      if #list == (count < FIRST_BATCHES and FIRST_SIZE or BATCH_SIZE) then
        submit()
      end
    end
    submit()
    for _, sentence in ipairs(problems) do
      out:problem(sentence)
    end
  end)
  out:flush()
end

return worker
