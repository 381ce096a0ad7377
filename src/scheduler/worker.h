/*
 * The workers: threads that take the most urgent task, run it, and rest when there is none.
 */
#ifndef ECHO_SCHEDULER_WORKER_H
#define ECHO_SCHEDULER_WORKER_H

#include "scheduler/scheduler.h"

/* Puts the workers into the state they have before their threads start. */
void echo__workers_reset(echo_scheduler *scheduler);

/* Starts all threads. ECHO_OK, or ECHO_THREAD after those that had started are gone again. Under
 * `life`. */
int echo__workers_start(echo_scheduler *scheduler);

/* Waits for the first `count` threads to end, in a scheduler that has STOPPED; the number of those
 * that had to be left behind at the deadline. Under `life`. */
unsigned echo__workers_join(echo_scheduler *scheduler, unsigned count, uint64_t deadline);

#endif
