/*
 * How long a worker has been awake. It reads the clock when it goes to sleep and when it is woken,
 * never for a task: what a sleep costs is far more than that.
 *
 * One word tells both: while the worker is awake, AWAKE and the moment at which it would have
 * begun, had it never slept; while it sleeps, the time it was awake. Zero is a worker that has not
 * started. The worker writes it, any thread reads it.
 */
#ifndef ECHO_SCHEDULER_AWAKE_H
#define ECHO_SCHEDULER_AWAKE_H

#include "base/wait.h"

#define ECHO__AWAKE (UINT64_C(1) << 63)

typedef echo__atomic(uint64_t) echo__awake;

static inline void echo__awake_begins(echo__awake *awake) {
  uint64_t before = echo__load(awake, relaxed);
  echo__store(awake, ECHO__AWAKE | (echo__now() - before), relaxed);
}

static inline void echo__awake_ends(echo__awake *awake) {
  uint64_t origin = echo__load(awake, relaxed) & ~ECHO__AWAKE;
  echo__store(awake, echo__now() - origin, relaxed);
}

/* In nanoseconds. Another thread's clock may be a step behind. */
static inline uint64_t echo__awake_for(const echo__awake *awake) {
  uint64_t word = echo__load(awake, relaxed), origin = word & ~ECHO__AWAKE;
  if (!(word & ECHO__AWAKE)) return word;
  uint64_t now = echo__now();
  return now > origin ? now - origin : 0;
}

#endif
