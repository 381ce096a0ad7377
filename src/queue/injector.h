/*
 * The shared entrance of one priority: any thread puts nodes in, first in first out.
 *
 * Producers push onto `inbox`, a stack, with one compare-and-swap; a producer that is interrupted
 * leaves no gap that others must wait for. Consumers hold `busy`, a try-lock, while they hand out
 * from `fifo`; when that is empty they take the whole inbox with one exchange and turn it round.
 * A consumer that finds it busy goes elsewhere: nobody ever waits here.
 *
 * A node that was put in can be seen by echo__injector_waits until a consumer has it: in `inbox`,
 * or in `fifo`, of which `stocked` tells without the lock that it is not empty. There is one gap,
 * after a consumer took the inbox and before it set `stocked`; that consumer is awake and tells its
 * caller when it leaves something behind.
 *
 * Rejected: a list under a mutex (twice to four times the cost a task, and a producer that is
 * interrupted inside stops the others); a linked queue with an exchange at the tail (a gap between
 * exchange and link hides all later nodes while its producer is off the processor); a word with a
 * bit per injector to be set and cleared (two more contended operations each way, for the sake of
 * one load instead of two where nothing waits).
 */
#ifndef ECHO_QUEUE_INJECTOR_H
#define ECHO_QUEUE_INJECTOR_H

#include <echo/queue.h>

#include "base/atomic.h"
#include "base/tuning.h"

typedef struct echo__injector {
  ECHO__ALIGNED echo__atomic(echo_node *) inbox;
  echo__atomic(bool) stocked; /* written by whoever holds busy */
  ECHO__ALIGNED echo__atomic(bool) busy;
  echo_node *fifo; /* whoever holds busy */
} echo__injector;

void echo__injector_init(echo__injector *injector);

/* Puts in a stack of nodes linked from `last`, which is to leave last, down to `first`; for one
 * node they are the same. Sequentially consistent. Any thread. */
static inline void echo__injector_push(echo__injector *injector, echo_node *first,
                                       echo_node *last) {
  echo_node *head = echo__load(&injector->inbox, relaxed);
  do {
    first->next = head;
  } while (!echo__cas_weak(&injector->inbox, &head, last, seq_cst)); /* PAIR injector.inbox */
}

/* Puts in a chain that is linked from `first`, which is to leave first, to `last`. Any thread. */
void echo__injector_push_chain(echo__injector *injector, echo_node *first, echo_node *last);

/* Takes up to `limit` nodes, linked in their order from *first and ended by NULL; sets *left if
 * some stay. TAKEN, EMPTY, or RETRY if another thread was at it. Any thread. */
echo_steal echo__injector_take(echo__injector *injector, unsigned limit, echo_node **first,
                               bool *left);

/* True if something waits to be taken. Behind a seq_cst fence it sees all that was put in before
 * (see above). Any thread. */
static inline bool echo__injector_waits(const echo__injector *injector) {
  return echo__load(&injector->inbox, relaxed) != NULL || echo__load(&injector->stocked, relaxed);
}

#endif
