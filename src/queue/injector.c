#include "queue/injector.h"

#include <sched.h>

void echo__injector_init(echo__injector *injector) {
  echo__store(&injector->inbox, NULL, relaxed);
  echo__store(&injector->stocked, false, relaxed);
  echo__store(&injector->busy, false, relaxed);
  injector->stock = injector->newest = NULL;
}

enum { NODES_AHEAD = 16 };

/* A chain of nodes that another core has written is one cache miss after the other. Most nodes come
 * from a pool in the order of their addresses, so the step to the next one tells where the one
 * after many steps is likely to be; a wrong guess costs nothing. */
static void fetch_ahead(const echo_node *node, const echo_node *next) {
  uintptr_t step = (uintptr_t)next - (uintptr_t)node;
  __builtin_prefetch((const void *)((uintptr_t)next + NODES_AHEAD * step), 1);
}

/* The inbox is a stack with the newest on top, so a chain goes in turned round. */
static echo_node *turn_round(echo_node *node) {
  echo_node *turned = NULL;
  while (node != NULL) {
    echo_node *next = node->next;
    fetch_ahead(node, next);
    node->next = turned;
    turned = node;
    node = next;
  }
  return turned;
}

void echo__injector_push_chain(echo__injector *injector, echo_node *first, echo_node *last) {
  last->next = NULL;
  turn_round(first);
  echo__injector_push(injector, first, last);
}

static bool try_lock(echo__injector *injector) {
  return !echo__load(&injector->busy, relaxed) &&
         !echo__exchange(&injector->busy, true, acquire); /* PAIR injector.busy */
}

static void unlock(echo__injector *injector) {
  echo__store(&injector->busy, false, release); /* PAIR injector.busy */
}

/* Moves nodes from the front of a list into the batch; what is left of the list. */
static echo_node *fill(echo__batch *batch, unsigned limit, echo_node *list) {
  batch->count = 0;
  for (; list != NULL && batch->count < limit; list = list->next) {
    batch->nodes[batch->count++] = list;
    fetch_ahead(list, list->next);
  }
  batch->left = list != NULL;
  return list;
}

/* Puts an inbox that is no longer than `limit` into the batch, without a write to its nodes; false
 * if it is longer. */
static bool fill_from_inbox(echo__batch *batch, unsigned limit, echo_node *newest) {
  echo_node *backwards[ECHO__BATCH];
  unsigned count = 0;
  for (echo_node *node = newest; node != NULL; node = node->next) {
    if (count == limit) return false;
    fetch_ahead(node, node->next);
    backwards[count++] = node;
  }
  batch->left = false;
  batch->count = count;
  for (unsigned i = 0; i < count; i++)
    batch->nodes[i] = backwards[count - 1 - i];
  return true;
}

static echo_steal take_stock(echo__injector *injector, unsigned limit, echo__batch *batch) {
  if (!try_lock(injector)) return ECHO_STEAL_RETRY;
  injector->stock = fill(batch, limit, injector->stock);
  if (!batch->left) echo__store(&injector->stocked, false, relaxed);
  unlock(injector);
  return batch->count > 0 ? ECHO_STEAL_TAKEN : ECHO_STEAL_RETRY;
}

/* Another consumer may have stocked meanwhile: this comes behind, older or newer. */
static void put_in_stock(echo__injector *injector, echo_node *list, echo_node *newest) {
  while (!try_lock(injector))
    sched_yield();
  if (injector->stock == NULL)
    injector->stock = list;
  else
    injector->newest->next = list;
  injector->newest = newest;
  echo__store(&injector->stocked, true, relaxed);
  unlock(injector);
}

echo_steal echo__injector_take(echo__injector *injector, unsigned limit, echo__batch *batch) {
  if (echo__load(&injector->stocked, relaxed)) return take_stock(injector, limit, batch);
  if (echo__load(&injector->inbox, relaxed) == NULL) return ECHO_STEAL_EMPTY;
  echo_node *newest = echo__exchange(&injector->inbox, NULL, acquire); /* PAIR injector.inbox */
  if (newest == NULL) return ECHO_STEAL_RETRY;
  if (fill_from_inbox(batch, limit, newest)) return ECHO_STEAL_TAKEN;
  echo_node *left = fill(batch, limit, turn_round(newest));
  if (left != NULL) put_in_stock(injector, left, newest);
  return ECHO_STEAL_TAKEN;
}
