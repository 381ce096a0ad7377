/*
 * Recordings, as the rest of the scheduler sees them: the places where something happens that a
 * recording tells. Each asks echo__traces first, one relaxed load of a word that stays in the
 * caches while nothing is recorded; only then it calls.
 *
 * `on` is 0, or the number of the recording that runs, 1 to 31 in turn. Whoever finds it set looks
 * once more, with acquire, before it touches the recorder: that was made before (PAIR trace.on).
 * Nothing waits for those who are about to put in a mark when a recording ends: the rings stay
 * until the scheduler goes, and each mark bears its recording's number, so that what comes late is
 * passed over. What a thread did before it, or somebody it told, ended the recording is in it.
 *
 * A task that was made visible while a recording ran has that recording's number in its `trace`
 * word, with a number of its own, and flags. The word is its holder's, as the node is. Only that
 * tells a task which this recording has seen begin, or come, from one that it has not.
 */
#ifndef ECHO_SCHEDULER_TRACE_H
#define ECHO_SCHEDULER_TRACE_H

#include <echo/scheduler.h>
#include <uv.h>

#include "base/atomic.h"

struct echo__lane;
struct echo__worker;
struct echo__recorder;

/* A task that outlasts so many recordings, or a thread that is held up for so long in the midst of
 * putting in a mark, is taken for one of the recording that then runs. */
enum { ECHO__RECORDINGS = 31 };

/* How a stretch ended; the first three are echo_trace_outcome. */
typedef enum echo__stretch_end {
  ECHO__STRETCH_DONE = ECHO_TRACE_DONE,
  ECHO__STRETCH_FAILED = ECHO_TRACE_FAILED,
  ECHO__STRETCH_CANCELLED = ECHO_TRACE_CANCELLED,
  ECHO__STRETCH_SUSPENDED,
  ECHO__STRETCH_YIELDED,
  ECHO__STRETCH_INTERRUPTED,
  ECHO__STRETCH_RUNNING /* it has not ended */
} echo__stretch_end;

typedef struct echo__trace {
  echo__atomic(uint32_t) on;
  uv_mutex_t mutex;                /* begin and end, one at a time; guards `runs` */
  bool runs;                       /* there is a file; it may have broken off */
  struct echo__recorder *recorder; /* made with the first recording */
} echo__trace;

static inline bool echo__trace_is_on(const echo__trace *trace) {
  return echo__load(&trace->on, relaxed) != 0;
}

#define echo__traces(scheduler) echo__trace_is_on(&(scheduler)->trace)

/* The moment, or 0 if nothing is recorded. */
#define echo__trace_clock(scheduler) (echo__traces(scheduler) ? echo__now() : 0)

/* ECHO_OK or ECHO_MEMORY. */
int echo__trace_init(echo__trace *trace);

/* Frees the memory; no recording runs. */
void echo__trace_destroy(echo__trace *trace);

/* Ends the recording, if one runs. What a stop does when everything has ended. */
void echo__trace_stop(echo_scheduler *scheduler);

/* In the child of a fork: the file is the parent's. */
void echo__trace_forget(echo__trace *trace);

/* A task is about to be made visible. */
void echo__trace_submit(echo_scheduler *scheduler, echo_task *task);

/* A task of this worker's is about to be called; it has come back, and goes on later. */
void echo__trace_begin(struct echo__worker *worker, echo_task *task);
void echo__trace_leave(struct echo__worker *worker, echo_task *task, echo__stretch_end how);

/* A task has ended, and nobody has been told; leaves its `result`. Any thread. */
void echo__trace_end(echo_scheduler *scheduler, echo_task *task, echo_task_state state);

/* A suspended task is about to be queued. `lane`: the one that the caller is in, outside. */
void echo__trace_resume(echo_scheduler *scheduler, struct echo__lane *lane, echo_task *task);

/* The worker has taken a task from another; it has slept since then. */
void echo__trace_steal(struct echo__worker *worker);
void echo__trace_park(struct echo__worker *worker, uint64_t since);

/* The worker has run, since then, a branch of a task of this priority that another began. */
void echo__trace_branch(struct echo__worker *worker, uint64_t since, int priority);

#endif
