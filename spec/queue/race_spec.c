/* Workers, producers and an evictor at the same queue: every node comes out exactly once. */
#include <sched.h>

#include "base/random.h"
#include "support/items.h"

enum { WORKERS = 3, PRODUCERS = 2, OUTSIDE = 150000, CHILDREN = 2 };

typedef struct race {
  echo_queue *queue;
  spec_item *items; /* OUTSIDE of each producer, then CHILDREN of each of these */
  unsigned outside, total;
  atomic_uint taken;
} race;

typedef struct hand {
  race *race;
  unsigned index;
} hand;

static echo_priority any_priority(echo__random *random) {
  return (echo_priority)((int)echo__random_below(random, 3) - 1);
}

static void *produce(void *argument) {
  hand *h = argument;
  race *r = h->race;
  echo__random random;
  echo__random_seed(&random, spec_seed() + h->index);
  for (unsigned i = h->index; i < r->outside; i += PRODUCERS)
    echo_queue_inject(r->queue, any_priority(&random), &r->items[i].node);
  return NULL;
}

static void took(race *r, echo_node *node) {
  spec_item_took(node);
  atomic_fetch_add(&r->taken, 1);
}

/* What came from outside makes children in the worker's own deque. */
static void *work(void *argument) {
  hand *h = argument;
  race *r = h->race;
  echo__random random;
  echo__random_seed(&random, spec_seed() + 100 + h->index);
  while (atomic_load(&r->taken) < r->total) {
    echo_taken taken;
    if (echo_queue_take(r->queue, h->index, &taken) != ECHO_STEAL_TAKEN) {
      sched_yield();
      continue;
    }
    unsigned number = (unsigned)spec_item_of(taken.node)->number;
    for (unsigned c = 0; number < r->outside && c < CHILDREN; c++) {
      spec_item *child = &r->items[r->outside + number * CHILDREN + c];
      echo_queue_push(r->queue, h->index, any_priority(&random), &child->node);
    }
    took(r, taken.node);
  }
  return NULL;
}

/* Takes children only: others have children that somebody must push. */
static void *evict(void *argument) {
  hand *h = argument;
  race *r = h->race;
  while (atomic_load(&r->taken) < r->total) {
    echo_taken taken;
    if (echo_queue_evict(r->queue, &taken) != ECHO_STEAL_TAKEN) {
      sched_yield();
    } else if ((unsigned)spec_item_of(taken.node)->number < r->outside) {
      echo_queue_inject(r->queue, taken.priority, taken.node);
      sched_yield();
    } else {
      took(r, taken.node);
    }
  }
  return NULL;
}

static void run_race(unsigned fairness, bool with_evictor) {
  race r = {.outside = SPEC_ROUNDS(OUTSIDE)};
  r.total = r.outside * (1 + CHILDREN);
  r.items = spec_items(r.total);
  assert_int_equal(
      echo_queue_create(&r.queue, &(echo_queue_options){.workers = WORKERS, .fairness = fairness}),
      ECHO_OK);
  hand hands[WORKERS];
  spec_threads threads = {0};
  for (unsigned i = 0; i < WORKERS; i++) {
    hands[i] = (hand){&r, i};
    spec_threads_add(&threads, work, &hands[i]);
    if (i < PRODUCERS) spec_threads_add(&threads, produce, &hands[i]);
  }
  if (with_evictor) spec_threads_add(&threads, evict, &hands[0]);
  spec_threads_join(&threads);
  assert_false(echo_queue_has_work(r.queue));
  spec_items_expect_once(r.items, r.total);
  echo_queue_destroy(r.queue);
  free(r.items);
}

IT(gives_every_node_to_one_worker) {
  run_race(61, false);
}

IT(gives_every_node_to_one_worker_with_much_fairness) {
  run_race(2, false);
}

IT(gives_every_node_to_one_worker_or_to_the_evictor) {
  run_race(0, true);
}

int main(void) {
  spec_seed();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_every_node_to_one_worker),
      cmocka_unit_test(gives_every_node_to_one_worker_with_much_fairness),
      cmocka_unit_test(gives_every_node_to_one_worker_or_to_the_evictor),
  };
  return cmocka_run_group_tests_name("race", tests, NULL, NULL);
}
