/* Large pieces of memory: who holds them, and what is kept of them. */
#include "base/block.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "support/allocations.h"

enum { SIZE = ECHO__BLOCK, KEEPS = !ECHO__PLAIN_ALLOCATION };

static int enter(void **state) {
  (void)state;
  echo__blocks_enter();
  return 0;
}

static int leave(void **state) {
  (void)state;
  echo__blocks_leave();
  return 0;
}

static echo__block *take_full(size_t size, int with) {
  echo__block *block = echo__block_take(size);
  assert_non_null(block);
  assert_true(block->capacity >= size);
  memset(block->bytes, with, block->capacity);
  return block;
}

IT(ends_with_its_last_holder) {
  long before = atomic_load(&spec_allocated.live);
  echo__block *block = take_full(SIZE, 1);
  assert_true(echo__block_is_sole(block));
  echo__block_retain(block);
  assert_false(echo__block_is_sole(block));
  echo__block_release(block);
  assert_int_equal(atomic_load(&spec_allocated.live), before + 1);
  assert_true(echo__block_is_sole(block));
  assert_int_equal(block->bytes[SIZE - 1], 1);
  echo__block_release(block);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

IT(is_found_by_its_bytes) {
  echo__block *block = take_full(SIZE, 1);
  assert_ptr_equal(echo__block_of(block->bytes), block);
  assert_int_equal((uintptr_t)block->bytes % _Alignof(max_align_t), 0);
  echo__block_release(block);
}

IT(keeps_what_is_in_it_when_it_is_made_larger_or_smaller) {
  const size_t sizes[] = {2 * SIZE, 20 * SIZE, 19 * SIZE, SIZE};
  echo__block *block = take_full(SIZE, 7);
  for (unsigned i = 0; i < SPEC_COUNT(sizes); i++) {
    block = echo__block_resize(block, sizes[i]);
    assert_non_null(block);
    assert_true(block->capacity >= sizes[i]);
    assert_int_equal(block->bytes[0], 7);
    assert_int_equal(block->bytes[SIZE - 1], 7);
  }
  assert_true(block->capacity < 4 * SIZE);
  echo__block_release(block);
}

IT(becomes_plain_memory) {
  for (int without = 0; without < 2; without++) {
    echo__block *block = take_full(SIZE, 7);
    if (without) atomic_store(&spec_allocated.refuse_after, 0);
    char *plain = echo__block_unwrap(block, 100);
    atomic_store(&spec_allocated.refuse_after, -1);
    for (int i = 0; i < 100; i++)
      assert_int_equal(plain[i], 7);
    free(plain);
  }
}

IT(says_so_when_there_is_no_memory) {
  echo__block *block = take_full(SIZE, 7);
  atomic_store(&spec_allocated.refuse_after, 0);
  assert_null(echo__block_take(SIZE));
  assert_null(echo__block_resize(block, 10 * SIZE));
  atomic_store(&spec_allocated.refuse_after, -1);
  assert_null(echo__block_take(SIZE_MAX));
  assert_null(echo__block_take(PTRDIFF_MAX));
  assert_null(echo__block_resize(block, SIZE_MAX));
  assert_int_equal(block->bytes[SIZE - 1], 7);
  echo__block_release(block);
}

IT(asks_the_system_for_nothing_in_the_steady_state) {
  echo__block_release(take_full(SIZE + 16, 1));
  assert_int_equal(echo__blocks_kept() > 0, KEEPS);
  long made = atomic_load(&spec_allocated.made);
  for (int i = 0; i < 100; i++)
    echo__block_release(take_full((size_t)(SIZE + 1 + i % 16), i));
  if (KEEPS) assert_int_equal(atomic_load(&spec_allocated.made), made);
}

IT(is_not_made_of_what_is_far_larger_or_smaller) {
  echo__block_release(take_full(2 * SIZE, 1));
  echo__block *small = take_full(SIZE, 1);
  assert_true(small->capacity < 2 * SIZE);
  echo__block *large = take_full(4 * SIZE, 1);
  echo__block_release(small);
  echo__block_release(large);
}

IT(keeps_no_more_than_is_promised) {
  enum { MANY = 400 };
  static echo__block *blocks[MANY];
  for (int i = 0; i < MANY; i++)
    blocks[i] = take_full((size_t)SIZE * (size_t)(1 + i % 4), i);
  for (int i = 0; i < MANY; i++) {
    echo__block_release(blocks[i]);
    assert_true(echo__blocks_kept() <= ECHO__KEEP_BYTES);
  }
  size_t before = echo__blocks_kept();
  echo__block_release(take_full(ECHO__KEEP_BYTES, 1));
  assert_int_equal(echo__blocks_kept(), before);
}

IT(keeps_the_newest) {
  for (int i = 0; i < 100; i++)
    echo__block_release(take_full(SIZE, i));
  for (size_t size = 2 * SIZE; size < ECHO__KEEP_BYTES / 2; size *= 2) {
    echo__block_release(take_full(size, 1));
    long made = atomic_load(&spec_allocated.made);
    echo__block_release(take_full(size, 2));
    if (KEEPS) assert_int_equal(atomic_load(&spec_allocated.made), made);
  }
}

IT(gives_all_back_when_the_last_user_leaves) {
  long before = atomic_load(&spec_allocated.live);
  echo__blocks_enter();
  echo__blocks_enter();
  echo__block *late = take_full(SIZE, 1);
  echo__block_release(take_full(SIZE, 1));
  echo__blocks_leave();
  assert_int_equal(echo__blocks_kept() > 0, KEEPS);
  echo__blocks_leave();
  assert_int_equal(echo__blocks_kept(), 0);
  assert_int_equal(atomic_load(&spec_allocated.live), before + 1);
  echo__block_release(late);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

/* Threads that are users now and then, and pass blocks on: what each wrote is there when another
 * reads it, and nothing is left behind. */
enum { PASSERS = 4, PASSES = 4000 };

static _Atomic(echo__block *) hands[2];
static atomic_int wrong;

static void look_at(echo__block *block) {
  if (block == NULL) return;
  for (size_t i = 1; i < 200; i++)
    if (block->bytes[i] != block->bytes[0]) atomic_fetch_add(&wrong, 1);
  echo__block_release(block);
}

static void *pass(void *argument) {
  int number = *(int *)argument;
  for (int i = 0; i < SPEC_ROUNDS(PASSES); i++) {
    if (i % 8 == 0) echo__blocks_enter();
    echo__block *block = echo__block_take((size_t)SIZE * (size_t)(1 + i % 3));
    memset(block->bytes, number, 200);
    echo__block_retain(block);
    look_at(atomic_exchange(&hands[i % 2], block));
    look_at(block);
    if (i % 8 == 7) echo__blocks_leave();
  }
  return NULL;
}

IT(passes_between_threads_that_come_and_go) {
  long before = atomic_load(&spec_allocated.live);
  pthread_t threads[PASSERS];
  int numbers[PASSERS];
  for (int i = 0; i < PASSERS; i++) {
    numbers[i] = i;
    assert_int_equal(pthread_create(&threads[i], NULL, pass, &numbers[i]), 0);
  }
  for (int i = 0; i < PASSERS; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < 2; i++)
    look_at(atomic_exchange(&hands[i], NULL));
  assert_int_equal(atomic_load(&wrong), 0);
  assert_int_equal(echo__blocks_kept(), 0);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ends_with_its_last_holder),
      cmocka_unit_test(is_found_by_its_bytes),
      cmocka_unit_test_setup_teardown(keeps_what_is_in_it_when_it_is_made_larger_or_smaller, enter,
                                      leave),
      cmocka_unit_test(becomes_plain_memory),
      cmocka_unit_test(says_so_when_there_is_no_memory),
      cmocka_unit_test_setup_teardown(asks_the_system_for_nothing_in_the_steady_state, enter,
                                      leave),
      cmocka_unit_test_setup_teardown(is_not_made_of_what_is_far_larger_or_smaller, enter, leave),
      cmocka_unit_test_setup_teardown(keeps_no_more_than_is_promised, enter, leave),
      cmocka_unit_test_setup_teardown(keeps_the_newest, enter, leave),
      cmocka_unit_test(gives_all_back_when_the_last_user_leaves),
      cmocka_unit_test(passes_between_threads_that_come_and_go),
  };
  return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
