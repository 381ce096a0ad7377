/* When threads are made, and that the system may refuse one. */
#include <uv.h>

#include "scheduler/scheduler.h"
#include "support/allocations.h"
#include "support/crew.h"
#include "support/loops.h"

enum { WORKERS = 3 };

static atomic_int threads_left; /* the next so many may start; negative: all */
static atomic_int threads_made, threads_refused;

int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument) {
  if (atomic_load(&threads_left) == 0) {
    atomic_fetch_add(&threads_refused, 1);
    return UV_EAGAIN;
  }
  atomic_fetch_sub(&threads_left, 1);
  atomic_fetch_add(&threads_made, 1);
  return __real_uv_thread_create(thread, run, argument);
}

/* All of whose threads are made at the first submit. */
static echo_scheduler *pinned_crew(unsigned workers) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  assert_int_equal(echo_builder_with_pinning(builder, true), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  return scheduler;
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
    echo_scheduler *scheduler = pinned_crew(WORKERS);
    expect_refusal(scheduler, started);
    expect_refusal(scheduler, started);
    for (int i = 0; i < 100; i++)
      spec_submit(scheduler, spec_count, &count);
    spec_crew_end(scheduler);
    assert_int_equal(atomic_load(&count), 100);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
}

/* The last thread is the urgent worker's. */
IT(may_be_refused_the_thread_of_an_urgent_worker) {
  long live = atomic_load(&spec_allocated.live);
  atomic_int count = 0;
  echo_scheduler *scheduler = spec_crew_with_urgent(1, 1);
  expect_refusal(scheduler, 1);
  echo_task_options options = {.priority = ECHO_PRIORITY_HIGH};
  for (int i = 0; i < 100; i++)
    echo_scheduler_submit(scheduler, &options, spec_count, &count, NULL);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 100);
  assert_int_equal(atomic_load(&spec_allocated.live), live);
}

IT(stops_in_good_order_after_a_refusal) {
  for (int started = 0; started < WORKERS; started++) {
    long live = atomic_load(&spec_allocated.live);
    echo_scheduler *scheduler = pinned_crew(WORKERS);
    expect_refusal(scheduler, started);
    spec_crew_end(scheduler);
    scheduler = pinned_crew(WORKERS);
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
  assert_int_equal(echo_builder_with_pinning(builder, true), ECHO_OK);
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
  scheduler = pinned_crew(WORKERS);
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

/* -- one after the other ---------------------------------------------------------------------- */

IT(makes_one_thread_for_tasks_that_come_one_after_the_other) {
  echo_scheduler *scheduler = spec_crew(WORKERS);
  atomic_store(&threads_made, 0);
  for (int i = 0; i < 20; i++) {
    echo_task *task = spec_submit_held(scheduler, spec_nothing, NULL);
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
    echo_task_release(task);
    SPEC_UNTIL(echo__load(&scheduler->idle.parked[0], relaxed) == (1u << WORKERS) - 1);
  }
  assert_int_equal(atomic_load(&threads_made), 1);
  spec_crew_end(scheduler);
}

IT(makes_a_thread_for_each_task_that_has_to_run_beside_others) {
  spec_blocker blockers[WORKERS];
  echo_scheduler *scheduler = spec_crew(WORKERS);
  atomic_store(&threads_made, 0);
  for (int i = 0; i < WORKERS; i++) {
    spec_block(scheduler, &blockers[i]);
    assert_int_equal(atomic_load(&threads_made), i + 1);
  }
  for (int i = 0; i < WORKERS; i++)
    spec_unblock(&blockers[i]);
  spec_crew_end(scheduler);
}

static void gather_inside(void *scheduler) {
  spec_crew_gather(scheduler, WORKERS - 1);
}

/* The stop holds all that a start would. */
IT(makes_threads_for_the_children_of_tasks_that_are_drained) {
  for (int i = 0; i < 50; i++) {
    echo_scheduler *scheduler = spec_crew(WORKERS);
    atomic_store(&threads_made, 0);
    spec_submit(scheduler, gather_inside, scheduler);
    spec_crew_end(scheduler);
    assert_in_range(atomic_load(&threads_made), WORKERS - 1, WORKERS);
  }
}

IT(does_with_the_threads_it_has_and_tries_again) {
  long live = atomic_load(&spec_allocated.live);
  atomic_int count = 0;
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(WORKERS);
  atomic_store(&threads_left, 1);
  atomic_store(&threads_refused, 0);
  spec_block(scheduler, &blocker);
  for (int i = 0; i < 100; i++)
    spec_submit(scheduler, spec_count, &count);
  assert_in_range(atomic_load(&threads_refused), 1, 100);
  assert_int_equal(atomic_load(&count), 0);
  spec_unblock(&blocker);
  SPEC_UNTIL(atomic_load(&count) == 100);
  atomic_store(&threads_left, -1);
  spec_crew_gather(scheduler, WORKERS);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&spec_allocated.live), live);
}

/* Some are still being made. */
IT(may_be_stopped_at_any_moment_of_a_start) {
  for (int i = 0; i < 400; i++) {
    spec_ends ends = {0};
    echo_task_options options = {.on_end = spec_ends_note};
    echo_scheduler *scheduler = spec_crew(WORKERS);
    for (int task = 0; task < i % 5; task++)
      assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends, NULL), 0);
    echo_stop_mode mode = i % 2 ? ECHO_STOP_CANCEL : ECHO_STOP_DRAIN;
    assert_int_equal(echo_scheduler_stop(scheduler, mode, ECHO_FOREVER, NULL), ECHO_OK);
    assert_int_equal(atomic_load(&ends.ended_ok) + atomic_load(&ends.ended_cancelled), i % 5);
    assert_int_equal(atomic_load(&ends.ran), atomic_load(&ends.ended_ok));
    echo_scheduler_release(scheduler);
  }
}

/* -- other threads ---------------------------------------------------------------------------- */

IT(starts_no_thread_for_time_that_nobody_keeps) {
  spec_bench b;
  atomic_int count = 0;
  spec_bench_open(&b, WORKERS);
  atomic_store(&threads_left, WORKERS);
  spec_crew_gather(b.scheduler, WORKERS);
  for (int i = 0; i < 100; i++)
    spec_submit(b.scheduler, spec_count, &count);
  spec_crew_end(b.scheduler);
  assert_int_equal(atomic_load(&threads_left), 0);
  atomic_store(&threads_left, -1);
  assert_int_equal(atomic_load(&count), 100);
}

static void again_until_over(void *argument) {
  if (!atomic_load(&((spec_loop *)argument)->over)) echo_task_again();
}

/* The grace of a turn by fairness is ended by the clock, and the loop looks at nothing else. */
IT(leaves_no_task_alone_if_there_is_no_thread_to_end_that) {
  spec_bench b;
  spec_loop high = {.bench = &b}, low = {.bench = &b};
  spec_bench_open_with(&b, 1, 2);
  atomic_store(&threads_left, 1);
  spec_bench_submit(&b, ECHO_PRIORITY_HIGH, true, again_until_over, &high);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, spec_loop_turn, &low);
  SPEC_UNTIL(atomic_load(&low.began) >= 5);
  spec_loop_end(&high);
  spec_loop_end(&low);
  atomic_store(&threads_left, -1);
  spec_crew_end(b.scheduler);
}

static void suspend_once(void *argument) {
  if (atomic_fetch_add((atomic_int *)argument, 1) == 0) echo_task_suspend();
}

/* The slice cannot be ended, but the suspended task has its turn when the loop makes way. */
IT(lets_go_on_what_shares_a_worker_without_a_thread_to_end_slices) {
  spec_bench b;
  spec_loop loop;
  echo_task *sleeper = NULL;
  atomic_int calls = 0;
  const echo_task_options low = {.priority = ECHO_PRIORITY_LOW};
  spec_bench_open(&b, 1);
  atomic_store(&threads_left, 1);
  assert_int_equal(echo_scheduler_submit(b.scheduler, &low, suspend_once, &calls, &sleeper),
                   ECHO_OK);
  SPEC_UNTIL(echo_task_get_state(sleeper) == ECHO_TASK_SUSPENDED);
  spec_loop_start(&b, &loop, ECHO_PRIORITY_LOW);
  echo_task_resume(sleeper);
  spec_bench_run_high(&b);
  SPEC_UNTIL(atomic_load(&calls) == 2);
  spec_loop_end(&loop);
  atomic_store(&threads_left, -1);
  echo_task_release(sleeper);
  spec_crew_end(b.scheduler);
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
      cmocka_unit_test(may_be_refused_the_thread_of_an_urgent_worker),
      cmocka_unit_test(stops_in_good_order_after_a_refusal),
      cmocka_unit_test(ends_the_threads_that_had_started),
      cmocka_unit_test(remembers_nothing_of_the_threads_that_did_not_last),
      cmocka_unit_test(starts_no_thread_before_the_first_submit),
      cmocka_unit_test(makes_one_thread_for_tasks_that_come_one_after_the_other),
      cmocka_unit_test(makes_a_thread_for_each_task_that_has_to_run_beside_others),
      cmocka_unit_test(makes_threads_for_the_children_of_tasks_that_are_drained),
      cmocka_unit_test(does_with_the_threads_it_has_and_tries_again),
      cmocka_unit_test(may_be_stopped_at_any_moment_of_a_start),
      cmocka_unit_test(starts_no_thread_for_time_that_nobody_keeps),
      cmocka_unit_test(leaves_no_task_alone_if_there_is_no_thread_to_end_that),
      cmocka_unit_test(lets_go_on_what_shares_a_worker_without_a_thread_to_end_slices),
      cmocka_unit_test(says_so_when_there_is_no_memory_for_a_task),
  };
  return cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
