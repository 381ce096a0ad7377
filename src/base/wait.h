/*
 * Waiting until a 32-bit word changes: a futex where the system has one (Linux), else a table of
 * mutexes and condition variables keyed by the word's address. Both forget the word as soon as the
 * call returns, so the word may be freed by whoever was woken, even before the waker returns.
 */
#ifndef ECHO_BASE_WAIT_H
#define ECHO_BASE_WAIT_H

#include <stdint.h>

#include "base/atomic.h"

typedef echo__atomic(uint32_t) echo__word;

typedef enum echo__woken {
  ECHO__WOKEN,      /* woken, or the word was not `expected`, or for no reason: look again */
  ECHO__TIMED_OUT,  /* the deadline passed */
  ECHO__INTERRUPTED /* a signal handler ran on this thread */
} echo__woken;

#define ECHO__FOREVER UINT64_MAX

/* Nanoseconds of the monotonic clock. Any thread. */
uint64_t echo__now(void);

/* The deadline that lies `seconds` from now; negative or not a number counts as 0, very large as
 * for ever. Any thread. */
uint64_t echo__deadline_in(double seconds);

/* Sleeps while *word is `expected`, until woken or until the monotonic clock passes `deadline`. */
echo__woken echo__word_wait(echo__word *word, uint32_t expected, uint64_t deadline);

/* Wakes at least one, or all, of those who sleep on the word. The word is not read: it may be gone
 * by then. Any thread. */
void echo__word_wake_one(echo__word *word);
void echo__word_wake_all(echo__word *word);

#endif
