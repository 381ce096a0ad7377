/* Ending a task that has not started, asking one that has, and the one call that every end brings.
 */
#include <sched.h>

#include "support/crew.h"

static const echo_task_options with_end = {.on_end = spec_ends_note};

static echo_task *submit_ends(echo_scheduler *scheduler, spec_ends *ends) {
  echo_task *task = NULL;
  assert_int_equal(echo_scheduler_submit(scheduler, &with_end, spec_ends_run, ends, &task),
                   ECHO_OK);
  return task;
}

static void expect_ends(spec_ends *ends, int ok, int cancelled) {
  assert_int_equal(atomic_load(&ends->ran), ok);
  assert_int_equal(atomic_load(&ends->ended_ok), ok);
  assert_int_equal(atomic_load(&ends->ended_cancelled), cancelled);
  assert_int_equal(atomic_load(&ends->ended_otherwise), 0);
}

IT(ends_a_task_that_has_not_started) {
  echo_scheduler *scheduler = spec_crew(1);
  spec_blocker blocker;
  spec_ends ends = {0};
  spec_block(scheduler, &blocker);
  echo_task *task = submit_ends(scheduler, &ends);
  assert_int_equal(echo_task_get_state(task), ECHO_TASK_QUEUED);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  expect_ends(&ends, 0, 1);
  assert_int_equal(echo_task_get_state(task), ECHO_TASK_CANCELLED);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
  spec_unblock(&blocker);
  echo_task_release(task);
  spec_crew_end(scheduler);
  expect_ends(&ends, 0, 1);
}

IT(ends_a_task_once) {
  echo_scheduler *scheduler = spec_crew(1);
  spec_blocker blocker;
  spec_ends ends = {0};
  spec_block(scheduler, &blocker);
  echo_task *task = submit_ends(scheduler, &ends);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  assert_int_equal(echo_task_cancel(task), ECHO_INVALID);
  spec_unblock(&blocker);
  echo_task_release(task);
  spec_crew_end(scheduler);
  expect_ends(&ends, 0, 1);
}

IT(leaves_a_task_alone_that_has_run) {
  echo_scheduler *scheduler = spec_crew(1);
  echo_task *task = spec_submit_held(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(echo_task_cancel(task), ECHO_INVALID);
  assert_int_equal(echo_task_get_state(task), ECHO_TASK_DONE);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

typedef struct watcher {
  spec_blocker blocker;
  spec_ends ends;
  bool before, after;
} watcher;

static void watch(void *argument) {
  watcher *w = argument;
  w->before = echo_task_is_cancelled();
  spec_blocker_run(&w->blocker);
  w->after = echo_task_is_cancelled();
}

static void note_watcher(void *argument, int status) {
  spec_ends_note(&((watcher *)argument)->ends, status);
}

IT(asks_a_task_that_runs_to_end) {
  for (int told = 0; told < 2; told++) {
    echo_scheduler *scheduler = spec_crew(1);
    watcher w = {0};
    spec_blocker_init(&w.blocker);
    echo_task_options options = {.on_end = told ? note_watcher : NULL};
    echo_task *task;
    assert_int_equal(echo_scheduler_submit(scheduler, &options, watch, &w, &task), ECHO_OK);
    spec_gate_wait(&w.blocker.started);
    assert_int_equal(echo_task_cancel(task), ECHO_OK);
    assert_int_equal(echo_task_cancel(task), ECHO_INVALID);
    assert_int_equal(echo_task_get_state(task), ECHO_TASK_RUNNING);
    spec_unblock(&w.blocker);
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
    assert_int_equal(echo_task_get_state(task), ECHO_TASK_CANCELLED);
    assert_false(w.before);
    assert_true(w.after);
    assert_int_equal(atomic_load(&w.ends.ended_cancelled), told);
    assert_int_equal(atomic_load(&w.ends.ended_ok), 0);
    echo_task_release(task);
    spec_crew_end(scheduler);
  }
}

IT(is_not_asked_for_outside_of_a_task) {
  assert_false(echo_task_is_cancelled());
}

static void *cancel_it(void *task) {
  echo_task_cancel(task);
  return NULL;
}

IT(wakes_those_who_wait_for_the_task) {
  echo_scheduler *scheduler = spec_crew(2);
  spec_blocker one, two;
  spec_block(scheduler, &one);
  spec_block(scheduler, &two);
  spec_ends ends = {0};
  echo_task *task = submit_ends(scheduler, &ends);
  spec_threads threads = {0};
  spec_threads_add(&threads, cancel_it, task);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
  spec_threads_join(&threads);
  spec_unblock(&one);
  spec_unblock(&two);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

typedef struct inside {
  echo_scheduler *scheduler;
  spec_ends ends;
  int submitted, cancelled, waited;
} inside;

static void cancel_child(void *argument) {
  inside *i = argument;
  echo_task *child;
  i->submitted = echo_scheduler_submit(i->scheduler, &with_end, spec_ends_run, &i->ends, &child);
  i->cancelled = echo_task_cancel(child);
  i->waited = echo_task_wait(child, ECHO_FOREVER);
  echo_task_release(child);
}

IT(works_inside_a_task) {
  inside i = {.scheduler = spec_crew(1), .cancelled = 1, .waited = 1};
  spec_submit(i.scheduler, cancel_child, &i);
  spec_crew_end(i.scheduler);
  assert_int_equal(i.submitted, ECHO_OK);
  assert_int_equal(i.cancelled, ECHO_OK);
  assert_int_equal(i.waited, ECHO_CANCELLED);
  expect_ends(&i.ends, 0, 1);
}

/* -- races ------------------------------------------------------------------------------------ */

enum { RACES = 20000, BATCH = 50 };

typedef struct canceller {
  echo_task *_Atomic tasks[BATCH];
  atomic_int cancelled;
  atomic_bool done;
} canceller;

static void *cancel_all(void *argument) {
  canceller *c = argument;
  while (!atomic_load(&c->done)) {
    for (int i = 0; i < BATCH; i++) {
      echo_task *task = atomic_exchange(&c->tasks[i], NULL);
      if (task == NULL) continue;
      if (echo_task_cancel(task) == ECHO_OK) atomic_fetch_add(&c->cancelled, 1);
      echo_task_release(task);
    }
  }
  return NULL;
}

IT(ends_a_task_as_cancelled_or_lets_it_be_done) {
  echo_scheduler *scheduler = spec_crew(2);
  static canceller c;
  spec_ends ends = {0};
  spec_threads threads = {0};
  for (int i = 0; i < 2; i++)
    spec_threads_add(&threads, cancel_all, &c);
  for (int i = 0; i < SPEC_ROUNDS(RACES); i++) {
    echo_task *task = submit_ends(scheduler, &ends);
    while (task != NULL) {
      echo_task *expected = NULL;
      if (atomic_compare_exchange_strong(&c.tasks[i % BATCH], &expected, task)) task = NULL;
    }
  }
  for (int i = 0; i < BATCH; i++)
    SPEC_UNTIL(atomic_load(&c.tasks[i]) == NULL);
  atomic_store(&c.done, true);
  spec_threads_join(&threads);
  echo_stats stats;
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  echo_scheduler_stats(scheduler, &stats);
  int cancelled = atomic_load(&c.cancelled);
  assert_in_range(atomic_load(&ends.ran), SPEC_ROUNDS(RACES) - cancelled, SPEC_ROUNDS(RACES));
  assert_int_equal(atomic_load(&ends.ended_ok), SPEC_ROUNDS(RACES) - cancelled);
  assert_int_equal(atomic_load(&ends.ended_cancelled), cancelled);
  assert_int_equal(stats.cancelled, cancelled);
  spec_crew_end(scheduler);
}

/* -- on_end ----------------------------------------------------------------------------------- */

IT(is_told_once_when_a_task_has_run) {
  spec_ends detached = {0}, held = {0};
  echo_scheduler *scheduler = spec_crew(2);
  assert_int_equal(echo_scheduler_submit(scheduler, &with_end, spec_ends_run, &detached, NULL),
                   ECHO_OK);
  echo_task *task = submit_ends(scheduler, &held);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  expect_ends(&held, 1, 0); /* before the task counts as ended */
  echo_task_release(task);
  spec_crew_end(scheduler);
  expect_ends(&detached, 1, 0);
  expect_ends(&held, 1, 0);
}

static void *stop_it(void *scheduler) {
  echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL);
  return NULL;
}

IT(is_told_once_when_a_stop_cancels) {
  enum { MANY = 200 };
  static spec_ends detached[MANY], held[MANY];
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  spec_blocker blocker;
  spec_block(scheduler, &blocker);
  echo_task *tasks[MANY];
  for (int i = 0; i < MANY; i++) {
    echo_task_options options = with_end;
    options.queue = i % 2 == 0 ? "few" : NULL;
    options.priority = (echo_priority)(i % 3 - 1);
    assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &detached[i], NULL),
                     ECHO_OK);
    assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &held[i], &tasks[i]),
                     ECHO_OK);
  }
  spec_threads threads = {0};
  spec_threads_add(&threads, stop_it, scheduler);
  while (echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, NULL) == ECHO_OK)
    spec_nap();
  spec_unblock(&blocker);
  spec_threads_join(&threads);
  spec_crew_end(scheduler);
  for (int i = 0; i < MANY; i++) {
    expect_ends(&detached[i], 0, 1);
    expect_ends(&held[i], 0, 1);
    assert_int_equal(echo_task_wait(tasks[i], ECHO_FOREVER), ECHO_CANCELLED);
    echo_task_release(tasks[i]);
  }
}

typedef struct chain {
  echo_scheduler *scheduler;
  atomic_int length;
  echo_task *task;
} chain;

static void lengthen(void *argument, int status) {
  (void)status;
  chain *c = argument;
  if (atomic_fetch_add(&c->length, 1) < 99) {
    echo_scheduler_submit(c->scheduler, &(echo_task_options){.on_end = lengthen}, spec_nothing, c,
                          NULL);
  }
}

IT(may_submit_when_it_is_told_of_an_end) {
  chain c = {.scheduler = spec_crew(2)};
  assert_int_equal(echo_scheduler_submit(c.scheduler, &(echo_task_options){.on_end = lengthen},
                                         spec_nothing, &c, NULL),
                   ECHO_OK);
  spec_crew_end(c.scheduler);
  assert_int_equal(atomic_load(&c.length), 100);
}

static void release_handle(void *argument, int status) {
  (void)status;
  chain *c = argument;
  echo_task_release(c->task);
  atomic_fetch_add(&c->length, 1);
}

IT(may_release_the_handle_when_it_is_told_of_an_end) {
  chain c = {.scheduler = spec_crew(1)};
  spec_blocker blocker;
  spec_block(c.scheduler, &blocker);
  assert_int_equal(echo_scheduler_submit(c.scheduler,
                                         &(echo_task_options){.on_end = release_handle},
                                         spec_nothing, &c, &c.task),
                   ECHO_OK);
  spec_unblock(&blocker);
  spec_crew_end(c.scheduler);
  assert_int_equal(atomic_load(&c.length), 1);
}

typedef struct overtaken {
  chain own;
  spec_blocker blocker;
} overtaken;

/* While it is told, its worker comes across what it has left in the queue. */
static void release_handle_and_be_overtaken(void *argument, int status) {
  overtaken *o = argument;
  release_handle(&o->own, status);
  echo_task *next = spec_submit_held(o->own.scheduler, spec_nothing, NULL);
  spec_unblock(&o->blocker);
  echo_task_wait(next, ECHO_FOREVER);
  echo_task_release(next);
}

IT(may_release_the_handle_when_it_is_told_of_a_cancel) {
  overtaken o = {.own = {.scheduler = spec_crew(1)}};
  spec_block(o.own.scheduler, &o.blocker);
  assert_int_equal(
      echo_scheduler_submit(o.own.scheduler,
                            &(echo_task_options){.on_end = release_handle_and_be_overtaken},
                            spec_nothing, &o, &o.own.task),
      ECHO_OK);
  assert_int_equal(echo_task_cancel(o.own.task), ECHO_OK);
  assert_int_equal(atomic_load(&o.own.length), 1);
  spec_crew_end(o.own.scheduler);
}

static void *cancel_last(void *argument) {
  chain *c = argument;
  echo_task_cancel(c->task);
  return NULL;
}

/* Nothing keeps the scheduler once its last task has ended, if the handle has been given up. */
IT(leaves_the_scheduler_alone_when_its_last_task_has_ended) {
  for (int round = 0; round < SPEC_ROUNDS(2000); round++) {
    chain c = {.scheduler = spec_crew(1)};
    spec_threads threads = {0};
    assert_int_equal(echo_scheduler_submit(
                         c.scheduler, &(echo_task_options){.held = true, .on_end = release_handle},
                         spec_nothing, &c, &c.task),
                     ECHO_OK);
    spec_threads_add(&threads, cancel_last, &c);
    while (atomic_load(&c.length) == 0)
      sched_yield();
    echo_scheduler_release(c.scheduler);
    spec_threads_join(&threads);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ends_a_task_that_has_not_started),
      cmocka_unit_test(ends_a_task_once),
      cmocka_unit_test(leaves_a_task_alone_that_has_run),
      cmocka_unit_test(asks_a_task_that_runs_to_end),
      cmocka_unit_test(is_not_asked_for_outside_of_a_task),
      cmocka_unit_test(wakes_those_who_wait_for_the_task),
      cmocka_unit_test(works_inside_a_task),
      cmocka_unit_test(ends_a_task_as_cancelled_or_lets_it_be_done),
      cmocka_unit_test(is_told_once_when_a_task_has_run),
      cmocka_unit_test(is_told_once_when_a_stop_cancels),
      cmocka_unit_test(may_submit_when_it_is_told_of_an_end),
      cmocka_unit_test(may_release_the_handle_when_it_is_told_of_an_end),
      cmocka_unit_test(may_release_the_handle_when_it_is_told_of_a_cancel),
      cmocka_unit_test(leaves_the_scheduler_alone_when_its_last_task_has_ended),
  };
  return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
