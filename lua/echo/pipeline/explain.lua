--- Where a run's time went: per step what its functions took and how long they waited for a worker, and
--- the critical path, the chain of steps each of which the next one waited for.

local plan = require "echo.pipeline.plan"
local tally = require "echo.pipeline.tally"

local explain = {}

local Report = { __name = "echo.pipeline.report" }
Report.__index = Report

local function step_report(run, st)
  local part = tally.node(run, st)
  part.running_seconds, part.waiting_seconds = st.running_seconds, st.waiting_seconds
  part.began = st.first_began and st.first_began - run.started
  part.ended = st.last_ended and st.last_ended - run.started
  return part
end

-- Goes back from what ended last to whichever of its sources ended last, and so on.
local function critical_path(run)
  local path, st = {}, run.last_step
  while st do
    table.insert(path, 1, st.node.name)
    local latest
    for _, source in ipairs(plan.sources(st.node)) do
      local from = run.nodes[source]
      if from and from.last_ended and (not latest or from.last_ended > latest.last_ended) then
        latest = from
      end
    end
    st = latest
  end
  return path
end

--- steps (a list in their order), path (names), elapsed, running (seconds of all functions),
--- waiting (seconds that tasks waited for a worker), busy (workers kept busy on the average), workers.
function explain.report(run)
  local report = setmetatable({ steps = {}, running = 0, waiting = 0, retried = 0 }, Report)
  for index, node in ipairs(run.plan.nodes) do
    local part = step_report(run, run.nodes[node.name])
    report.steps[index] = part
    -- Streams and folds mostly wait for the others while they run.
    local works = node.kind == "single" or node.kind == "element"
    report.running = report.running + (works and part.running_seconds or 0)
    report.waiting = report.waiting + part.waiting_seconds
    report.retried = report.retried + part.retried
  end
  report.elapsed = (run.ended or run.now()) - run.started
  report.workers = run.workers
  report.busy = report.elapsed > 0 and report.running / report.elapsed or 0
  report.path = critical_path(run)
  return report
end

local function seconds(amount)
  if amount >= 1 then
    return ("%.2f s"):format(amount)
  end
  return ("%.1f ms"):format(amount * 1e3)
end

local function extras(part)
  local list = {}
  for _, name in ipairs { "failed", "blocked", "skipped", "restored", "retried" } do
    if part[name] > 0 then
      list[#list + 1] = ("%d %s"):format(part[name], name)
    end
  end
  return table.concat(list, ", ")
end

function Report:__tostring()
  local lines = { ("%s with %d workers, %.2f of them busy; critical path: %s"):format(seconds(self.elapsed),
    self.workers, self.busy, table.concat(self.path, " -> ")) }
  local width = 4
  for _, part in ipairs(self.steps) do
    width = math.max(width, #part.name)
  end
  local row = "%-" .. width .. "s  %9s  %7s  %10s  %10s  %s"
  lines[2] = row:format("step", "elements", "tasks", "running", "waiting", "")
  for _, part in ipairs(self.steps) do
    lines[#lines + 1] = row:format(part.name, part.done, part.tasks, seconds(part.running_seconds),
      seconds(part.waiting_seconds), extras(part))
  end
  for index, line in ipairs(lines) do
    lines[index] = line:gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

return explain
