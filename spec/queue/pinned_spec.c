/* Nodes that only one worker may take. */
#include "support/shelf.h"

static echo_priority priorities[SPEC_SHELF]; /* by number */

static echo_priority priority_of(const echo_node *node) {
  return priorities[((const spec_item *)(const void *)node)->number];
}

static spec_shelf open_shelf(unsigned workers, unsigned fairness) {
  spec_shelf shelf = {NULL, spec_items(SPEC_SHELF)};
  echo_queue_options options = {
      .workers = workers, .fairness = fairness, .priority_of = priority_of};
  assert_int_equal(echo_queue_create(&shelf.queue, &options), ECHO_OK);
  for (int i = 0; i < SPEC_SHELF; i++)
    priorities[i] = ECHO_PRIORITY_NORMAL;
  return shelf;
}

static void pin(spec_shelf *shelf, unsigned worker, int number, echo_priority priority) {
  priorities[number] = priority;
  echo_queue_pin(shelf->queue, worker, &shelf->items[number].node);
}

static void pin_own(spec_shelf *shelf, unsigned worker, int number, echo_priority priority) {
  priorities[number] = priority;
  echo_queue_pin_own(shelf->queue, worker, &shelf->items[number].node);
}

static void expect_takes(spec_shelf *shelf, unsigned worker, const int *numbers, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    assert_int_equal(spec_take(shelf, worker), numbers[i]);
  assert_int_equal(spec_take(shelf, worker), -1);
}

#define EXPECT_TAKES(shelf, worker, ...)                                                           \
  expect_takes(shelf, worker, (const int[]){__VA_ARGS__}, SPEC_COUNT(((const int[]){__VA_ARGS__})))

IT(gives_a_pinned_node_to_its_worker_alone) {
  spec_shelf shelf = open_shelf(3, 0);
  pin(&shelf, 1, 7, ECHO_PRIORITY_NORMAL);
  assert_int_equal(spec_take(&shelf, 0), -1);
  assert_int_equal(spec_take(&shelf, 2), -1);
  echo_taken taken;
  assert_int_equal(echo_queue_evict(shelf.queue, &taken), ECHO_STEAL_EMPTY);
  assert_int_equal(echo_queue_take(shelf.queue, 1, &taken), ECHO_STEAL_TAKEN);
  assert_int_equal(spec_item_of(taken.node)->number, 7);
  assert_true(taken.pinned);
  assert_false(taken.stolen);
  assert_false(taken.more);
  spec_shelf_close(&shelf);
}

IT(says_of_other_nodes_that_they_are_not_pinned) {
  spec_shelf shelf = open_shelf(1, 0);
  spec_inject(&shelf, ECHO_PRIORITY_NORMAL, 1);
  echo_taken taken = {.pinned = true};
  assert_int_equal(echo_queue_take(shelf.queue, 0, &taken), ECHO_STEAL_TAKEN);
  assert_false(taken.pinned);
  spec_shelf_close(&shelf);
}

IT(hands_them_out_in_their_order) {
  spec_shelf shelf = open_shelf(1, 0);
  pin(&shelf, 0, 1, ECHO_PRIORITY_NORMAL);
  pin(&shelf, 0, 2, ECHO_PRIORITY_NORMAL);
  pin_own(&shelf, 0, 3, ECHO_PRIORITY_NORMAL);
  pin(&shelf, 0, 4, ECHO_PRIORITY_NORMAL);
  pin_own(&shelf, 0, 5, ECHO_PRIORITY_NORMAL);
  EXPECT_TAKES(&shelf, 0, 1, 2, 3, 4, 5);
  spec_shelf_close(&shelf);
}

IT(goes_by_priority_among_all_places) {
  spec_shelf shelf = open_shelf(2, 0);
  pin(&shelf, 0, 1, ECHO_PRIORITY_LOW);
  spec_push(&shelf, 0, ECHO_PRIORITY_LOW, 2);
  spec_push(&shelf, 1, ECHO_PRIORITY_NORMAL, 3);
  pin(&shelf, 0, 4, ECHO_PRIORITY_NORMAL);
  spec_inject(&shelf, ECHO_PRIORITY_HIGH, 5);
  pin(&shelf, 0, 6, ECHO_PRIORITY_HIGH);
  EXPECT_TAKES(&shelf, 0, 6, 5, 4, 3, 1, 2);
  spec_shelf_close(&shelf);
}

IT(makes_them_normal_without_a_way_to_ask) {
  spec_shelf shelf = spec_shelf_open(1, 0);
  echo_queue_pin(shelf.queue, 0, &shelf.items[1].node);
  spec_inject(&shelf, ECHO_PRIORITY_HIGH, 2);
  spec_inject(&shelf, ECHO_PRIORITY_LOW, 3);
  EXPECT_TAKES(&shelf, 0, 2, 1, 3);
  spec_shelf_close(&shelf);
}

/* -- taking turns ----------------------------------------------------------------------------- */

IT(takes_turns_with_the_others_of_the_same_priority) {
  spec_shelf shelf = open_shelf(1, 0);
  for (int i = 1; i <= 3; i++) {
    pin(&shelf, 0, i, ECHO_PRIORITY_NORMAL);
    spec_inject(&shelf, ECHO_PRIORITY_NORMAL, 10 + i);
  }
  EXPECT_TAKES(&shelf, 0, 1, 11, 2, 12, 3, 13);
  spec_shelf_close(&shelf);
}

/* A node that is pinned again as soon as it was taken; the number of takes until `number` comes. */
static int takes_until(spec_shelf *shelf, int number) {
  for (int takes = 1; takes < 1000; takes++) {
    int taken = spec_take(shelf, 0);
    if (taken == number) return takes;
    if (taken == 0) pin_own(shelf, 0, 0, priorities[0]);
  }
  return -1;
}

IT(does_not_let_one_that_comes_again_and_again_starve_the_rest) {
  spec_shelf shelf = open_shelf(2, 61);
  pin(&shelf, 0, 0, ECHO_PRIORITY_NORMAL);
  spec_inject(&shelf, ECHO_PRIORITY_NORMAL, 1);
  assert_in_range(takes_until(&shelf, 1), 1, 2);
  spec_push(&shelf, 0, ECHO_PRIORITY_NORMAL, 2);
  assert_in_range(takes_until(&shelf, 2), 1, 2);
  spec_push(&shelf, 1, ECHO_PRIORITY_NORMAL, 3); /* its owner never comes */
  assert_in_range(takes_until(&shelf, 3), 1, 2 * 61);
  spec_inject(&shelf, ECHO_PRIORITY_LOW, 4);
  assert_in_range(takes_until(&shelf, 4), 1, 2 * 61);
  spec_shelf_close(&shelf);
}

IT(is_not_starved_by_those_of_a_higher_priority) {
  spec_shelf shelf = open_shelf(1, 5);
  pin(&shelf, 0, 1, ECHO_PRIORITY_LOW);
  for (int i = 0; i < 100; i++) {
    spec_inject(&shelf, ECHO_PRIORITY_HIGH, 100 + i);
    spec_inject(&shelf, ECHO_PRIORITY_LOW, 300 + i); /* nor by more of its own in the injector */
  }
  int takes = 1;
  while (spec_take(&shelf, 0) != 1)
    takes++;
  assert_in_range(takes, 5, 10);
  spec_shelf_close(&shelf);
}

IT(counts_as_waiting_for_fairness) {
  spec_shelf shelf = open_shelf(1, 2);
  pin(&shelf, 0, 1, ECHO_PRIORITY_LOW);
  for (int i = 0; i < 10; i++)
    spec_inject(&shelf, ECHO_PRIORITY_HIGH, 100 + i);
  assert_int_equal(spec_take(&shelf, 0), 100);
  assert_int_equal(spec_take(&shelf, 0), 1);
  spec_shelf_close(&shelf);
}

/* -- changing priority ------------------------------------------------------------------------ */

IT(asks_for_the_priority_when_it_sorts) {
  spec_shelf shelf = open_shelf(1, 0);
  pin(&shelf, 0, 1, ECHO_PRIORITY_NORMAL);
  pin(&shelf, 0, 2, ECHO_PRIORITY_NORMAL);
  priorities[2] = ECHO_PRIORITY_HIGH; /* on its way */
  EXPECT_TAKES(&shelf, 0, 2, 1);
  spec_shelf_close(&shelf);
}

IT(sorts_again_when_it_is_told) {
  spec_shelf shelf = open_shelf(1, 0);
  for (int i = 1; i <= 4; i++)
    pin_own(&shelf, 0, i, ECHO_PRIORITY_NORMAL);
  priorities[3] = ECHO_PRIORITY_HIGH;
  priorities[1] = ECHO_PRIORITY_LOW;
  pin(&shelf, 0, 5, ECHO_PRIORITY_HIGH);
  echo_queue_sort_pinned(shelf.queue, 0);
  EXPECT_TAKES(&shelf, 0, 3, 5, 2, 4, 1);
  spec_shelf_close(&shelf);
}

IT(loses_none_when_it_sorts_again) {
  spec_shelf shelf = open_shelf(1, 0);
  for (int i = 1; i <= 6; i++)
    pin_own(&shelf, 0, i, (echo_priority)(i % 3 - 1)); /* normal, high, low, and so on */
  echo_queue_sort_pinned(shelf.queue, 0);
  EXPECT_TAKES(&shelf, 0, 2, 5, 1, 4, 3, 6);
  spec_shelf_close(&shelf);
}

/* -- looking ---------------------------------------------------------------------------------- */

IT(is_seen_by_its_worker_only) {
  spec_shelf shelf = open_shelf(2, 0);
  assert_false(echo_queue_has_work_for(shelf.queue, 0, ECHO_PRIORITY_LOW));
  pin(&shelf, 0, 1, ECHO_PRIORITY_NORMAL);
  assert_false(echo_queue_has_work(shelf.queue));
  assert_false(echo_queue_has_work_for(shelf.queue, 1, ECHO_PRIORITY_LOW));
  assert_true(echo_queue_has_work_for(shelf.queue, 0, ECHO_PRIORITY_LOW));
  assert_true(echo_queue_has_work_for(shelf.queue, 0, ECHO_PRIORITY_NORMAL));
  assert_false(echo_queue_has_work_for(shelf.queue, 0, ECHO_PRIORITY_HIGH));
  assert_int_equal(spec_take(&shelf, 0), 1);
  assert_false(echo_queue_has_work_for(shelf.queue, 0, ECHO_PRIORITY_LOW));
  spec_inject(&shelf, ECHO_PRIORITY_LOW, 2);
  assert_true(echo_queue_has_work_for(shelf.queue, 0, ECHO_PRIORITY_LOW));
  assert_false(echo_queue_has_work_for(shelf.queue, 0, ECHO_PRIORITY_NORMAL));
  spec_shelf_close(&shelf);
}

static int take_pinned(spec_shelf *shelf, unsigned worker) {
  echo_node *node = echo_queue_take_pinned(shelf->queue, worker);
  return node != NULL ? spec_item_of(node)->number : -1;
}

IT(can_be_taken_apart_from_the_rest) {
  spec_shelf shelf = open_shelf(2, 0);
  spec_inject(&shelf, ECHO_PRIORITY_HIGH, 9);
  spec_push(&shelf, 0, ECHO_PRIORITY_HIGH, 8);
  pin(&shelf, 0, 1, ECHO_PRIORITY_LOW);
  pin(&shelf, 0, 2, ECHO_PRIORITY_HIGH);
  pin(&shelf, 1, 3, ECHO_PRIORITY_HIGH);
  assert_int_equal(take_pinned(&shelf, 0), 2);
  assert_int_equal(take_pinned(&shelf, 0), 1);
  assert_int_equal(take_pinned(&shelf, 0), -1);
  assert_int_equal(take_pinned(&shelf, 1), 3);
  spec_shelf_close(&shelf);
}

/* -- races ------------------------------------------------------------------------------------ */

enum { PINNERS = 3, WORKERS = 2, EACH = 30000 };

typedef struct race {
  spec_shelf shelf;
  unsigned each;
  atomic_uint left, next;
  atomic_int astray;
} race;

static void *pin_many(void *argument) {
  race *r = argument;
  unsigned pinner = atomic_fetch_add(&r->next, 1);
  for (unsigned i = 0; i < r->each; i++) {
    spec_item *item = &r->shelf.items[pinner * r->each + i];
    echo_queue_pin(r->shelf.queue, (unsigned)item->number % WORKERS, &item->node);
  }
  return NULL;
}

typedef struct taker {
  race *race;
  unsigned worker;
} taker;

static void *take_many(void *argument) {
  taker *t = argument;
  while (atomic_load(&t->race->left) > 0) {
    echo_taken taken;
    if (echo_queue_take(t->race->shelf.queue, t->worker, &taken) != ECHO_STEAL_TAKEN) continue;
    bool own = (unsigned)spec_item_of(taken.node)->number % WORKERS == t->worker;
    if (!own || !taken.pinned) atomic_fetch_add(&t->race->astray, 1);
    spec_item_took(taken.node);
    atomic_fetch_sub(&t->race->left, 1);
  }
  return NULL;
}

IT(loses_none_and_gives_none_to_another_when_many_pin_at_once) {
  race r = {.each = SPEC_ROUNDS(EACH)};
  unsigned total = r.each * PINNERS;
  r.shelf.items = spec_items(total);
  atomic_store(&r.left, total);
  echo_queue_options options = {.workers = WORKERS, .fairness = 61};
  assert_int_equal(echo_queue_create(&r.shelf.queue, &options), ECHO_OK);
  spec_threads threads = {0};
  taker takers[WORKERS];
  for (unsigned i = 0; i < WORKERS; i++) {
    takers[i] = (taker){&r, i};
    spec_threads_add(&threads, take_many, &takers[i]);
  }
  for (int i = 0; i < PINNERS; i++)
    spec_threads_add(&threads, pin_many, &r);
  spec_threads_join(&threads);
  spec_items_expect_once(r.shelf.items, total);
  assert_int_equal(atomic_load(&r.astray), 0);
  spec_shelf_close(&r.shelf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_a_pinned_node_to_its_worker_alone),
      cmocka_unit_test(says_of_other_nodes_that_they_are_not_pinned),
      cmocka_unit_test(hands_them_out_in_their_order),
      cmocka_unit_test(goes_by_priority_among_all_places),
      cmocka_unit_test(makes_them_normal_without_a_way_to_ask),
      cmocka_unit_test(takes_turns_with_the_others_of_the_same_priority),
      cmocka_unit_test(does_not_let_one_that_comes_again_and_again_starve_the_rest),
      cmocka_unit_test(is_not_starved_by_those_of_a_higher_priority),
      cmocka_unit_test(counts_as_waiting_for_fairness),
      cmocka_unit_test(asks_for_the_priority_when_it_sorts),
      cmocka_unit_test(sorts_again_when_it_is_told),
      cmocka_unit_test(loses_none_when_it_sorts_again),
      cmocka_unit_test(is_seen_by_its_worker_only),
      cmocka_unit_test(can_be_taken_apart_from_the_rest),
      cmocka_unit_test(loses_none_and_gives_none_to_another_when_many_pin_at_once),
  };
  return cmocka_run_group_tests_name("pinned", tests, NULL, NULL);
}
