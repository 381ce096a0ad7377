/*
 * A histogram of durations: how many fell into each of some 600 ranges, from a nanosecond to hours.
 *
 * The ranges are linear up to 16 ns and from there on logarithmic, 16 to each doubling. So a range
 * is at most a sixteenth of its lower end wide, and its middle, which is what is told, is wrong by
 * at most 3.2 %. What is longer than the last range counts there; the longest is kept apart, and
 * the sum, both exact.
 *
 * One thread writes, any thread reads meanwhile: each number is right by itself, and together they
 * are as of about the same moment.
 */
#ifndef ECHO_SCHEDULER_HISTOGRAM_H
#define ECHO_SCHEDULER_HISTOGRAM_H

#include <echo/scheduler.h>

#include "base/atomic.h"

enum {
  ECHO__STEP_BITS = 4,                /* ranges to a doubling, as a power of two */
  ECHO__STEPS = 1 << ECHO__STEP_BITS, /* the same as a number */
  ECHO__DOUBLINGS = 40,               /* up to 2^44 ns, almost five hours */
  ECHO__RANGES = ECHO__STEPS * (ECHO__DOUBLINGS + 1)
};

typedef struct echo__histogram {
  echo__atomic(uint64_t) counts[ECHO__RANGES];
  echo__atomic(uint64_t) sum, longest; /* nanoseconds */
} echo__histogram;

/* What several histograms come to, see echo__distribution_of. */
typedef struct echo__merged {
  uint64_t counts[ECHO__RANGES];
  uint64_t sum, longest;
} echo__merged;

/* The range that a duration falls into, and the middle of a range. */
unsigned echo__range_of(uint64_t nanoseconds);
uint64_t echo__range_middle(unsigned range);

/* Enters a duration. Its one writer's thread. */
void echo__histogram_enter(echo__histogram *histogram, uint64_t nanoseconds);

/* Adds a histogram to a sum, which was zeroed before the first. Any thread. */
void echo__histogram_add(const echo__histogram *histogram, echo__merged *sum);

echo_distribution echo__distribution_of(const echo__merged *sum);

#endif
