/*
 * Observers: who is told of the end of every task of a scheduler (s:on_task_end).
 *
 * While there is one, jobs have spans (span.h). What a job comes to is copied for each observer, by
 * the thread that ends it, into a list of that observer's, and a letter is posted to its state if
 * the list was empty. So a state is told in batches, and the jobs need not be kept. A list takes
 * MOST entries; what comes beyond is counted and not kept. A job that had begun before anybody
 * observed has no span and is passed over: nobody knows for how long it has run.
 *
 * The lists, and the list of observers, are under the runtime's `observers_mutex`, which comes
 * before the mailboxes' in the order of locks. All else of an observer is its state's.
 */
#ifndef ECHO_LUA_OBSERVER_H
#define ECHO_LUA_OBSERVER_H

#include "lua/job.h"
#include "lua/mailbox.h"
#include "lua/span.h"

/* What a job came to. */
typedef struct echo__ending {
  struct echo__ending *next;
  uint64_t waited, ran; /* as in a span */
  int worker;           /* from 0 on, or -1: several, or none */
  echo__job_state state;
  echo__kind kind; /* if it is not done */
  int8_t priority;
  bool has_queue;
  size_t name_length;
  char text[]; /* the name, a zero, the queue */
} echo__ending;

typedef struct echo__endings {
  echo__ending *first, **end;
  size_t count;
  uint64_t dropped; /* since the last batch */
} echo__endings;

typedef struct echo__observer {
  echo__letter letter;                 /* first; not counted among what is expected */
  struct echo__observer *next, **link; /* of the runtime's */
  echo__runtime *runtime;              /* or NULL: it has left */
  echo__client *client;                /* it leaves with it */
  echo__endings endings;
} echo__observer;

enum { ECHO__MOST_ENDINGS = 10000 };

/* Enters an observer whose letter is expected, or takes it out if it is in. The state's thread. */
void echo__observer_enter(echo__observer *observer, echo__client *client);
void echo__observer_leave(echo__observer *observer);

/* Takes out those of a client that goes; each is told of what it still has. The state's thread. */
void echo__observers_leave(echo__client *client);

/* Takes what has come, which is the caller's to free. The state's thread. */
echo__endings echo__observer_take(echo__observer *observer);
void echo__endings_free(echo__endings *endings);

/* Tells all observers. `queued` says that the job ends without having begun. Whoever ends the job,
 * once. */
void echo__observe_end(const echo__job *job, echo__job_state state, bool queued);

#endif
