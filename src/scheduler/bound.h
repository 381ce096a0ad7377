/*
 * The tasks that belong to one worker: each that has suspended there once and has not ended. A stop
 * that cancels finds by it what is suspended. Its worker's thread only.
 */
#ifndef ECHO_SCHEDULER_BOUND_H
#define ECHO_SCHEDULER_BOUND_H

#include "scheduler/task.h"

typedef struct echo__bound {
  echo_task **tasks;
  uint32_t count, room;
} echo__bound;

/* ECHO_OK, or ECHO_MEMORY, after which nothing has changed. */
int echo__bound_enter(echo__bound *bound, echo_task *task);
void echo__bound_leave(echo__bound *bound, echo_task *task);
void echo__bound_close(echo__bound *bound);

#endif
