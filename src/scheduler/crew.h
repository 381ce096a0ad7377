/*
 * The workers' threads: when they are made, and how they are waited for.
 *
 * The first submit has worker 0's thread made, and waits for no more than that; whoever then makes
 * a task visible for which nobody is there has another made (idle.h), which is then given what it
 * would have inherited from the thread of the first submit. Urgent workers, whose point is to be
 * there, and those that stay on a processor each are all made at the first submit.
 *
 * Threads are made one at a time, under `crew`, and none in a scheduler that has STOPPED. A join
 * comes after that and takes the lock once: from then on it is settled who has a thread.
 */
#ifndef ECHO_SCHEDULER_CREW_H
#define ECHO_SCHEDULER_CREW_H

#include "scheduler/scheduler.h"

/* Puts the workers into the state they have before they have threads. */
void echo__workers_reset(echo_scheduler *scheduler);

/* Starts the threads that have to be there before the first task. ECHO_OK, or ECHO_THREAD after
 * those that had started are gone again. Under `life`. */
int echo__workers_start(echo_scheduler *scheduler);

/* Waits for the threads to end, in a scheduler that has STOPPED; the number of those that had to be
 * left behind at the deadline. Under `life`. */
unsigned echo__workers_join(echo_scheduler *scheduler, uint64_t deadline);

#endif
