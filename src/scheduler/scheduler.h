/*
 * The scheduler's own state and the few steps that its files share.
 *
 * The phases, in this order and never back:
 *   FRESH      built; no thread yet
 *   RUNNING    since the first submit
 *   DRAINING   submits from outside are refused; tasks run, and may submit
 *   CANCELLING the same, but a task that is taken is ended instead of run, unless it is BOUND: what
 *              has suspended is called until it ends
 *   STOPPED    everything accepted has ended: the workers leave
 *
 * Accepted tasks are counted before they can be seen and once more after they ended, by the thread
 * that does it, each in its own counter. Reading all `ended` first and all `submitted` afterwards,
 * equal sums mean that at the moment between, everything accepted had ended (echo__balanced).
 */
#ifndef ECHO_SCHEDULER_SCHEDULER_H
#define ECHO_SCHEDULER_SCHEDULER_H

#include <echo/scheduler.h>
#include <uv.h>

#include "base/fork.h"
#include "base/thread.h"
#include "scheduler/awake.h"
#include "scheduler/bound.h"
#include "scheduler/census.h"
#include "scheduler/clock.h"
#include "scheduler/held.h"
#include "scheduler/here.h"
#include "scheduler/idle.h"
#include "scheduler/interrupt.h"
#include "scheduler/lane.h"
#include "scheduler/loop.h"
#include "scheduler/named_queue.h"
#include "scheduler/objects.h"
#include "scheduler/room.h"
#include "scheduler/task.h"
#include "scheduler/timing.h"
#include "scheduler/trace.h"
#include "scheduler/waiters.h"

enum { ECHO__FRESH, ECHO__RUNNING, ECHO__DRAINING, ECHO__CANCELLING, ECHO__STOPPED };

typedef struct echo__hooks {
  void (*start)(void *data, unsigned worker);
  void (*stop)(void *data, unsigned worker);
  void *data;
} echo__hooks;

typedef struct echo__end_hooks {
  void (*stopped)(void *data, int status);
  void (*released)(void *data);
  void *data;
} echo__end_hooks;

/* What a builder collects and a scheduler then owns. */
typedef struct echo__plan {
  unsigned workers; /* urgent ones among them, which come last */
  unsigned urgent, fairness;
  size_t capacity; /* 0: no bound */
  bool pinning;
  void (*interrupt)(void *data, unsigned worker);
  void *interrupt_data;
  bool silent; /* no signals */
  size_t (*name_task)(void *data, echo_task_function function, void *argument, char *text,
                      size_t size);
  void *name_data;
  char *name;
  echo__named_queue **queues;
  unsigned queue_count;
  echo__hooks hooks;
  echo__end_hooks ends;
  unsigned timings; /* one task in so many is timed; 0: none */
  echo__report_hook report;
} echo__plan;

typedef struct echo__worker echo__worker;

/* What is to become of a task when its function returns. */
typedef enum echo__next { ECHO__ENDS, ECHO__COMES_AGAIN, ECHO__SUSPENDS } echo__next;

struct echo__worker {
  ECHO__ALIGNED echo_scheduler *scheduler;
  unsigned index;
  uv_thread_t thread;
  echo__caches cache;
  echo_task *current;               /* what runs; its own thread reads it */
  const struct echo_branch *branch; /* the innermost that runs; a current task is inside of it */
  echo__next next;                  /* what the current task asked for */
  bool searching;
  bool makes_way; /* the current task was told to */
  unsigned ran;   /* tasks since the last wake-up */
  int64_t handles;
  echo__bound bound;
  echo__loop *loop; /* NULL: it has none */
  /* Written by the worker, read by anybody. */
  echo__atomic(uint64_t) submitted, ended, cancelled, stolen, parked;
  echo__census census;
  echo__running running; /* see census.h */
  echo__awake awake;
  echo__atomic(uint64_t) suspended; /* now, those included that wait to be called again */
  echo__atomic(uint32_t) orders;    /* written by anybody (suspend.h) */
  echo__atomic(bool) left;          /* the thread is about to end: joining it takes no time */
  bool has_thread;                  /* under `crew` */
};

struct echo_scheduler {
  /* Read on every submit, written by nobody. */
  echo__plan plan;
  echo_queue *queue;
  echo__worker *workers;
  echo__lane lanes[ECHO__LANES];
  ECHO__ALIGNED echo__objects objects;
  echo__idle idle;   /* the ordinary workers */
  echo__idle urgent; /* the workers for high tasks, beyond them */
  echo__waiters waiters;
  echo__held held;
  echo__clock clock;
  echo__interrupts interrupts;
  echo__rooms rooms;
  echo__trace trace;
  echo__timing timing;
  ECHO__ALIGNED echo__word phase;
  echo__atomic(bool) abandoned;    /* a thread was left behind */
  echo__atomic(bool) cancel_asked; /* of a stop that drains */
  uv_mutex_t life;                 /* start and stop, one at a time */
  uv_mutex_t crew;                 /* held while a worker's thread is made: see crew.h */
  echo__manner manner;             /* of the thread of the first submit */
  echo__atomic(unsigned) opening;  /* workers in their hook `start` */
  int stop_status;                 /* under `life`: what the stop came to */
  size_t stop_abandoned;
  echo__word progress;           /* changes when a worker that stops runs dry, or leaves */
  echo__atomic(int64_t) orphans; /* handles that outlive the scheduler's release */
  echo__atomic(bool) released;   /* from now on `orphans` counts */
  echo__forkable forkable;       /* see fork.c */
  bool forked;                   /* it had started when the process was forked off */
};

/* The task's named queue, or NULL. Of a ticket: the one that it is for. */
static inline echo__named_queue *echo__task_queue(const echo_scheduler *scheduler,
                                                  const echo_task *task) {
  unsigned number = echo__task_queue_number(task);
  return number != 0 ? scheduler->plan.queues[number - 1] : NULL;
}

/* The scheduler's worker whose thread this is, or NULL. */
static inline echo__worker *echo__own_worker(const echo_scheduler *scheduler) {
  echo__worker *worker = echo__this_thread.worker;
  return worker != NULL && worker->scheduler == scheduler ? worker : NULL;
}

static inline void echo__count_suspended(echo__worker *worker, int change) {
  uint64_t count = echo__load(&worker->suspended, relaxed);
  echo__store(&worker->suspended, count + (uint64_t)change, relaxed);
}

static inline bool echo__is_urgent(const echo__worker *worker) {
  return worker->index >= worker->scheduler->idle.workers;
}

/* True if something waits of this priority or a higher one that the worker would take. Its thread
 * only. */
static inline bool echo__has_work_for(const echo__worker *worker, echo_priority priority) {
  echo_queue *queue = worker->scheduler->queue;
  if (!echo__is_urgent(worker)) return echo_queue_has_work_for(queue, worker->index, priority);
  return echo_queue_has_pinned_from(queue, worker->index, priority) ||
         echo_queue_has_work_from(queue, ECHO_PRIORITY_HIGH);
}

/* All ordinary workers are at work, as a look behind a fence has shown: wakes an urgent one, if a
 * task of this priority is for them. True if one was woken or searches. Any thread. */
static inline bool echo__notify_urgent(echo_scheduler *scheduler, echo_priority priority) {
  if (priority != ECHO_PRIORITY_HIGH || scheduler->urgent.workers == 0) return false;
  return echo__idle_notify_injected(&scheduler->urgent);
}

/* A task of this priority was made visible: wakes a worker if one is needed, an urgent one if no
 * other is idle, or else asks one that runs something less urgent to make way. Any thread. */
static inline void echo__notify(echo_scheduler *scheduler, echo_priority priority) {
  if (echo__idle_notify(&scheduler->idle)) return;
  if (echo__notify_urgent(scheduler, priority) || scheduler->interrupts.call == NULL) return;
  echo__interrupts_ask(scheduler, priority);
}

/* The same right after echo_queue_inject (echo__idle_notify_injected). */
static inline void echo__notify_injected(echo_scheduler *scheduler, echo_priority priority) {
  if (echo__idle_notify_injected(&scheduler->idle)) return;
  if (echo__notify_urgent(scheduler, priority) || scheduler->interrupts.call == NULL) return;
  echo__interrupts_ask(scheduler, priority);
}

/* Takes over what the plan holds, unless it fails. ECHO_OK or ECHO_MEMORY. */
int echo__scheduler_create(const echo__plan *plan, echo_scheduler **scheduler);
void echo__plan_close(echo__plan *plan);

/* -- worker.c -- */

/* Takes one task and runs it, or ends it while cancelling; or runs a branch. */
echo_steal echo__worker_step(echo__worker *worker);

/* The same, if there is something of this priority or a higher one. */
echo_steal echo__worker_step_from(echo__worker *worker, echo_priority lowest);

/* A worker that waits works meanwhile, unless the scheduler has stopped without it. */
static inline bool echo__worker_may_work(const echo__worker *worker) {
  return echo__load(&worker->scheduler->phase, acquire) != ECHO__STOPPED; /* PAIR stop.phase */
}

/* Sleeps until there may be something to do, what is awaited has ended (a task's or a branch's
 * word; NULL: nothing) and the worker was nudged, the phase changed or the deadline passed. */
void echo__worker_rest(echo__worker *worker, const echo__word *awaited, uint64_t deadline);

/* All that a worker does, on its thread, until the scheduler has STOPPED. */
void echo__worker_live(echo__worker *worker);

/* For a worker that goes back from a wait to the task that waited: it no longer searches, and runs
 * that task again. */
void echo__worker_go_on(echo__worker *worker);

/* -- end.c: the last steps of a task, on any thread -- */

/* Ends a task that this thread began. */
void echo__finish(echo_scheduler *scheduler, echo_task *task, echo_task_state state);

/* Forgets a task that was cancelled while it was queued, now that it has left the queue. */
void echo__forget(echo_scheduler *scheduler, echo_task *task);

/* Gives up the place of a task that this thread has begun, or begun in order to cancel it. */
void echo__give_place(echo_scheduler *scheduler, echo_task *task);

/* Frees a task's memory into the calling thread's cache. */
void echo__free_task(echo_scheduler *scheduler, echo_task *task);

/* Carries out what a named queue asks for. */
void echo__named_carry_out(echo_scheduler *scheduler, echo__named_orders orders);

/* What to run for a node that was taken from the queue: its task, the task its ticket stands for,
 * or NULL. The task has begun. */
echo_task *echo__begin_taken(echo_scheduler *scheduler, echo_node *node);

/* Ends a task that this thread began in order to cancel it; its node is still queued. */
void echo__cancel_begun(echo_scheduler *scheduler, echo_task *task);

/* Counts a task that leaves the queue in order to be ended. */
void echo__count_left(echo_scheduler *scheduler, const echo_task *task);

/* Counts a handle as given up; `last` says that the task's memory goes with it. */
void echo__give_up_handle(echo_scheduler *scheduler, echo_task *task, bool last);

/* -- stop.c -- */

/* Something a stop may be waiting for has happened: it looks again. Any thread. */
void echo__progress(echo_scheduler *scheduler);

/* Tasks that were accepted and have not ended. Any thread; takes no lock. */
uint64_t echo__outstanding(echo_scheduler *scheduler);

/* The part of echo_stats that a stop goes by. Any thread; takes no lock. */
void echo__sum_up(echo_scheduler *scheduler, echo_stats *stats);

/* In stats.c: how many tasks are queued. Any thread; takes no lock. */
uint64_t echo__queued(const echo_scheduler *scheduler);

/* In fork.c: takes back what watched for forks. */
void echo__fork_forget(echo_scheduler *scheduler);

/* Frees the scheduler's memory. Nobody may use it any more. */
void echo__scheduler_destroy(echo_scheduler *scheduler);

#endif
