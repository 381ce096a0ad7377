/*
 * How long tasks wait and run.
 *
 * Whether a task is timed is drawn when it is submitted (how often is the builder's choice). One
 * that is has stamps behind it in memory (objects.h). A thread counts down to the next one, from a
 * number that it draws from the clock it has just read. TIMED in the task's word says it from then
 * on, and of a task without it nobody looks at the stamps.
 *
 * The stamps belong to whoever has the task: the submitter until it is queued, then the worker that
 * calls it. Nobody looks at those of a task that was cancelled while it was queued. What they come
 * to is entered into the worker's own histograms, which any thread reads.
 */
#ifndef ECHO_SCHEDULER_TIMING_H
#define ECHO_SCHEDULER_TIMING_H

#include <echo/scheduler.h>

#include "base/wait.h"
#include "scheduler/here.h"
#include "scheduler/histogram.h"
#include "scheduler/task.h"

struct echo__plan;

enum { ECHO__RAREST_TIMING = 1000000 };

#define ECHO__NEVER UINT64_MAX /* `waited` of a task that has not started */

typedef struct echo__stamps {
  uint64_t queued, began; /* moments */
  uint64_t waited, ran;   /* durations */
} echo__stamps;

enum { ECHO__TIMED_SIZE = sizeof(echo_task) + sizeof(echo__stamps) };

typedef struct echo__report_hook {
  void (*call)(void *data, const echo_task_report *report);
  void *data;
} echo__report_hook;

/* One worker's. */
typedef struct echo__clocked {
  echo__histogram waited[ECHO_PRIORITIES], ran[ECHO_PRIORITIES]; /* by rank */
} echo__clocked;

typedef struct echo__timing {
  echo__clocked *workers; /* or NULL: nothing is timed */
} echo__timing;

/* ECHO_OK or ECHO_MEMORY. */
int echo__timing_init(echo__timing *timing, const struct echo__plan *plan);
void echo__timing_close(echo__timing *timing);

static inline echo__stamps *echo__stamps_of(const echo_task *task) {
  return (echo__stamps *)(void *)(task + 1);
}

/* What was settled by the submit stands in the word of a detached task, too. */
static inline bool echo__task_is_timed(const echo_task *task) {
  return echo__load(&task->word, relaxed) & ECHO__TIMED;
}

/* Decides whether the next task is timed: one in `every` is. The submitter. */
static inline bool echo__timing_chooses(unsigned every) {
  unsigned *untimed = &echo__this_thread.untimed;
  if (*untimed > 2 * every - 2) *untimed = 0; /* it was drawn for a scheduler that times less */
  if (*untimed == 0) return true;
  (*untimed)--;
  return false;
}

/* Stamps a task that is, and draws when the next one will be. The submitter, before anybody can see
 * it. */
void echo__timing_stamp(echo_task *task, unsigned every);

/* The rest is for tasks that are TIMED. A held task is queued: whoever lets it begin. */
void echo__timing_queued(echo_task *task);

/* Calls its function. That worker. */
void echo__timing_call(const echo_task *task, unsigned worker);

/* It ends as `state`. The thread that ends it. */
void echo__timing_ended(const echo_task *task, echo_task_state state);

#endif
