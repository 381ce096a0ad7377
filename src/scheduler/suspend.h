/*
 * Suspending and resuming, as the rest of the scheduler needs it; suspend.c tells more.
 *
 * A worker has an `orders` word with which others ask it for what only its own thread may do. It
 * looks there before it takes a task. Whoever gives an order sees to it that the worker is awake.
 */
#ifndef ECHO_SCHEDULER_SUSPEND_H
#define ECHO_SCHEDULER_SUSPEND_H

#include "scheduler/scheduler.h"

enum {
  ECHO__SORT = 1, /* the priority of a pinned task has changed */
  ECHO__ROUSE = 2 /* the scheduler cancels: call what is suspended */
};

/* Pins a task that the caller has set from SUSPENDED to QUEUED. Any thread. */
void echo__pin(echo_scheduler *scheduler, echo_task *task);

/* Queues a held task that the caller has set from SUSPENDED to QUEUED, as if it was submitted now.
 * It is no longer in the list of the held ones. Any thread. */
void echo__publish_held(echo_scheduler *scheduler, echo_task *task);

/* Ends the tasks that are held, and those that would be from now on are not. Any thread. */
void echo__cancel_held(echo_scheduler *scheduler);

/* A task has returned after it asked to be suspended. Its worker only. */
void echo__after_suspend(echo__worker *worker, echo_task *task);

/* A pinned node was taken: its task, which has begun, or NULL if it was LOST. Its worker only. */
echo_task *echo__begin_pinned(echo__worker *worker, echo_node *node);

/* Pins all that is suspended on the worker, with CANCEL. Its worker only. */
void echo__rouse_suspended(echo__worker *worker);

/* Ends what was LOST while it was suspended on the worker. Its worker only. */
void echo__end_lost(echo__worker *worker);

/* Gives an order to all workers and wakes them. Any thread. */
void echo__order_all(echo_scheduler *scheduler, uint32_t order);

/* Does what was ordered, or only the sorting. The worker itself only. */
void echo__obey(echo__worker *worker);
void echo__obey_sorting(echo__worker *worker);

#endif
