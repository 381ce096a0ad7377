/* How long tasks wait and run. */
#include "scheduler/timing.h"

#include "base/wait.h"
#include "support/allocations.h"
#include "support/crew.h"

static int open_crew(echo_scheduler **scheduler, unsigned workers, unsigned every) {
  echo_builder *builder = NULL;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  assert_int_equal(echo_builder_with_timings(builder, every), ECHO_OK);
  int status = echo_builder_build(builder, scheduler);
  echo_builder_destroy(builder);
  return status;
}

static echo_scheduler *crew(unsigned workers, unsigned every) {
  echo_scheduler *scheduler = NULL;
  assert_int_equal(open_crew(&scheduler, workers, every), ECHO_OK);
  return scheduler;
}

static echo_timings timings_of(echo_scheduler *scheduler, echo_priority priority) {
  echo_timings timings;
  assert_int_equal(echo_scheduler_timings(scheduler, priority, &timings), ECHO_OK);
  return timings;
}

IT(refuses_what_is_out_of_range) {
  echo_builder *builder = NULL;
  echo_timings timings;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_timings(builder, ECHO__RAREST_TIMING + 1), ECHO_INVALID);
  assert_int_equal(echo_builder_with_timings(builder, ECHO__RAREST_TIMING), ECHO_OK);
  echo_builder_destroy(builder);
  echo_scheduler *scheduler = crew(1, 1);
  assert_int_equal(echo_scheduler_timings(scheduler, 2, &timings), ECHO_INVALID);
  assert_int_equal(echo_scheduler_timings(scheduler, -2, &timings), ECHO_INVALID);
  spec_crew_end(scheduler);
}

IT(times_nothing_unless_it_is_told_to) {
  atomic_int count = 0;
  echo_scheduler *scheduler = spec_crew(1);
  for (int i = 0; i < 100; i++)
    spec_submit(scheduler, spec_count, &count);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  echo_timings timings = timings_of(scheduler, ECHO_PRIORITY_NORMAL);
  assert_int_equal(timings.waited.count, 0);
  assert_int_equal(timings.ran.count, 0);
  spec_crew_end(scheduler);
}

IT(times_each_task_by_priority) {
  echo_scheduler *scheduler = crew(2, 1);
  for (int i = 0; i < 300; i++) {
    echo_task *task = NULL;
    echo_task_options options = {.priority = i < 100   ? ECHO_PRIORITY_HIGH
                                             : i < 150 ? ECHO_PRIORITY_LOW
                                                       : ECHO_PRIORITY_NORMAL};
    assert_int_equal(
        echo_scheduler_submit(scheduler, &options, spec_nothing, NULL, i % 2 == 0 ? &task : NULL),
        ECHO_OK);
    echo_task_release(task);
  }
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  const unsigned counts[] = {50, 150, 100};
  for (int priority = ECHO_PRIORITY_LOW; priority <= ECHO_PRIORITY_HIGH; priority++) {
    echo_timings timings = timings_of(scheduler, priority);
    assert_int_equal(timings.waited.count, counts[priority - ECHO_PRIORITY_LOW]);
    assert_int_equal(timings.ran.count, counts[priority - ECHO_PRIORITY_LOW]);
    assert_true(timings.waited.p50 > 0 && timings.waited.p50 <= timings.waited.p99);
    assert_true(timings.waited.p99 <= timings.waited.max);
    assert_true(timings.waited.max <= timings.waited.sum);
  }
  spec_crew_end(scheduler);
}

/* A task that takes at least that long, by the clock. */
static const uint64_t long_time = 20000000;

static void take_long(void *argument) {
  (void)argument;
  for (uint64_t end = echo__now() + long_time; echo__now() < end;)
    spec_nap();
}

IT(measures_the_time_in_which_a_task_runs) {
  echo_scheduler *scheduler = crew(1, 1);
  spec_submit(scheduler, take_long, NULL);
  spec_submit(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  echo_timings timings = timings_of(scheduler, ECHO_PRIORITY_NORMAL);
  assert_true(timings.ran.max >= 0.02 && timings.ran.p50 < timings.ran.max);
  spec_crew_end(scheduler);
}

typedef struct sleeper {
  atomic_bool suspended;
  bool woken;
  echo_task *task;
} sleeper;

static void sleep_once(void *argument) {
  sleeper *s = argument;
  if (s->woken) return;
  s->woken = true;
  echo_task_suspend();
  atomic_store(&s->suspended, true);
}

/* Suspends a task for a while; true if it ran for less than that. A machine that is busy may make
 * it run for as long. */
static bool runs_for_less_than_it_sleeps(void) {
  sleeper s = {.woken = false};
  echo_scheduler *scheduler = crew(1, 1);
  s.task = spec_submit_held(scheduler, sleep_once, &s);
  SPEC_UNTIL(atomic_load(&s.suspended));
  uint64_t begun = echo__now();
  SPEC_UNTIL(echo__now() - begun > long_time);
  double slept = (double)(echo__now() - begun) / 1e9;
  echo_task_resume(s.task);
  assert_int_equal(echo_task_wait(s.task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(s.task);
  echo_timings timings = timings_of(scheduler, ECHO_PRIORITY_NORMAL);
  assert_int_equal(timings.waited.count, 1);
  assert_int_equal(timings.ran.count, 1);
  spec_crew_end(scheduler);
  return timings.ran.max < slept;
}

IT(does_not_count_the_time_in_which_a_task_is_suspended) {
  int rounds = 0;
  while (!runs_for_less_than_it_sleeps())
    assert_true(++rounds < 20);
}

IT(measures_the_time_in_which_a_task_waits) {
  spec_blocker blocker;
  echo_scheduler *scheduler = crew(1, 1);
  spec_block(scheduler, &blocker);
  spec_submit(scheduler, spec_nothing, NULL);
  for (uint64_t end = echo__now() + long_time; echo__now() < end;)
    spec_nap();
  spec_unblock(&blocker);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_true(timings_of(scheduler, ECHO_PRIORITY_NORMAL).waited.max >= 0.02);
  spec_crew_end(scheduler);
}

IT(counts_the_wait_of_a_held_task_from_when_it_is_let_go) {
  echo_task *task = NULL;
  echo_scheduler *scheduler = crew(1, 1);
  const echo_task_options options = {.held = true};
  uint64_t submitted = echo__now();
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_nothing, NULL, &task), ECHO_OK);
  SPEC_UNTIL(echo__now() - submitted > long_time);
  uint64_t let_go = echo__now();
  echo_task_resume(task);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  double since = (double)(echo__now() - let_go) / 1e9;
  echo_task_release(task);
  assert_true(timings_of(scheduler, ECHO_PRIORITY_NORMAL).waited.max <= since);
  spec_crew_end(scheduler);
}

IT(does_not_time_what_never_ran) {
  spec_blocker blocker;
  echo_scheduler *scheduler = crew(1, 1);
  spec_block(scheduler, &blocker);
  echo_task *task = spec_submit_held(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  echo_task_release(task);
  spec_unblock(&blocker);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(timings_of(scheduler, ECHO_PRIORITY_NORMAL).waited.count, 1);
  assert_int_equal(timings_of(scheduler, ECHO_PRIORITY_NORMAL).ran.count, 1);
  spec_crew_end(scheduler);
}

/* Of 40,000 draws one in 20 is 2,000 on average; the chance of being that far off is nil. */
IT(times_about_one_in_so_many) {
  enum { TASKS = 40000, EVERY = 20 };
  atomic_int count = 0;
  echo_scheduler *scheduler = crew(2, EVERY);
  for (int i = 0; i < TASKS; i++)
    spec_submit(scheduler, spec_count, &count);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  uint64_t timed = timings_of(scheduler, ECHO_PRIORITY_NORMAL).ran.count;
  assert_in_range(timed, TASKS / EVERY * 4 / 5, TASKS / EVERY * 5 / 4);
  assert_int_equal(timings_of(scheduler, ECHO_PRIORITY_NORMAL).waited.count, timed);
  spec_crew_end(scheduler);
}

/* A thread may be far from timing its next task by the reckoning of one that times rarely. */
IT(times_each_task_after_a_scheduler_that_times_few) {
  echo_scheduler *rare = crew(1, ECHO__RAREST_TIMING), *often = crew(1, 1);
  spec_submit(rare, spec_nothing, NULL);
  for (int i = 0; i < 10; i++)
    spec_submit(often, spec_nothing, NULL);
  assert_int_equal(echo_scheduler_stop(often, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(timings_of(often, ECHO_PRIORITY_NORMAL).ran.count, 10);
  spec_crew_end(often);
  spec_crew_end(rare);
}

IT(times_each_task_beside_a_scheduler_that_times_half) {
  echo_scheduler *half = crew(1, 2), *all = crew(1, 1);
  for (int i = 0; i < 100; i++) {
    spec_submit(half, spec_nothing, NULL);
    spec_submit(all, spec_nothing, NULL);
  }
  assert_int_equal(echo_scheduler_stop(all, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(timings_of(all, ECHO_PRIORITY_NORMAL).ran.count, 100);
  spec_crew_end(all);
  spec_crew_end(half);
}

IT(leaves_nothing_behind_without_memory) {
  long live = atomic_load(&spec_allocated.live);
  int status;
  for (long after = 0;; after++) {
    echo_builder *builder = NULL;
    echo_scheduler *scheduler = NULL;
    assert_int_equal(echo_builder_create(&builder), ECHO_OK);
    assert_int_equal(echo_builder_with_timings(builder, 1), ECHO_OK);
    atomic_store(&spec_allocated.refuse_after, after);
    status = echo_builder_build(builder, &scheduler);
    atomic_store(&spec_allocated.refuse_after, -1);
    echo_builder_destroy(builder);
    if (status == ECHO_OK) {
      echo_scheduler_release(scheduler);
      break;
    }
    assert_int_equal(status, ECHO_MEMORY);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
  assert_int_equal(atomic_load(&spec_allocated.live), live);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_what_is_out_of_range),
      cmocka_unit_test(times_nothing_unless_it_is_told_to),
      cmocka_unit_test(times_each_task_by_priority),
      cmocka_unit_test(measures_the_time_in_which_a_task_runs),
      cmocka_unit_test(does_not_count_the_time_in_which_a_task_is_suspended),
      cmocka_unit_test(measures_the_time_in_which_a_task_waits),
      cmocka_unit_test(counts_the_wait_of_a_held_task_from_when_it_is_let_go),
      cmocka_unit_test(does_not_time_what_never_ran),
      cmocka_unit_test(times_about_one_in_so_many),
      cmocka_unit_test(times_each_task_after_a_scheduler_that_times_few),
      cmocka_unit_test(times_each_task_beside_a_scheduler_that_times_half),
      cmocka_unit_test(leaves_nothing_behind_without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
