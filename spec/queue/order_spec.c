/* What a worker gets next: high first, everywhere. */
#include "support/shelf.h"

#define HIGH   ECHO_PRIORITY_HIGH
#define NORMAL ECHO_PRIORITY_NORMAL
#define LOW    ECHO_PRIORITY_LOW

static spec_shelf shelf;

static int open_shelf(void **state) {
  (void)state;
  shelf = spec_shelf_open(3, 0);
  return 0;
}

static int close_shelf(void **state) {
  (void)state;
  spec_shelf_close(&shelf);
  return 0;
}

/* Where an item can lie, seen from worker 0. */
enum { OWN, SHARED, ANOTHERS, PLACES };

static void put(int place, echo_priority priority, int number) {
  if (place == SHARED)
    spec_inject(&shelf, priority, number);
  else
    spec_push(&shelf, place == OWN ? 0 : 2, priority, number);
}

static void expect_high_before(echo_priority lower) {
  for (int high_at = 0; high_at < PLACES; high_at++) {
    for (int lower_at = 0; lower_at < PLACES; lower_at++) {
      put(high_at, HIGH, 1);
      put(lower_at, lower, 2);
      assert_int_equal(spec_take(&shelf, 0), 1);
      assert_int_equal(spec_take(&shelf, 0), 2);
      put(lower_at, lower, 2);
      put(high_at, HIGH, 1);
      assert_int_equal(spec_take(&shelf, 0), 1);
      assert_int_equal(spec_take(&shelf, 0), 2);
      assert_int_equal(spec_take(&shelf, 0), -1);
    }
  }
}

IT(takes_high_before_low_wherever_they_lie) {
  expect_high_before(LOW);
}

IT(takes_high_before_normal_wherever_they_lie) {
  expect_high_before(NORMAL);
}

IT(takes_normal_before_low_wherever_they_lie) {
  for (int normal_at = 0; normal_at < PLACES; normal_at++) {
    for (int low_at = 0; low_at < PLACES; low_at++) {
      put(low_at, LOW, 2);
      put(normal_at, NORMAL, 1);
      assert_int_equal(spec_take(&shelf, 0), 1);
      assert_int_equal(spec_take(&shelf, 0), 2);
    }
  }
}

IT(takes_its_own_first_then_the_shared_then_anothers) {
  put(ANOTHERS, NORMAL, 3);
  put(SHARED, NORMAL, 2);
  put(OWN, NORMAL, 1);
  for (int i = 1; i <= 3; i++)
    assert_int_equal(spec_take(&shelf, 0), i);
}

IT(takes_a_high_that_comes_while_a_long_run_of_low_is_under_way) {
  for (int i = 0; i < 500; i++)
    put(i % PLACES, LOW, i);
  for (int round = 0; round < 100; round++) {
    assert_true(spec_take(&shelf, 0) < 500);
    put(round % PLACES, HIGH, 1000 + round);
    assert_int_equal(spec_take(&shelf, 0), 1000 + round);
  }
}

/* What a worker has taken over in a batch does not hide from the others either. */
IT(takes_a_high_out_of_a_batch_that_another_has_taken_over) {
  for (int i = 0; i < 2; i++)
    put(SHARED, HIGH, i);
  assert_int_equal(spec_take(&shelf, 1), 0); /* the second lies in the deque of worker 1 now */
  put(OWN, NORMAL, 9);
  assert_int_equal(spec_take(&shelf, 0), 1);
  assert_int_equal(spec_take(&shelf, 0), 9);
}

IT(takes_its_own_newest_first) {
  for (int i = 0; i < 3; i++)
    spec_push(&shelf, 0, NORMAL, i);
  for (int i = 2; i >= 0; i--)
    assert_int_equal(spec_take(&shelf, 0), i);
}

IT(steals_the_oldest) {
  for (int i = 0; i < 3; i++)
    spec_push(&shelf, 1, NORMAL, i);
  assert_int_equal(spec_take(&shelf, 0), 0);
}

IT(leaves_a_victim_at_least_the_newer_half) {
  for (int i = 0; i < 4; i++)
    spec_push(&shelf, 1, NORMAL, i);
  assert_int_equal(spec_take(&shelf, 0), 0);
  assert_int_equal(spec_take(&shelf, 1), 3);
  assert_int_equal(spec_take(&shelf, 1), 2);
}

IT(takes_what_was_submitted_in_its_order) {
  for (int i = 0; i < 1000; i++)
    spec_inject(&shelf, NORMAL, i);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(spec_take(&shelf, 0), i);
}

IT(comes_to_what_was_submitted_though_its_own_tasks_never_end) {
  spec_inject(&shelf, NORMAL, 9);
  int takes = 0;
  do {
    spec_push(&shelf, 0, NORMAL, 1);
    takes++;
  } while (spec_take(&shelf, 0) == 1);
  assert_true(takes > 1);
}

IT(tells_where_a_node_came_from) {
  echo_taken taken;
  spec_push(&shelf, 0, NORMAL, 1);
  assert_int_equal(echo_queue_take(shelf.queue, 0, &taken), ECHO_STEAL_TAKEN);
  assert_int_equal(taken.priority, NORMAL);
  assert_false(taken.stolen);
  spec_push(&shelf, 1, LOW, 1);
  assert_int_equal(echo_queue_take(shelf.queue, 0, &taken), ECHO_STEAL_TAKEN);
  assert_int_equal(taken.priority, LOW);
  assert_true(taken.stolen);
  spec_inject(&shelf, HIGH, 1);
  assert_int_equal(echo_queue_take(shelf.queue, 0, &taken), ECHO_STEAL_TAKEN);
  assert_int_equal(taken.priority, HIGH);
  assert_false(taken.stolen);
}

IT(says_when_a_take_leaves_more_for_the_others) {
  echo_taken taken;
  spec_inject(&shelf, NORMAL, 1);
  assert_int_equal(echo_queue_take(shelf.queue, 0, &taken), ECHO_STEAL_TAKEN);
  assert_false(taken.more);
  spec_inject(&shelf, NORMAL, 1);
  spec_inject(&shelf, NORMAL, 2);
  assert_int_equal(echo_queue_take(shelf.queue, 0, &taken), ECHO_STEAL_TAKEN);
  assert_true(taken.more);
}

/* A worker that always finds something of its own would never look there. */
IT(looks_at_the_shared_ones_now_and_then) {
  spec_inject(&shelf, NORMAL, 4000);
  bool found = false;
  for (int i = 0; i < 200 && !found; i++) {
    spec_push(&shelf, 0, NORMAL, i);
    found = spec_take(&shelf, 0) == 4000;
  }
  assert_true(found);
}

IT(puts_high_first_even_when_it_looks_at_the_shared_ones) {
  spec_inject(&shelf, LOW, 4000);
  for (int i = 0; i < 200; i++) {
    spec_push(&shelf, 0, HIGH, i);
    assert_int_equal(spec_take(&shelf, 0), i);
  }
}

#define ON_A_SHELF(test) cmocka_unit_test_setup_teardown(test, open_shelf, close_shelf)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_A_SHELF(takes_high_before_low_wherever_they_lie),
      ON_A_SHELF(takes_high_before_normal_wherever_they_lie),
      ON_A_SHELF(takes_normal_before_low_wherever_they_lie),
      ON_A_SHELF(takes_its_own_first_then_the_shared_then_anothers),
      ON_A_SHELF(takes_a_high_that_comes_while_a_long_run_of_low_is_under_way),
      ON_A_SHELF(takes_a_high_out_of_a_batch_that_another_has_taken_over),
      ON_A_SHELF(takes_its_own_newest_first),
      ON_A_SHELF(steals_the_oldest),
      ON_A_SHELF(leaves_a_victim_at_least_the_newer_half),
      ON_A_SHELF(takes_what_was_submitted_in_its_order),
      ON_A_SHELF(comes_to_what_was_submitted_though_its_own_tasks_never_end),
      ON_A_SHELF(tells_where_a_node_came_from),
      ON_A_SHELF(says_when_a_take_leaves_more_for_the_others),
      ON_A_SHELF(looks_at_the_shared_ones_now_and_then),
      ON_A_SHELF(puts_high_first_even_when_it_looks_at_the_shared_ones),
  };
  return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
