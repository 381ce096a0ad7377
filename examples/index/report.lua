--- What a person reads at the end.

local tasks = require "index.tasks"

local report = {}

local LONGEST_LINE = 48

local function grouped(number)
  local digits = ("%d"):format(number)
  local first = (#digits - 1) % 3 + 1
  return digits:sub(1, first) .. digits:sub(first + 1):gsub("%d%d%d", ",%0")
end

--- 1 file, 7,509 files
function report.counted(number, word)
  return grouped(number) .. " " .. word .. (number == 1 and "" or "s")
end

local counted = report.counted

local function megabytes(bytes)
  return ("%.1f MB"):format(bytes / 1e6)
end

local function median_and_worst(values)
  local ordered = table.move(values, 1, #values, 1, {})
  table.sort(ordered)
  local middle = (ordered[(#ordered + 1) // 2] + ordered[#ordered // 2 + 1]) / 2
  return ("median %5.2f ms, worst %6.2f ms"):format(middle * 1e3, ordered[#ordered] * 1e3)
end

local function say(label, text, ...)
  io.write(("%-11s "):format(label), text:format(...), "\n")
end

local function say_speed_up(baseline_seconds, seconds, worker_count)
  local speed_up = baseline_seconds / seconds
  say("speed-up", "%.2f times; the two indexes are the same, byte for byte", speed_up)
  say("", "Both clocks run from the list of files to the finished text, with the files in the page")
  say("", "cache. The one state went first, alone, with no tasks, no merging and no look-ups.")
  if speed_up > worker_count then
    say("", "More than the number of workers: a worker has small tables and an allocator of its own.")
  end
end

local function say_speed(job, baseline)
  local rate = "%6.2f s  %6.1f MB/s"
  if baseline then
    say("one state", rate, baseline.seconds, job.bytes / baseline.seconds / 1e6)
  end
  say(counted(job.worker_count, "worker"), rate, job.seconds, job.bytes / job.seconds / 1e6)
  if baseline then
    say_speed_up(baseline.seconds, job.seconds, job.worker_count)
  end
end

local function shortened(line)
  local plain = line:gsub("%c+", " ")
  return #plain <= LONGEST_LINE and plain or plain:sub(1, LONGEST_LINE - 3):gsub("[\128-\255]*$", "") .. "..."
end

local function say_answers(names, answers)
  local unknown = {}
  for at, name in ipairs(names) do
    local answer = answers[at]
    if answer.count == 0 then
      unknown[#unknown + 1] = name
    else
      local line = answer.line and ": " .. shortened(answer.line) or ""
      say("", "  %s: %s, %s%s", name, counted(answer.count, "place"), answer.place, line)
    end
  end
  if #unknown > 0 then
    say("", "  not defined in these files: %s", table.concat(unknown, ", "))
  end
end

local function say_look_ups(job, names)
  say("look-ups", "%s meanwhile, one due every %.0f ms", grouped(#job.delays), job.interval * 1e3)
  say("", "from submit to result:     %s", median_and_worst(job.delays))
  say("", "from due moment to result: %s", median_and_worst(job.delays_when_due))
  say_answers(names, job.answers)
end

local function say_problems(problems)
  if #problems > 0 then
    say("not read", "%s:", counted(#problems, "file"))
    for _, problem in ipairs(problems) do
      say("", "  %s", problem)
    end
  end
end

function report.say_all(settings, job, baseline)
  say("read", "%s, %s", counted(#job.file_lines, "file"), megabytes(job.bytes))
  say("found", "%s, %s", counted(job.names, "name"), counted(job.definitions, "definition"))
  say_speed(job, baseline)
  say_look_ups(job, settings.names)
  say("index", "%s, %s", tasks.printable(settings.output), megabytes(job.written))
  say_problems(job.problems)
end

function report.say_interrupted(path, files_done, files, look_ups)
  local line = "interrupted: %s of %s indexed, %s answered; %s is as it was\n"
  local done, all, answered = grouped(files_done), counted(files, "file"), counted(look_ups, "look-up")
  io.stderr:write(line:format(done, all, answered, tasks.printable(path)))
end

return report
