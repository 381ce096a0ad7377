#!/usr/bin/env lua5.4
--- An index of every identifier in a tree of C headers, made by low-priority tasks on all cores
--- while look-ups ("where is size_t defined?") go in at high priority, like an editor's keystrokes.
---
---     lua5.4 examples/index.lua                  the headers of this machine, to echo-index.txt
---     lua5.4 examples/index.lua --workers 4 --look-up size_t /usr/include/linux
---     lua5.4 examples/index.lua --help
---
--- How it works: the files are cut into batches of a few milliseconds' work. A task scans one batch
--- and returns what it found as text, sorted into slices: a slice holds the names between two marks
--- of the alphabet. A second round of tasks merges each slice over all batches; the slices one after
--- the other are the index. So the host only hands strings on, the index is the same byte for byte
--- whatever the number of workers, and a look-up needs no more than the slice its name would be in.

package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path

local echo = require "echo"
local progress = require "echo.progress"
local options = require "index.options"
local output = require "index.output"
local report = require "index.report"
local tasks = require "index.tasks"
local tree = require "index.tree"

local KEYSTROKE_SECONDS = 0.025
local STOP_SECONDS = 5
local EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130

--- Look-ups -----------------------------------------------------------------------------------------

-- Somebody who types at a steady pace, whatever else goes on: where the host was busy when a
-- keystroke was due, its delay still counts from that moment.
local Typist = {}
Typist.__index = Typist

local function new_typist(job, names)
  local typist = { job = job, names = names, due = echo.now(), delays = {}, delays_when_due = {} }
  return setmetatable(typist, Typist)
end

function Typist:ask(name)
  local job = self.job
  local parts = job.slices[tasks.slice_number(job.marks, name)]
  local request = { priority = "high", name = "look up " .. name }
  return job.scheduler:submit(request, tasks.look_up, job.files.root, name, parts)
end

function Typist:catch_up()
  while self.due <= echo.now() do
    local count = #self.delays
    local submitted = echo.now()
    self:ask(self.names[count % #self.names + 1]):wait()
    local answered = echo.now()
    self.delays[count + 1] = answered - submitted
    self.delays_when_due[count + 1] = answered - self.due
    self.due = self.due + KEYSTROKE_SECONDS
  end
end

-- Waits for a task of the job as pwait does, and goes on typing meanwhile.
function Typist:wait_for(task)
  while true do
    self:catch_up()
    local finished, result = task:pwait(math.max(self.due - echo.now(), 0))
    if finished or result.kind ~= "timeout" then
      return finished, result
    end
  end
end

-- What the finished index says.
function Typist:final_answers()
  local asked, answers = {}, {}
  for at, name in ipairs(self.names) do
    asked[at] = self:ask(name)
  end
  for at, task in ipairs(asked) do
    answers[at] = task:wait()
  end
  return answers
end

--- The job ------------------------------------------------------------------------------------------

local function new_job(scheduler, files, marks)
  local slices = {}
  for number = 1, #marks + 1 do
    slices[number] = {}
  end
  return {
    scheduler = scheduler,
    files = files,
    marks = marks,
    slices = slices,
    file_lines = {},
    problems = {},
    bytes = 0,
    definitions = 0,
    names = 0,
    files_done = 0,
    workers = {},
    worker_count = 0,
  }
end

local function append(list, items)
  table.move(items, 1, #items, #list + 1, list)
end

local function add_result(job, result)
  for number, part in pairs(result.slices) do
    append(job.slices[number], { part })
  end
  append(job.file_lines, result.files)
  append(job.problems, result.problems)
  job.bytes = job.bytes + result.bytes
  job.definitions = job.definitions + result.definitions
  if not job.workers[result.worker] then
    job.workers[result.worker] = true
    job.worker_count = job.worker_count + 1
  end
end

-- What a task itself could not do costs no more than its own files.
local function add_lost_batch(job, batch, problem)
  for _, path in ipairs(batch.paths) do
    tasks.add_problem(job, job.files.root, path, problem)
  end
end

local function submit_scan(job, batch)
  local request = { priority = "low", name = "scan " .. batch.paths[1] }
  return job.scheduler:submit(request, tasks.scan_batch, job.files.root, batch.paths, job.marks)
end

local function scan(job, typist)
  local bar <close> = progress.new { label = "scanning", total = job.files.bytes, unit = "bytes" }
  local batches, submitted = tree.batches(job.files), {}
  for _, number in ipairs(tree.submission_order(batches)) do
    submitted[number] = submit_scan(job, batches[number])
    typist:catch_up()
  end
  local bytes_done = 0
  for number, batch in ipairs(batches) do
    local finished, result = typist:wait_for(submitted[number])
    if finished then
      add_result(job, result)
    else
      add_lost_batch(job, batch, result)
    end
    submitted[number] = nil
    bytes_done = bytes_done + batch.bytes
    job.files_done = job.files_done + #batch.paths
    bar:update(bytes_done, batch.paths[#batch.paths])
  end
end

local function merge(job, typist)
  local bar <close> = progress.new { label = "merging", total = #job.slices, unit = "slices", step = 100 }
  local submitted = {}
  for number, parts in ipairs(job.slices) do
    local request = { priority = "low", name = "merge " .. number }
    submitted[number] = job.scheduler:submit(request, tasks.merge_slice, parts)
    typist:catch_up()
  end
  for number, task in ipairs(submitted) do
    local finished, result = typist:wait_for(task)
    if not finished then
      error(result, 0)
    end
    job.slices[number] = { result.text }
    job.names = job.names + result.names
    bar:update(number)
  end
end

local function texts_of(job)
  local texts = {}
  for number, parts in ipairs(job.slices) do
    texts[number] = parts[1]
  end
  return texts
end

local function index_with_tasks(scheduler, files, names, state)
  local started = echo.now()
  local job = new_job(scheduler, files, tree.marks(files))
  local typist = new_typist(job, names)
  state.job, state.typist = job, typist
  scan(job, typist)
  merge(job, typist)
  job.texts = texts_of(job)
  job.seconds = echo.now() - started
  job.delays, job.delays_when_due, job.interval = typist.delays, typist.delays_when_due, KEYSTROKE_SECONDS
  job.answers = typist:final_answers()
  return job
end

-- The same as one writes it without tasks: straight into one index, nothing to cut or to merge.
local function index_in_one_state(files)
  local started = echo.now()
  local index = tasks.new_index()
  do
    local bar <close> = progress.new { label = "one state", total = files.bytes, unit = "bytes" }
    for _, path in ipairs(files.paths) do
      tasks.scan_files(index, files.root, { path })
      bar:update(index.bytes, path)
    end
  end
  local text = tasks.render(index).text
  return { text = text, seconds = echo.now() - started }
end

-- The end of the block drains the queue, which is not what leaving by an error should do.
local function with_scheduler(builder, work, ...)
  local scheduler <close> = builder:build()
  local worked, result = xpcall(work, debug.traceback, scheduler, ...)
  if not worked then
    local stopped, abandoned = scheduler:stop { mode = "cancel", timeout = STOP_SECONDS }
    if not stopped then
      io.stderr:write(("%s did not stop in time\n"):format(report.counted(abandoned, "task")))
    end
    error(result, 0)
  end
  return result
end

--- The whole ----------------------------------------------------------------------------------------

local function read_tree(settings)
  local files = tree.list(settings.directory, settings.patterns)
  if #files.paths == 0 then
    append(files.problems, { "no file is named like " .. table.concat(settings.patterns, " or ") })
    local why = table.concat(files.problems, "; ")
    options.fail(EXIT_FAILED, "%s: nothing to index: %s", settings.directory, why)
  end
  tree.measure(files, not settings.no_baseline)
  return files
end

local function check_same(baseline, job)
  if baseline.text ~= table.concat(job.texts) then
    options.fail(EXIT_FAILED, "the index is not the one that one state made of these files; nothing written")
  end
end

local function run(settings, state)
  options.check(settings)
  local builder = options.set_workers(settings, echo.builder())
  local files = read_tree(settings)
  state.files = files
  local baseline = not settings.no_baseline and index_in_one_state(files) or nil
  -- What the one state left behind is nobody's to clean up while the other clock runs.
  collectgarbage()
  local job = with_scheduler(builder, index_with_tasks, files, settings.names, state)
  if baseline then
    check_same(baseline, job)
  end
  job.written = output.write(settings.output, settings.directory, job.file_lines, job.texts)
  append(job.problems, files.problems)
  report.say_all(settings, job, baseline)
end

local function is_interruption(problem)
  return type(problem) == "string" and problem:find("interrupted!", 1, true) ~= nil
end

local function say_interrupted(settings, state)
  local files_done = state.job and state.job.files_done or 0
  local look_ups = state.typist and #state.typist.delays or 0
  report.say_interrupted(settings.output, files_done, state.files and #state.files.paths or 0, look_ups)
end

local function main(arguments)
  local settings
  local state = {}
  local done, problem = xpcall(function()
    settings = options.parse(arguments)
    if settings.help then
      io.write(options.USAGE)
    else
      run(settings, state)
    end
  end, debug.traceback)
  if done then
    return EXIT_DONE
  elseif is_interruption(problem) then
    say_interrupted(settings, state)
    return EXIT_INTERRUPTED
  end
  io.stderr:write("index.lua: ", tostring(problem), "\n")
  return options.is_failure(problem) and problem.code or EXIT_FAILED
end

os.exit(main(arg), true)
