/* A fast generator for choices that only have to be spread, never secret (xorshift64*). */
#ifndef ECHO_BASE_RANDOM_H
#define ECHO_BASE_RANDOM_H

#include <stdint.h>

typedef struct echo__random {
  uint64_t state; /* never 0 */
} echo__random;

static inline void echo__random_seed(echo__random *random, uint64_t seed) {
  uint64_t mixed = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
  random->state = mixed != 0 ? mixed : 1;
}

static inline uint32_t echo__random_next(echo__random *random) {
  uint64_t x = random->state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  random->state = x;
  return (uint32_t)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}

/* A number below `bound` (not 0); a multiplication instead of a division. */
static inline uint32_t echo__random_below(echo__random *random, uint32_t bound) {
  return (uint32_t)(((uint64_t)echo__random_next(random) * bound) >> 32);
}

#endif
