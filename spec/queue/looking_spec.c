/* Is there work, and getting at it without being a worker. */
#include "base/tuning.h"
#include "support/shelf.h"

static const echo_priority priorities[] = {ECHO_PRIORITY_HIGH, ECHO_PRIORITY_NORMAL,
                                           ECHO_PRIORITY_LOW};

static spec_shelf shelf;

static int open_shelf(void **state) {
  (void)state;
  shelf = spec_shelf_open(130, 61); /* three words of presence bits, the last not full */
  return 0;
}

static int close_shelf(void **state) {
  (void)state;
  spec_shelf_close(&shelf);
  return 0;
}

static const unsigned workers[] = {0, 63, 64, 127, 128, 129};

IT(sees_no_work_where_there_is_none) {
  assert_false(echo_queue_has_work(shelf.queue));
  for (unsigned p = 0; p < ECHO_PRIORITIES; p++)
    assert_false(echo_queue_has_work_from(shelf.queue, priorities[p]));
  for (unsigned p = 0; p < ECHO_PRIORITIES; p++)
    assert_false(echo_queue_has_work_of(shelf.queue, priorities[p]));
}

static void expect_seen_from(unsigned placed) {
  assert_true(echo_queue_has_work(shelf.queue));
  for (unsigned p = 0; p < ECHO_PRIORITIES; p++)
    assert_int_equal(echo_queue_has_work_from(shelf.queue, priorities[p]), p >= placed);
  for (unsigned p = 0; p < ECHO_PRIORITIES; p++)
    assert_int_equal(echo_queue_has_work_of(shelf.queue, priorities[p]), p == placed);
}

IT(sees_injected_work_of_a_priority_and_above) {
  for (unsigned p = 0; p < ECHO_PRIORITIES; p++) {
    spec_inject(&shelf, priorities[p], 1);
    expect_seen_from(p);
    assert_int_equal(spec_take(&shelf, 5), 1);
    assert_false(echo_queue_has_work(shelf.queue));
  }
}

IT(sees_the_work_of_every_worker) {
  for (unsigned w = 0; w < SPEC_COUNT(workers); w++) {
    for (unsigned p = 0; p < ECHO_PRIORITIES; p++) {
      spec_push(&shelf, workers[w], priorities[p], 1);
      expect_seen_from(p);
      assert_int_equal(spec_take(&shelf, workers[w]), 1);
      assert_false(echo_queue_has_work(shelf.queue));
    }
  }
}

IT(sees_no_work_where_a_thief_took_the_last) {
  spec_push(&shelf, 129, ECHO_PRIORITY_LOW, 1);
  assert_int_equal(spec_take(&shelf, 0), 1);
  assert_false(echo_queue_has_work(shelf.queue));
}

IT(sees_what_is_left_of_a_batch) {
  for (int i = 0; i < 3 * ECHO__BATCH; i++)
    spec_inject(&shelf, ECHO_PRIORITY_NORMAL, i);
  for (int i = 0; i < 3 * ECHO__BATCH; i++) {
    assert_true(echo_queue_has_work(shelf.queue));
    assert_true(spec_take(&shelf, 64) >= 0);
  }
  assert_false(echo_queue_has_work(shelf.queue));
}

IT(sees_what_was_pinned_to_a_worker_until_it_looks) {
  echo_node node;
  for (unsigned i = 0; i < SPEC_COUNT(workers); i++) {
    assert_false(echo_queue_has_pinned(shelf.queue, workers[i]));
    echo_queue_pin(shelf.queue, workers[i], &node);
    for (unsigned j = 0; j < SPEC_COUNT(workers); j++)
      assert_int_equal(echo_queue_has_pinned(shelf.queue, workers[j]), i == j);
    assert_ptr_equal(echo_queue_take_pinned(shelf.queue, workers[i]), &node);
    assert_false(echo_queue_has_pinned(shelf.queue, workers[i]));
  }
}

IT(lets_every_worker_steal_from_every_other) {
  for (unsigned from = 0; from < SPEC_COUNT(workers); from++) {
    for (unsigned to = 0; to < SPEC_COUNT(workers); to++) {
      spec_push(&shelf, workers[from], ECHO_PRIORITY_NORMAL, 7);
      assert_int_equal(spec_take(&shelf, workers[to]), 7);
      assert_int_equal(spec_take(&shelf, workers[to]), -1);
    }
  }
}

IT(puts_high_first_over_all_the_words) {
  for (unsigned from = 0; from < SPEC_COUNT(workers); from++) {
    spec_push(&shelf, 1, ECHO_PRIORITY_NORMAL, 2);
    spec_push(&shelf, workers[from], ECHO_PRIORITY_HIGH, 1);
    assert_int_equal(spec_take(&shelf, 1), 1);
    assert_int_equal(spec_take(&shelf, 1), 2);
  }
}

static int evict(echo_priority *priority) {
  echo_taken taken;
  if (echo_queue_evict(shelf.queue, &taken) != ECHO_STEAL_TAKEN) return -1;
  *priority = taken.priority;
  return spec_item_of(taken.node)->number;
}

IT(evicts_the_highest_first_from_wherever_it_lies) {
  echo_priority priority = ECHO_PRIORITY_LOW;
  spec_push(&shelf, 0, ECHO_PRIORITY_LOW, 5);
  spec_inject(&shelf, ECHO_PRIORITY_LOW, 4);
  spec_inject(&shelf, ECHO_PRIORITY_NORMAL, 3);
  spec_push(&shelf, 129, ECHO_PRIORITY_HIGH, 2);
  spec_inject(&shelf, ECHO_PRIORITY_HIGH, 1);
  assert_int_equal(evict(&priority), 1);
  assert_int_equal(priority, ECHO_PRIORITY_HIGH);
  assert_int_equal(evict(&priority), 2);
  assert_int_equal(priority, ECHO_PRIORITY_HIGH);
  assert_int_equal(evict(&priority), 3);
  assert_int_equal(priority, ECHO_PRIORITY_NORMAL);
  assert_int_equal(evict(&priority), 4);
  assert_int_equal(evict(&priority), 5);
  assert_int_equal(priority, ECHO_PRIORITY_LOW);
  assert_int_equal(evict(&priority), -1);
}

IT(evicts_everything) {
  spec_item *items = shelf.items;
  for (int i = 0; i < SPEC_SHELF; i++) {
    if (i % 2 == 0)
      spec_push(&shelf, (unsigned)i % 130, priorities[i % 3], i);
    else
      spec_inject(&shelf, priorities[i % 3], i);
  }
  echo_taken taken;
  while (echo_queue_evict(shelf.queue, &taken) == ECHO_STEAL_TAKEN)
    spec_item_took(taken.node);
  spec_items_expect_once(items, SPEC_SHELF);
  assert_false(echo_queue_has_work(shelf.queue));
}

#define ON_A_SHELF(test) cmocka_unit_test_setup_teardown(test, open_shelf, close_shelf)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_A_SHELF(sees_no_work_where_there_is_none),
      ON_A_SHELF(sees_injected_work_of_a_priority_and_above),
      ON_A_SHELF(sees_the_work_of_every_worker),
      ON_A_SHELF(sees_no_work_where_a_thief_took_the_last),
      ON_A_SHELF(sees_what_is_left_of_a_batch),
      ON_A_SHELF(sees_what_was_pinned_to_a_worker_until_it_looks),
      ON_A_SHELF(lets_every_worker_steal_from_every_other),
      ON_A_SHELF(puts_high_first_over_all_the_words),
      ON_A_SHELF(evicts_the_highest_first_from_wherever_it_lies),
      ON_A_SHELF(evicts_everything),
  };
  return cmocka_run_group_tests_name("looking", tests, NULL, NULL);
}
