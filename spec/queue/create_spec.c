/* Making a queue. */
#include "support/allocations.h"
#include "support/shelf.h"

IT(refuses_worker_counts_out_of_range) {
  const unsigned counts[] = {0, 1025, UINT32_MAX};
  long live = atomic_load(&spec_allocated.live);
  for (unsigned i = 0; i < SPEC_COUNT(counts); i++) {
    echo_queue *queue = NULL;
    assert_int_equal(
        echo_queue_create(&queue, &(echo_queue_options){.workers = counts[i], .fairness = 61}),
        ECHO_INVALID);
    assert_null(queue);
  }
  assert_int_equal(atomic_load(&spec_allocated.live), live);
}

IT(takes_worker_counts_at_the_ends_of_the_range) {
  const unsigned counts[] = {1, 64, 65, 1024};
  for (unsigned i = 0; i < SPEC_COUNT(counts); i++) {
    spec_shelf shelf = spec_shelf_open(counts[i], 61);
    spec_push(&shelf, counts[i] - 1, ECHO_PRIORITY_NORMAL, 1);
    assert_int_equal(spec_take(&shelf, 0), 1);
    spec_shelf_close(&shelf);
  }
}

IT(leaves_nothing_behind_when_there_is_no_memory) {
  echo_queue *queue;
  long live = atomic_load(&spec_allocated.live);
  int status = ECHO_MEMORY;
  for (int refuse_after = 0; status == ECHO_MEMORY; refuse_after++) {
    atomic_store(&spec_allocated.refuse_after, refuse_after);
    status = echo_queue_create(&queue, &(echo_queue_options){.workers = 2, .fairness = 61});
    atomic_store(&spec_allocated.refuse_after, -1);
    if (status == ECHO_OK) echo_queue_destroy(queue);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
  assert_int_equal(status, ECHO_OK);
}

IT(allocates_nothing_once_it_is_made) {
  spec_shelf shelf = spec_shelf_open(2, 61);
  long made = atomic_load(&spec_allocated.made);
  for (int i = 0; i < SPEC_SHELF / 2; i++) {
    spec_push(&shelf, 0, ECHO_PRIORITY_NORMAL, 2 * i);
    spec_inject(&shelf, ECHO_PRIORITY_HIGH, 2 * i + 1);
  }
  for (int i = 0; i < SPEC_SHELF; i++)
    assert_true(spec_take(&shelf, (unsigned)i % 2) >= 0);
  assert_int_equal(atomic_load(&spec_allocated.made), made);
  spec_shelf_close(&shelf);
}

IT(lets_nothing_be_destroyed) {
  echo_queue_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_worker_counts_out_of_range),
      cmocka_unit_test(takes_worker_counts_at_the_ends_of_the_range),
      cmocka_unit_test(leaves_nothing_behind_when_there_is_no_memory),
      cmocka_unit_test(allocates_nothing_once_it_is_made),
      cmocka_unit_test(lets_nothing_be_destroyed),
  };
  return cmocka_run_group_tests_name("create", tests, NULL, NULL);
}
