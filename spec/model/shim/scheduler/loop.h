/* Stands in for src/scheduler/loop.h: something is always alive on the loop, and nothing is ever
 * due but what a scenario says (`turn`); there is only the bell. That a knock, or a sleep that it
 * ends, orders memory is not relied on. */
#ifndef ECHO_SCHEDULER_LOOP_H
#define ECHO_SCHEDULER_LOOP_H

#include "base/wait.h"

typedef struct echo__loop {
  echo__word rung;
  void (*turn)(); /* NULL: nothing is due */
} echo__loop;

echo__woken echo__word_wait(echo__word *word, uint32_t expected, uint64_t deadline);
void echo__word_wake_one(echo__word *word);

inline echo__loop *echo__loop_create(void) {
  return NULL;
}
inline void echo__loop_turn(echo__loop *loop) {
  if (loop->turn != NULL) loop->turn();
}
inline void echo__loop_tick(echo__loop *) {
}
inline bool echo__loop_is_awaited(const echo__loop *) {
  return true;
}
inline void echo__loop_sleep(echo__loop *loop, uint64_t deadline) {
  if (echo__load(&loop->rung, relaxed) == 0) echo__word_wait(&loop->rung, 0, deadline);
  echo__exchange(&loop->rung, 0, relaxed);
}
inline void echo__loop_knock(echo__loop *loop) {
  echo__store(&loop->rung, 1, relaxed);
  echo__word_wake_one(&loop->rung);
}
inline void echo__loop_close(echo__loop *) {
}
inline void echo__loop_destroy(echo__loop *) {
}

#endif
