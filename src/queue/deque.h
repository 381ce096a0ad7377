/*
 * A work-stealing deque (Chase and Lev 2005; orders after Le, Pop, Cohen and Zappa Nardelli 2013)
 * over a ring of a fixed size.
 *
 * The owner pushes and pops at `bottom`, thieves take at `top`; both only grow. Nodes lie in the
 * slots top <= i < bottom, modulo the ring's size.
 *
 * - A thief reads its slot before it claims it with a compare-and-swap on `top`. The owner writes
 *   slot i again only when it has seen top > i - ring, so a thief that read a newer value fails.
 * - When one node is left, the owner claims it on `top` as a thief would. The fences in pop and
 *   steal see to it that of an owner that lowers `bottom` and a thief that reads it at the same
 *   time, one sees the other.
 * - Every store to `bottom` is a release, in pop too: a thief that reads the value which a pop
 *   restored must see the slots that the pushes before it wrote. Relaxed there is wrong, and only
 *   a check of the C11 model itself finds it.
 * - The owner alone may claim several nodes by one swap (take_oldest), since nobody pops meanwhile.
 *   A thief may not: the owner could pop below the range without touching `top`.
 *
 * The ring does not grow. A growing one needs its old arrays until the last thief is done, gives
 * nothing back after a burst, and makes push fail without memory. Here a full deque hands its older
 * half to the injector, where the other workers find it in batches.
 */
#ifndef ECHO_QUEUE_DEQUE_H
#define ECHO_QUEUE_DEQUE_H

#include <echo/queue.h>

#include "base/atomic.h"
#include "base/tuning.h"

typedef struct echo__deque {
  ECHO__ALIGNED echo__atomic(int64_t) top;    /* thieves; the owner when it claims the last */
  ECHO__ALIGNED echo__atomic(int64_t) bottom; /* written by the owner only */
  int64_t top_seen;                           /* the owner's: a value that top has had */
  ECHO__ALIGNED echo__atomic(echo_node *) slots[ECHO__RING];
} echo__deque;

void echo__deque_init(echo__deque *deque);

/* False if the ring is full. Owner only. */
bool echo__deque_push(echo__deque *deque, echo_node *node);

/* The newest node, or NULL. Owner only. */
echo_node *echo__deque_pop(echo__deque *deque);

/* True if the owner can tell without a fence that nothing is there; may be false for an empty
 * deque. Owner only. */
bool echo__deque_surely_empty(const echo__deque *deque);

/* Takes the older half, linked from the oldest (*first) to the newest (*last); the number taken,
 * which is 0 if thieves were faster. Owner only. */
unsigned echo__deque_take_oldest(echo__deque *deque, echo_node **first, echo_node **last);

/* The oldest node. Any thread. */
echo_steal echo__deque_steal(echo__deque *deque, echo_node **node);

/* How many nodes are there; a guess unless the caller is the owner. Any thread. */
int64_t echo__deque_length(const echo__deque *deque);

#endif
