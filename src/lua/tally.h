/*
 * How many jobs have ended, and how: counted where a job gets its end state, once. A worker counts
 * in its own state, any other thread in the runtime.
 *
 * A job is one task to scripts, whatever it is made of. The core counts more than that: a map's
 * further runners, and the stand-ins of a job whose priority was changed. `further` says how many.
 */
#ifndef ECHO_LUA_TALLY_H
#define ECHO_LUA_TALLY_H

#include <stdint.h>

#include "base/atomic.h"

struct echo__runtime;

enum { ECHO__TALLY_DONE, ECHO__TALLY_FAILED, ECHO__TALLY_CANCELLED, ECHO__TALLY_ENDS };

/* One writer, or several that add. */
typedef struct echo__tally {
  echo__atomic(uint64_t) ends[ECHO__TALLY_ENDS];
} echo__tally;

/* A job is about to end in that way, `by` 1; or will not after all, -1. Any thread. */
void echo__tally_end(struct echo__runtime *runtime, int way, int by);

/* The sum of all who count. Any thread. */
uint64_t echo__tally_ended(const struct echo__runtime *runtime, int way);

#endif
