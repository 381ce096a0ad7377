#include "queue/injector.h"

void echo__injector_init(echo__injector *injector) {
  echo__store(&injector->inbox, NULL, relaxed);
  echo__store(&injector->stocked, false, relaxed);
  echo__store(&injector->busy, false, relaxed);
  injector->fifo = NULL;
}

/* The inbox is a stack with the newest on top, so a chain goes in turned round. */
static echo_node *turn_round(echo_node *node) {
  echo_node *turned = NULL;
  while (node != NULL) {
    echo_node *next = node->next;
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

/* Cuts up to `limit` nodes off the front of a fifo that is not empty. */
static echo_node *cut(echo__injector *injector, unsigned limit) {
  echo_node *first = injector->fifo;
  echo_node *last = first;
  for (unsigned i = 1; i < limit && last->next != NULL; i++)
    last = last->next;
  injector->fifo = last->next;
  last->next = NULL;
  return first;
}

static echo_node *take_locked(echo__injector *injector, unsigned limit) {
  bool was_stocked = injector->fifo != NULL;
  if (!was_stocked) {
    echo_node *stack = echo__exchange(&injector->inbox, NULL, acquire); /* PAIR injector.inbox */
    injector->fifo = turn_round(stack);
    if (stack == NULL) return NULL;
  }
  echo_node *first = cut(injector, limit);
  bool stocked = injector->fifo != NULL;
  if (stocked != was_stocked) echo__store(&injector->stocked, stocked, relaxed);
  return first;
}

echo_steal echo__injector_take(echo__injector *injector, unsigned limit, echo_node **first,
                               bool *left) {
  if (echo__load(&injector->busy, relaxed)) return ECHO_STEAL_RETRY;
  if (echo__exchange(&injector->busy, true, acquire)) { /* PAIR injector.busy */
    return ECHO_STEAL_RETRY;
  }
  *first = take_locked(injector, limit);
  *left = injector->fifo != NULL;
  echo__store(&injector->busy, false, release); /* PAIR injector.busy */
  return *first != NULL ? ECHO_STEAL_TAKEN : ECHO_STEAL_EMPTY;
}
