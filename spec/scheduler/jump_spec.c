/* The clock jumps ahead by an hour: what has become due comes, nothing hangs, nothing is late
 * afterwards, and the accounts balance. Of the time of day nothing here asks at all
 * (spec/hosts/symbols.sh). */
#include <uv.h>

#include "support/jumps.h"
#include "support/loops.h"

static const double half = 1800, hour = 3600, day = 86400; /* seconds */

static void start(echo_scheduler *scheduler, echo_timer *timer, double seconds, atomic_int *fired) {
  assert_int_equal(echo_timer_start(scheduler, timer, seconds, spec_count, fired), ECHO_OK);
}

IT(fires_the_timers_that_it_made_due_and_no_others) {
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int fired = 0, early = 0;
  echo_timer timers[3], late;
  for (int i = 0; i < 3; i++)
    start(scheduler, &timers[i], half + i, &fired);
  start(scheduler, &late, day, &early);
  for (int i = 0; i < 5; i++)
    spec_nap();
  assert_int_equal(atomic_load(&fired), 0);
  spec_jump(hour);
  SPEC_UNTIL(atomic_load(&fired) == 3);
  assert_int_equal(atomic_load(&early), 0);
  assert_true(echo_timer_cancel(scheduler, &late));
  spec_crew_end(scheduler);
}

IT(delays_nothing_that_is_started_afterwards) {
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int fired = 0, never = 0;
  echo_timer sleeping, timer;
  start(scheduler, &sleeping, day, &never);
  for (int i = 0; i < 5; i++) {
    spec_jump(hour);
    uint64_t before = uv_hrtime();
    start(scheduler, &timer, 0.01, &fired);
    SPEC_UNTIL(atomic_load(&fired) == i + 1);
    assert_in_range(uv_hrtime() - before, 10000000, (uint64_t)60 * 1000000000);
  }
  assert_true(echo_timer_cancel(scheduler, &sleeping));
  spec_crew_end(scheduler);
}

typedef struct wait {
  echo_scheduler *scheduler;
  echo_task *task;
  size_t abandoned;
  atomic_int begun;
  int status;
} wait;

static void *wait_for_task(void *argument) {
  wait *w = argument;
  atomic_store(&w->begun, 1);
  w->status = echo_task_wait(w->task, half);
  return NULL;
}

static void *wait_for_stop(void *argument) {
  wait *w = argument;
  atomic_store(&w->begun, 1);
  w->status = echo_scheduler_stop(w->scheduler, ECHO_STOP_DRAIN, half, &w->abandoned);
  return NULL;
}

static void jump_while(wait *w, void *(*waits)(void *wait)) {
  spec_threads threads = {0};
  atomic_store(&w->begun, 0);
  spec_threads_add(&threads, waits, w);
  SPEC_UNTIL(atomic_load(&w->begun));
  for (int i = 0; i < 5; i++)
    spec_nap(); /* most likely it sleeps by now */
  spec_jump(hour);
  spec_threads_join(&threads);
}

IT(ends_waits_and_stops_whose_time_it_took) {
  static spec_blocker blocker;
  static wait w; /* its scheduler has a thread left behind, and stays */
  w.scheduler = spec_crew(1);
  spec_blocker_init(&blocker);
  w.task = spec_submit_held(w.scheduler, spec_blocker_run, &blocker);
  spec_gate_wait(&blocker.started);
  jump_while(&w, wait_for_task);
  assert_int_equal(w.status, ECHO_TIMEOUT);
  assert_int_equal(echo_task_get_state(w.task), ECHO_TASK_RUNNING);
  jump_while(&w, wait_for_stop);
  assert_int_equal(w.status, ECHO_TIMEOUT);
  assert_int_equal(w.abandoned, 1);
  spec_unblock(&blocker);
  echo_task_release(w.task);
  echo_scheduler_release(w.scheduler);
}

IT(leaves_urgent_tasks_as_urgent_as_they_were) {
  spec_bench b;
  spec_loop loops[2];
  spec_bench_open(&b, 2);
  spec_bench_settle(&b, 2);
  for (int i = 0; i < 2; i++)
    spec_loop_start(&b, &loops[i], ECHO_PRIORITY_LOW);
  for (int i = 0; i < 20; i++) {
    spec_bench_run_high(&b);
    spec_jump(hour);
  }
  for (int i = 0; i < 2; i++)
    spec_loop_end(&loops[i]);
  spec_crew_end(b.scheduler);
}

/* -- while everything runs -------------------------------------------------------------------- */

enum { TASKS = 400, TURNS = 10 };

typedef struct sleeper {
  echo_scheduler *scheduler;
  echo_timer timer;
  int left;
  atomic_int *ended, *failed;
} sleeper;

static void go_on(void *task) {
  echo_task_resume(task);
}

/* Half of them sleep for so long that only a jump ends it. */
static void sleep_in_turns(void *argument) {
  sleeper *s = argument;
  if (s->left-- == 0) {
    atomic_fetch_add(s->ended, 1);
    return;
  }
  double seconds = s->left % 2 ? half : 0.0001;
  if (echo_task_suspend() != ECHO_OK ||
      echo_timer_start(s->scheduler, &s->timer, seconds, go_on, echo_task_current()) != ECHO_OK)
    atomic_fetch_add(s->failed, 1);
}

IT(loses_no_sleeper_and_no_task) {
  static sleeper sleepers[TASKS];
  atomic_int ended = 0, failed = 0, ran = 0;
  echo_scheduler *scheduler = spec_crew(2);
  for (int i = 0; i < TASKS; i++) {
    sleepers[i] =
        (sleeper){.scheduler = scheduler, .left = TURNS, .ended = &ended, .failed = &failed};
    spec_submit(scheduler, sleep_in_turns, &sleepers[i]);
  }
  while (atomic_load(&ended) < TASKS) {
    spec_submit(scheduler, spec_count, &ran);
    spec_jump(hour);
    spec_nap();
  }
  echo_stats stats;
  spec_submit(scheduler, spec_count, &ran);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  echo_scheduler_stats(scheduler, &stats);
  assert_int_equal(atomic_load(&failed), 0);
  assert_int_equal(stats.ended, stats.submitted);
  assert_int_equal(stats.ended, TASKS + atomic_load(&ran));
  echo_scheduler_release(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fires_the_timers_that_it_made_due_and_no_others),
      cmocka_unit_test(delays_nothing_that_is_started_afterwards),
      cmocka_unit_test(ends_waits_and_stops_whose_time_it_took),
      cmocka_unit_test(leaves_urgent_tasks_as_urgent_as_they_were),
      cmocka_unit_test(loses_no_sleeper_and_no_task),
  };
  return cmocka_run_group_tests_name("jump", tests, NULL, NULL);
}
