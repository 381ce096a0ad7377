/* Timers in the order of their deadlines. */
#include "scheduler/heap.h"

#include "base/random.h"
#include "support/allocations.h"
#include "support/spec.h"

enum { MANY = 2000 };

static echo_timer timers[MANY];
static uint64_t deadlines[MANY];

static void put(echo__heap *heap, int number, uint64_t deadline) {
  timers[number] = (echo_timer){0};
  deadlines[number] = deadline;
  assert_int_equal(echo__heap_reserve(heap), ECHO_OK);
  echo__heap_put(heap, &timers[number], deadline);
}

/* Each entry is no earlier than its parent, and each timer knows where it is. */
static void expect_sound(const echo__heap *heap) {
  for (size_t i = 0; i < heap->count; i++) {
    const echo__entry *entry = &heap->entries[i];
    assert_int_equal(entry->timer->place, i + 1);
    assert_int_equal(deadlines[entry->timer - timers], entry->deadline);
    if (i > 0) assert_true(heap->entries[(i - 1) / 4].deadline <= entry->deadline);
  }
}

static void expect_sorted(echo__heap *heap, size_t count) {
  uint64_t last = 0;
  for (; count > 0; count--) {
    echo_timer *first = heap->entries[0].timer;
    assert_true(heap->entries[0].deadline >= last);
    last = heap->entries[0].deadline;
    echo__heap_take(heap, first);
    assert_int_equal(first->place, 0);
  }
  assert_int_equal(heap->count, 0);
}

IT(gives_the_earliest_first) {
  echo__heap heap = {0};
  echo__random random;
  echo__random_seed(&random, spec_seed());
  for (int i = 0; i < MANY; i++)
    put(&heap, i, echo__random_below(&random, 500)); /* many are equal */
  expect_sound(&heap);
  expect_sorted(&heap, MANY);
  echo__heap_close(&heap);
}

IT(gives_up_any_of_them) {
  echo__heap heap = {0};
  echo__random random;
  echo__random_seed(&random, spec_seed());
  size_t count = MANY;
  for (int i = 0; i < MANY; i++)
    put(&heap, i, echo__random_next(&random));
  for (int i = 0; i < MANY; i++) {
    int number = (int)echo__random_below(&random, MANY);
    if (timers[number].place == 0) continue;
    echo__heap_take(&heap, &timers[number]);
    count--;
    if (i % 50 == 0) expect_sound(&heap);
  }
  assert_int_equal(heap.count, count);
  expect_sorted(&heap, count);
  echo__heap_close(&heap);
}

IT(moves_up_what_fills_a_gap_in_another_branch) {
  echo__heap heap = {0};
  const uint64_t moments[] = {1, 10, 2, 2, 2, 11, 12, 13, 14, 3};
  for (int i = 0; i < 10; i++)
    put(&heap, i, moments[i]);
  echo__heap_take(&heap, &timers[5]); /* below the 10; the 3 comes there */
  expect_sound(&heap);
  expect_sorted(&heap, 9);
  echo__heap_close(&heap);
}

IT(changes_nothing_without_memory) {
  long live = atomic_load(&spec_allocated.live);
  echo__heap heap = {0};
  atomic_store(&spec_allocated.refuse_after, 0);
  assert_int_equal(echo__heap_reserve(&heap), ECHO_MEMORY);
  atomic_store(&spec_allocated.refuse_after, -1);
  for (int i = 0; heap.count == 0 || heap.count < heap.room; i++)
    put(&heap, i, (uint64_t)i);
  size_t count = heap.count;
  atomic_store(&spec_allocated.refuse_after, 0);
  assert_int_equal(echo__heap_reserve(&heap), ECHO_MEMORY);
  atomic_store(&spec_allocated.refuse_after, -1);
  expect_sound(&heap);
  expect_sorted(&heap, count);
  echo__heap_close(&heap);
  assert_int_equal(atomic_load(&spec_allocated.live), live);
}

IT(gives_memory_back_after_a_burst) {
  echo__heap heap = {0};
  for (int i = 0; i < MANY; i++)
    put(&heap, i, (uint64_t)i);
  size_t room = heap.room;
  expect_sorted(&heap, MANY);
  assert_true(heap.room <= room / 16);
  put(&heap, 0, 5);
  expect_sound(&heap);
  echo__heap_close(&heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_the_earliest_first),
      cmocka_unit_test(gives_up_any_of_them),
      cmocka_unit_test(moves_up_what_fills_a_gap_in_another_branch),
      cmocka_unit_test(changes_nothing_without_memory),
      cmocka_unit_test(gives_memory_back_after_a_burst),
  };
  return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
