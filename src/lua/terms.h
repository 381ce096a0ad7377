/*
 * What a submit asks for beyond a priority: a delay, a time limit, retries, a key. A job has terms
 * only if it asks for any of it.
 *
 * Such a job is accepted by the core but held. `holds` counts what holds it back: the submit
 * itself, a delay, the job before it under the same key; whoever takes the last one away lets it
 * begin. The timers have a reference to the job each, which is dropped by the timer when it fires,
 * or with the timer when the core task ends.
 *
 * A key names at most one job at a time, the latest: the one that a further submit with the key
 * meets. With "queue" a job begins when the core task of the one before it has ended; not when that
 * job has, since one that is cancelled while it is queued ends at once. The table of keys and
 * `successor` are under the runtime's `keys_mutex`.
 */
#ifndef ECHO_LUA_TERMS_H
#define ECHO_LUA_TERMS_H

#include "lua/job.h"

typedef enum echo__conflict {
  ECHO__CONFLICT_REPLACE,
  ECHO__CONFLICT_JOIN,
  ECHO__CONFLICT_QUEUE
} echo__conflict;

/* A timer of a job's. */
typedef struct echo__job_timer {
  echo_timer timer;
  echo__atomic(bool) started;
} echo__job_timer;

typedef struct echo__terms {
  echo__job *job;
  double delay, timeout; /* seconds; negative: none */
  echo__message input;   /* the job's, unless it is a map: it may be tried again */
  uint64_t deadline;     /* of the timeout, from the submit on; or ECHO__FOREVER */
  unsigned retries;      /* that are left */
  unsigned attempt;      /* from 1 on */
  echo__conflict conflict;
  char *key;               /* allocated, or NULL */
  echo_task *held;         /* the core task's handle while it is held, unless it is a map */
  echo__atomic(int) holds; /* who takes the last one away releases the runs' handles */
  echo__job_timer delay_timer, timeout_timer;
  struct echo__terms *next_key; /* in the table */
  bool last_of_key;             /* it is in the table */
  echo__job *successor;         /* with a reference */
} echo__terms;

/* Terms of the job that ask for nothing; NULL without memory. The job owns them. */
echo__terms *echo__terms_create(echo__job *job);
void echo__terms_destroy(echo__terms *terms);

/* The seconds until the deadline of a job with terms: 0 if it has passed, negative if there is
 * none.
 */
double echo__terms_time_left(const echo__job *job);

/* True if something still holds the job back. */
bool echo__terms_hold(const echo__job *job);

/* The job that this one would join, with a reference, or NULL. */
echo__job *echo__terms_find(echo__job *job);

/* After the job's core tasks were accepted, held: enters it under its key, if it has one. Returns
 * the job to use instead, with a reference, if it joins one that has not ended. *replaced is one
 * that the caller is to cancel, with a reference, or NULL. */
echo__job *echo__terms_enter(echo__job *job, echo__job **replaced);

/* Then either starts the timers and takes the submit's hold away: ECHO_OK, or why a timer could not
 * be started, the job being cancelled then. Or ends the job without it. */
int echo__terms_start(echo__job *job);
void echo__terms_abandon(echo__job *job);

/* The job has ended, and so has a core task of it: stops the timers, leaves the key, lets the
 * successor begin. Idempotent. Any thread. */
void echo__terms_end(echo__job *job);

/* The job was cancelled before it began: nothing but its predecessor holds it back any more. */
void echo__terms_hurry(echo__job *job);

#endif
