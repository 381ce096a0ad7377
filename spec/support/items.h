/* Nodes with a number, to be queued and recognized. */
#ifndef SPEC_SUPPORT_ITEMS_H
#define SPEC_SUPPORT_ITEMS_H

#include <echo/queue.h>
#include <stdlib.h>

#include "support/spec.h"

typedef struct spec_item {
  echo_node node;
  int number;
  atomic_int taken; /* how often; for whoever counts */
} spec_item;

/* So many items, numbered from 0 on; the caller frees them. */
static inline spec_item *spec_items(unsigned count) {
  spec_item *items = calloc(count, sizeof *items);
  assert_non_null(items);
  for (unsigned i = 0; i < count; i++)
    items[i].number = (int)i;
  return items;
}

static inline spec_item *spec_item_of(echo_node *node) {
  return (spec_item *)(void *)node;
}

static inline void spec_item_took(echo_node *node) {
  atomic_fetch_add(&spec_item_of(node)->taken, 1);
}

/* Fails unless each was taken exactly once. */
static inline void spec_items_expect_once(spec_item *items, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    if (atomic_load(&items[i].taken) != 1)
      fail_msg("item %u of %u was taken %d times", i, count, atomic_load(&items[i].taken));
  }
}

#endif
