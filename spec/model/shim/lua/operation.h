/* Stands in for src/lua/operation.h: the seats of threads that sleep, as operation.c has them. */
#ifndef ECHO_LUA_OPERATION_H
#define ECHO_LUA_OPERATION_H

#include "base/wait.h"

enum { ECHO__SEAT_AWAKE, ECHO__SEAT_ASLEEP, ECHO__SEAT_WOKEN };

typedef struct echo__seat {
  echo__word word;
} echo__seat;

echo__woken echo__word_wait(echo__word *word, uint32_t expected, uint64_t deadline);
void echo__word_wake_one(echo__word *word);

inline void echo__seat_wake(echo__seat *seat) {
  uint32_t before = echo__exchange(&seat->word, ECHO__SEAT_WOKEN, release);
  if (before == ECHO__SEAT_ASLEEP) echo__word_wake_one(&seat->word);
}
inline void echo__seat_rouse(echo__seat *seat) {
  echo__store(&seat->word, ECHO__SEAT_AWAKE, relaxed);
}
inline bool echo__seat_sleep(echo__seat *seat, uint64_t deadline) {
  uint32_t found = ECHO__SEAT_AWAKE;
  if (echo__cas(&seat->word, &found, ECHO__SEAT_ASLEEP, relaxed))
    echo__word_wait(&seat->word, ECHO__SEAT_ASLEEP, deadline);
  return echo__load(&seat->word, acquire) == ECHO__SEAT_WOKEN;
}

#endif
