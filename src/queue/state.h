/*
 * What a queue is made of, for the files that share it: queue.c puts in and looks, take.c takes
 * out, offer.c has what is on offer.
 *
 * `present` has a bit per class and worker: set by the owner when it pushes, cleared by the owner
 * when it finds its deque of that class empty. It makes "does anybody hold a high task?" one load
 * for 64 workers, which is what lets the order of taking hold at every take. A set bit may be out
 * of date (thieves took the last node); a clear one is not, but for a push that is still under way.
 *
 * Offers have deques and bits of their own. A task that takes back what it has offered must not
 * meet what it has submitted meanwhile; and what is on offer is never moved, since a thief would
 * have to see to what it moved when its own task ends.
 */
#ifndef ECHO_QUEUE_STATE_H
#define ECHO_QUEUE_STATE_H

#include <echo/queue.h>

#include "base/random.h"
#include "queue/deque.h"
#include "queue/injector.h"
#include "queue/pinned.h"

enum { ECHO__PRESENCE_BITS = 64 };

/* What belongs to one worker. All but the deques' tops and the inbox of `pinned` is its owner's. */
typedef struct echo__side {
  echo__deque deques[ECHO_PRIORITIES], offers[ECHO_PRIORITIES];
  echo__pinned pinned;
  ECHO__ALIGNED echo__random random;
  bool announced[ECHO_PRIORITIES];  /* the worker's bits in `present`, */
  bool offering[ECHO_PRIORITIES];   /* those for the offers */
  bool fed[ECHO_PRIORITIES];        /* the owner has pushed since the deque was last empty */
  bool yields[ECHO_PRIORITIES];     /* a pinned node was the last of its class to go first */
  unsigned passed[ECHO_PRIORITIES]; /* starts that passed over the class while it waited */
  unsigned streak;                  /* starts in a row that passed over any class */
  unsigned since_turn;              /* takes since the worker last looked further */
} echo__side;

typedef struct echo__presence {
  echo__atomic(uint64_t) classes[ECHO_PRIORITIES], offers[ECHO_PRIORITIES];
} echo__presence;

struct echo_queue {
  unsigned workers, words, fairness;
  echo_priority (*priority_of)(const echo_node *node);
  echo__presence *present; /* `words` of them */
  echo__side *sides;       /* `workers` of them */
  echo__injector injectors[ECHO_PRIORITIES];
};

/* Classes count from the highest priority. */
static inline int echo__class_of(echo_priority priority) {
  return ECHO_PRIORITY_HIGH - (int)priority;
}

static inline echo_priority echo__priority_of(int index) {
  return (echo_priority)(ECHO_PRIORITY_HIGH - index);
}

/* Puts a node into the worker's deque; half of a full one goes over to the injector. Owner only. */
void echo__side_push(echo_queue *queue, unsigned worker, int index, echo_node *node);

/* Takes the worker's bit back. Owner only. */
void echo__side_withdraw(echo_queue *queue, unsigned worker, int index);

/* Takes the oldest of what a worker has on offer, be it the taker's own. */
echo_steal echo__offer_accept(echo_queue *queue, unsigned taker, unsigned worker, int index,
                              echo_node **node);

/* Sorts in what has arrived in the worker's inbox. Owner only. */
void echo__side_sort_in(echo_queue *queue, unsigned worker);

static inline uint64_t echo__presence_bit(unsigned worker) {
  return UINT64_C(1) << (worker % ECHO__PRESENCE_BITS);
}

/* True if the class seems to wait in an injector, a deque or on offer: not exact. Any thread. */
bool echo__class_waits(const echo_queue *queue, int index);

#endif
