/* Handles: given up at any time, and good for as long as they are held. */
#include "support/allocations.h"
#include "support/crew.h"

IT(may_be_given_up_before_the_task_runs) {
  atomic_int count = 0;
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  spec_block(scheduler, &blocker);
  echo_task_release(spec_submit_held(scheduler, spec_count, &count));
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 1);
}

IT(may_be_given_up_while_the_task_runs) {
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  spec_blocker_init(&blocker);
  echo_task *task = spec_submit_held(scheduler, spec_blocker_run, &blocker);
  spec_gate_wait(&blocker.started);
  echo_task_release(task);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
}

IT(may_be_given_up_when_the_task_was_cancelled_and_still_lies_in_the_queue) {
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  spec_block(scheduler, &blocker);
  echo_task *task = spec_submit_held(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  echo_task_release(task);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
}

IT(may_be_nothing) {
  echo_task_release(NULL);
  echo_scheduler_release(NULL);
}

IT(outlives_the_scheduler) {
  long live = atomic_load(&spec_allocated.live);
  echo_scheduler *scheduler = spec_crew(2);
  echo_task *done = spec_submit_held(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_wait(done, ECHO_FOREVER), ECHO_OK);
  spec_blocker one, two;
  spec_block(scheduler, &one);
  spec_block(scheduler, &two);
  echo_task *cancelled = spec_submit_held(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_cancel(cancelled), ECHO_OK);
  spec_unblock(&one);
  spec_unblock(&two);
  spec_crew_end(scheduler);
  assert_int_equal(echo_task_get_state(done), ECHO_TASK_DONE);
  assert_int_equal(echo_task_wait(done, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(echo_task_cancel(done), ECHO_INVALID);
  assert_int_equal(echo_task_wait(cancelled, ECHO_FOREVER), ECHO_CANCELLED);
  echo_task_release(done);
  assert_true(atomic_load(&spec_allocated.live) > live);
  echo_task_release(cancelled);
  assert_int_equal(atomic_load(&spec_allocated.live), live); /* the last one frees everything */
}

enum { HANDLES = 200, RELEASERS = 4 };

typedef struct releaser {
  echo_task *tasks[HANDLES];
} releaser;

static void *release_all(void *argument) {
  releaser *r = argument;
  for (int i = 0; i < HANDLES; i++)
    echo_task_release(r->tasks[i]);
  return NULL;
}

static void *release_scheduler(void *scheduler) {
  echo_scheduler_release(scheduler);
  return NULL;
}

IT(may_be_given_up_by_many_threads_while_the_scheduler_goes) {
  static releaser all[RELEASERS];
  long live = atomic_load(&spec_allocated.live);
  for (int round = 0; round < SPEC_ROUNDS(200); round++) {
    echo_scheduler *scheduler = spec_crew(2);
    for (int i = 0; i < RELEASERS * HANDLES; i++)
      all[i % RELEASERS].tasks[i / RELEASERS] = spec_submit_held(scheduler, spec_nothing, NULL);
    spec_threads threads = {0};
    spec_threads_add(&threads, release_scheduler, scheduler);
    for (int i = 0; i < RELEASERS; i++)
      spec_threads_add(&threads, release_all, &all[i]);
    spec_threads_join(&threads);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(may_be_given_up_before_the_task_runs),
      cmocka_unit_test(may_be_given_up_while_the_task_runs),
      cmocka_unit_test(may_be_given_up_when_the_task_was_cancelled_and_still_lies_in_the_queue),
      cmocka_unit_test(may_be_nothing),
      cmocka_unit_test(outlives_the_scheduler),
      cmocka_unit_test(may_be_given_up_by_many_threads_while_the_scheduler_goes),
  };
  return cmocka_run_group_tests_name("handle", tests, NULL, NULL);
}
