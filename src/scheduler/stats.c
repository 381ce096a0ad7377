/* Reading what the others count. */
#include "scheduler/scheduler.h"

/* `left` first: see census.h. */
static uint64_t count_queued(const echo_scheduler *s, unsigned rank) {
  uint64_t left = 0, came = 0;
  for (unsigned i = 0; i < s->plan.workers; i++)
    left += echo__load(&s->workers[i].census.left[rank], acquire); /* PAIR census.left */
  for (int i = 0; i < ECHO__LANES; i++)
    left += echo__load(&s->lanes[i].census.left[rank], acquire); /* PAIR census.left */
  for (unsigned i = 0; i < s->plan.workers; i++)
    came += echo__load(&s->workers[i].census.came[rank], relaxed);
  for (int i = 0; i < ECHO__LANES; i++)
    came += echo__load(&s->lanes[i].census.came[rank], relaxed);
  return came > left ? came - left : 0;
}

uint64_t echo__queued(const echo_scheduler *s) {
  uint64_t count = 0;
  for (unsigned rank = 0; rank < ECHO_PRIORITIES; rank++)
    count += count_queued(s, rank);
  return count;
}

static void add_worker(const echo__worker *worker, echo_stats *stats) {
  stats->stolen += echo__load(&worker->stolen, relaxed);
  stats->parked += echo__load(&worker->parked, relaxed);
  stats->suspended += echo__load(&worker->suspended, relaxed);
  uint64_t running = echo__load(&worker->running, relaxed);
  for (unsigned rank = 0; rank < ECHO_PRIORITIES; rank++)
    stats->running[rank] += echo__running_in(running, rank);
}

void echo_scheduler_stats(echo_scheduler *s, echo_stats *stats) {
  *stats = (echo_stats){.workers = s->plan.workers, .urgent_workers = s->plan.urgent};
  echo__sum_up(s, stats);
  for (unsigned rank = 0; rank < ECHO_PRIORITIES; rank++)
    stats->queued[rank] = count_queued(s, rank);
  for (unsigned i = 0; i < s->plan.workers; i++)
    add_worker(&s->workers[i], stats);
  if (s->forked) return; /* whoever had these locks is not here */
  stats->suspended += echo__held_count(&s->held);
  stats->task_bytes = echo__objects_bytes(&s->objects);
}

int echo_scheduler_worker_stats(echo_scheduler *s, unsigned index, echo_worker_stats *stats) {
  if (index >= s->plan.workers) return ECHO_INVALID;
  const echo__worker *worker = &s->workers[index];
  /* `ended` last: it is the larger one. */
  uint64_t cancelled = echo__load(&worker->cancelled, relaxed);
  uint64_t ended = echo__load(&worker->ended, relaxed);
  *stats = (echo_worker_stats){.executed = ended > cancelled ? ended - cancelled : 0,
                               .stolen = echo__load(&worker->stolen, relaxed),
                               .parked = echo__load(&worker->parked, relaxed),
                               .urgent = echo__is_urgent(worker),
                               .busy = (double)echo__awake_for(&worker->awake) / 1e9};
  return ECHO_OK;
}

int echo_scheduler_queue_stats(echo_scheduler *s, unsigned index, echo_named_queue_stats *stats) {
  if (index >= s->plan.queue_count) return ECHO_MISSING;
  echo__named_queue *queue = s->plan.queues[index];
  *stats = (echo_named_queue_stats){.name = queue->name, .limit = queue->limit};
  if (!s->forked) echo__named_count(queue, &stats->queued, &stats->running);
  return ECHO_OK;
}

int echo_scheduler_timings(echo_scheduler *s, echo_priority priority, echo_timings *timings) {
  if (priority < ECHO_PRIORITY_LOW || priority > ECHO_PRIORITY_HIGH) return ECHO_INVALID;
  *timings = (echo_timings){0};
  if (s->timing.workers == NULL) return ECHO_OK;
  echo__merged waited = {0}, ran = {0};
  for (unsigned i = 0; i < s->plan.workers; i++) {
    const echo__clocked *clocked = &s->timing.workers[i];
    echo__histogram_add(&clocked->waited[echo__rank_of(priority)], &waited);
    echo__histogram_add(&clocked->ran[echo__rank_of(priority)], &ran);
  }
  timings->waited = echo__distribution_of(&waited);
  timings->ran = echo__distribution_of(&ran);
  return ECHO_OK;
}
