--- luaecho run: a pipeline file from its parameters to its results.

local arguments = require "echo.command.arguments"
local echo = require "echo"
local file = require "echo.command.file"
local interrupt = require "echo.command.interrupt"
local json = require "echo.command.json"
local pipeline = require "echo.pipeline"

local TURN_SECONDS = 0.1
local INTERRUPTED = 130

local function is_terminal(descriptor)
  return os.execute("test -t " .. descriptor) == true
end

local function say(...)
  io.stderr:write(...)
  io.stderr:write "\n"
end

local function scheduler_for(parsed, queues)
  local builder = echo.builder()
  if parsed.workers then
    builder:with_worker_count(parsed.workers)
  end
  for name, limit in pairs(queues) do
    builder:with_queue(name, { limit = limit })
  end
  return builder:build()
end

local function start_trace(scheduler, path)
  local ok, problem = pcall(scheduler.trace, scheduler, path)
  if not ok then
    error({ file = "--" .. problem }, 0)
  end
end

-- What was recorded is of use if the run was not, too; and a run is no worse for want of a recording.
local function end_trace(scheduler)
  local ok, told = scheduler:trace(false)
  if not ok then
    say("luaecho: --trace: ", told)
  elseif told > 0 then
    say("luaecho: --trace: ", told, " events are missing, which came too fast")
  end
end

local function shell_word(word)
  return word:find "^[%w_./=,:-]+$" and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

-- The options that were given, but for a recording: it would be written over.
local function option_words(parsed)
  local words = { parsed.workers and "--workers " .. parsed.workers }
  for _, name in ipairs { "keep-going", "explain", "json", "quiet" } do
    words[#words + 1] = parsed[name] and "--" .. name
  end
  words[#words + 1] = "--journal " .. shell_word(parsed.journal)
  return words
end

-- How to go on from here, for somebody who has just pressed Ctrl-C.
local function resume_hint(parsed)
  if not parsed.journal then
    return "luaecho: nothing was kept; with --journal PATH a run goes on where it was"
  end
  local words = { "luaecho run", shell_word(parsed.file) }
  local names = {}
  for name in pairs(parsed.params) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    words[#words + 1] = shell_word(name .. "=" .. parsed.params[name])
  end
  local options = option_words(parsed)
  table.move(options, 1, #options, #words + 1, words)
  return "luaecho: to go on from here: " .. table.concat(words, " ")
end

local function answer(run, parsed)
  return function(count)
    if count == 1 then
      say("\nluaecho: draining: what runs comes to its end, nothing more starts; Ctrl-C again cancels it")
      say(resume_hint(parsed))
      run:drain "interrupted"
    else
      say("\nluaecho: cancelled")
      say(resume_hint(parsed))
      run:cancel "interrupted"
    end
  end
end

local function drive(run, parsed)
  local watch <close> = interrupt.watch(answer(run, parsed))
  while not run.over do
    watch:during(run.turn, run, TURN_SECONDS)
  end
  return watch.count > 0
end

local function outcome(run, failed)
  local report = run:explain()
  local told = { status = run:status(), elapsed = report.elapsed, workers = report.workers, results = run.results,
    steps = report.steps, path = report.path }
  if failed then
    told.error = { step = failed.step, index = failed.index, kind = failed.kind, message = failed.message,
      where = failed.where, traceback = failed.traceback }
  end
  return told
end

local function options_of(parsed)
  local wants_bar = not parsed.quiet and is_terminal(2)
  return {
    journal = parsed.journal, on_failure = parsed["keep-going"] and "continue" or nil,
    progress = wants_bar and pipeline.bar() or nil,
  }
end

local function report(run, parsed, was_interrupted)
  local failed = run.error
  if parsed.json then
    print(json(outcome(run, failed)))
  end
  if parsed.explain then
    say(tostring(run:explain()))
  end
  if not failed then
    return 0
  elseif was_interrupted and failed.kind == "cancelled" then
    return INTERRUPTED
  end
  say("luaecho: ", tostring(failed))
  for _, other in ipairs(failed.others or {}) do
    say("luaecho: also: ", other:line())
  end
  return 1
end

local function need_params(about, params)
  for name, entry in pairs(about.params) do
    if params[name] == nil and entry.default == nil then
      error({ usage = ("parameter %q: expected a %s: %s=..."):format(name, entry.type or "value", name) }, 0)
    end
  end
end

local function dry(loaded, about, params)
  local ok, problems = loaded:check()
  if not ok then
    say(tostring(problems))
    return 1
  end
  print(tostring(loaded))
  need_params(about, params)
  return 0
end

--- Runs the command; returns the exit status.
return function(parsed)
  local loaded = file.load(parsed.file)
  local about = loaded:describe()
  local params = arguments.params(parsed.params, about.params)
  if parsed["dry-run"] then
    return dry(loaded, about, params)
  end
  need_params(about, params)
  local scheduler <close> = scheduler_for(parsed, about.queues)
  if parsed.trace then
    start_trace(scheduler, parsed.trace)
  end
  local ok, run = pcall(loaded.start, loaded, scheduler, params, options_of(parsed))
  if not ok then
    say("luaecho: ", tostring(run))
    return 1
  end
  local _ <close> = run
  local was_interrupted = drive(run, parsed)
  if parsed.trace then
    end_trace(scheduler)
  end
  return report(run, parsed, was_interrupted)
end
