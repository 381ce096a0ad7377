#include "queue/deque.h"

enum { MASK = ECHO__RING - 1 };

_Static_assert((ECHO__RING & MASK) == 0, "slots are found by masking");

void echo__deque_init(echo__deque *deque) {
  echo__store(&deque->top, 0, relaxed);
  echo__store(&deque->bottom, 0, relaxed);
  deque->top_seen = 0;
  for (int i = 0; i < ECHO__RING; i++)
    echo__store(&deque->slots[i], NULL, relaxed);
}

bool echo__deque_push(echo__deque *deque, echo_node *node) {
  int64_t bottom = echo__load(&deque->bottom, relaxed);
  if (bottom - deque->top_seen >= ECHO__RING) {
    /* PAIR deque.claim: whoever claimed the slot's old node has read it before */
    deque->top_seen = echo__load(&deque->top, acquire);
    if (bottom - deque->top_seen >= ECHO__RING) return false;
  }
  echo__store(&deque->slots[bottom & MASK], node, relaxed);
  echo__store(&deque->bottom, bottom + 1, release); /* PAIR deque.publish */
  return true;
}

bool echo__deque_surely_empty(const echo__deque *deque) {
  return echo__load(&deque->bottom, relaxed) <= deque->top_seen;
}

/* The last node: whoever moves top first has it. */
static echo_node *pop_last(echo__deque *deque, int64_t top, echo_node *node) {
  int64_t expected = top;
  bool won = echo__cas(&deque->top, &expected, top + 1, seq_cst); /* PAIR deque.claim */
  deque->top_seen = top + 1;
  echo__store(&deque->bottom, top + 1, release); /* PAIR deque.publish */
  return won ? node : NULL;
}

echo_node *echo__deque_pop(echo__deque *deque) {
  if (echo__deque_surely_empty(deque)) return NULL;
  int64_t bottom = echo__load(&deque->bottom, relaxed) - 1;
  echo__store(&deque->bottom, bottom, release); /* PAIR deque.publish */
  echo__fence(seq_cst);                         /* PAIR deque.last */
  int64_t top = echo__load(&deque->top, relaxed);
  deque->top_seen = top;
  if (top > bottom) {
    echo__store(&deque->bottom, bottom + 1, release); /* PAIR deque.publish */
    return NULL;
  }
  echo_node *node = echo__load(&deque->slots[bottom & MASK], relaxed);
  return top < bottom ? node : pop_last(deque, top, node);
}

unsigned echo__deque_take_oldest(echo__deque *deque, echo_node **first, echo_node **last) {
  int64_t bottom = echo__load(&deque->bottom, relaxed);
  int64_t top = echo__load(&deque->top, acquire); /* PAIR deque.claim */
  int64_t half = 0;
  do {
    half = (bottom - top) / 2;
    if (half == 0) return 0;
  } while (!echo__cas_weak(&deque->top, &top, top + half, seq_cst)); /* PAIR deque.claim */
  deque->top_seen = top + half;
  echo_node *node = *first = echo__load(&deque->slots[top & MASK], relaxed);
  for (int64_t i = top + 1; i < top + half; i++) {
    node->next = echo__load(&deque->slots[i & MASK], relaxed);
    node = node->next;
  }
  *last = node;
  return (unsigned)half;
}

echo_steal echo__deque_steal(echo__deque *deque, echo_node **node) {
  int64_t top = echo__load(&deque->top, acquire);       /* PAIR deque.claim */
  echo__fence(seq_cst);                                 /* PAIR deque.last */
  int64_t bottom = echo__load(&deque->bottom, acquire); /* PAIR deque.publish */
  if (top >= bottom) return ECHO_STEAL_EMPTY;
  *node = echo__load(&deque->slots[top & MASK], relaxed);
  bool won = echo__cas(&deque->top, &top, top + 1, seq_cst); /* PAIR deque.claim */
  return won ? ECHO_STEAL_TAKEN : ECHO_STEAL_RETRY;
}

int64_t echo__deque_length(const echo__deque *deque) {
  int64_t top = echo__load(&deque->top, acquire);       /* PAIR deque.claim */
  int64_t bottom = echo__load(&deque->bottom, acquire); /* PAIR deque.publish */
  return bottom > top ? bottom - top : 0;
}
