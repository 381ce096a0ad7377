/* The first submit starts the threads, and the system may refuse one. */
#include <uv.h>

#include "support/allocations.h"
#include "support/crew.h"

enum { WORKERS = 3 };

static atomic_int threads_left; /* the next so many may start; negative: all */

int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument) {
  if (atomic_load(&threads_left) == 0) return UV_EAGAIN;
  atomic_fetch_sub(&threads_left, 1);
  return __real_uv_thread_create(thread, run, argument);
}

static void expect_refusal(echo_scheduler *scheduler, int started) {
  echo_task *task = NULL;
  spec_ends ends = {0};
  echo_task_options options = {.on_end = spec_ends_note};
  atomic_store(&threads_left, started);
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends, &task),
                   ECHO_THREAD);
  atomic_store(&threads_left, -1);
  assert_null(task);
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  assert_int_equal(stats.submitted, 0);
  assert_int_equal(atomic_load(&ends.ran) + atomic_load(&ends.ended_cancelled), 0);
}

IT(says_so_and_works_when_there_are_threads_again) {
  for (int started = 0; started < WORKERS; started++) {
    long live = atomic_load(&spec_allocated.live);
    atomic_int count = 0;
    echo_scheduler *scheduler = spec_crew(WORKERS);
    expect_refusal(scheduler, started);
    expect_refusal(scheduler, started);
    for (int i = 0; i < 100; i++)
      spec_submit(scheduler, spec_count, &count);
    spec_crew_end(scheduler);
    assert_int_equal(atomic_load(&count), 100);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
}

IT(stops_in_good_order_after_a_refusal) {
  for (int started = 0; started < WORKERS; started++) {
    long live = atomic_load(&spec_allocated.live);
    echo_scheduler *scheduler = spec_crew(WORKERS);
    expect_refusal(scheduler, started);
    spec_crew_end(scheduler);
    scheduler = spec_crew(WORKERS);
    expect_refusal(scheduler, started);
    echo_scheduler_release(scheduler);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
}

static atomic_int hooked;

static void count_up(void *data, unsigned worker) {
  (void)data;
  (void)worker;
  atomic_fetch_add(&hooked, 1);
}

static void count_down(void *data, unsigned worker) {
  (void)data;
  (void)worker;
  atomic_fetch_sub(&hooked, 1);
}

IT(ends_the_threads_that_had_started) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, WORKERS), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_hooks(builder, count_up, count_down, NULL), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  expect_refusal(scheduler, WORKERS - 1);
  assert_int_equal(atomic_load(&hooked), 0);
  spec_submit(scheduler, spec_nothing, NULL);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&hooked), 0);
}

IT(remembers_nothing_of_the_threads_that_did_not_last) {
  static echo_scheduler *scheduler; /* it leaves a thread behind, so it is never freed */
  static spec_blocker blocker;
  scheduler = spec_crew(WORKERS);
  expect_refusal(scheduler, WORKERS - 1);
  spec_block(scheduler, &blocker);
  size_t abandoned = 0;
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, 0.02, &abandoned), ECHO_TIMEOUT);
  assert_int_equal(abandoned, 1);
  spec_unblock(&blocker);
  echo_scheduler_release(scheduler);
}

IT(starts_no_thread_before_the_first_submit) {
  atomic_store(&threads_left, 0);
  echo_scheduler *scheduler = spec_crew(WORKERS);
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  assert_int_equal(echo_scheduler_submit(scheduler, NULL, NULL, NULL, NULL), ECHO_INVALID);
  spec_crew_end(scheduler);
  atomic_store(&threads_left, -1);
}

/* A submit that has no memory accepts nothing. */
IT(says_so_when_there_is_no_memory_for_a_task) {
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  const echo_task_options options[] = {{0}, {.queue = "few"}};
  atomic_store(&threads_left, -1);
  for (unsigned i = 0; i < SPEC_COUNT(options); i++) {
    echo_task *task = NULL;
    atomic_store(&spec_allocated.refuse_after, 0);
    int status = echo_scheduler_submit(scheduler, &options[i], spec_nothing, NULL, &task);
    atomic_store(&spec_allocated.refuse_after, -1);
    assert_int_equal(status, ECHO_MEMORY);
    assert_null(task);
  }
  atomic_int count = 0;
  spec_submit(scheduler, spec_count, &count);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 1);
}

int main(void) {
  atomic_store(&threads_left, -1);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_so_and_works_when_there_are_threads_again),
      cmocka_unit_test(stops_in_good_order_after_a_refusal),
      cmocka_unit_test(ends_the_threads_that_had_started),
      cmocka_unit_test(remembers_nothing_of_the_threads_that_did_not_last),
      cmocka_unit_test(starts_no_thread_before_the_first_submit),
      cmocka_unit_test(says_so_when_there_is_no_memory_for_a_task),
  };
  return cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
