/*
 * The nodes that only one worker may take: any thread puts them in, they leave first in first out
 * within their class, and nobody steals them.
 *
 * Producers push onto `inbox`, a stack, with one compare-and-swap. The owner takes the whole inbox
 * with one exchange, turns it round and sorts it into its lists, one per class. A node's class is
 * asked for then, not when it is put in: what became more urgent on the way is sorted as such, and
 * one load tells the owner whether anything has come, of whatever class.
 *
 * The class may change while a node lies in a list. Whoever changes it lets the owner know, in a
 * way of its own, and the owner sorts anew. A node that is still on its way to the inbox then is
 * sorted right when it comes, since the owner has learned of the change before.
 */
#ifndef ECHO_QUEUE_PINNED_H
#define ECHO_QUEUE_PINNED_H

#include <echo/queue.h>

#include "base/atomic.h"
#include "base/tuning.h"

typedef struct echo__line {
  echo_node *first, *last; /* `last` means nothing while `first` is NULL */
} echo__line;

typedef struct echo__pinned {
  ECHO__ALIGNED echo__atomic(echo_node *) inbox;
  ECHO__ALIGNED echo__line lines[ECHO_PRIORITIES]; /* the owner's; index 0 is the highest */
} echo__pinned;

void echo__pinned_init(echo__pinned *pinned);

/* Any thread. Sequentially consistent (echo__idle_notify_pinned relies on it). */
static inline void echo__pinned_push(echo__pinned *pinned, echo_node *node) {
  echo_node *head = echo__load(&pinned->inbox, relaxed);
  do {
    node->next = head;
  } while (!echo__cas_weak(&pinned->inbox, &head, node, seq_cst)); /* PAIR pinned.inbox */
}

/* True if the inbox holds something. Behind a seq_cst fence it sees all that was pushed before.
 * Any thread. */
static inline bool echo__pinned_arrived(const echo__pinned *pinned) {
  return echo__load(&pinned->inbox, relaxed) != NULL;
}

/* Empties the inbox: a chain from the oldest to the newest, or NULL. Owner only. */
echo_node *echo__pinned_open(echo__pinned *pinned);

/* Puts a node at the end of a class. Owner only. */
void echo__pinned_append(echo__pinned *pinned, int index, echo_node *node);

/* The first of a class, or NULL. Owner only. */
echo_node *echo__pinned_take(echo__pinned *pinned, int index);

/* Empties the lists: a chain, higher classes first, or NULL. Owner only. */
echo_node *echo__pinned_unsort(echo__pinned *pinned);

/* True if the class holds something that is sorted already. Owner only. */
static inline bool echo__pinned_waits(const echo__pinned *pinned, int index) {
  return pinned->lines[index].first != NULL;
}

#endif
