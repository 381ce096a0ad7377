/* Histograms: every duration finds its range, and what is told is close to the truth. */
#include "scheduler/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/spec.h"

static echo_distribution distribution_of(const uint64_t *values, unsigned count) {
  static echo__histogram histogram;
  echo__merged merged = {0};
  memset(&histogram, 0, sizeof histogram);
  for (unsigned i = 0; i < count; i++)
    echo__histogram_enter(&histogram, values[i]);
  echo__histogram_add(&histogram, &merged);
  return echo__distribution_of(&merged);
}

static void expect_close(double told, double truth) {
  if (!(fabs(told - truth) <= 0.032 * truth + 1e-12))
    fail_msg("%g is not close to %g", told, truth);
}

IT(has_ranges_that_follow_one_upon_the_other) {
  unsigned before = 0;
  for (uint64_t value = 1; value < UINT64_C(1) << 43; value += 1 + value / 100) {
    unsigned range = echo__range_of(value);
    assert_true(range == before || range == before + 1);
    before = range;
  }
}

IT(tells_the_middle_of_a_range_to_within_the_promised_error) {
  for (uint64_t value = 1; value < UINT64_C(1) << 44; value += 1 + value / 97)
    expect_close((double)echo__range_middle(echo__range_of(value)), (double)value);
}

IT(takes_what_is_longer_than_the_last_range_there) {
  assert_int_equal(echo__range_of(UINT64_C(1) << 44), ECHO__RANGES - 1);
  assert_int_equal(echo__range_of(UINT64_MAX), ECHO__RANGES - 1);
  const uint64_t values[] = {UINT64_C(1) << 50};
  assert_true(distribution_of(values, 1).max == (double)values[0] / 1e9);
}

IT(says_nothing_of_nothing) {
  echo_distribution d = distribution_of(NULL, 0);
  assert_int_equal(d.count, 0);
  assert_true(d.sum == 0 && d.p50 == 0 && d.p90 == 0 && d.p99 == 0 && d.max == 0);
}

IT(knows_the_only_one) {
  const uint64_t values[] = {1000001};
  echo_distribution d = distribution_of(values, 1);
  assert_int_equal(d.count, 1);
  assert_true(d.max == 0.001000001 && d.sum == d.max);
  expect_close(d.p50, d.max);
  assert_true(d.p50 <= d.max && d.p99 <= d.max);
}

IT(knows_zero) {
  const uint64_t values[] = {0, 0, 5};
  echo_distribution d = distribution_of(values, 3);
  assert_true(d.p50 == 0);
  assert_true(d.p99 == 5e-9 && d.max == 5e-9);
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

IT(tells_percentiles_of_any_durations) {
  enum { COUNT = 10007 };
  static uint64_t values[COUNT];
  srand((unsigned)spec_seed());
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < COUNT; i++)
      values[i] = (uint64_t)exp2(40.0 * rand() / RAND_MAX);
    echo_distribution d = distribution_of(values, COUNT);
    qsort(values, COUNT, sizeof *values, by_value);
    assert_int_equal(d.count, COUNT);
    expect_close(d.p50, (double)values[(COUNT + 1) / 2 - 1] / 1e9);
    expect_close(d.p90, (double)values[(COUNT * 9 + 9) / 10 - 1] / 1e9);
    expect_close(d.p99, (double)values[(COUNT * 99 + 99) / 100 - 1] / 1e9);
    assert_true(d.max == (double)values[COUNT - 1] / 1e9);
  }
}

IT(adds_several_up) {
  static echo__histogram one, other;
  echo__merged merged = {0};
  for (int i = 0; i < 90; i++)
    echo__histogram_enter(&one, 1000);
  for (int i = 0; i < 10; i++)
    echo__histogram_enter(&other, 1000000);
  echo__histogram_add(&one, &merged);
  echo__histogram_add(&other, &merged);
  echo_distribution d = echo__distribution_of(&merged);
  assert_int_equal(d.count, 100);
  expect_close(d.p90, 1e-6);
  expect_close(d.p99, 1e-3);
  expect_close(d.sum, 90e-6 + 10e-3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(has_ranges_that_follow_one_upon_the_other),
      cmocka_unit_test(tells_the_middle_of_a_range_to_within_the_promised_error),
      cmocka_unit_test(takes_what_is_longer_than_the_last_range_there),
      cmocka_unit_test(says_nothing_of_nothing),
      cmocka_unit_test(knows_the_only_one),
      cmocka_unit_test(knows_zero),
      cmocka_unit_test(tells_percentiles_of_any_durations),
      cmocka_unit_test(adds_several_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
