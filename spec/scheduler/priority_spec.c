/* The order in which one worker starts what waits. */
#include "support/crew.h"

static spec_log log_;
static spec_note notes[64];

/* Submits a task that notes `entry`. */
static void submit_note(echo_scheduler *scheduler, echo_priority priority, int entry) {
  spec_note *note = &notes[entry];
  *note = (spec_note){&log_, entry};
  assert_int_equal(echo_scheduler_submit(scheduler, &(echo_task_options){.priority = priority},
                                         spec_note_run, note, NULL),
                   ECHO_OK);
}

static echo_scheduler *blocked(spec_blocker *blocker, unsigned fairness) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  atomic_store(&log_.count, 0);
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, 1), ECHO_OK);
  assert_int_equal(echo_builder_with_fairness(builder, fairness), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  spec_block(scheduler, blocker);
  return scheduler;
}

static void unblock_and_expect(echo_scheduler *scheduler, spec_blocker *blocker, const int *order,
                               unsigned count) {
  spec_unblock(blocker);
  spec_crew_end(scheduler);
  spec_log_expect(&log_, order, count);
}

IT(starts_the_highest_first_and_the_oldest_of_these) {
  spec_blocker blocker;
  echo_scheduler *scheduler = blocked(&blocker, 61);
  const echo_priority mixed[] = {-1, 0, 1, -1, 1, 0, 0, 1, -1};
  for (unsigned i = 0; i < SPEC_COUNT(mixed); i++)
    submit_note(scheduler, mixed[i], (int)i);
  const int order[] = {2, 4, 7, 1, 5, 6, 0, 3, 8};
  unblock_and_expect(scheduler, &blocker, order, SPEC_COUNT(order));
}

IT(lets_a_lower_one_through_as_fairness_says) {
  spec_blocker blocker;
  echo_scheduler *scheduler = blocked(&blocker, 4);
  for (int i = 0; i < 8; i++)
    submit_note(scheduler, ECHO_PRIORITY_HIGH, i);
  submit_note(scheduler, ECHO_PRIORITY_LOW, 20);
  submit_note(scheduler, ECHO_PRIORITY_LOW, 21);
  const int order[] = {0, 1, 2, 20, 3, 4, 5, 21, 6, 7};
  unblock_and_expect(scheduler, &blocker, order, SPEC_COUNT(order));
}

IT(lets_no_lower_one_through_without_fairness) {
  spec_blocker blocker;
  echo_scheduler *scheduler = blocked(&blocker, 0);
  submit_note(scheduler, ECHO_PRIORITY_LOW, 60);
  for (int i = 0; i < 50; i++)
    submit_note(scheduler, ECHO_PRIORITY_HIGH, i);
  int order[51];
  for (int i = 0; i < 50; i++)
    order[i] = i;
  order[50] = 60;
  unblock_and_expect(scheduler, &blocker, order, 51);
}

/* -- from inside ------------------------------------------------------------------------------ */

static void submit_three(void *scheduler) {
  const echo_priority mixed[] = {-1, 1, 0};
  for (int i = 0; i < 3; i++) {
    notes[i] = (spec_note){&log_, i};
    echo_scheduler_submit(scheduler, &(echo_task_options){.priority = mixed[i]}, spec_note_run,
                          &notes[i], NULL);
  }
}

IT(puts_high_before_the_lower_ones_in_the_worker_s_own_deque) {
  spec_blocker blocker;
  echo_scheduler *scheduler = blocked(&blocker, 61);
  spec_submit(scheduler, submit_three, scheduler);
  submit_note(scheduler, ECHO_PRIORITY_HIGH, 3);
  submit_note(scheduler, ECHO_PRIORITY_LOW, 4);
  const int order[] = {3, 1, 2, 0, 4};
  unblock_and_expect(scheduler, &blocker, order, SPEC_COUNT(order));
}

/* Another worker is stuck with high tasks in its own deque: the one that is free takes these before
 * normal ones of its own. */
typedef struct stuck {
  echo_scheduler *scheduler;
  spec_blocker blocker;
} stuck;

static void submit_high_and_block(void *argument) {
  stuck *s = argument;
  for (int i = 0; i < 3; i++) {
    notes[i] = (spec_note){&log_, i};
    echo_scheduler_submit(s->scheduler, &(echo_task_options){.priority = ECHO_PRIORITY_HIGH},
                          spec_note_run, &notes[i], NULL);
  }
  spec_blocker_run(&s->blocker);
}

IT(takes_high_ones_out_of_the_deque_of_a_worker_that_is_stuck) {
  spec_blocker other;
  stuck s = {.scheduler = spec_crew(2)};
  atomic_store(&log_.count, 0);
  spec_blocker_init(&s.blocker);
  spec_block(s.scheduler, &other); /* the one; */
  spec_submit(s.scheduler, submit_high_and_block, &s);
  spec_gate_wait(&s.blocker.started); /* and the other */
  submit_note(s.scheduler, ECHO_PRIORITY_NORMAL, 3);
  spec_unblock(&other);
  SPEC_UNTIL(atomic_load(&log_.count) == 4);
  spec_unblock(&s.blocker);
  spec_crew_end(s.scheduler);
  assert_int_equal(log_.entries[3], 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(starts_the_highest_first_and_the_oldest_of_these),
      cmocka_unit_test(lets_a_lower_one_through_as_fairness_says),
      cmocka_unit_test(lets_no_lower_one_through_without_fairness),
      cmocka_unit_test(puts_high_before_the_lower_ones_in_the_worker_s_own_deque),
      cmocka_unit_test(takes_high_ones_out_of_the_deque_of_a_worker_that_is_stuck),
  };
  return cmocka_run_group_tests_name("priority", tests, NULL, NULL);
}
