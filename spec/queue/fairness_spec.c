/* Lower priorities do not starve. */
#include "support/shelf.h"

enum { HIGHS = 1000, NORMALS = 2000, LOWS = 3000, EACH = 300 };

/* The items from HIGHS, NORMALS and LOWS on wait in the injectors. */
static spec_shelf all_waiting(unsigned fairness) {
  spec_shelf shelf = spec_shelf_open(2, fairness);
  for (int i = 0; i < EACH; i++) {
    spec_inject(&shelf, ECHO_PRIORITY_LOW, LOWS + i);
    spec_inject(&shelf, ECHO_PRIORITY_NORMAL, NORMALS + i);
    spec_inject(&shelf, ECHO_PRIORITY_HIGH, HIGHS + i);
  }
  return shelf;
}

static int class_of_take(spec_shelf *shelf) {
  return spec_take(shelf, 0) / 1000 * 1000;
}

static void expect_one_in(unsigned n) {
  spec_shelf shelf = all_waiting(n);
  for (unsigned take = 1; take <= EACH; take++) {
    int class = class_of_take(&shelf);
    if (take % n == 0)
      assert_int_not_equal(class, HIGHS);
    else
      assert_int_equal(class, HIGHS);
  }
  spec_shelf_close(&shelf);
}

IT(gives_exactly_one_take_in_n_to_a_lower_priority) {
  expect_one_in(2);
  expect_one_in(5);
  expect_one_in(61);
}

IT(shares_these_between_normal_and_low) {
  spec_shelf shelf = all_waiting(4);
  int normals = 0, lows = 0;
  for (int take = 0; take < 240; take++) {
    int class = class_of_take(&shelf);
    normals += class == NORMALS;
    lows += class == LOWS;
  }
  assert_int_equal(normals, 30);
  assert_int_equal(lows, 30);
  spec_shelf_close(&shelf);
}

IT(gives_one_take_in_n_to_low_where_normal_is_the_highest) {
  spec_shelf shelf = spec_shelf_open(1, 5);
  for (int i = 0; i < 100; i++) {
    spec_inject(&shelf, ECHO_PRIORITY_NORMAL, NORMALS + i);
    spec_inject(&shelf, ECHO_PRIORITY_LOW, LOWS + i);
  }
  for (int take = 1; take <= 100; take++)
    assert_int_equal(class_of_take(&shelf), take % 5 == 0 ? LOWS : NORMALS);
  spec_shelf_close(&shelf);
}

IT(is_turned_off_by_0) {
  spec_shelf shelf = all_waiting(0);
  for (int i = 0; i < EACH; i++)
    assert_int_equal(class_of_take(&shelf), HIGHS);
  for (int i = 0; i < EACH; i++)
    assert_int_equal(class_of_take(&shelf), NORMALS);
  for (int i = 0; i < EACH; i++)
    assert_int_equal(class_of_take(&shelf), LOWS);
  assert_int_equal(spec_take(&shelf, 0), -1);
  spec_shelf_close(&shelf);
}

IT(counts_only_takes_that_pass_over_something) {
  spec_shelf shelf = spec_shelf_open(1, 5);
  for (int i = 0; i < 50; i++) {
    spec_inject(&shelf, ECHO_PRIORITY_HIGH, HIGHS);
    assert_int_equal(class_of_take(&shelf), HIGHS);
  }
  spec_inject(&shelf, ECHO_PRIORITY_LOW, LOWS);
  for (int i = 0; i < 4; i++) {
    spec_inject(&shelf, ECHO_PRIORITY_HIGH, HIGHS);
    assert_int_equal(class_of_take(&shelf), HIGHS);
  }
  spec_inject(&shelf, ECHO_PRIORITY_HIGH, HIGHS);
  assert_int_equal(class_of_take(&shelf), LOWS);
  spec_shelf_close(&shelf);
}

static void expect_low_within(spec_shelf *shelf, int takes) {
  bool found = false;
  for (int i = 0; i < takes && !found; i++) {
    spec_push(shelf, 0, ECHO_PRIORITY_HIGH, HIGHS);
    found = class_of_take(shelf) == LOWS;
  }
  assert_true(found);
  spec_shelf_close(shelf);
}

IT(reaches_into_the_worker_s_own_deque) {
  spec_shelf shelf = spec_shelf_open(2, 7);
  spec_push(&shelf, 0, ECHO_PRIORITY_LOW, LOWS);
  expect_low_within(&shelf, 7);
}

IT(reaches_into_another_worker_s_deque) {
  spec_shelf shelf = spec_shelf_open(2, 7);
  spec_push(&shelf, 1, ECHO_PRIORITY_LOW, LOWS);
  expect_low_within(&shelf, 7);
}

IT(takes_what_has_waited_longest_first) {
  spec_shelf shelf = spec_shelf_open(1, 2);
  spec_inject(&shelf, ECHO_PRIORITY_LOW, LOWS);
  spec_push(&shelf, 0, ECHO_PRIORITY_LOW, LOWS + 1);
  spec_push(&shelf, 0, ECHO_PRIORITY_HIGH, HIGHS);
  spec_push(&shelf, 0, ECHO_PRIORITY_HIGH, HIGHS + 1);
  assert_int_equal(spec_take(&shelf, 0), HIGHS + 1);
  assert_int_equal(spec_take(&shelf, 0), LOWS);
  spec_shelf_close(&shelf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_exactly_one_take_in_n_to_a_lower_priority),
      cmocka_unit_test(shares_these_between_normal_and_low),
      cmocka_unit_test(gives_one_take_in_n_to_low_where_normal_is_the_highest),
      cmocka_unit_test(is_turned_off_by_0),
      cmocka_unit_test(counts_only_takes_that_pass_over_something),
      cmocka_unit_test(reaches_into_the_worker_s_own_deque),
      cmocka_unit_test(reaches_into_another_worker_s_deque),
      cmocka_unit_test(takes_what_has_waited_longest_first),
  };
  return cmocka_run_group_tests_name("fairness", tests, NULL, NULL);
}
