/*
 * A lock for sections of a few dozen instructions, of 4 bytes and as cheap as one can be while
 * nobody else wants it.
 *
 * Who finds it held looks again for about as long as such a section takes, and then sleeps: the
 * holder may have lost its processor, and would not get it back sooner if others burned theirs.
 * Nobody is promised a turn; a section that ends soon makes that no matter. Not recursive.
 *
 * The memory may be freed by a holder as soon as he has given the lock back: who gave it back
 * before touches the word no more (see wait.h).
 */
#ifndef ECHO_BASE_LOCK_H
#define ECHO_BASE_LOCK_H

#include <stdbool.h>

#include "base/wait.h"

enum { ECHO__LOCK_FREE, ECHO__LOCK_HELD, ECHO__LOCK_AWAITED /* held, and somebody may sleep */ };

typedef struct echo__lock {
  echo__word word;
} echo__lock;

/* Before anybody else knows of it. Never fails, and needs no end. */
static inline void echo__lock_init(echo__lock *lock) {
  echo__store(&lock->word, ECHO__LOCK_FREE, relaxed);
}

/* The rarer half of take. */
void echo__lock_take_slowly(echo__lock *lock);

static inline void echo__lock_take(echo__lock *lock) {
  uint32_t found = ECHO__LOCK_FREE;
  if (!echo__cas(&lock->word, &found, ECHO__LOCK_HELD, acquire)) /* PAIR lock.word */
    echo__lock_take_slowly(lock);
}

/* Takes it if it is free. */
static inline bool echo__lock_try(echo__lock *lock) {
  uint32_t found = ECHO__LOCK_FREE;
  return echo__cas(&lock->word, &found, ECHO__LOCK_HELD, acquire); /* PAIR lock.word */
}

static inline void echo__lock_give(echo__lock *lock) {
  uint32_t found = echo__exchange(&lock->word, ECHO__LOCK_FREE, release); /* PAIR lock.word */
  if (found == ECHO__LOCK_AWAITED) echo__word_wake_one(&lock->word);
}

#endif
