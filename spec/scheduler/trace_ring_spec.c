/* The ring in which marks go to the recorder. */
#include "scheduler/trace_ring.h"

#include <stdlib.h>

#include "support/spec.h"

static echo__trace_ring *ring;

static int make(void **state) {
  (void)state;
  ring = aligned_alloc(ECHO__LINE, sizeof *ring);
  memset(ring, 0, sizeof *ring);
  return 0;
}

static int destroy(void **state) {
  (void)state;
  free(ring);
  return 0;
}

static bool put(uint32_t number, const char *text, size_t length) {
  if (!echo__ring_has_room(ring, echo__mark_slots(length))) return false;
  echo__mark mark = {.task = number, .length = (uint8_t)length};
  echo__ring_put(ring, &mark, text);
  return true;
}

static void expect(uint32_t number, const char *text, size_t length) {
  echo__mark mark;
  char taken[256];
  assert_true(echo__ring_take(ring, &mark, taken));
  assert_int_equal(mark.task, number);
  assert_int_equal(mark.length, length);
  assert_memory_equal(taken, text, length);
}

static void expect_nothing(void) {
  echo__mark mark;
  char taken[256];
  assert_false(echo__ring_take(ring, &mark, taken));
}

IT(gives_marks_back_in_their_order_with_what_follows_them) {
  char text[127];
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = (char)i;
  expect_nothing();
  for (uint32_t round = 0; round < 3 * ECHO__TRACE_SLOTS; round++) { /* round and round */
    size_t length = round % (sizeof text + 1);
    assert_true(put(round, text, length));
    assert_true(put(round + 1, "", 0));
    expect(round, text, length);
    expect(round + 1, "", 0);
    expect_nothing();
  }
}

IT(takes_as_many_as_it_has_slots) {
  uint32_t count = 0;
  while (put(count, "x", 1))
    count++;
  assert_int_equal(count, ECHO__TRACE_SLOTS / 2);
  expect(0, "x", 1);
  assert_true(put(count, "", 0));
  assert_true(put(count + 1, "", 0));
  assert_false(put(count + 2, "", 0));
}

IT(keeps_what_is_set_aside) {
  ring->set_aside = 2;
  uint32_t count = 0;
  while (put(count, "", 0))
    count++;
  assert_int_equal(count, ECHO__TRACE_SLOTS - 2);
  for (int i = 0; i < 2; i++) {
    ring->set_aside--;
    assert_true(put(count + (uint32_t)i, "", 0));
    assert_false(put(0, "", 0));
  }
  for (uint32_t i = 0; i < ECHO__TRACE_SLOTS; i++)
    expect(i, "", 0);
  expect_nothing();
}

enum { MARKS = 200000 };

static void *produce(void *argument) {
  (void)argument;
  for (uint32_t i = 1; i <= SPEC_ROUNDS(MARKS);) {
    if (put(i, "0123456789012345678901234567890123456789", i % 40)) i++;
  }
  return NULL;
}

IT(hands_marks_from_one_thread_to_another) {
  spec_threads threads = {.count = 0};
  spec_threads_add(&threads, produce, NULL);
  echo__mark mark;
  char text[256];
  for (uint32_t i = 1; i <= SPEC_ROUNDS(MARKS);) {
    if (!echo__ring_take(ring, &mark, text)) continue;
    assert_int_equal(mark.task, i);
    assert_int_equal(mark.length, i % 40);
    assert_memory_equal(text, "0123456789012345678901234567890123456789", mark.length);
    i++;
  }
  spec_threads_join(&threads);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(gives_marks_back_in_their_order_with_what_follows_them, make,
                                      destroy),
      cmocka_unit_test_setup_teardown(takes_as_many_as_it_has_slots, make, destroy),
      cmocka_unit_test_setup_teardown(keeps_what_is_set_aside, make, destroy),
      cmocka_unit_test_setup_teardown(hands_marks_from_one_thread_to_another, make, destroy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
