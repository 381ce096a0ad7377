/* What tasks cost: no allocation each, and nothing kept after a burst. */
#include "base/tuning.h"
#include "scheduler/task.h"
#include "support/allocations.h"
#include "support/crew.h"

enum { BATCH = 500, WARM_UP = 100, BATCHES = 200 }; /* 100,000 tasks */

/* How the pool's magazines are spread over its caches is chance, the more so the slower and the
 * more uneven the threads run: 9 were seen under the thread sanitizer on a busy machine. A malloc a
 * task would be 100,000, one a magazine more than 1,500. */
enum { FEW = ECHO__MAGAZINE < 8 ? 1000 : 64 };

typedef struct source {
  echo_scheduler *scheduler;
  const echo_task_options *options;
  atomic_int *count;
} source;

static void submit_batch(void *argument) {
  source *s = argument;
  for (int i = 0; i < BATCH; i++)
    echo_scheduler_submit(s->scheduler, s->options, spec_count, s->count, NULL);
}

static void submit_from_outside(source *s) {
  submit_batch(s);
}

static void submit_from_inside(source *s) {
  spec_submit(s->scheduler, submit_batch, s);
}

static void submit_held(source *s) {
  echo_task *tasks[BATCH];
  for (int i = 0; i < BATCH; i++)
    tasks[i] = spec_submit_held(s->scheduler, spec_count, s->count);
  for (int i = 0; i < BATCH; i++) {
    echo_task_wait(tasks[i], ECHO_FOREVER);
    echo_task_release(tasks[i]);
  }
}

static void expect_no_allocation(void (*submit)(source *), const echo_task_options *options) {
  if (ECHO__PLAIN_ALLOCATION) skip();
  atomic_int count = 0;
  source s = {spec_crew_with_queue(2, 2), options, &count};
  long made = 0;
  for (int i = 0; i < WARM_UP + BATCHES; i++) {
    if (i == WARM_UP) made = atomic_load(&spec_allocated.made);
    submit(&s);
    while (atomic_load(&count) < (i + 1) * BATCH)
      sched_yield();
  }
  made = atomic_load(&spec_allocated.made) - made;
  spec_crew_end(s.scheduler);
  assert_in_range(made, 0, FEW);
}

IT(allocates_nothing_for_tasks_from_outside) {
  expect_no_allocation(submit_from_outside, NULL);
}

IT(allocates_nothing_for_tasks_from_inside) {
  expect_no_allocation(submit_from_inside, NULL);
}

IT(allocates_nothing_for_tasks_with_handles) {
  expect_no_allocation(submit_held, NULL);
}

IT(allocates_nothing_for_tasks_of_named_queues) {
  const echo_task_options options = {.queue = "few"};
  expect_no_allocation(submit_from_outside, &options);
}

static size_t task_bytes(echo_scheduler *scheduler) {
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  return stats.task_bytes;
}

enum { BURST = 200000 };

IT(costs_no_more_than_64_bytes_a_task_and_gives_them_back) {
  if (ECHO__PLAIN_ALLOCATION) skip();
  atomic_int count = 0;
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  spec_block(scheduler, &blocker);
  for (int i = 0; i < BURST; i++)
    spec_submit(scheduler, spec_count, &count);
  size_t peak = task_bytes(scheduler);
  assert_true(peak <= (size_t)BURST * 64 + 4 * ECHO__MAGAZINE * 64);
  spec_unblock(&blocker);
  SPEC_UNTIL(atomic_load(&count) == BURST);
  SPEC_UNTIL(task_bytes(scheduler) < peak / 4); /* in its own time */
  spec_crew_end(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(allocates_nothing_for_tasks_from_outside),
      cmocka_unit_test(allocates_nothing_for_tasks_from_inside),
      cmocka_unit_test(allocates_nothing_for_tasks_with_handles),
      cmocka_unit_test(allocates_nothing_for_tasks_of_named_queues),
      cmocka_unit_test(costs_no_more_than_64_bytes_a_task_and_gives_them_back),
  };
  return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
