/* Suspended tasks that nobody resumes: a cancel, a stop, a stop that runs out of time. */
#include "support/allocations.h"
#include "support/crew.h"

/* Suspends until it is told to end, and then so many times more, to clean up; then it is resumed at
 * once, or waits for that. */
typedef struct waiting {
  int cleaning;
  bool resumed;
  atomic_int ran, told, ended_ok, ended_cancelled;
  echo_task *_Atomic self;
} waiting;

static void wait_for_the_end(void *argument) {
  waiting *w = argument;
  atomic_fetch_add(&w->ran, 1);
  if (echo_task_is_cancelled() && atomic_fetch_add(&w->told, 1) >= w->cleaning) return;
  echo_task_suspend();
  atomic_store(&w->self, echo_task_current());
  if (w->resumed && atomic_load(&w->told) > 0) echo_task_resume(echo_task_current());
}

static void note_waiting(void *argument, int status) {
  waiting *w = argument;
  atomic_fetch_add(status == ECHO_OK ? &w->ended_ok : &w->ended_cancelled, 1);
}

static const echo_task_options with_end = {.on_end = note_waiting};

static void submit_waiting(echo_scheduler *scheduler, waiting *w, echo_task **task) {
  assert_int_equal(echo_scheduler_submit(scheduler, &with_end, wait_for_the_end, w, task), ECHO_OK);
}

static void until_suspended(echo_scheduler *scheduler, uint64_t count) {
  echo_stats stats;
  do {
    spec_nap();
    echo_scheduler_stats(scheduler, &stats);
  } while (stats.suspended != count);
}

static void expect_cancelled(waiting *w) {
  assert_int_equal(atomic_load(&w->ended_cancelled), 1);
  assert_int_equal(atomic_load(&w->ended_ok), 0);
}

/* -- one -------------------------------------------------------------------------------------- */

IT(is_called_when_it_is_cancelled_and_ends_as_cancelled) {
  echo_scheduler *scheduler = spec_crew(2);
  waiting w = {0};
  echo_task *task;
  submit_waiting(scheduler, &w, &task);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  assert_int_equal(echo_task_cancel(task), ECHO_INVALID);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
  assert_int_equal(echo_task_get_state(task), ECHO_TASK_CANCELLED);
  assert_int_equal(atomic_load(&w.ran), 2);
  expect_cancelled(&w);
  echo_stats stats;
  SPEC_UNTIL((echo_scheduler_stats(scheduler, &stats), stats.cancelled == 1));
  echo_task_release(task);
  spec_crew_end(scheduler);
}

IT(may_suspend_again_after_a_cancel) {
  echo_scheduler *scheduler = spec_crew(1);
  waiting w = {.cleaning = 1};
  echo_task *task;
  submit_waiting(scheduler, &w, &task);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  SPEC_UNTIL(atomic_load(&w.ran) == 2 && echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  echo_task_resume(task);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
  assert_int_equal(atomic_load(&w.ran), 3);
  expect_cancelled(&w);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

IT(is_told_of_a_cancel_that_comes_between_the_resume_and_the_call) {
  echo_scheduler *scheduler = spec_crew(1);
  waiting w = {0};
  echo_task *task;
  submit_waiting(scheduler, &w, &task);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  spec_blocker blocker;
  spec_block(scheduler, &blocker);
  echo_task_resume(task);
  assert_int_equal(echo_task_get_state(task), ECHO_TASK_QUEUED);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  assert_int_equal(atomic_load(&w.ended_cancelled), 0);
  spec_unblock(&blocker);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
  assert_int_equal(atomic_load(&w.told), 1);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

typedef struct narrow {
  spec_blocker blocker;
  atomic_int ran, told;
} narrow;

/* Looks, and is cancelled before it suspends. */
static void look_then_suspend(void *argument) {
  narrow *n = argument;
  atomic_fetch_add(&n->ran, 1);
  if (echo_task_is_cancelled()) {
    atomic_fetch_add(&n->told, 1);
    return;
  }
  spec_blocker_run(&n->blocker);
  echo_task_suspend();
}

IT(does_not_sleep_through_a_cancel_that_comes_before_it_suspends) {
  echo_scheduler *scheduler = spec_crew(1);
  narrow n = {0};
  spec_blocker_init(&n.blocker);
  echo_task *task = spec_submit_held(scheduler, look_then_suspend, &n);
  spec_gate_wait(&n.blocker.started);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  spec_unblock(&n.blocker);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
  assert_int_equal(atomic_load(&n.ran), 2);
  assert_int_equal(atomic_load(&n.told), 1);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

static void suspend_once_then_again(void *argument) {
  waiting *w = argument;
  if (atomic_fetch_add(&w->ran, 1) == 0)
    echo_task_suspend();
  else
    echo_task_again();
}

IT(is_not_called_again_after_a_cancel_though_it_asks) {
  echo_scheduler *scheduler = spec_crew(1);
  waiting w = {0};
  echo_task *task;
  assert_int_equal(echo_scheduler_submit(scheduler, &with_end, suspend_once_then_again, &w, &task),
                   ECHO_OK);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
  assert_int_equal(atomic_load(&w.ran), 2);
  expect_cancelled(&w);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

/* -- a stop ----------------------------------------------------------------------------------- */

IT(is_called_by_a_stop_that_cancels_wherever_it_sleeps) {
  enum { MANY = 300 };
  static waiting many[MANY];
  long live = atomic_load(&spec_allocated.live);
  for (int cleaning = 0; cleaning < 3; cleaning++) {
    echo_scheduler *scheduler = spec_crew_with_queue(3, MANY);
    for (int i = 0; i < MANY; i++) {
      many[i] = (waiting){.cleaning = cleaning, .resumed = true};
      echo_task_options options = {.queue = i % 2 ? "few" : NULL, .on_end = note_waiting};
      assert_int_equal(echo_scheduler_submit(scheduler, &options, wait_for_the_end, &many[i], NULL),
                       ECHO_OK);
    }
    until_suspended(scheduler, MANY);
    assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
    for (int i = 0; i < MANY; i++) {
      expect_cancelled(&many[i]);
      assert_int_equal(atomic_load(&many[i].ran), 2 + cleaning);
    }
    spec_crew_end(scheduler);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
}

/* Ends after a few calls if it is resumed, or when it is told to. */
static void wait_for_either(void *argument) {
  waiting *w = argument;
  if (atomic_fetch_add(&w->ran, 1) == 3 || echo_task_is_cancelled()) return;
  echo_task_suspend();
  atomic_store(&w->self, echo_task_current());
}

IT(is_called_by_a_stop_after_others_have_gone) {
  enum { MANY = 200 };
  static waiting many[MANY];
  echo_scheduler *scheduler = spec_crew(2);
  for (int i = 0; i < MANY; i++) {
    many[i] = (waiting){0};
    assert_int_equal(echo_scheduler_submit(scheduler, &with_end, wait_for_either, &many[i], NULL),
                     ECHO_OK);
  }
  for (int i = 0; i < MANY; i++) {
    for (int resumes = i % 3 == 0 ? 3 : i % 3 - 1; resumes > 0; resumes--) {
      echo_task *self;
      SPEC_UNTIL((self = atomic_exchange(&many[i].self, NULL)) != NULL);
      echo_task_resume(self);
    }
  }
  until_suspended(scheduler, MANY - (MANY + 2) / 3);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(atomic_load(&many[i].ended_ok), i % 3 == 0);
    assert_int_equal(atomic_load(&many[i].ended_cancelled), i % 3 != 0);
  }
  spec_crew_end(scheduler);
}

IT(is_called_by_a_stop_though_it_was_cancelled_before) {
  echo_scheduler *scheduler = spec_crew(1);
  waiting w = {.cleaning = 1};
  echo_task *task;
  submit_waiting(scheduler, &w, &task);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  SPEC_UNTIL(atomic_load(&w.ran) == 2 && echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  expect_cancelled(&w);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

/* What it waits for may need the worker: to be called again and again would keep that from it. */
IT(is_told_once_by_a_stop_and_then_waited_for) {
  echo_scheduler *scheduler = spec_crew(1);
  waiting w = {.cleaning = 1};
  submit_waiting(scheduler, &w, NULL);
  until_suspended(scheduler, 1);
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_CANCEL, 0), ECHO_TIMEOUT);
  SPEC_UNTIL(atomic_load(&w.ran) == 2);
  until_suspended(scheduler, 1);
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_CANCEL, 0.02), ECHO_TIMEOUT);
  assert_int_equal(atomic_load(&w.ran), 2);
  echo_task_resume(atomic_load(&w.self));
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(atomic_load(&w.ran), 3);
  expect_cancelled(&w);
  spec_crew_end(scheduler);
}

typedef struct nested {
  echo_scheduler *scheduler;
  waiting child;
  atomic_int outcome;
} nested;

static void wait_for_the_waiting(void *argument) {
  nested *n = argument;
  echo_task *child;
  echo_scheduler_submit(n->scheduler, &with_end, wait_for_the_end, &n->child, &child);
  atomic_store(&n->outcome, echo_task_wait(child, ECHO_FOREVER));
  echo_task_release(child);
}

IT(is_called_by_a_stop_beside_a_task_that_waits_for_it_on_the_same_worker) {
  nested n = {.scheduler = spec_crew(1), .outcome = 1};
  spec_submit(n.scheduler, wait_for_the_waiting, &n);
  until_suspended(n.scheduler, 1);
  assert_int_equal(echo_scheduler_stop(n.scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(atomic_load(&n.outcome), ECHO_CANCELLED);
  expect_cancelled(&n.child);
  spec_crew_end(n.scheduler);
}

static void *drain_it(void *scheduler) {
  echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
  return NULL;
}

static void doze_once(void *argument) {
  waiting *w = argument;
  if (atomic_fetch_add(&w->ran, 1) > 0) return;
  echo_task_suspend();
  atomic_store(&w->self, echo_task_current());
}

IT(keeps_a_drain_waiting) {
  echo_scheduler *scheduler = spec_crew(2);
  waiting w = {0};
  assert_int_equal(echo_scheduler_submit(scheduler, &with_end, doze_once, &w, NULL), ECHO_OK);
  until_suspended(scheduler, 1);
  spec_threads threads = {0};
  spec_threads_add(&threads, drain_it, scheduler);
  while (echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, NULL) == ECHO_OK)
    spec_nap();
  assert_int_equal(atomic_load(&w.ran), 1);
  echo_task_resume(atomic_load(&w.self));
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&w.ran), 2);
  assert_int_equal(atomic_load(&w.ended_ok), 1);
  spec_crew_end(scheduler);
}

IT(is_cancelled_when_a_drain_runs_out_of_time) {
  echo_scheduler *scheduler = spec_crew(1);
  waiting w = {0};
  submit_waiting(scheduler, &w, NULL);
  until_suspended(scheduler, 1);
  size_t abandoned = 0;
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, 0, &abandoned), ECHO_TIMEOUT);
  assert_int_equal(abandoned, 1);
  expect_cancelled(&w);
  echo_scheduler_release(scheduler);
}

/* -- a worker that is stuck ------------------------------------------------------------------- */

static void *wait_for_it(void *task) {
  return (void *)(intptr_t)echo_task_wait(task, ECHO_FOREVER);
}

/* The scheduler is left behind with its thread; what the thread still does is its own memory's. */
IT(is_lost_on_a_worker_that_is_stuck_and_ends_when_that_comes_back) {
  for (int resumed = 0; resumed < 2; resumed++) {
    static waiting w[2];
    static spec_blocker blockers[2];
    echo_scheduler *scheduler = spec_crew(1);
    echo_task *task;
    w[resumed] = (waiting){.cleaning = 1};
    submit_waiting(scheduler, &w[resumed], &task);
    SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
    spec_block(scheduler, &blockers[resumed]);
    if (resumed) echo_task_resume(task);
    pthread_t waiter;
    void *outcome;
    assert_int_equal(pthread_create(&waiter, NULL, wait_for_it, task), 0);
    size_t abandoned = 0;
    assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, 0, &abandoned), ECHO_TIMEOUT);
    assert_int_equal(abandoned, 2);
    pthread_join(waiter, &outcome);
    assert_int_equal((int)(intptr_t)outcome, ECHO_LOST);
    assert_int_equal(echo_task_get_state(task), ECHO_TASK_LOST);
    echo_task_resume(task);
    assert_int_equal(echo_task_cancel(task), ECHO_INVALID);
    assert_int_equal(atomic_load(&w[resumed].ran), 1);
    spec_unblock(&blockers[resumed]);
    SPEC_UNTIL(atomic_load(&w[resumed].ended_cancelled) == 1);
    assert_int_equal(atomic_load(&w[resumed].ran), 1); /* nobody waits for it any more */
    echo_task_release(task);
    echo_scheduler_release(scheduler);
  }
}

IT(is_called_once_more_by_a_worker_that_comes_back_if_nobody_was_told_that_it_is_lost) {
  static waiting w;
  static spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  w = (waiting){.cleaning = 5};
  submit_waiting(scheduler, &w, NULL);
  until_suspended(scheduler, 1);
  spec_block(scheduler, &blocker);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, 0, NULL), ECHO_TIMEOUT);
  spec_unblock(&blocker);
  SPEC_UNTIL(atomic_load(&w.ended_cancelled) == 1);
  assert_int_equal(atomic_load(&w.ran), 2);
  assert_int_equal(atomic_load(&w.told), 1);
  echo_scheduler_release(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_called_when_it_is_cancelled_and_ends_as_cancelled),
      cmocka_unit_test(may_suspend_again_after_a_cancel),
      cmocka_unit_test(is_told_of_a_cancel_that_comes_between_the_resume_and_the_call),
      cmocka_unit_test(does_not_sleep_through_a_cancel_that_comes_before_it_suspends),
      cmocka_unit_test(is_not_called_again_after_a_cancel_though_it_asks),
      cmocka_unit_test(is_called_by_a_stop_that_cancels_wherever_it_sleeps),
      cmocka_unit_test(is_called_by_a_stop_after_others_have_gone),
      cmocka_unit_test(is_called_by_a_stop_though_it_was_cancelled_before),
      cmocka_unit_test(is_told_once_by_a_stop_and_then_waited_for),
      cmocka_unit_test(is_called_by_a_stop_beside_a_task_that_waits_for_it_on_the_same_worker),
      cmocka_unit_test(keeps_a_drain_waiting),
      cmocka_unit_test(is_cancelled_when_a_drain_runs_out_of_time),
      cmocka_unit_test(is_lost_on_a_worker_that_is_stuck_and_ends_when_that_comes_back),
      cmocka_unit_test(
          is_called_once_more_by_a_worker_that_comes_back_if_nobody_was_told_that_it_is_lost),
  };
  return cmocka_run_group_tests_name("rouse", tests, NULL, NULL);
}
