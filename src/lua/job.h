/*
 * A job: one function with its arguments, on its way through the scheduler, and what came of it.
 *
 * References: one of the host's handle, one for the core task (for a map: one for all of its
 * tasks). The state word says who may touch what. The message `input` is read by whoever runs the
 * job, and released as soon as it has run (a map's when it goes); `kind` and `output` are written
 * by the worker before it stores an end state with release, and read by the host after it saw that
 * with acquire (PAIR job.state). So no lock guards the messages.
 */
#ifndef ECHO_LUA_JOB_H
#define ECHO_LUA_JOB_H

#include "base/wait.h"
#include "lua/runtime.h"

typedef enum echo__job_state {
  ECHO__JOB_QUEUED,
  ECHO__JOB_RUNNING,
  ECHO__JOB_DONE, /* the first end state */
  ECHO__JOB_FAILED,
  ECHO__JOB_CANCELLED
} echo__job_state;

/* The kinds of errors, as scripts see them. X(NAME, text) */
#define ECHO__KIND_MAP(X)                                                                          \
  X(ERROR, "error")                                                                                \
  X(CANCELLED, "cancelled")                                                                        \
  X(TIMEOUT, "timeout")                                                                            \
  X(MEMORY, "memory")                                                                              \
  X(STOPPED, "stopped")                                                                            \
  X(LOST, "lost")                                                                                  \
  X(TRANSFER, "transfer")

typedef enum echo__kind {
#define ECHO__KIND_ENUM(name, text) ECHO__KIND_##name,
  ECHO__KIND_MAP(ECHO__KIND_ENUM)
#undef ECHO__KIND_ENUM
} echo__kind;

enum { ECHO__JOB_WAITED = 16 }; /* in the state word: a thread sleeps on it */

typedef struct echo__job {
  echo__atomic(uint32_t) references;
  echo__word word; /* echo__job_state, and ECHO__JOB_WAITED */
  echo__runtime *runtime;
  struct echo__map *map; /* if the job is a map, else NULL */
  char *name;            /* allocated, or NULL */
  echo__kind kind;       /* of a failed job */
  echo__message input;   /* function and arguments; for a map the function */
  echo__message output;  /* results; or of a failed job: message, traceback, task name, value */
} echo__job;

/* A job with one reference, the caller's; NULL without memory. The host's thread. */
echo__job *echo__job_create(echo__client *client);

/* Adds the reference of the core task that is about to be submitted, and takes it back if the
 * submit was refused. Nobody else has the job then. The host's thread. */
void echo__job_share(echo__job *job);
void echo__job_unshare(echo__job *job);

/* Drops the handle's reference. The host's thread. */
void echo__job_drop(echo__client *client, echo__job *job);

/* Drops the core task's reference. Any thread. */
void echo__job_drop_anywhere(echo__job *job);

echo__job_state echo__job_get_state(const echo__job *job);

/* QUEUED to RUNNING; false if it was cancelled, or runs already (a map). Any thread. */
bool echo__job_begin(echo__job *job);

/* QUEUED to CANCELLED; false if it was too late. Any thread. */
bool echo__job_cancel(echo__job *job);

/* RUNNING to an end state, and wakes whoever waits. Whoever began it. */
void echo__job_end(echo__job *job, echo__job_state state);

/* Sleeps until the job has ended, the deadline passes or a signal handler ran; any of these may
 * also be claimed for no reason. */
echo__woken echo__job_wait(echo__job *job, uint64_t deadline);

/* The core task's on_end; the argument is the job. */
void echo__job_on_end(void *argument, int status);

#endif
