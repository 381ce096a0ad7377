#include "scheduler/lane.h"

#include <sched.h>

#include "scheduler/here.h"

enum { ROUNDS_BEFORE_YIELD = 8 };

static echo__atomic(unsigned) threads_seen;

void echo__lanes_init(echo__lane *lanes) {
  for (int i = 0; i < ECHO__LANES; i++)
    lanes[i] = (echo__lane){0};
}

static unsigned favourite(void) {
  unsigned number = echo__this_thread.number;
  if (number == 0) number = echo__this_thread.number = echo__add(&threads_seen, 1, relaxed) + 1;
  return number;
}

static bool try_enter(echo__lane *lane) {
  return !echo__load(&lane->busy, relaxed) &&
         !echo__exchange(&lane->busy, true, acquire); /* PAIR lane.busy */
}

echo__lane *echo__lane_enter(echo__lane *lanes) {
  unsigned first = favourite();
  for (unsigned tries = 0;; tries++) {
    echo__lane *lane = &lanes[(first + tries) % ECHO__LANES];
    if (try_enter(lane)) return lane;
    if ((tries + 1) % (ROUNDS_BEFORE_YIELD * ECHO__LANES) == 0) sched_yield();
    echo__pause();
  }
}

void echo__lane_leave(echo__lane *lane) {
  echo__store(&lane->busy, false, release); /* PAIR lane.busy */
}

void echo__lanes_clear(echo__lane *lanes) {
  for (int i = 0; i < ECHO__LANES; i++)
    echo__store(&lanes[i].busy, false, relaxed);
}

void echo__lanes_pass(echo__lane *lanes) {
  for (int i = 0; i < ECHO__LANES; i++) {
    while (!try_enter(&lanes[i]))
      sched_yield();
    echo__lane_leave(&lanes[i]);
  }
}
