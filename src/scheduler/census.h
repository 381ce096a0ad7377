/*
 * How many tasks of each priority are queued, and how many are being called.
 *
 * Whoever makes a task queued or takes it from there counts that in numbers of its own: a worker's,
 * or the lane's that it is in. A task stays under the priority it was submitted with (its word
 * tells), so that it leaves where it came, even if it is given another one meanwhile. What is
 * suspended, or begun and to be called again on its worker, is not queued here.
 *
 * A task is counted as come before a worker can take it, and `left` is read before `came`: so what
 * is seen to have left is seen to have come (PAIR census.left). Only one that is cancelled at the
 * very moment may have left first; whoever reads then takes less than nothing for nothing.
 *
 * What runs is counted in one word of the worker's, a field for each priority: a task that waits
 * runs others inside of it.
 */
#ifndef ECHO_SCHEDULER_CENSUS_H
#define ECHO_SCHEDULER_CENSUS_H

#include <echo/queue.h>

#include "base/atomic.h"

enum { ECHO__FIELD_BITS = 21 };

typedef struct echo__census {
  echo__atomic(uint64_t) came[ECHO_PRIORITIES], left[ECHO_PRIORITIES];
} echo__census;

/* Of a priority: its place in what is told, from the highest on. */
static inline unsigned echo__rank_of(int priority) {
  return (unsigned)(ECHO_PRIORITY_HIGH - priority);
}

static inline void echo__census_came(echo__census *census, unsigned rank) {
  echo__bump(&census->came[rank], 1);
}

static inline void echo__census_left(echo__census *census, unsigned rank) {
  echo__bump(&census->left[rank], 1); /* PAIR census.left */
}

typedef echo__atomic(uint64_t) echo__running;

/* The worker calls a task; what stood there before, for when it returns. */
static inline uint64_t echo__running_enter(echo__running *running, int priority) {
  uint64_t before = echo__load(running, relaxed);
  uint64_t one = UINT64_C(1) << (ECHO__FIELD_BITS * echo__rank_of(priority));
  echo__store(running, before + one, relaxed);
  return before;
}

static inline void echo__running_leave(echo__running *running, uint64_t before) {
  echo__store(running, before, relaxed);
}

static inline unsigned echo__running_in(uint64_t word, unsigned rank) {
  return (unsigned)(word >> (ECHO__FIELD_BITS * rank)) & ((1u << ECHO__FIELD_BITS) - 1);
}

#endif
