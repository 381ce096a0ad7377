/* A worker's deque that is full goes over to the injector. */
#include "base/tuning.h"
#include "support/shelf.h"

enum { MUCH = 3 * ECHO__RING + 1 };

_Static_assert((int)MUCH <= (int)SPEC_SHELF, "the shelf is long enough");

static void fill(spec_shelf *shelf) {
  for (int i = 0; i < MUCH; i++)
    spec_push(shelf, 0, ECHO_PRIORITY_NORMAL, i);
}

static void take_and_expect_all(spec_shelf *shelf, unsigned workers) {
  echo_taken taken;
  for (unsigned i = 0; echo_queue_has_work(shelf->queue); i++) {
    if (echo_queue_take(shelf->queue, i % workers, &taken) == ECHO_STEAL_TAKEN)
      spec_item_took(taken.node);
  }
  for (int i = 0; i < MUCH; i++)
    assert_int_equal(atomic_load(&shelf->items[i].taken), 1);
}

IT(loses_nothing_to_the_worker_itself) {
  spec_shelf shelf = spec_shelf_open(1, 61);
  fill(&shelf);
  take_and_expect_all(&shelf, 1);
  spec_shelf_close(&shelf);
}

IT(loses_nothing_to_several_workers) {
  spec_shelf shelf = spec_shelf_open(3, 61);
  fill(&shelf);
  take_and_expect_all(&shelf, 3);
  spec_shelf_close(&shelf);
}

IT(keeps_the_newest_with_the_worker) {
  spec_shelf shelf = spec_shelf_open(2, 61);
  fill(&shelf);
  assert_int_equal(spec_take(&shelf, 0), MUCH - 1);
  spec_shelf_close(&shelf);
}

IT(hands_the_oldest_to_the_others) {
  spec_shelf shelf = spec_shelf_open(2, 61);
  fill(&shelf);
  assert_int_equal(spec_take(&shelf, 1), 0);
  spec_shelf_close(&shelf);
}

IT(keeps_the_priority) {
  spec_shelf shelf = spec_shelf_open(2, 0);
  for (int i = 0; i < MUCH; i++)
    spec_push(&shelf, 0, ECHO_PRIORITY_LOW, i);
  for (int i = 0; i < MUCH; i++)
    spec_push(&shelf, 0, ECHO_PRIORITY_HIGH, MUCH + i);
  for (int i = 0; i < MUCH; i++)
    assert_true(spec_take(&shelf, 1) >= MUCH);
  for (int i = 0; i < MUCH; i++)
    assert_in_range(spec_take(&shelf, 1), 0, MUCH - 1);
  spec_shelf_close(&shelf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loses_nothing_to_the_worker_itself),
      cmocka_unit_test(loses_nothing_to_several_workers),
      cmocka_unit_test(keeps_the_newest_with_the_worker),
      cmocka_unit_test(hands_the_oldest_to_the_others),
      cmocka_unit_test(keeps_the_priority),
  };
  return cmocka_run_group_tests_name("overflow", tests, NULL, NULL);
}
