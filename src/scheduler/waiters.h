/*
 * The threads that wait for a task to end. They stand in one list per scheduler, under a mutex that
 * only those meet who really have to sleep and those who have somebody to wake: a task that is not
 * watched ends without a look at it.
 *
 * A waiter sets WATCHED in the task's word and enters the list under the mutex; whoever ends the
 * task changes the state first and looks for WATCHED in the same step. So either the waiter sees
 * the end, or the end sees the waiter (PAIR task.watched).
 */
#ifndef ECHO_SCHEDULER_WAITERS_H
#define ECHO_SCHEDULER_WAITERS_H

#include <uv.h>

#include "scheduler/idle.h"
#include "scheduler/task.h"

typedef struct echo__waiter {
  struct echo__waiter *next, **link; /* link: what points here; NULL when not in the list */
  echo_task *task;
  echo__word woken; /* a thread from outside sleeps on this */
  int worker;       /* or the worker that is nudged instead, or -1 */
} echo__waiter;

typedef struct echo__waiters {
  uv_mutex_t mutex;
  echo__waiter *first;
  echo__idle *idle;
} echo__waiters;

int echo__waiters_init(echo__waiters *waiters, echo__idle *idle);
void echo__waiters_close(echo__waiters *waiters);

/* Enters the list; false if the task has ended already. */
bool echo__waiters_enter(echo__waiters *waiters, echo__waiter *waiter, echo_task *task, int worker);

/* Leaves the list, if the waiter is still there. */
void echo__waiters_leave(echo__waiters *waiters, echo__waiter *waiter);

/* Wakes those who wait for the task; it may be gone by now. NULL wakes all. */
void echo__waiters_wake(echo__waiters *waiters, const echo_task *task);

#endif
