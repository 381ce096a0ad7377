/*
 * echo/stats.h - what a scheduler has done and is about, and how long tasks wait and run.
 *
 * Part of echo/scheduler.h, which includes it. Counters cost a task nothing that could be measured
 * and are always there. Times need readings of the clock, which cost about as much as an empty task
 * itself, and so are for the builder to ask for: for each task, or for one in so many.
 *
 * Functions that read may be called by any thread at any time, also after a stop. Each number is
 * right by itself; together they are as of about the same moment, and exact once nothing runs.
 */
#ifndef ECHO_STATS_H
#define ECHO_STATS_H

#include <echo/scheduler.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- counters --------------------------------------------------------------------------------- */

/* By rank: 0 is the highest priority, ECHO_PRIORITIES - 1 the lowest. */
#define ECHO_RANK(priority) (ECHO_PRIORITY_HIGH - (priority))

typedef struct echo_stats {
  unsigned workers, urgent_workers; /* these are among those */
  uint64_t submitted;               /* tasks accepted */
  uint64_t ended;                   /* tasks that ran or were cancelled */
  uint64_t cancelled; /* the part of these that never ran, or were told to end before */
  uint64_t suspended; /* tasks that wait to be resumed, to be called again, or are held */
  uint64_t stolen; /* tasks, and branches, that began on another worker than that which had them */
  uint64_t parked; /* times a worker went to sleep */
  size_t task_bytes; /* memory held for queued tasks and handles */
  /* By rank. Queued: under the priority they were submitted with; in a named queue, too, but not
   * held. Running: called at this moment; one that waits for another which its worker runs
   * meanwhile is called as well. */
  uint64_t queued[ECHO_PRIORITIES], running[ECHO_PRIORITIES];
} echo_stats;

/* Sums the counters up. */
ECHO_API void echo_scheduler_stats(echo_scheduler *scheduler, echo_stats *stats);

typedef struct echo_worker_stats {
  uint64_t executed; /* tasks that it ran to their end */
  uint64_t stolen, parked;
  double
      busy; /* seconds since its start in which it did not sleep: it ran tasks or looked for some */
  bool urgent; /* it takes high tasks only */
} echo_worker_stats;

/* The counters of one worker. ECHO_OK or ECHO_INVALID (there is no such worker). */
ECHO_API int echo_scheduler_worker_stats(echo_scheduler *scheduler, unsigned worker,
                                         echo_worker_stats *stats);

typedef struct echo_named_queue_stats {
  const char *name; /* the scheduler's */
  unsigned limit;
  uint64_t queued;
  uint64_t running; /* tasks that hold one of its slots: suspended ones, too */
} echo_named_queue_stats;

/* The counters of the named queue at place `index`, from 0 on, in the order in which the builder
 * made them. Both are 0 in the child of a fork. ECHO_OK or ECHO_MISSING (there are no more). */
ECHO_API int echo_scheduler_queue_stats(echo_scheduler *scheduler, unsigned index,
                                        echo_named_queue_stats *stats);

/* -- times ------------------------------------------------------------------------------------ */

/* Times one task in `every` on average: 1 is each, 0 none. Which ones is left to chance, so that a
 * pattern in what is submitted does not matter. A task that is timed costs up to three readings of
 * the clock, and 32 bytes. Default: 0. ECHO_OK or ECHO_INVALID
 * (above 1,000,000). */
ECHO_API int echo_builder_with_timings(echo_builder *builder, unsigned every);

/* Seconds; all 0 without entries. A percentile is wrong by at most 3.2 % of itself; sum and max are
 * exact. Of durations above five hours the percentiles do not know how much longer they are. */
typedef struct echo_distribution {
  uint64_t count; /* tasks that were timed */
  double sum, p50, p90, p99, max;
} echo_distribution;

typedef struct echo_timings {
  echo_distribution
      waited;            /* from being queued (a held task: from its first resume) to the start */
  echo_distribution ran; /* on a worker, without the time suspended; of those that have ended */
} echo_timings;

/* How long the timed tasks of that priority waited, and ran. ECHO_OK or ECHO_INVALID (priority out
 * of range). */
ECHO_API int echo_scheduler_timings(echo_scheduler *scheduler, echo_priority priority,
                                    echo_timings *timings);

/* -- the end of each task --------------------------------------------------------------------- */

typedef struct echo_task_report {
  void (*function)(void *argument);
  void *argument; /* not yet given to on_end */
  echo_priority priority;
  const char *queue;  /* the named queue's name, the scheduler's; or NULL */
  int status;         /* as on_end gets it */
  int worker;         /* that ends it, or -1: a thread from outside that cancels or stops */
  double waited, ran; /* seconds, as in echo_timings; negative if it never started */
} echo_task_report;

/* Has `ended` called once for each task, right before its on_end, and before anybody who waits for
 * the task learns that it has ended: on the thread that ends it, which is the worker's own, or, for
 * a task that never ran, that of whoever cancels it or stops the scheduler. So calls come from
 * several threads at once. The report is borrowed for the length of the call.
 *
 * It holds the worker up, and must not fail: to count and to add, to write to memory of its own, to
 * take a lock for a moment is what it is for. It must not submit, wait, cancel, resume, nor stop or
 * release the scheduler. It times each task, whatever echo_builder_with_timings said. `data` must
 * outlive the scheduler. NULL takes it back. ECHO_OK. */
ECHO_API int echo_builder_with_task_end(echo_builder *builder,
                                        void (*ended)(void *data, const echo_task_report *report),
                                        void *data);

#ifdef __cplusplus
}
#endif

#endif
