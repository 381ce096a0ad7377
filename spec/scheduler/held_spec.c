/* Tasks that are accepted now and begin later. */
#include "base/tuning.h"
#include "support/allocations.h"
#include "support/crew.h"

static echo_task *hold(echo_scheduler *scheduler, echo_task_options options, spec_ends *ends) {
  echo_task *task = NULL;
  options.held = true;
  options.on_end = spec_ends_note;
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, ends, &task), ECHO_OK);
  assert_int_equal(echo_task_get_state(task), ECHO_TASK_SUSPENDED);
  return task;
}

static void expect_ends(spec_ends *ends, int ok, int cancelled) {
  assert_int_equal(atomic_load(&ends->ran), ok);
  assert_int_equal(atomic_load(&ends->ended_ok), ok);
  assert_int_equal(atomic_load(&ends->ended_cancelled), cancelled);
}

static uint64_t suspended_in(echo_scheduler *scheduler) {
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  return stats.suspended;
}

static void let_pass(echo_scheduler *scheduler) {
  echo_task *task = spec_submit_held(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
}

IT(begins_when_it_is_resumed_and_not_before) {
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  for (int queued = 0; queued < 2; queued++) {
    spec_ends ends = {0};
    echo_task *task = hold(scheduler, (echo_task_options){.queue = queued ? "few" : NULL}, &ends);
    let_pass(scheduler);
    expect_ends(&ends, 0, 0);
    assert_int_equal(suspended_in(scheduler), 1);
    echo_task_resume(task);
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
    expect_ends(&ends, 1, 0);
    assert_int_equal(suspended_in(scheduler), 0);
    echo_task_release(task);
  }
  spec_crew_end(scheduler);
}

IT(begins_once_however_often_it_is_resumed) {
  echo_scheduler *scheduler = spec_crew(2);
  spec_blocker one, two;
  spec_ends ends = {0};
  spec_block(scheduler, &one);
  spec_block(scheduler, &two);
  echo_task *task = hold(scheduler, (echo_task_options){0}, &ends);
  for (int i = 0; i < 3; i++)
    echo_task_resume(task);
  spec_unblock(&one);
  spec_unblock(&two);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  spec_crew_end(scheduler);
  expect_ends(&ends, 1, 0);
}

IT(is_refused_without_a_handle) {
  echo_scheduler *scheduler = spec_crew(1);
  spec_ends ends = {0};
  echo_task_options options = {.held = true, .on_end = spec_ends_note};
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends, NULL),
                   ECHO_INVALID);
  spec_crew_end(scheduler);
  expect_ends(&ends, 0, 0);
}

IT(begins_with_the_priority_it_has_at_the_resume) {
  static spec_log order;
  echo_scheduler *scheduler = spec_crew(1);
  spec_blocker blocker;
  spec_block(scheduler, &blocker);
  spec_note notes[2] = {{&order, 0}, {&order, 1}};
  echo_task *tasks[2];
  for (int i = 0; i < 2; i++) {
    assert_int_equal(echo_scheduler_submit(scheduler, &(echo_task_options){.held = true},
                                           spec_note_run, &notes[i], &tasks[i]),
                     ECHO_OK);
  }
  assert_int_equal(echo_task_set_priority(tasks[1], ECHO_PRIORITY_HIGH), ECHO_OK);
  for (int i = 0; i < 2; i++) {
    echo_task_resume(tasks[i]);
    echo_task_release(tasks[i]);
  }
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  spec_log_expect(&order, (const int[]){1, 0}, 2);
}

IT(ends_at_once_when_it_is_cancelled) {
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  for (int queued = 0; queued < 2; queued++) {
    spec_ends ends = {0};
    echo_task *task = hold(scheduler, (echo_task_options){.queue = queued ? "few" : NULL}, &ends);
    assert_int_equal(echo_task_cancel(task), ECHO_OK);
    expect_ends(&ends, 0, 1);
    assert_int_equal(echo_task_cancel(task), ECHO_INVALID);
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
    echo_task_resume(task);
    echo_task_release(task);
    expect_ends(&ends, 0, 1);
  }
  let_pass(scheduler);
  spec_crew_end(scheduler);
}

/* Handles given up in any order, so that tasks leave the list's front, middle and end. */
IT(leaves_the_others_held) {
  enum { MANY = 50 };
  static spec_ends ends[MANY];
  echo_task *tasks[MANY];
  echo_scheduler *scheduler = spec_crew(2);
  for (int i = 0; i < MANY; i++)
    tasks[i] = hold(scheduler, (echo_task_options){0}, &ends[i]);
  for (int i = 0; i < MANY; i++) {
    int number = i * 7 % MANY;
    assert_int_equal(suspended_in(scheduler), MANY - i);
    if (i % 2)
      assert_int_equal(echo_task_cancel(tasks[number]), ECHO_OK);
    else
      echo_task_resume(tasks[number]);
    echo_task_wait(tasks[number], ECHO_FOREVER);
    expect_ends(&ends[number], i % 2 == 0, i % 2);
    echo_task_release(tasks[number]);
  }
  spec_crew_end(scheduler);
}

static size_t bytes_after_cancels(echo_scheduler *scheduler, int count) {
  spec_ends ends = {0};
  for (int i = 0; i < count; i++) {
    echo_task *task = hold(scheduler, (echo_task_options){.queue = "few"}, &ends);
    assert_int_equal(echo_task_cancel(task), ECHO_OK);
    echo_task_release(task);
  }
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  return stats.task_bytes;
}

IT(leaves_nothing_in_its_named_queue_when_it_is_cancelled) {
  if (ECHO__PLAIN_ALLOCATION) skip();
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  size_t few = bytes_after_cancels(scheduler, 1000);
  assert_in_range(bytes_after_cancels(scheduler, 5000), 1, few + 4096);
  spec_crew_end(scheduler);
}

/* -- stop ------------------------------------------------------------------------------------- */

IT(ends_with_a_stop_that_cancels) {
  long live = atomic_load(&spec_allocated.live);
  for (int started = 0; started < 2; started++) {
    echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
    spec_ends plain = {0}, queued = {0};
    echo_task *one = hold(scheduler, (echo_task_options){0}, &plain);
    echo_task *two = hold(scheduler, (echo_task_options){.queue = "few"}, &queued);
    if (started) let_pass(scheduler);
    assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
    expect_ends(&plain, 0, 1);
    expect_ends(&queued, 0, 1);
    echo_task_resume(one);
    echo_task_release(one);
    echo_task_release(two);
    spec_crew_end(scheduler);
  }
  assert_int_equal(atomic_load(&spec_allocated.live), live);
}

static void *stop_it(void *scheduler) {
  echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
  return NULL;
}

IT(keeps_a_drain_waiting_until_it_has_run) {
  echo_scheduler *scheduler = spec_crew(1);
  spec_ends ends = {0};
  echo_task *task = hold(scheduler, (echo_task_options){0}, &ends);
  spec_threads threads = {0};
  spec_threads_add(&threads, stop_it, scheduler);
  while (echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, NULL) == ECHO_OK)
    spec_nap();
  expect_ends(&ends, 0, 0);
  echo_task_resume(task);
  spec_threads_join(&threads);
  expect_ends(&ends, 1, 0);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

IT(is_cancelled_when_a_drain_runs_out_of_time) {
  echo_scheduler *scheduler = spec_crew(1);
  spec_ends ends = {0};
  echo_task *task = hold(scheduler, (echo_task_options){0}, &ends);
  size_t abandoned = 0;
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, 0, &abandoned), ECHO_TIMEOUT);
  assert_int_equal(abandoned, 1);
  expect_ends(&ends, 0, 1);
  echo_task_release(task);
  echo_scheduler_release(scheduler);
}

typedef struct late {
  echo_scheduler *scheduler;
  spec_ends ends;
  spec_gate started;
  atomic_int accepted;
} late;

/* Submits held ones until the scheduler refuses, that is, into the stop. */
static void hold_until_refused(void *argument) {
  late *l = argument;
  echo_task_options options = {.held = true, .on_end = spec_ends_note};
  spec_gate_open(&l->started);
  for (;;) {
    echo_task *task;
    int status = echo_scheduler_submit(l->scheduler, &options, spec_ends_run, &l->ends, &task);
    if (status != ECHO_OK) break;
    atomic_fetch_add(&l->accepted, 1);
    echo_task_release(task);
  }
}

IT(ends_though_it_was_submitted_into_a_stop) {
  for (int round = 0; round < SPEC_ROUNDS(40); round++) {
    late l = {.scheduler = spec_crew(2), .started = SPEC_GATE};
    spec_submit(l.scheduler, hold_until_refused, &l);
    spec_gate_wait(&l.started);
    assert_int_equal(echo_scheduler_stop(l.scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL),
                     ECHO_OK);
    expect_ends(&l.ends, 0, atomic_load(&l.accepted));
    spec_crew_end(l.scheduler);
  }
}

/* -- races ------------------------------------------------------------------------------------ */

static void *resume_it(void *task) {
  echo_task_resume(task);
  return NULL;
}

static void *cancel_it(void *task) {
  echo_task_cancel(task);
  return NULL;
}

IT(ends_once_when_it_is_resumed_and_cancelled_at_once) {
  echo_scheduler *scheduler = spec_crew_with_queue(2, 1);
  for (int round = 0; round < SPEC_ROUNDS(2000); round++) {
    spec_ends ends = {0};
    echo_task *task =
        hold(scheduler, (echo_task_options){.queue = round % 2 ? "few" : NULL}, &ends);
    spec_threads threads = {0};
    spec_threads_add(&threads, resume_it, task);
    spec_threads_add(&threads, cancel_it, task);
    spec_threads_join(&threads);
    int outcome = echo_task_wait(task, ECHO_FOREVER);
    assert_int_equal(atomic_load(&ends.ended_ok), outcome == ECHO_OK);
    assert_int_equal(atomic_load(&ends.ended_cancelled), outcome == ECHO_CANCELLED);
    echo_task_release(task);
  }
  spec_crew_end(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(begins_when_it_is_resumed_and_not_before),
      cmocka_unit_test(begins_once_however_often_it_is_resumed),
      cmocka_unit_test(is_refused_without_a_handle),
      cmocka_unit_test(begins_with_the_priority_it_has_at_the_resume),
      cmocka_unit_test(ends_at_once_when_it_is_cancelled),
      cmocka_unit_test(leaves_the_others_held),
      cmocka_unit_test(leaves_nothing_in_its_named_queue_when_it_is_cancelled),
      cmocka_unit_test(ends_with_a_stop_that_cancels),
      cmocka_unit_test(keeps_a_drain_waiting_until_it_has_run),
      cmocka_unit_test(is_cancelled_when_a_drain_runs_out_of_time),
      cmocka_unit_test(ends_though_it_was_submitted_into_a_stop),
      cmocka_unit_test(ends_once_when_it_is_resumed_and_cancelled_at_once),
  };
  return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
