#include "scheduler/timing.h"

#include <stdlib.h>

#include "scheduler/scheduler.h"

int echo__timing_init(echo__timing *timing, const echo__plan *plan) {
  timing->workers = NULL;
  if (plan->timings == 0) return ECHO_OK;
  timing->workers =
      calloc(plan->workers, sizeof *timing->workers); /* untouched pages cost nothing */
  return timing->workers != NULL ? ECHO_OK : ECHO_MEMORY;
}

void echo__timing_close(echo__timing *timing) {
  free(timing->workers);
}

/* From 0 to 2 * every - 2, so every - 1 on average. */
static unsigned draw(uint64_t now, unsigned every) {
  uint64_t mixed = now * UINT64_C(0x9E3779B97F4A7C15);
  return (unsigned)((mixed >> 32) * (2 * (uint64_t)every - 1) >> 32);
}

void echo__timing_stamp(echo_task *task, unsigned every) {
  uint64_t now = echo__now();
  *echo__stamps_of(task) = (echo__stamps){.queued = now, .waited = ECHO__NEVER};
  echo__this_thread.untimed = draw(now, every);
}

void echo__timing_queued(echo_task *task) {
  echo__stamps_of(task)->queued = echo__now();
}

static uint64_t since(uint64_t moment, uint64_t now) {
  return now > moment ? now - moment : 0;
}

static unsigned rank_now(const echo_task *task) {
  return echo__rank_of(echo__task_priority(task));
}

static void starts(const echo_task *task, unsigned worker) {
  echo__stamps *stamps = echo__stamps_of(task);
  stamps->began = echo__now();
  if (stamps->waited != ECHO__NEVER) return;
  stamps->waited = since(stamps->queued, stamps->began);
  echo__clocked *clocked = &echo__task_scheduler(task)->timing.workers[worker];
  echo__histogram_enter(&clocked->waited[rank_now(task)], stamps->waited);
}

void echo__timing_call(const echo_task *task, unsigned worker) {
  echo__stamps *stamps = echo__stamps_of(task);
  starts(task, worker);
  task->function(task->argument);
  stamps->ran += since(stamps->began, echo__now());
}

static void report(const echo_task *task, echo_task_state state, const echo__worker *worker,
                   const echo__stamps *stamps) {
  const echo_scheduler *s = echo__task_scheduler(task);
  const echo__report_hook *hook = &s->plan.report;
  const echo__named_queue *queue = echo__task_queue(s, task);
  echo_task_report told = {.function = task->function,
                           .argument = task->argument,
                           .priority = echo__task_priority(task),
                           .queue = queue != NULL ? queue->name : NULL,
                           .status = state == ECHO_TASK_DONE ? ECHO_OK : ECHO_CANCELLED,
                           .worker = worker != NULL ? (int)worker->index : -1,
                           .waited = -1,
                           .ran = -1};
  if (stamps != NULL) {
    told.waited = (double)stamps->waited / 1e9;
    told.ran = (double)stamps->ran / 1e9;
  }
  hook->call(hook->data, &told);
}

/* Only its worker ends one that has started; the stamps of another may be somebody's still. */
void echo__timing_ended(const echo_task *task, echo_task_state state) {
  echo_scheduler *s = echo__task_scheduler(task);
  const echo__worker *worker = echo__own_worker(s);
  const echo__stamps *stamps = worker != NULL ? echo__stamps_of(task) : NULL;
  if (stamps != NULL && stamps->waited == ECHO__NEVER) stamps = NULL;
  if (stamps != NULL) {
    echo__clocked *clocked = &s->timing.workers[worker->index];
    echo__histogram_enter(&clocked->ran[rank_now(task)], stamps->ran);
  }
  if (s->plan.report.call != NULL) report(task, state, worker, stamps);
}
