/* Long work that makes way: being called again, and when to ask for it. */
#include "support/crew.h"

typedef struct looper {
  spec_log *log;
  int entry, rounds;
  atomic_int ran, ended;
} looper;

static void loop(void *argument) {
  looper *l = argument;
  if (l->log != NULL) spec_log_add(l->log, l->entry);
  if (atomic_fetch_add(&l->ran, 1) + 1 < l->rounds) echo_task_again();
}

static void note_end(void *argument, int status) {
  looper *l = argument;
  atomic_fetch_add(&l->ended, status == ECHO_OK ? 1 : 100);
}

static const echo_task_options with_end = {.on_end = note_end};

IT(calls_a_task_as_often_as_it_asks) {
  echo_scheduler *scheduler = spec_crew(2);
  looper detached = {.rounds = 100}, held = {.rounds = 100};
  echo_task *task;
  assert_int_equal(echo_scheduler_submit(scheduler, &with_end, loop, &detached, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_submit(scheduler, &with_end, loop, &held, &task), ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&held.ran), 100);
  assert_int_equal(atomic_load(&held.ended), 1);
  assert_int_equal(atomic_load(&detached.ran), 100);
  assert_int_equal(atomic_load(&detached.ended), 1);
}

IT(makes_way_for_those_that_wait) {
  static spec_log order;
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  looper one = {.log = &order, .entry = 1, .rounds = 3};
  looper two = {.log = &order, .entry = 2, .rounds = 3};
  spec_block(scheduler, &blocker);
  spec_submit(scheduler, loop, &one);
  spec_submit(scheduler, loop, &two);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  const int expected[] = {1, 2, 1, 2, 1, 2};
  spec_log_expect(&order, expected, 6);
}

IT(is_refused_outside_of_a_task) {
  assert_int_equal(echo_task_again(), ECHO_INVALID);
  assert_false(echo_task_should_yield());
}

IT(gives_its_slot_of_a_named_queue_to_nobody_meanwhile) {
  static spec_log order;
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  echo_task_options few = {.queue = "few"};
  looper one = {.log = &order, .entry = 1, .rounds = 3};
  looper two = {.log = &order, .entry = 2, .rounds = 2};
  spec_block(scheduler, &blocker);
  assert_int_equal(echo_scheduler_submit(scheduler, &few, loop, &one, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_submit(scheduler, &few, loop, &two, NULL), ECHO_OK);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  const int expected[] = {1, 1, 1, 2, 2};
  spec_log_expect(&order, expected, 5);
}

/* -- a task that goes on for ever ------------------------------------------------------------- */

typedef struct endless {
  atomic_int ran;
  spec_ends ends;
} endless;

static void go_on(void *argument) {
  endless *e = argument;
  atomic_fetch_add(&e->ran, 1);
  echo_task_again();
}

static void note_endless(void *argument, int status) {
  spec_ends_note(&((endless *)argument)->ends, status);
}

IT(ends_with_a_stop_that_cancels) {
  echo_scheduler *scheduler = spec_crew(2);
  endless detached = {0}, held = {0};
  echo_task_options options = {.on_end = note_endless};
  echo_task *task;
  assert_int_equal(echo_scheduler_submit(scheduler, &options, go_on, &detached, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_submit(scheduler, &options, go_on, &held, &task), ECHO_OK);
  SPEC_UNTIL(atomic_load(&detached.ran) > 10 && atomic_load(&held.ran) > 10);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(atomic_load(&detached.ends.ended_cancelled), 1);
  assert_int_equal(atomic_load(&held.ends.ended_cancelled), 1);
  assert_int_equal(echo_task_wait(task, 0), ECHO_CANCELLED);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

IT(is_not_called_again_after_a_cancel) {
  echo_scheduler *scheduler = spec_crew_with_queue(2, 1);
  for (int round = 0; round < 50; round++) {
    endless e = {0};
    echo_task_options options = {.on_end = note_endless, .queue = round % 2 ? "few" : NULL};
    echo_task *task;
    assert_int_equal(echo_scheduler_submit(scheduler, &options, go_on, &e, &task), ECHO_OK);
    if (round % 4 > 0) SPEC_UNTIL(atomic_load(&e.ran) > round);
    assert_int_equal(echo_task_cancel(task), ECHO_OK);
    int ran = atomic_load(&e.ran); /* perhaps before a call that was about to begin */
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
    echo_task_release(task);
    atomic_int count = 0; /* the slot is free again */
    assert_int_equal(echo_scheduler_submit(scheduler, &(echo_task_options){.queue = "few"},
                                           spec_count, &count, &task),
                     ECHO_OK);
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
    echo_task_release(task);
    assert_in_range(atomic_load(&e.ran), ran, ran + 1);
    assert_int_equal(atomic_load(&e.ends.ended_cancelled), 1);
  }
  spec_crew_end(scheduler);
}

/* -- should_yield ----------------------------------------------------------------------------- */

typedef struct yielder {
  spec_gate started, look;
  bool before, after;
} yielder;

static void look_twice(void *argument) {
  yielder *y = argument;
  y->before = echo_task_should_yield();
  spec_gate_open(&y->started);
  spec_gate_wait(&y->look);
  y->after = echo_task_should_yield();
}

static bool should_yield_to(echo_priority own, echo_priority other) {
  echo_scheduler *scheduler = spec_crew(1);
  yielder y = {.started = SPEC_GATE, .look = SPEC_GATE};
  assert_int_equal(
      echo_scheduler_submit(scheduler, &(echo_task_options){.priority = own}, look_twice, &y, NULL),
      ECHO_OK);
  spec_gate_wait(&y.started);
  assert_int_equal(echo_scheduler_submit(scheduler, &(echo_task_options){.priority = other},
                                         spec_nothing, NULL, NULL),
                   ECHO_OK);
  spec_gate_open(&y.look);
  spec_crew_end(scheduler);
  assert_false(y.before);
  return y.after;
}

IT(should_yield_to_the_same_or_a_higher_priority_that_waits) {
  for (int own = ECHO_PRIORITY_LOW; own <= ECHO_PRIORITY_HIGH; own++) {
    for (int other = ECHO_PRIORITY_LOW; other <= ECHO_PRIORITY_HIGH; other++)
      assert_int_equal(should_yield_to((echo_priority)own, (echo_priority)other), other >= own);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(calls_a_task_as_often_as_it_asks),
      cmocka_unit_test(makes_way_for_those_that_wait),
      cmocka_unit_test(is_refused_outside_of_a_task),
      cmocka_unit_test(gives_its_slot_of_a_named_queue_to_nobody_meanwhile),
      cmocka_unit_test(ends_with_a_stop_that_cancels),
      cmocka_unit_test(is_not_called_again_after_a_cancel),
      cmocka_unit_test(should_yield_to_the_same_or_a_higher_priority_that_waits),
  };
  return cmocka_run_group_tests_name("again", tests, NULL, NULL);
}
