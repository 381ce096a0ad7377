/* A scheduler in the child of a fork, see fork.c. */
#ifndef ECHO_SCHEDULER_FORK_H
#define ECHO_SCHEDULER_FORK_H

#include "scheduler/scheduler.h"

/* Sees to it that a new scheduler learns of forks. Any thread. */
void echo__fork_watch(echo_scheduler *scheduler);

#endif
