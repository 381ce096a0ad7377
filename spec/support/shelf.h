/* A queue with numbered items at hand, for specs that put in and take out step by step. */
#ifndef SPEC_SUPPORT_SHELF_H
#define SPEC_SUPPORT_SHELF_H

#include <echo/queue.h>

#include "support/items.h"

enum { SPEC_SHELF = 4096 };

typedef struct spec_shelf {
  echo_queue *queue;
  spec_item *items;
} spec_shelf;

static inline spec_shelf spec_shelf_open(unsigned workers, unsigned fairness) {
  spec_shelf shelf = {NULL, spec_items(SPEC_SHELF)};
  assert_int_equal(echo_queue_create(&shelf.queue, &(echo_queue_options){.workers = workers,
                                                                         .fairness = fairness}),
                   ECHO_OK);
  return shelf;
}

static inline void spec_shelf_close(spec_shelf *shelf) {
  echo_queue_destroy(shelf->queue);
  free(shelf->items);
}

/* Puts item `number` into the injector, or into a worker's own deque. */
static inline void spec_inject(spec_shelf *shelf, echo_priority priority, int number) {
  echo_queue_inject(shelf->queue, priority, &shelf->items[number].node);
}

static inline void spec_push(spec_shelf *shelf, unsigned worker, echo_priority priority,
                             int number) {
  echo_queue_push(shelf->queue, worker, priority, &shelf->items[number].node);
}

/* Puts it on offer; false if there is no room. */
static inline bool spec_offer(spec_shelf *shelf, unsigned worker, echo_priority priority,
                              int number) {
  return echo_queue_offer(shelf->queue, worker, priority, &shelf->items[number].node);
}

/* The number of what the worker takes back, or -1. */
static inline int spec_retract(spec_shelf *shelf, unsigned worker, echo_priority priority) {
  echo_node *node = echo_queue_retract(shelf->queue, worker, priority);
  return node != NULL ? spec_item_of(node)->number : -1;
}

/* The number of what the worker gets, or -1. */
static inline int spec_take(spec_shelf *shelf, unsigned worker) {
  echo_taken taken;
  if (echo_queue_take(shelf->queue, worker, &taken) != ECHO_STEAL_TAKEN) return -1;
  return spec_item_of(taken.node)->number;
}

#endif
