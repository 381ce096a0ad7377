/*
 * The shared entrance of one priority: any thread puts nodes in; they leave first in first out if
 * there is one consumer, and nearly so if there are several (see below).
 *
 * Producers push onto `inbox`, a stack, with one compare-and-swap; a producer that is interrupted
 * leaves no gap that others must wait for. A consumer takes the whole inbox with one exchange and
 * turns it round on its own, so that several can do so side by side. What it cannot use it puts
 * into the `stock`, a list under the lock `busy`, from which all consumers are served before
 * anybody opens the inbox again. Whoever finds the lock taken goes elsewhere; only a consumer that
 * has a stock to put in waits for it, and then for no longer than another needs to cut a batch off.
 *
 * With several consumers one may take an inbox while another still has the rest of an older one in
 * hand: the newer nodes then begin first, or come before the older ones in the stock. The workers
 * run side by side then anyway. A lock around exchange and turning would keep the order, and have
 * every worker wait for the cache misses of one.
 *
 * A node that was put in can be seen by echo__injector_waits until a consumer has it: in `inbox`,
 * or in the stock, of which `stocked` tells without the lock that it is not empty. There is one
 * gap, after a consumer took the inbox and before it put the stock in; that consumer is awake and
 * tells its caller when it leaves something behind.
 *
 * Rejected: a list under a mutex (twice to four times the cost a task, and a producer that is
 * interrupted inside stops the others); a linked queue with an exchange at the tail (a gap between
 * exchange and link hides all later nodes while its producer is off the processor); a word with a
 * bit per injector to be set and cleared (two more contended operations each way, for the sake of
 * one load instead of two where nothing waits); turning the inbox round under the lock (each node
 * is a cache miss then, and the workers have them one after the other).
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
  echo_node *stock, *newest; /* whoever holds busy; `newest` is the last of the stock */
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

typedef struct echo__batch {
  unsigned count;
  bool left; /* some stay behind */
  echo_node *nodes[ECHO__BATCH];
} echo__batch;

/* Takes up to `limit` nodes, which is at most ECHO__BATCH, in their order. TAKEN, EMPTY, or RETRY
 * if another thread was at it. Any thread. */
echo_steal echo__injector_take(echo__injector *injector, unsigned limit, echo__batch *batch);

/* True if something waits to be taken. Behind a seq_cst fence it sees all that was put in before
 * (see above). Any thread. */
static inline bool echo__injector_waits(const echo__injector *injector) {
  return echo__load(&injector->inbox, relaxed) != NULL || echo__load(&injector->stocked, relaxed);
}

#endif
