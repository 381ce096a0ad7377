-- A scheduler's metrics: each task's end from the hook, the rest from s:stats() when it is asked.
--
--   local tasks = require "prometheus.tasks"
--   local watch <close> = tasks.watch(scheduler)
--   ...
--   scheduler:poll()
--   io.write(watch:text())
--
-- Names of tasks become label values, so give tasks a name for what they do, not for what they do
-- it to: a name per file would be a series per file.

local metrics = require "prometheus.metrics"

local tasks = {}

local Watch = {}
Watch.__index = Watch

-- From 10 microseconds to 100 seconds.
local BUCKETS = { 1e-5, 1e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1, 5, 10, 100 }

-- Which tasks it takes: "all", or "high" alone (with_urgent_workers).
local WORKER = { "worker", "takes" }

local function note(watch, ends, dropped)
  for _, e in ipairs(ends) do
    watch.ended:add(1, e.name or "", e.priority, e.queue or "", e.status, e.kind or "")
    if e.waited then
      watch.waited:observe(e.waited, e.priority)
      watch.ran:observe(e.ran, e.name or "")
    end
  end
  watch.dropped:add(dropped)
end

local function make_families(registry)
  return {
    registry = registry,
    ended = registry:counter("echo_tasks_total", "Tasks that have ended.",
      { "name", "priority", "queue", "status", "kind" }),
    waited = registry:histogram("echo_task_wait_seconds", "From the submit to the start.", { "priority" }, BUCKETS),
    ran = registry:histogram("echo_task_run_seconds", "Time on a worker.", { "name" }, BUCKETS),
    dropped = registry:counter("echo_task_ends_dropped_total", "Ends of tasks that nobody fetched in time."),
    tasks = registry:gauge("echo_tasks", "Tasks that are there now.", { "priority", "state" }),
    queues = registry:gauge("echo_queue_tasks", "Tasks in a named queue.", { "queue", "state" }),
    busy = registry:counter("echo_worker_busy_seconds_total", "Time in which a worker was awake.", WORKER),
    executed = registry:counter("echo_worker_tasks_total", "Tasks that a worker ran to their end.", WORKER),
    memory = registry:gauge("echo_worker_memory_bytes", "Memory of a worker's Lua state.", WORKER),
  }
end

function Watch:read_stats()
  local stats = self.scheduler:stats()
  for priority, by in pairs(stats.per_priority) do
    self.tasks:set(by.queued, priority, "queued")
    self.tasks:set(by.running, priority, "running")
  end
  for name, queue in pairs(stats.per_queue) do
    self.queues:set(queue.queued, name, "queued")
    self.queues:set(queue.running, name, "running")
  end
  for i, worker in ipairs(stats.per_worker) do
    local takes = worker.urgent and "high" or "all"
    self.busy:set(worker.busy, i, takes)
    self.executed:set(worker.executed, i, takes)
    self.memory:set(worker.memory, i, takes)
  end
end

--- All of it as text, as of now. What has ended since the last poll is not in it yet.
function Watch:text()
  self:read_stats()
  return self.registry:text()
end

function Watch:__close()
  self.forget()
end

function tasks.watch(scheduler)
  local watch = setmetatable(make_families(metrics.new()), Watch)
  watch.scheduler = scheduler
  watch.dropped:add(0)
  watch.forget = scheduler:on_task_end(function(ends, dropped)
    note(watch, ends, dropped)
  end)
  return watch
end

return tasks
