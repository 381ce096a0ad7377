#include "base/lock.h"

enum { LOOKS = 100 };

/* Who has slept takes the lock as AWAITED, because others may sleep still: each who gives it back
 * then wakes the next. */
void echo__lock_take_slowly(echo__lock *lock) {
  for (int i = 0; i < LOOKS; i++) {
    uint32_t found = echo__load(&lock->word, relaxed);
    if (found == ECHO__LOCK_FREE &&
        echo__cas(&lock->word, &found, ECHO__LOCK_HELD, acquire)) /* PAIR lock.word */
      return;
    echo__pause();
  }
  /* PAIR lock.word */
  while (echo__exchange(&lock->word, ECHO__LOCK_AWAITED, acquire) != ECHO__LOCK_FREE)
    echo__word_wait(&lock->word, ECHO__LOCK_AWAITED, ECHO__FOREVER);
}
