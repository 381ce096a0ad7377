/*
 * A job: one function with its arguments, on its way through the scheduler, and what came of it.
 *
 * References: one of each userdata that stands for the job, one for its core task (for a map: one
 * for all of its tasks), one for each that watches it. The state word says who may touch what. The
 * input is read by whoever runs the job, and released as soon as it has run, or will not (a map's
 * when it goes); `kind` and the output are written by the worker before it stores an end state with
 * release, and read by others after they saw that with acquire (PAIR job.state). So no lock guards
 * the messages.
 *
 * One message is both, since a job that has read its input needs it no more: it is released before
 * the output is written. What may have to read its input again (a map, of which each worker does; a
 * job with terms, which may be tried again) has it elsewhere, see echo__job_input.
 *
 * A run is one core task's share of a job: a job has one, a map has one per runner. It begins and
 * goes on on one worker, in one fiber.
 *
 * Cancelling. Whoever wants a job to end sets CANCELLING in its word, together with the kind and
 * the reason (under the stripe, once); from then on the job ends as cancelled whatever its function
 * does. A job that has not begun ends at once. One that has is poked: if its run is suspended it is
 * resumed, if it runs its worker is interrupted. Either way it comes to look at the bit.
 *
 * Why no poke is lost. A run that suspends sets SUSPENDED in its own word and then looks at
 * CANCELLING; who cancels sets CANCELLING and then looks at SUSPENDED. All four are sequentially
 * consistent (PAIR run.poke), so one of the two sees the other.
 *
 * Why a poke never meets a core task that is gone. Who pokes counts itself in the run's word in the
 * same step that reads SUSPENDED, and uncounts itself after the resume. A run clears SUSPENDED when
 * it goes on, and before it ends it waits until nobody is counted who may have seen the bit.
 */
#ifndef ECHO_LUA_JOB_H
#define ECHO_LUA_JOB_H

#include <stddef.h>

#include "base/wait.h"
#include "lua/runtime.h"
#include "lua/shared.h"

typedef enum echo__job_state {
  ECHO__JOB_QUEUED,
  ECHO__JOB_RUNNING,
  ECHO__JOB_DONE, /* the first end state */
  ECHO__JOB_FAILED,
  ECHO__JOB_CANCELLED
} echo__job_state;

/* In the job's word, beside the state. */
enum {
  ECHO__JOB_STATE = 15,
  ECHO__JOB_WAITED = 16,     /* a thread sleeps on the word */
  ECHO__JOB_WATCHED = 32,    /* there is a watch */
  ECHO__JOB_CANCELLING = 64, /* it is to end */
  ECHO__JOB_WORKER = 65536   /* the number of the worker where it began, plus 1 (not of a map) */
};

/* In a run's word. */
enum {
  ECHO__RUN_SUSPENDED = 1,
  ECHO__RUN_SCOPED = 2, /* it has scopes open */
  ECHO__RUN_POKER = 4   /* one who pokes */
};

/* The kinds of errors, as scripts see them. X(NAME, text) */
#define ECHO__KIND_MAP(X)                                                                          \
  X(ERROR, "error")                                                                                \
  X(CANCELLED, "cancelled")                                                                        \
  X(TIMEOUT, "timeout")                                                                            \
  X(MEMORY, "memory")                                                                              \
  X(FULL, "full")                                                                                  \
  X(STOPPED, "stopped")                                                                            \
  X(LOST, "lost")                                                                                  \
  X(TRANSFER, "transfer")

typedef enum echo__kind {
#define ECHO__KIND_ENUM(name, text) ECHO__KIND_##name,
  ECHO__KIND_MAP(ECHO__KIND_ENUM)
#undef ECHO__KIND_ENUM
      ECHO__KINDS
} echo__kind;

/* Something to be told when the job ends. It is embedded in what its owner waits with. `fire` is
 * called once, by whoever ends the job or first finds it ended, with the job's stripe held: it must
 * be short and must not touch watches. */
typedef struct echo__watch {
  struct echo__watch *next, **link; /* link: what points here; NULL when not in a list */
  void (*fire)(struct echo__watch *watch);
} echo__watch;

/* A map's are part of runners, see map.h. */
typedef struct echo__run {
  struct echo__job *job;
  struct echo__fiber *fiber; /* from its beginning to its end */
  echo_task *core;           /* known from its beginning on */
  int8_t priority;           /* the core task's */
  bool knows;                /* its job was cancelled before this call began */
  echo__atomic(bool) begun;  /* by the core task that it was submitted with; written there */
  echo__atomic(uint32_t) word;
} echo__run;

/* What few jobs have. All zero for one that has none of it; what is not said to be otherwise is the
 * submitter's until the job is queued, and stays as it is then. */
typedef struct echo__extra {
  struct echo__map *map;                      /* if the job is a map */
  struct echo__terms *terms;                  /* see terms.h */
  echo__atomic(struct echo__charge *) charge; /* see charge.h */
  char *name;                                 /* allocated; see echo__job_name */
  char *queue;                                /* allocated: the named queue */
  char *reason;                               /* allocated; set with CANCELLING */
  struct echo__told *told;                    /* under the stripe; see progress.h */
  struct echo__span *span;                    /* see span.h */
  echo_trace_result recorded; /* where and when it ended, as its output; see recording.h */
} echo__extra;

/* Three cache lines: what each submit and each end touch, with the run; what few jobs use and the
 * message's head; its bytes. There are as many as tasks that wait, for a time or for each other, so
 * what only few have lies elsewhere. */
typedef struct echo__job {
  echo__shared shared;           /* first: a task's handles stand for it */
  echo__word word;               /* echo__job_state and the bits beside it */
  echo__atomic(int8_t) priority; /* as it stands, see echo__job_set_priority */
  echo__atomic(bool) travelled;  /* it has a reference to the runtime of its own */
  uint8_t cancel_kind;           /* an echo__kind, set with CANCELLING */
  uint8_t kind : 7;              /* an echo__kind, of a failed job */
  uint8_t reported : 1; /* its output tells where it failed or, if it was cancelled, was; set as
                           `kind` */
  echo__run run;
  echo__runtime *runtime;
  echo__atomic(echo__extra *) extra; /* or NULL; never changes once it is there */
  echo__watch *watches;              /* under the stripe */
  struct echo__ring_place *awaits;   /* while it waits for others, see ring.h; or NULL */
  echo__message message; /* the input, if it is not elsewhere, until it is read; then the output:
                            results; or of a failed job: message, traceback, task name, value */
} echo__job;

_Static_assert(sizeof(void *) != 8 || ECHO__MESSAGE_INLINE != 48 || sizeof(echo__job) <= 192,
               "no line is split, and none is wasted");

extern const echo__extra echo__no_extra;

/* To read what few jobs have. Any thread that may read what it looks for. */
static inline const echo__extra *echo__job_extra(const echo__job *job) {
  const echo__extra *extra = echo__load(&job->extra, acquire); /* PAIR job.extra */
  return extra != NULL ? extra : &echo__no_extra;
}

/* What the submit called it, or NULL: kept in its message if it is short, else in the extra. Good
 * for as long as the job is there, so for its output, errors and recordings after its end. Any
 * thread that has a reference, or runs a core task of the job's. */
static inline const char *echo__job_name(const echo__job *job) {
  const char *kept = echo__message_kept(&job->message);
  return kept != NULL ? kept : echo__job_extra(job)->name;
}

/* To write it: made now, if the job has none; NULL without memory. Any thread that has a reference.
 */
echo__extra *echo__job_extend(echo__job *job);

/* What the handles of jobs are; in task.c, which makes them. */
extern const echo__shared_type echo__job_type;

/* The end of a job without references; `destroy` of its type. Any thread. */
void echo__job_destroy(echo__shared *job);

/* A job with one reference, the caller's; NULL without memory. The thread of the client's state. */
echo__job *echo__job_create(echo__client *client);

/* Where its input is, function and arguments (for a map the function): its map's, its terms' or its
 * own message. Whoever may touch the input; once map and terms are there. */
echo__message *echo__job_input(echo__job *job);

/* Adds the reference of the core task that is about to be submitted, and takes it back if the
 * submit was refused. Nobody else has the job then. The thread of the client's state. */
void echo__job_share(echo__job *job);
void echo__job_unshare(echo__job *job);

/* A handle of the job is about to travel: it may come to outlive all clients of its runtime. */
void echo__job_travels(echo__shared *job);

/* Adds a reference for somebody else. Who has one. */
void echo__job_retain(echo__job *job);

/* Drops a reference; the one on the client's own thread is cheaper. */
void echo__job_drop(echo__client *client, echo__job *job);
void echo__job_drop_anywhere(echo__job *job);

echo__job_state echo__job_get_state(const echo__job *job);

/* The state's name for scripts: "queued", "running", "suspended" ... Any thread. */
const char *echo__job_status(const echo__job *job);

static inline bool echo__job_has_ended(const echo__job *job) {
  return echo__job_get_state(job) >= ECHO__JOB_DONE;
}

/* QUEUED to RUNNING; false if it was cancelled, or runs already (a map). That worker's thread. */
bool echo__job_begin(echo__job *job, int worker);

/* RUNNING to QUEUED, to be tried again; false if it is to end. Whoever began it. */
bool echo__job_requeue(echo__job *job);

/* RUNNING to an end state, or to CANCELLED if it was to be; tells whoever waits or watches. Whoever
 * began it. */
void echo__job_end(echo__job *job, echo__job_state state);

/* Makes the job end, with an error of this kind and, if not NULL, this sentence; see above. False
 * if it has ended, or was made to end before. Any thread that has a reference. */
bool echo__job_cancel(echo__job *job, echo__kind kind, const char *reason);

static inline bool echo__job_is_cancelling(const echo__job *job) {
  return echo__load(&job->word, seq_cst) & ECHO__JOB_CANCELLING; /* PAIR run.poke */
}

/* Ends a job, if it has not ended, whose core task was ended without having been run, or run to its
 * end. Any thread. */
void echo__job_abandon(echo__job *job);

/* Makes the job's run look at the job: resumes or interrupts it. Any thread that has a reference.
 */
void echo__job_poke(echo__job *job);

/* Gives the run's core task the job's priority, if it is suspended; it takes it itself when it is
 * suspended next. Any thread that has a reference. */
void echo__run_reprioritize(echo__run *run);

/* A run's steps, on its worker. One that suspends is resumed at once if its job is cancelled and it
 * did not know; if it knew, its task has chosen to wait. */
void echo__run_init(echo__run *run, echo__job *job);
void echo__run_suspends(echo__run *run);
void echo__run_goes_on(echo__run *run);
void echo__run_ends(echo__run *run);

/* For a run whose scheduler cancels: its job is to end. */
void echo__run_stopped(echo__run *run);

/* Fires the watches of a job that has ended, if whoever ended it has not come to that yet; so what
 * is seen to end first is also told first. Any thread that has a reference. */
void echo__job_settle(echo__job *job);

/* The mutex that guards what is said to be under the job's stripe. */
uv_mutex_t *echo__job_stripe(const echo__job *job);

/* Enters a watch, or finds it entered; false if the job has ended: it will not fire any more then.
 * The caller holds a reference. Any thread. */
bool echo__job_watch(echo__job *job, echo__watch *watch);

/* Takes a watch back, if it is there; it is not firing when this returns. */
void echo__job_unwatch(echo__job *job, echo__watch *watch);

/* Sleeps until the job has ended, the deadline passes or a signal handler ran; any of these may
 * also be claimed for no reason. */
echo__woken echo__job_wait(echo__job *job, uint64_t deadline);

/* The core task's on_end; the argument is the job's run. */
void echo__job_on_end(void *run, int status);

/* What every core task of a job that is no map does at its end, stand-ins among them (urgency.h):
 * one that was ended before its time ends the job if it has begun it, or if nobody has; and if the
 * job has ended, what goes with it ends: its terms, its charge. The job may still run elsewhere if
 * this core task came too late to begin it. Any thread; drops the core task's reference. */
void echo__job_core_ended(echo__job *job, bool begun, int status);

#endif
