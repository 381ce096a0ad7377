/* Numbers that are spread. */
#include "base/random.h"
#include "support/spec.h"

IT(stays_below_its_bound) {
  echo__random random;
  echo__random_seed(&random, 1);
  const uint32_t bounds[] = {1, 2, 3, 64, 1000, UINT32_MAX};
  for (unsigned i = 0; i < SPEC_COUNT(bounds); i++) {
    for (int k = 0; k < 1000; k++)
      assert_true(echo__random_below(&random, bounds[i]) < bounds[i]);
  }
}

IT(reaches_every_number_below_its_bound) {
  echo__random random;
  echo__random_seed(&random, 2);
  bool seen[64] = {false};
  for (int i = 0; i < 10000; i++)
    seen[echo__random_below(&random, 64)] = true;
  for (int i = 0; i < 64; i++)
    assert_true(seen[i]);
}

IT(gives_neighbouring_seeds_different_sequences) {
  echo__random one, two;
  echo__random_seed(&one, 0);
  echo__random_seed(&two, 1);
  int equal = 0;
  for (int i = 0; i < 1000; i++)
    equal += echo__random_below(&one, 1024) == echo__random_below(&two, 1024);
  assert_true(equal < 50);
}

IT(repeats_itself_for_the_same_seed) {
  echo__random one, two;
  echo__random_seed(&one, 7);
  echo__random_seed(&two, 7);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(echo__random_next(&one), echo__random_next(&two));
}

IT(does_not_get_stuck_whatever_the_seed) {
  const uint64_t seeds[] = {0, 1, UINT64_MAX, UINT64_MAX - 1};
  for (unsigned i = 0; i < SPEC_COUNT(seeds); i++) {
    echo__random random;
    echo__random_seed(&random, seeds[i]);
    uint32_t any = 0;
    for (int k = 0; k < 8; k++)
      any |= echo__random_next(&random);
    assert_true(any != 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stays_below_its_bound),
      cmocka_unit_test(reaches_every_number_below_its_bound),
      cmocka_unit_test(gives_neighbouring_seeds_different_sequences),
      cmocka_unit_test(repeats_itself_for_the_same_seed),
      cmocka_unit_test(does_not_get_stuck_whatever_the_seed),
  };
  return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
