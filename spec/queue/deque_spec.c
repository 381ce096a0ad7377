/* The work-stealing deque: one owner, any number of thieves. */
#include "queue/deque.h"

#include "base/random.h"
#include "support/items.h"

static echo__deque deque;
static spec_item *items;

enum { ITEMS = 4 * ECHO__RING };

static int open_deque(void **state) {
  (void)state;
  echo__deque_init(&deque);
  items = spec_items(ITEMS);
  return 0;
}

static int close_deque(void **state) {
  (void)state;
  free(items);
  return 0;
}

static void push(unsigned from, unsigned to) {
  for (unsigned i = from; i < to; i++)
    assert_true(echo__deque_push(&deque, &items[i].node));
}

static int pop(void) {
  echo_node *node = echo__deque_pop(&deque);
  return node != NULL ? spec_item_of(node)->number : -1;
}

static int steal(void) {
  echo_node *node;
  return echo__deque_steal(&deque, &node) == ECHO_STEAL_TAKEN ? spec_item_of(node)->number : -1;
}

IT(is_empty_at_first) {
  echo_node *node;
  assert_null(echo__deque_pop(&deque));
  assert_int_equal(echo__deque_steal(&deque, &node), ECHO_STEAL_EMPTY);
  assert_int_equal(echo__deque_length(&deque), 0);
  assert_true(echo__deque_surely_empty(&deque));
}

IT(gives_the_owner_the_newest) {
  push(0, 3);
  assert_int_equal(pop(), 2);
  assert_int_equal(pop(), 1);
  assert_int_equal(pop(), 0);
  assert_int_equal(pop(), -1);
}

IT(gives_thieves_the_oldest) {
  push(0, 3);
  assert_int_equal(steal(), 0);
  assert_int_equal(steal(), 1);
  assert_int_equal(steal(), 2);
  assert_int_equal(steal(), -1);
}

IT(serves_both_ends_at_a_time) {
  push(0, 4);
  assert_int_equal(steal(), 0);
  assert_int_equal(pop(), 3);
  assert_int_equal(echo__deque_length(&deque), 2);
  assert_int_equal(steal(), 1);
  assert_int_equal(pop(), 2);
  assert_int_equal(pop(), -1);
  assert_int_equal(steal(), -1);
}

IT(says_so_when_it_is_full) {
  push(0, ECHO__RING);
  assert_false(echo__deque_push(&deque, &items[ECHO__RING].node));
  assert_int_equal(echo__deque_length(&deque), ECHO__RING);
  assert_int_equal(pop(), ECHO__RING - 1);
  push(ECHO__RING, ECHO__RING + 1);
  assert_int_equal(pop(), ECHO__RING);
}

IT(has_room_again_where_a_thief_took) {
  push(0, ECHO__RING);
  assert_int_equal(steal(), 0);
  push(ECHO__RING, ECHO__RING + 1);
  assert_false(echo__deque_push(&deque, &items[0].node));
  for (int i = 1; i <= ECHO__RING; i++)
    assert_int_equal(steal(), i);
}

IT(goes_round_its_ring_many_times) {
  for (unsigned round = 0; round < 10 * ECHO__RING; round++) {
    push(0, 3);
    assert_int_equal(steal(), 0);
    assert_int_equal(pop(), 2);
    assert_int_equal(pop(), 1);
    assert_int_equal(pop(), -1);
  }
}

IT(hands_the_older_half_over_in_order) {
  push(0, ECHO__RING);
  echo_node *first, *last;
  assert_int_equal(echo__deque_take_oldest(&deque, &first, &last), ECHO__RING / 2);
  for (int i = 0; i < ECHO__RING / 2; i++, first = first->next) {
    assert_int_equal(spec_item_of(first)->number, i);
    assert_ptr_equal(first == last, i == ECHO__RING / 2 - 1);
  }
  assert_int_equal(steal(), ECHO__RING / 2);
  assert_int_equal(pop(), ECHO__RING - 1);
}

IT(has_no_half_of_one) {
  echo_node *first, *last;
  assert_int_equal(echo__deque_take_oldest(&deque, &first, &last), 0);
  push(0, 1);
  assert_int_equal(echo__deque_take_oldest(&deque, &first, &last), 0);
  assert_int_equal(pop(), 0);
}

/* -- races ------------------------------------------------------------------------------------ */

enum { THIEVES = 3 };

static atomic_bool owner_done;

static void *steal_on(void *unused) {
  (void)unused;
  echo_node *node;
  for (;;) {
    bool last_look = atomic_load(&owner_done);
    echo_steal outcome = echo__deque_steal(&deque, &node);
    if (outcome == ECHO_STEAL_TAKEN)
      spec_item_took(node);
    else if (outcome == ECHO_STEAL_EMPTY && last_look)
      return NULL;
  }
}

/* The owner's part against thieves: every item of `count` is to be taken exactly once. */
static void race(unsigned thieves, unsigned count, void (*own)(spec_item *, unsigned)) {
  spec_item *many = spec_items(count);
  spec_threads threads = {0};
  atomic_store(&owner_done, false);
  for (unsigned i = 0; i < thieves; i++)
    spec_threads_add(&threads, steal_on, NULL);
  own(many, count);
  for (echo_node *node; (node = echo__deque_pop(&deque)) != NULL;)
    spec_item_took(node);
  atomic_store(&owner_done, true);
  spec_threads_join(&threads);
  spec_items_expect_once(many, count);
  free(many);
}

static void own_push(spec_item *item) {
  while (!echo__deque_push(&deque, &item->node)) {
    echo_node *first, *last;
    unsigned taken = echo__deque_take_oldest(&deque, &first, &last);
    for (; taken > 0; taken--, first = first->next)
      spec_item_took(first);
  }
}

static void own_pop(void) {
  echo_node *node = echo__deque_pop(&deque);
  if (node != NULL) spec_item_took(node);
}

static void own_one_by_one(spec_item *many, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    own_push(&many[i]);
    own_pop();
  }
}

static void own_pairs(spec_item *many, unsigned count) {
  for (unsigned i = 0; i < count; i += 2) {
    own_push(&many[i]);
    own_push(&many[i + 1]);
    own_pop();
    own_pop();
  }
}

static void own_at_random(spec_item *many, unsigned count) {
  echo__random random;
  echo__random_seed(&random, spec_seed());
  for (unsigned i = 0; i < count;) {
    for (unsigned n = echo__random_below(&random, 6); n > 0 && i < count; n--)
      own_push(&many[i++]);
    for (unsigned n = echo__random_below(&random, 6); n > 0; n--)
      own_pop();
  }
}

static void own_bursts(spec_item *many, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    own_push(&many[i]);
}

IT(gives_the_last_item_to_the_owner_or_to_a_thief) {
  race(2, SPEC_ROUNDS(1000000), own_one_by_one);
}

IT(gives_the_last_two_items_to_one_each) {
  race(1, SPEC_ROUNDS(1000000), own_pairs);
  race(2, SPEC_ROUNDS(1000000), own_pairs);
}

IT(gives_every_item_once_whatever_the_owner_does) {
  race(THIEVES, SPEC_ROUNDS(1000000), own_at_random);
}

IT(gives_every_item_once_when_it_runs_over) {
  race(THIEVES, SPEC_ROUNDS(500000), own_bursts);
}

#define ON_A_DEQUE(test) cmocka_unit_test_setup_teardown(test, open_deque, close_deque)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_A_DEQUE(is_empty_at_first),
      ON_A_DEQUE(gives_the_owner_the_newest),
      ON_A_DEQUE(gives_thieves_the_oldest),
      ON_A_DEQUE(serves_both_ends_at_a_time),
      ON_A_DEQUE(says_so_when_it_is_full),
      ON_A_DEQUE(has_room_again_where_a_thief_took),
      ON_A_DEQUE(goes_round_its_ring_many_times),
      ON_A_DEQUE(hands_the_older_half_over_in_order),
      ON_A_DEQUE(has_no_half_of_one),
      ON_A_DEQUE(gives_the_last_item_to_the_owner_or_to_a_thief),
      ON_A_DEQUE(gives_the_last_two_items_to_one_each),
      ON_A_DEQUE(gives_every_item_once_whatever_the_owner_does),
      ON_A_DEQUE(gives_every_item_once_when_it_runs_over),
  };
  return cmocka_run_group_tests_name("deque", tests, NULL, NULL);
}
