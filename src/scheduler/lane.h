/*
 * How threads from outside reach the task pool and the counters without a registry of threads.
 *
 * A scheduler has a few lanes, each with caches of the pools and counters of its own under a
 * try-lock. A thread has a favourite lane by its number; if somebody is in there it takes the next.
 * Nothing belongs to a thread, so threads may come and go as they like.
 *
 * The lane's lock is also what makes a stop exact. A submit looks at the scheduler's phase and
 * counts itself under it. The stop changes the phase and then passes through every lane once
 * (echo__lanes_pass): after that, every submit has either been counted or will see the new phase.
 */
#ifndef ECHO_SCHEDULER_LANE_H
#define ECHO_SCHEDULER_LANE_H

#include <stdint.h>

#include "base/atomic.h"
#include "base/tuning.h"
#include "scheduler/census.h"
#include "scheduler/objects.h"

typedef struct echo__lane {
  ECHO__ALIGNED echo__atomic(bool) busy;
  echo__caches cache;
  /* Written under the lock, read by anybody. */
  echo__atomic(uint64_t) submitted;
  echo__census census;
  echo__atomic(uint64_t) ended, cancelled;
  int64_t handles; /* made here less released here; under the lock */
} echo__lane;

void echo__lanes_init(echo__lane *lanes);

/* Enters a lane that the calling thread then has to itself. */
echo__lane *echo__lane_enter(echo__lane *lanes);
void echo__lane_leave(echo__lane *lane);

/* In the child of a fork, where whoever was in a lane is not: nobody is in one any more. */
void echo__lanes_clear(echo__lane *lanes);

/* Enters and leaves each lane. */
void echo__lanes_pass(echo__lane *lanes);

#endif
