/* Other reasons to be interrupted: what was resumed, a cancel, a stop, a caller. */
#include "support/loops.h"

/* -- what suspends ---------------------------------------------------------------------------- */

/* A task that suspends once, on the worker where a loop then runs. */
typedef struct sleeper {
  echo_task *task;
  atomic_int calls;
} sleeper;

static void sleep_once(void *argument) {
  sleeper *s = argument;
  if (atomic_fetch_add(&s->calls, 1) == 0) echo_task_suspend();
}

static void start_sleeper(spec_bench *b, sleeper *s, echo_priority priority) {
  *s = (sleeper){0};
  const echo_task_options options = {.priority = priority, .interruptible = true};
  assert_int_equal(echo_scheduler_submit(b->scheduler, &options, sleep_once, s, &s->task), ECHO_OK);
  SPEC_UNTIL(echo_task_get_state(s->task) == ECHO_TASK_SUSPENDED);
}

static void end_sleeper(sleeper *s) {
  assert_int_equal(echo_task_wait(s->task, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(atomic_load(&s->calls), 2);
  echo_task_release(s->task);
}

IT(gets_the_worker_of_a_task_that_is_resumed) {
  spec_bench b;
  spec_loop lows[2];
  sleeper high;
  for (int round = 0; round < 20; round++) {
    spec_bench_open(&b, 2);
    start_sleeper(&b, &high, ECHO_PRIORITY_HIGH);
    spec_loop_start(&b, &lows[0], ECHO_PRIORITY_LOW);
    spec_loop_start(&b, &lows[1], ECHO_PRIORITY_LOW);
    echo_task_resume(high.task);
    end_sleeper(&high);
    spec_loop_end(&lows[0]);
    spec_loop_end(&lows[1]);
    spec_crew_end(b.scheduler);
  }
}

IT(interrupts_nobody_for_a_less_urgent_task_that_is_resumed) {
  spec_bench b;
  spec_loop normal;
  sleeper low;
  spec_bench_open(&b, 1);
  start_sleeper(&b, &low, ECHO_PRIORITY_LOW);
  spec_loop_start(&b, &normal, ECHO_PRIORITY_NORMAL);
  echo_task_resume(low.task);
  spec_loop_end(&normal);
  end_sleeper(&low);
  spec_crew_end(b.scheduler);
  assert_int_equal(atomic_load(&b.calls), 0);
}

IT(gets_the_worker_of_a_task_that_has_become_more_urgent) {
  spec_bench b;
  spec_loop normal;
  sleeper low;
  spec_bench_open(&b, 1);
  start_sleeper(&b, &low, ECHO_PRIORITY_LOW);
  spec_loop_start(&b, &normal, ECHO_PRIORITY_NORMAL);
  echo_task_resume(low.task);
  echo_worker_interrupt(b.scheduler, 0);
  SPEC_UNTIL(atomic_load(&normal.declined) == 1); /* it has sorted what waits */
  assert_int_equal(echo_task_set_priority(low.task, ECHO_PRIORITY_HIGH), ECHO_OK);
  end_sleeper(&low);
  spec_loop_end(&normal);
  spec_crew_end(b.scheduler);
}

IT(lets_a_held_task_begin_that_is_urgent) {
  spec_bench b;
  spec_loop low;
  atomic_int count = 0;
  echo_task *task;
  const echo_task_options options = {.priority = ECHO_PRIORITY_HIGH, .held = true};
  spec_bench_open(&b, 1);
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  assert_int_equal(echo_scheduler_submit(b.scheduler, &options, spec_count, &count, &task),
                   ECHO_OK);
  echo_task_resume(task);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
}

/* The loop makes way by suspending, and whoever was urgent resumes it. */
typedef struct nap_loop {
  spec_loop loop;
  echo_task *task;
} nap_loop;

static void turn_and_suspend(void *argument) {
  nap_loop *l = argument;
  unsigned worker = (unsigned)echo_worker_index(l->loop.bench->scheduler);
  while (!atomic_load(&l->loop.over)) {
    atomic_fetch_add(&l->loop.rounds, 1);
    if (!atomic_load(&l->loop.bench->told[worker])) continue;
    atomic_store(&l->loop.bench->told[worker], false);
    if (!echo_task_should_make_way()) continue;
    atomic_fetch_add(&l->loop.began, 1);
    echo_task_suspend();
    echo_task_resume(echo_task_current());
    return;
  }
}

IT(lets_the_interrupted_one_go_on_where_it_was) {
  spec_bench b;
  nap_loop low = {.loop.bench = &b};
  spec_bench_open(&b, 1);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, turn_and_suspend, &low);
  SPEC_UNTIL(atomic_load(&low.loop.rounds) > 0);
  for (int i = 0; i < 200; i++)
    spec_bench_run_high(&b);
  spec_loop_end(&low.loop);
  spec_crew_end(b.scheduler);
  assert_true(atomic_load(&low.loop.began) > 0);
}

/* -- other reasons ---------------------------------------------------------------------------- */

IT(calls_when_it_is_asked_to) {
  spec_bench b;
  spec_loop low;
  spec_bench_open(&b, 2);
  spec_loop_start(&b, &low, ECHO_PRIORITY_HIGH);
  int where = atomic_load(&low.worker) - 1;
  echo_worker_interrupt(b.scheduler, (unsigned)where);
  echo_worker_interrupt(b.scheduler, 99); /* there is none */
  SPEC_UNTIL(atomic_load(&low.declined) == 1);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
  assert_int_equal(atomic_load(&b.called[where]), 1);
  assert_int_equal(atomic_load(&b.calls), 1);
}

/* It may have been meant for a task that was about to begin. */
IT(keeps_a_call_for_the_next_task_if_it_comes_between_two) {
  spec_bench b;
  spec_blocker blocker;
  spec_loop next = {.bench = &b};
  spec_bench_open(&b, 1);
  spec_block(b.scheduler, &blocker);
  echo_worker_interrupt(b.scheduler, 0);
  spec_bench_submit(&b, ECHO_PRIORITY_HIGH, true, spec_loop_turn, &next);
  assert_int_equal(atomic_load(&b.calls), 0);
  spec_unblock(&blocker);
  SPEC_UNTIL(atomic_load(&next.declined) == 1);
  spec_loop_end(&next);
  spec_crew_end(b.scheduler);
}

static void turn_until_cancelled(void *argument) {
  spec_loop *l = argument;
  int worker = echo_worker_index(l->bench->scheduler);
  for (;;) {
    atomic_fetch_add(&l->rounds, 1);
    if (!atomic_load(&l->bench->told[worker])) continue;
    atomic_store(&l->bench->told[worker], false);
    if (echo_task_is_cancelled()) return;
  }
}

/* A cancel may come at any moment: before it is queued, taken, called or told. */
IT(calls_what_is_cancelled) {
  spec_bench b;
  spec_bench_open(&b, 2);
  for (int round = 0; round < SPEC_ROUNDS(2000); round++) {
    spec_loop l = {.bench = &b};
    echo_task *task;
    const echo_task_options options = {.interruptible = true};
    assert_int_equal(echo_scheduler_submit(b.scheduler, &options, turn_until_cancelled, &l, &task),
                     ECHO_OK);
    for (volatile int i = 0; i < round % 200 * 50; i++) {
    }
    assert_int_equal(echo_task_cancel(task), ECHO_OK);
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
    echo_task_release(task);
  }
  spec_crew_end(b.scheduler);
}

static void turn_until_told(void *argument) {
  spec_loop *l = argument;
  int worker = echo_worker_index(l->bench->scheduler);
  atomic_fetch_add(&l->rounds, 1);
  while (!atomic_load(&l->bench->told[worker])) {
  }
}

IT(calls_what_runs_when_a_stop_cancels) {
  spec_bench b;
  spec_loop low;
  spec_bench_open(&b, 1);
  low = (spec_loop){.bench = &b};
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, turn_until_told, &low);
  SPEC_UNTIL(atomic_load(&low.rounds) > 0);
  assert_int_equal(echo_scheduler_stop(b.scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  echo_scheduler_release(b.scheduler);
}

static void sleep_on(void *blocker) {
  spec_blocker_run(blocker);
}

IT(does_not_touch_a_thread_that_was_left_behind_and_has_ended) {
  static spec_bench b; /* outlives the test, as the scheduler does */
  static spec_blocker blocker;
  spec_bench_open(&b, 1);
  spec_blocker_init(&blocker);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, sleep_on, &blocker);
  spec_gate_wait(&blocker.started);
  assert_int_equal(echo_scheduler_stop(b.scheduler, ECHO_STOP_CANCEL, 0, NULL), ECHO_TIMEOUT);
  echo_worker_interrupt(b.scheduler, 0);
  spec_unblock(&blocker);
  for (int i = 0; i < 20; i++) { /* before, while and after it ends */
    echo_worker_interrupt(b.scheduler, 0);
    spec_nap();
  }
  echo_scheduler_release(b.scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gets_the_worker_of_a_task_that_is_resumed),
      cmocka_unit_test(interrupts_nobody_for_a_less_urgent_task_that_is_resumed),
      cmocka_unit_test(gets_the_worker_of_a_task_that_has_become_more_urgent),
      cmocka_unit_test(lets_a_held_task_begin_that_is_urgent),
      cmocka_unit_test(lets_the_interrupted_one_go_on_where_it_was),
      cmocka_unit_test(calls_when_it_is_asked_to),
      cmocka_unit_test(keeps_a_call_for_the_next_task_if_it_comes_between_two),
      cmocka_unit_test(calls_what_is_cancelled),
      cmocka_unit_test(calls_what_runs_when_a_stop_cancels),
      cmocka_unit_test(does_not_touch_a_thread_that_was_left_behind_and_has_ended),
  };
  return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
