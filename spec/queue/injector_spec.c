/* The shared entrance: first in, first out. */
#include "queue/injector.h"

#include "support/items.h"

static echo__injector injector;
static spec_item *items;

enum { ITEMS = 100 };

static int open_injector(void **state) {
  (void)state;
  echo__injector_init(&injector);
  items = spec_items(ITEMS);
  return 0;
}

static int close_injector(void **state) {
  (void)state;
  free(items);
  return 0;
}

static void push(int number) {
  echo__injector_push(&injector, &items[number].node, &items[number].node);
}

/* Takes up to `limit` and compares them with `first`, `first + 1`...; the number taken. */
static unsigned take_in_order(unsigned limit, int first) {
  echo__batch batch;
  if (echo__injector_take(&injector, limit, &batch) != ECHO_STEAL_TAKEN) return 0;
  for (unsigned i = 0; i < batch.count; i++)
    assert_int_equal(spec_item_of(batch.nodes[i])->number, first + (int)i);
  return batch.count;
}

IT(is_empty_at_first) {
  echo__batch batch;
  assert_false(echo__injector_waits(&injector));
  assert_int_equal(echo__injector_take(&injector, 1, &batch), ECHO_STEAL_EMPTY);
}

IT(hands_out_in_the_order_of_coming) {
  for (int i = 0; i < 10; i++)
    push(i);
  for (int i = 0; i < 10; i++)
    assert_int_equal(take_in_order(1, i), 1);
  assert_false(echo__injector_waits(&injector));
}

IT(keeps_the_order_when_more_comes_between) {
  push(0);
  push(1);
  push(2);
  assert_int_equal(take_in_order(1, 0), 1);
  push(3);
  push(4);
  for (int i = 1; i < 5; i++)
    assert_int_equal(take_in_order(1, i), 1);
}

IT(hands_out_as_many_as_asked_for_and_no_more) {
  for (int i = 0; i < 5; i++)
    push(i);
  assert_int_equal(take_in_order(2, 0), 2);
  assert_int_equal(take_in_order(2, 2), 2);
  assert_int_equal(take_in_order(2, 4), 1);
  assert_int_equal(take_in_order(2, 5), 0);
}

IT(says_whether_something_is_left) {
  echo__batch batch;
  push(0);
  push(1);
  assert_int_equal(echo__injector_take(&injector, 1, &batch), ECHO_STEAL_TAKEN);
  assert_true(batch.left);
  assert_true(echo__injector_waits(&injector));
  assert_int_equal(echo__injector_take(&injector, 1, &batch), ECHO_STEAL_TAKEN);
  assert_false(batch.left);
  assert_false(echo__injector_waits(&injector));
}

IT(takes_a_chain_in_its_order) {
  push(0);
  for (int i = 1; i < 4; i++)
    items[i].node.next = &items[i + 1].node;
  items[4].node.next = &items[50].node; /* what hangs behind `last` is not part of the chain */
  echo__injector_push_chain(&injector, &items[1].node, &items[4].node);
  push(5);
  for (int i = 0; i < 6; i++)
    assert_int_equal(take_in_order(1, i), 1);
  assert_int_equal(take_in_order(1, 6), 0);
}

IT(asks_to_look_again_while_another_consumer_is_at_it) {
  echo__batch batch;
  push(0);
  push(1);
  assert_int_equal(take_in_order(1, 0), 1); /* the other is in stock now, which has a lock */
  echo__store(&injector.busy, true, relaxed);
  assert_int_equal(echo__injector_take(&injector, 1, &batch), ECHO_STEAL_RETRY);
  assert_true(echo__injector_waits(&injector));
  echo__store(&injector.busy, false, relaxed);
  assert_int_equal(take_in_order(1, 1), 1);
}

/* -- races ------------------------------------------------------------------------------------ */

enum { PRODUCERS = 3, EACH = 100000, CONSUMERS = 2 };

typedef struct producer {
  spec_item *items;
  unsigned count;
} producer;

static void *produce(void *argument) {
  producer *p = argument;
  for (unsigned i = 0; i < p->count; i++) {
    unsigned chain = i % 3 == 0 && i + 2 < p->count ? 2 : 0;
    for (unsigned k = 0; k < chain; k++)
      p->items[i + k].node.next = &p->items[i + k + 1].node;
    echo__injector_push_chain(&injector, &p->items[i].node, &p->items[i + chain].node);
    i += chain;
  }
  return NULL;
}

static atomic_uint consumed;

static void start_producers(spec_threads *threads, producer *producers, unsigned each) {
  for (unsigned i = 0; i < PRODUCERS; i++) {
    producers[i] = (producer){spec_items(each), each};
    for (unsigned k = 0; k < each; k++)
      producers[i].items[k].number = (int)(i * each + k);
    spec_threads_add(threads, produce, &producers[i]);
  }
}

static void free_producers(producer *producers) {
  for (unsigned i = 0; i < PRODUCERS; i++) {
    spec_items_expect_once(producers[i].items, producers[i].count);
    free(producers[i].items);
  }
}

IT(keeps_the_order_of_every_producer) {
  const unsigned each = SPEC_ROUNDS(EACH);
  producer producers[PRODUCERS];
  spec_threads threads = {0};
  start_producers(&threads, producers, each);
  unsigned next[PRODUCERS] = {0}, total = 0, disorder = 0;
  while (total < PRODUCERS * each) {
    echo__batch batch;
    if (echo__injector_take(&injector, 2, &batch) != ECHO_STEAL_TAKEN) continue;
    for (unsigned i = 0; i < batch.count; i++, total++) {
      unsigned number = (unsigned)spec_item_of(batch.nodes[i])->number;
      disorder += number % each != next[number / each]++;
      spec_item_took(batch.nodes[i]);
    }
  }
  spec_threads_join(&threads);
  assert_int_equal(disorder, 0);
  free_producers(producers);
}

static void *consume(void *total) {
  echo__batch batch;
  while (atomic_load(&consumed) < *(unsigned *)total) {
    if (echo__injector_take(&injector, 2, &batch) != ECHO_STEAL_TAKEN) continue;
    for (unsigned i = 0; i < batch.count; i++)
      spec_item_took(batch.nodes[i]);
    atomic_fetch_add(&consumed, batch.count);
  }
  return NULL;
}

IT(gives_every_node_to_one_consumer) {
  const unsigned each = SPEC_ROUNDS(EACH);
  unsigned total = PRODUCERS * each;
  producer producers[PRODUCERS];
  spec_threads threads = {0};
  atomic_store(&consumed, 0);
  for (int i = 0; i < CONSUMERS; i++)
    spec_threads_add(&threads, consume, &total);
  start_producers(&threads, producers, each);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&consumed), total);
  free_producers(producers);
}

#define ON_AN_INJECTOR(test) cmocka_unit_test_setup_teardown(test, open_injector, close_injector)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_AN_INJECTOR(is_empty_at_first),
      ON_AN_INJECTOR(hands_out_in_the_order_of_coming),
      ON_AN_INJECTOR(keeps_the_order_when_more_comes_between),
      ON_AN_INJECTOR(hands_out_as_many_as_asked_for_and_no_more),
      ON_AN_INJECTOR(says_whether_something_is_left),
      ON_AN_INJECTOR(takes_a_chain_in_its_order),
      ON_AN_INJECTOR(asks_to_look_again_while_another_consumer_is_at_it),
      ON_AN_INJECTOR(keeps_the_order_of_every_producer),
      ON_AN_INJECTOR(gives_every_node_to_one_consumer),
  };
  return cmocka_run_group_tests_name("injector", tests, NULL, NULL);
}
