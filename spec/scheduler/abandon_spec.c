/* A stop that runs out of time: what it says, and what becomes of those who waited. */
#include "support/crew.h"

/* A scheduler that left a thread behind is never freed: keep it where the leak check finds it. */
static echo_scheduler *kept[32];
static unsigned kept_count;

static void keep(echo_scheduler *scheduler) {
  assert_true(kept_count < SPEC_COUNT(kept));
  kept[kept_count++] = scheduler;
  echo_scheduler_release(scheduler);
}

static void expect_abandoned(echo_scheduler *scheduler, echo_stop_mode mode, size_t count) {
  for (int i = 0; i < 2; i++) { /* the second call reports the same */
    size_t abandoned = 99;
    assert_int_equal(echo_scheduler_stop(scheduler, mode, 0.02, &abandoned), ECHO_TIMEOUT);
    assert_int_equal(abandoned, count);
  }
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  for (int rank = 0; rank < ECHO_PRIORITIES; rank++)
    assert_int_equal(stats.queued[rank], 0);
}

IT(counts_the_task_that_still_runs) {
  const echo_stop_mode modes[] = {ECHO_STOP_DRAIN, ECHO_STOP_CANCEL};
  for (unsigned i = 0; i < SPEC_COUNT(modes); i++) {
    echo_scheduler *scheduler = spec_crew(2);
    static spec_blocker blockers[2];
    spec_block(scheduler, &blockers[i]);
    expect_abandoned(scheduler, modes[i], 1);
    spec_unblock(&blockers[i]);
    keep(scheduler);
  }
}

/* A task that blocks in a queue of limit 1, and others behind it, in that queue or not. */
enum { BEHIND = 20 };

static spec_ends ends[BEHIND];
static echo_task *tasks[BEHIND];

static echo_scheduler *block_with_others_behind(spec_blocker *blocker, unsigned workers) {
  echo_scheduler *scheduler = spec_crew_with_queue(workers, 1);
  spec_blocker_init(blocker);
  echo_task_options options = {.queue = "few"};
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_blocker_run, blocker, NULL),
                   ECHO_OK);
  spec_gate_wait(&blocker->started);
  for (int i = 0; i < BEHIND; i++) {
    ends[i] = (spec_ends){0};
    options = (echo_task_options){.on_end = spec_ends_note,
                                  .priority = (echo_priority)(i % 3 - 1),
                                  .queue = workers > 1 || i % 2 ? "few" : NULL};
    assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends[i], &tasks[i]),
                     ECHO_OK);
  }
  return scheduler;
}

static void expect_all_behind_cancelled(void) {
  for (int i = 0; i < BEHIND; i++) {
    assert_int_equal(atomic_load(&ends[i].ran), 0);
    assert_int_equal(atomic_load(&ends[i].ended_cancelled), 1);
    assert_int_equal(echo_task_wait(tasks[i], ECHO_FOREVER), ECHO_CANCELLED);
    echo_task_release(tasks[i]);
  }
}

IT(cancels_what_had_no_time_to_start_and_counts_it_in_a_drain) {
  static spec_blocker blocker;
  echo_scheduler *scheduler = block_with_others_behind(&blocker, 1);
  expect_abandoned(scheduler, ECHO_STOP_DRAIN, BEHIND + 1);
  expect_all_behind_cancelled();
  spec_unblock(&blocker);
  keep(scheduler);
}

IT(cancels_what_had_no_time_to_start_as_it_was_told_to) {
  static spec_blocker blocker;
  echo_scheduler *scheduler = block_with_others_behind(&blocker, 1);
  expect_abandoned(scheduler, ECHO_STOP_CANCEL, 1);
  expect_all_behind_cancelled();
  spec_unblock(&blocker);
  keep(scheduler);
}

IT(cancels_what_waits_for_a_slot_that_does_not_come_free) {
  static spec_blocker blocker;
  echo_scheduler *scheduler = block_with_others_behind(&blocker, 2);
  expect_abandoned(scheduler, ECHO_STOP_DRAIN, BEHIND + 1);
  expect_all_behind_cancelled();
  spec_unblock(&blocker);
  keep(scheduler);
}

typedef struct watcher {
  echo_task *task;
  atomic_int status;
} watcher;

static void *watch(void *argument) {
  watcher *w = argument;
  atomic_store(&w->status, echo_task_wait(w->task, ECHO_FOREVER));
  return NULL;
}

IT(tells_those_who_wait_that_the_task_is_lost) {
  static spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  watcher early = {.status = 1}, late = {.status = 1};
  spec_threads threads = {0};
  spec_blocker_init(&blocker);
  early.task = late.task = spec_submit_held(scheduler, spec_blocker_run, &blocker);
  spec_gate_wait(&blocker.started);
  spec_threads_add(&threads, watch, &early);
  spec_nap();
  expect_abandoned(scheduler, ECHO_STOP_DRAIN, 1);
  spec_threads_add(&threads, watch, &late);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&early.status), ECHO_LOST);
  assert_int_equal(atomic_load(&late.status), ECHO_LOST);
  assert_int_equal(echo_task_get_state(early.task), ECHO_TASK_LOST);
  assert_int_equal(echo_task_cancel(early.task), ECHO_INVALID);
  spec_unblock(&blocker);
  keep(scheduler);
  assert_int_equal(echo_task_wait(early.task, 0), ECHO_LOST); /* an end is final */
  echo_task_release(early.task);
}

/* A task that waits for a lost one learns it too, and so ends, though its worker was given up. */
typedef struct waiting {
  echo_task *other;
  atomic_int status;
  spec_gate started, done;
} waiting;

static void wait_inside(void *argument) {
  waiting *w = argument;
  spec_gate_open(&w->started);
  atomic_store(&w->status, echo_task_wait(w->other, ECHO_FOREVER));
  spec_gate_open(&w->done);
}

IT(tells_a_task_that_waits_that_the_other_is_lost) {
  static spec_blocker blocker;
  static waiting w = {.status = 1, .started = SPEC_GATE, .done = SPEC_GATE};
  echo_scheduler *scheduler = spec_crew(2);
  spec_blocker_init(&blocker);
  w.other = spec_submit_held(scheduler, spec_blocker_run, &blocker);
  spec_gate_wait(&blocker.started);
  spec_submit(scheduler, wait_inside, &w);
  spec_gate_wait(&w.started);
  expect_abandoned(scheduler, ECHO_STOP_DRAIN, 2);
  spec_gate_wait(&w.done);
  assert_int_equal(atomic_load(&w.status), ECHO_LOST);
  spec_unblock(&blocker);
  echo_task_release(w.other);
  keep(scheduler);
}

typedef struct late {
  spec_blocker blocker;
  spec_gate ended;
  int status;
} late;

static void block_late(void *argument) {
  spec_blocker_run(&((late *)argument)->blocker);
}

static void note_late(void *argument, int status) {
  late *l = argument;
  l->status = status;
  spec_gate_open(&l->ended);
}

/* Its on_end comes once all the same, when the task returns in its own time. */
IT(still_calls_on_end_when_a_lost_task_returns) {
  static late l = {.ended = SPEC_GATE, .status = 1};
  echo_scheduler *scheduler = spec_crew(1);
  echo_task_options options = {.on_end = note_late};
  spec_blocker_init(&l.blocker);
  assert_int_equal(echo_scheduler_submit(scheduler, &options, block_late, &l, NULL), ECHO_OK);
  spec_gate_wait(&l.blocker.started);
  expect_abandoned(scheduler, ECHO_STOP_CANCEL, 1);
  keep(scheduler);
  spec_unblock(&l.blocker);
  spec_gate_wait(&l.ended);
  assert_int_equal(l.status, ECHO_OK);
}

IT(is_in_good_order_when_the_task_ends_in_time) {
  static spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  spec_block(scheduler, &blocker);
  spec_unblock(&blocker);
  size_t abandoned = 99;
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, 30, &abandoned), ECHO_OK);
  assert_int_equal(abandoned, 0);
  echo_scheduler_release(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_the_task_that_still_runs),
      cmocka_unit_test(cancels_what_had_no_time_to_start_and_counts_it_in_a_drain),
      cmocka_unit_test(cancels_what_had_no_time_to_start_as_it_was_told_to),
      cmocka_unit_test(cancels_what_waits_for_a_slot_that_does_not_come_free),
      cmocka_unit_test(tells_those_who_wait_that_the_task_is_lost),
      cmocka_unit_test(tells_a_task_that_waits_that_the_other_is_lost),
      cmocka_unit_test(still_calls_on_end_when_a_lost_task_returns),
      cmocka_unit_test(is_in_good_order_when_the_task_ends_in_time),
  };
  return cmocka_run_group_tests_name("abandon", tests, NULL, NULL);
}
