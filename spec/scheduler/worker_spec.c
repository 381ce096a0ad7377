/* The workers' threads: hooks, numbers, signals, counters. */
#include <signal.h>

#include "support/crew.h"

enum { WORKERS = 3 };

typedef struct hooked {
  atomic_int starts[WORKERS], stops[WORKERS], wrong;
} hooked;

static _Thread_local int started;

static void on_start(void *data, unsigned worker) {
  hooked *h = data;
  started = 1;
  atomic_fetch_add(worker < WORKERS ? &h->starts[worker] : &h->wrong, 1);
}

static void on_stop(void *data, unsigned worker) {
  hooked *h = data;
  atomic_fetch_add(worker < WORKERS && started ? &h->stops[worker] : &h->wrong, 1);
}

static void check_hooked(void *argument) {
  hooked *h = argument;
  if (!started) atomic_fetch_add(&h->wrong, 1);
  for (int i = 0; i < WORKERS; i++) {
    if (atomic_load(&h->stops[i])) atomic_fetch_add(&h->wrong, 1);
  }
}

static echo_scheduler *hooked_crew(hooked *h) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, WORKERS), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_hooks(builder, on_start, on_stop, h), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  return scheduler;
}

IT(calls_the_hooks_once_on_each_worker) {
  hooked h = {0};
  echo_scheduler *scheduler = hooked_crew(&h);
  spec_crew_gather(scheduler, WORKERS);
  for (int i = 0; i < 500; i++)
    spec_submit(scheduler, check_hooked, &h);
  spec_crew_end(scheduler);
  for (int i = 0; i < WORKERS; i++) {
    assert_int_equal(atomic_load(&h.starts[i]), 1);
    assert_int_equal(atomic_load(&h.stops[i]), 1);
  }
  assert_int_equal(atomic_load(&h.wrong), 0);
}

IT(calls_no_hook_where_nothing_was_submitted) {
  hooked h = {0};
  spec_crew_end(hooked_crew(&h));
  for (int i = 0; i < WORKERS; i++) {
    assert_int_equal(atomic_load(&h.starts[i]), 0);
    assert_int_equal(atomic_load(&h.stops[i]), 0);
  }
}

typedef struct roll_call {
  echo_scheduler *scheduler;
  atomic_int come, present[WORKERS], wrong;
} roll_call;

static void answer(void *argument) {
  roll_call *r = argument;
  int index = echo_worker_index(r->scheduler);
  atomic_fetch_add(index >= 0 && index < WORKERS ? &r->present[index] : &r->wrong, 1);
  atomic_fetch_add(&r->come, 1);
  while (atomic_load(&r->come) < WORKERS)
    sched_yield();
}

IT(numbers_the_workers) {
  roll_call r = {.scheduler = spec_crew(WORKERS)};
  assert_int_equal(echo_worker_index(r.scheduler), -1);
  for (int i = 0; i < WORKERS; i++)
    spec_submit(r.scheduler, answer, &r);
  SPEC_UNTIL(atomic_load(&r.come) == WORKERS);
  spec_crew_end(r.scheduler);
  for (int i = 0; i < WORKERS; i++)
    assert_int_equal(atomic_load(&r.present[i]), 1);
  assert_int_equal(atomic_load(&r.wrong), 0);
}

static void get_mask(void *mask) {
  pthread_sigmask(SIG_SETMASK, NULL, mask);
}

IT(leaves_the_signals_to_the_host) {
  sigset_t mask;
  sigemptyset(&mask);
  echo_scheduler *scheduler = spec_crew(1);
  spec_submit(scheduler, get_mask, &mask);
  spec_crew_end(scheduler);
  assert_int_equal(sigismember(&mask, SIGINT), 1);
  assert_int_equal(sigismember(&mask, SIGTERM), 1);
}

/* -- stats ------------------------------------------------------------------------------------ */

static echo_stats stats_of(echo_scheduler *scheduler) {
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  return stats;
}

IT(counts_what_was_submitted_ended_and_cancelled) {
  echo_scheduler *scheduler = spec_crew_with_queue(2, 1);
  spec_blocker one, two;
  echo_task *tasks[10];
  assert_int_equal(stats_of(scheduler).submitted, 0);
  spec_block(scheduler, &one);
  spec_block(scheduler, &two);
  for (int i = 0; i < 10; i++) {
    echo_task_options options = {.queue = i % 2 ? "few" : NULL};
    assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_nothing, NULL, &tasks[i]),
                     ECHO_OK);
  }
  for (int i = 0; i < 3; i++)
    assert_int_equal(echo_task_cancel(tasks[i]), ECHO_OK);
  echo_stats stats = stats_of(scheduler);
  assert_int_equal(stats.workers, 2);
  assert_int_equal(stats.submitted, 12);
  assert_int_equal(stats.ended, 3);
  assert_int_equal(stats.cancelled, 3);
  spec_unblock(&one);
  spec_unblock(&two);
  for (int i = 0; i < 10; i++)
    echo_task_release(tasks[i]);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  stats = stats_of(scheduler);
  assert_int_equal(stats.submitted, 12);
  assert_int_equal(stats.ended, 12);
  assert_int_equal(stats.cancelled, 3);
  spec_crew_end(scheduler);
}

typedef struct robbed {
  echo_scheduler *scheduler;
  atomic_int ran;
} robbed;

static void be_robbed(void *argument) {
  robbed *r = argument;
  echo_scheduler_submit(r->scheduler, NULL, spec_count, &r->ran, NULL);
  while (atomic_load(&r->ran) == 0)
    sched_yield();
}

IT(counts_what_was_stolen) {
  robbed r = {.scheduler = spec_crew(2)};
  spec_submit(r.scheduler, be_robbed, &r);
  SPEC_UNTIL(atomic_load(&r.ran) == 1);
  assert_int_equal(echo_scheduler_stop(r.scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(stats_of(r.scheduler).stolen, 1);
  spec_crew_end(r.scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(calls_the_hooks_once_on_each_worker),
      cmocka_unit_test(calls_no_hook_where_nothing_was_submitted),
      cmocka_unit_test(numbers_the_workers),
      cmocka_unit_test(leaves_the_signals_to_the_host),
      cmocka_unit_test(counts_what_was_submitted_ended_and_cancelled),
      cmocka_unit_test(counts_what_was_stolen),
  };
  return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
