/*
 * Timers, the earliest first: a heap of which each node has four children, so that the way down is
 * short and the four that are compared lie in one cache line. Each timer knows its place, so that
 * it can be taken out from the middle. One thread at a time.
 */
#ifndef ECHO_SCHEDULER_HEAP_H
#define ECHO_SCHEDULER_HEAP_H

#include <echo/scheduler.h>

typedef struct echo__entry {
  uint64_t deadline;
  echo_timer *timer; /* its place is the entry's index + 1; 0: in no heap */
} echo__entry;

typedef struct echo__heap {
  echo__entry *entries;
  size_t count, room;
} echo__heap;

/* Sees to it that one more fits. ECHO_OK or ECHO_MEMORY. */
int echo__heap_reserve(echo__heap *heap);

/* Puts a timer in that is due then; there must be room. */
void echo__heap_put(echo__heap *heap, echo_timer *timer, uint64_t deadline);

/* Takes a timer out that is in. */
void echo__heap_take(echo__heap *heap, echo_timer *timer);

void echo__heap_close(echo__heap *heap);

#endif
