/*
 * The tasks that were accepted and wait for somebody to let them begin (echo_task_options.held). A
 * list under a mutex, of those that are SUSPENDED and not BOUND: a stop that cancels has to find
 * them, since they lie in no queue.
 *
 * A task leaves the list by the hand of whoever takes it out of SUSPENDED, before anything else is
 * done with it; so what stands in the list is there.
 */
#ifndef ECHO_SCHEDULER_HELD_H
#define ECHO_SCHEDULER_HELD_H

#include <uv.h>

#include "scheduler/task.h"

typedef struct echo__held {
  uv_mutex_t mutex;
  echo_node *first;
  size_t count;
  bool closed;
} echo__held;

/* ECHO_OK or ECHO_MEMORY. */
int echo__held_init(echo__held *held);
void echo__held_destroy(echo__held *held);

/* Enters a task, which from now on may be resumed; false if the list is closed. Any thread. */
bool echo__held_enter(echo__held *held, echo_task *task);

/* Takes out a task that the caller has taken out of SUSPENDED. Any thread. */
void echo__held_leave(echo__held *held, echo_task *task);

/* Closes the list and takes out those that are still SUSPENDED: a chain of tasks that are now
 * RUNNING and the caller's to end. Any thread. */
echo_node *echo__held_close(echo__held *held);

/* Any thread. */
size_t echo__held_count(echo__held *held);

#endif
