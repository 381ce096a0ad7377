/*
 * What is on offer: nodes that their worker means to take back, and others take if they have
 * nothing else. The deques are those of the tasks (deque.h), with one difference: nothing is moved
 * from them, so a node that is no longer there has been taken by somebody who runs it.
 */
#include "queue/state.h"

static void announce_offers(echo_queue *q, unsigned worker, int class) {
  echo__side *s = &q->sides[worker];
  if (s->offering[class]) return;
  s->offering[class] = true;
  /* Relaxed: whoever must not miss the bit stands behind a fence (echo_queue_has_work). */
  echo__or(&q->present[worker / ECHO__PRESENCE_BITS].offers[class], echo__presence_bit(worker),
           relaxed);
}

static void withdraw_offers(echo_queue *q, unsigned worker, int class) {
  q->sides[worker].offering[class] = false;
  echo__and(&q->present[worker / ECHO__PRESENCE_BITS].offers[class], ~echo__presence_bit(worker),
            relaxed);
}

bool echo_queue_offer(echo_queue *q, unsigned worker, echo_priority priority, echo_node *node) {
  int class = echo__class_of(priority);
  if (!echo__deque_push(&q->sides[worker].offers[class], node)) return false;
  announce_offers(q, worker, class);
  return true;
}

/* The bit stays, for the next offer; the worker clears it when it looks round for work. */
echo_node *echo_queue_retract(echo_queue *q, unsigned worker, echo_priority priority) {
  return echo__deque_pop(&q->sides[worker].offers[echo__class_of(priority)]);
}

echo_steal echo__offer_accept(echo_queue *q, unsigned taker, unsigned worker, int class,
                              echo_node **node) {
  echo_steal outcome = echo__deque_steal(&q->sides[worker].offers[class], node);
  if (outcome == ECHO_STEAL_EMPTY && taker == worker) withdraw_offers(q, worker, class);
  return outcome;
}
