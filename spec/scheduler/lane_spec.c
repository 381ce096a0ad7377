/* Lanes, and a submit that is held up half-way while the scheduler stops. */
#include "scheduler/lane.h"

#include "scheduler/scheduler.h"
#include "support/allocations.h"
#include "support/crew.h"

/* -- held up ---------------------------------------------------------------------------------- */

/* The submitter's first allocation comes after it was let in and before it is counted. */
static _Thread_local bool is_submitter;
static spec_gate held_up, go_on;

static void hold_up(void) {
  if (!is_submitter) return;
  is_submitter = false;
  spec_gate_open(&held_up);
  spec_gate_wait(&go_on);
}

typedef struct submitter {
  echo_scheduler *scheduler;
  spec_ends ends;
  int status;
} submitter;

static void *submit(void *argument) {
  submitter *s = argument;
  is_submitter = true;
  echo_task_options options = {.on_end = spec_ends_note};
  s->status = echo_scheduler_submit(s->scheduler, &options, spec_ends_run, &s->ends, NULL);
  return NULL;
}

typedef struct stopper {
  echo_scheduler *scheduler;
  echo_stop_mode mode;
  atomic_bool done;
} stopper;

static void *stop(void *argument) {
  stopper *s = argument;
  echo_scheduler_stop(s->scheduler, s->mode, ECHO_FOREVER, NULL);
  atomic_store(&s->done, true);
  return NULL;
}

static void expect_stop_to_wait(echo_stop_mode mode) {
  spec_threads threads = {0};
  submitter sub = {.scheduler = spec_crew(1), .status = 1};
  stopper st = {.scheduler = sub.scheduler, .mode = mode};
  spec_gate_init(&held_up);
  spec_gate_init(&go_on);
  atomic_store(&spec_before_allocation, hold_up);
  spec_threads_add(&threads, submit, &sub);
  spec_gate_wait(&held_up);
  spec_threads_add(&threads, stop, &st);
  SPEC_UNTIL(echo__load(&sub.scheduler->phase, acquire) > ECHO__RUNNING);
  for (int i = 0; i < 20; i++)
    spec_nap(); /* time enough for a stop that does not wait */
  bool done = atomic_load(&st.done);
  spec_gate_open(&go_on);
  spec_threads_join(&threads);
  atomic_store(&spec_before_allocation, NULL);
  assert_false(done);
  assert_int_equal(sub.status, ECHO_OK);
  assert_int_equal(atomic_load(&sub.ends.ended_ok) + atomic_load(&sub.ends.ended_cancelled), 1);
  assert_int_equal(atomic_load(&sub.ends.ran), atomic_load(&sub.ends.ended_ok));
  if (mode == ECHO_STOP_DRAIN) assert_int_equal(atomic_load(&sub.ends.ran), 1);
  spec_crew_end(sub.scheduler);
}

IT(makes_a_drain_wait_for_a_submit_that_was_let_in) {
  expect_stop_to_wait(ECHO_STOP_DRAIN);
}

IT(makes_a_cancel_wait_for_a_submit_that_was_let_in) {
  expect_stop_to_wait(ECHO_STOP_CANCEL);
}

/* -- lanes ------------------------------------------------------------------------------------ */

static echo__lane lanes[ECHO__LANES];
static unsigned inside[ECHO__LANES]; /* not atomic: the lane is the lock */
static atomic_int wrong;

enum { VISITS = 50000 };

static void *visit(void *unused) {
  (void)unused;
  for (int i = 0; i < SPEC_ROUNDS(VISITS); i++) {
    echo__lane *lane = echo__lane_enter(lanes);
    if (inside[lane - lanes]++ != 0) atomic_fetch_add(&wrong, 1);
    echo__bump(&lane->submitted, 1);
    inside[lane - lanes]--;
    echo__lane_leave(lane);
  }
  return NULL;
}

IT(has_one_thread_at_a_time_in_each_lane) {
  spec_threads threads = {0};
  uint64_t visits = 0;
  echo__lanes_init(lanes);
  for (int i = 0; i < 4; i++)
    spec_threads_add(&threads, visit, NULL);
  spec_threads_join(&threads);
  for (int i = 0; i < ECHO__LANES; i++)
    visits += echo__load(&lanes[i].submitted, relaxed);
  assert_int_equal(atomic_load(&wrong), 0);
  assert_int_equal(visits, 4 * SPEC_ROUNDS(VISITS));
}

IT(has_another_lane_for_who_finds_its_own_taken) {
  echo__lanes_init(lanes);
  echo__lane *first = echo__lane_enter(lanes), *second = echo__lane_enter(lanes);
  assert_ptr_not_equal(first, second);
  echo__lane_leave(first);
  echo__lane_leave(second);
  echo__lanes_pass(lanes); /* all are free again, or this hangs */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(makes_a_drain_wait_for_a_submit_that_was_let_in),
      cmocka_unit_test(makes_a_cancel_wait_for_a_submit_that_was_let_in),
      cmocka_unit_test(has_one_thread_at_a_time_in_each_lane),
      cmocka_unit_test(has_another_lane_for_who_finds_its_own_taken),
  };
  return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
