/* Counters: what is queued and running, by priority, by named queue and by worker. */
#include <string.h>

#include "support/crew.h"

enum { HIGH, NORMAL, LOW };

static echo_stats stats_of(echo_scheduler *scheduler) {
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  return stats;
}

static void expect_queued(echo_scheduler *scheduler, unsigned high, unsigned normal, unsigned low) {
  echo_stats stats = stats_of(scheduler);
  assert_int_equal(stats.queued[HIGH], high);
  assert_int_equal(stats.queued[NORMAL], normal);
  assert_int_equal(stats.queued[LOW], low);
}

static void expect_running(echo_scheduler *scheduler, unsigned high, unsigned normal,
                           unsigned low) {
  echo_stats stats = stats_of(scheduler);
  assert_int_equal(stats.running[HIGH], high);
  assert_int_equal(stats.running[NORMAL], normal);
  assert_int_equal(stats.running[LOW], low);
}

static void submit(echo_scheduler *scheduler, echo_task_options options, echo_task **task) {
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_nothing, NULL, task), ECHO_OK);
}

IT(counts_ranks_from_the_highest_priority_on) {
  assert_int_equal(ECHO_RANK(ECHO_PRIORITY_HIGH), HIGH);
  assert_int_equal(ECHO_RANK(ECHO_PRIORITY_NORMAL), NORMAL);
  assert_int_equal(ECHO_RANK(ECHO_PRIORITY_LOW), LOW);
}

IT(counts_what_is_queued_by_priority) {
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  spec_block(scheduler, &blocker);
  expect_queued(scheduler, 0, 0, 0);
  for (int i = 0; i < 6; i++)
    submit(scheduler,
           (echo_task_options){.priority = i < 3   ? ECHO_PRIORITY_HIGH
                                           : i < 5 ? ECHO_PRIORITY_NORMAL
                                                   : ECHO_PRIORITY_LOW},
           NULL);
  expect_queued(scheduler, 3, 2, 1);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
}

IT(counts_what_waits_in_a_named_queue_too) {
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  spec_block(scheduler, &blocker);
  for (int i = 0; i < 4; i++)
    submit(scheduler, (echo_task_options){.queue = "few", .priority = ECHO_PRIORITY_LOW}, NULL);
  expect_queued(scheduler, 0, 0, 4);
  echo_named_queue_stats queue;
  assert_int_equal(echo_scheduler_queue_stats(scheduler, 0, &queue), ECHO_OK);
  assert_string_equal(queue.name, "few");
  assert_int_equal(queue.limit, 1);
  assert_int_equal(queue.queued, 4);
  assert_int_equal(queue.running, 0);
  assert_int_equal(echo_scheduler_queue_stats(scheduler, 1, &queue), ECHO_MISSING);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
}

IT(counts_who_holds_a_slot) {
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew_with_queue(2, 1);
  spec_blocker_init(&blocker);
  const echo_task_options options = {.queue = "few"};
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_blocker_run, &blocker, NULL),
                   ECHO_OK);
  spec_gate_wait(&blocker.started);
  submit(scheduler, options, NULL);
  echo_named_queue_stats queue;
  assert_int_equal(echo_scheduler_queue_stats(scheduler, 0, &queue), ECHO_OK);
  assert_int_equal(queue.queued, 1);
  assert_int_equal(queue.running, 1);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
}

IT(does_not_count_what_is_held_before_it_is_let_go) {
  spec_blocker blocker;
  echo_task *task = NULL;
  echo_scheduler *scheduler = spec_crew(1);
  spec_block(scheduler, &blocker);
  submit(scheduler, (echo_task_options){.held = true, .priority = ECHO_PRIORITY_HIGH}, &task);
  expect_queued(scheduler, 0, 0, 0);
  assert_int_equal(stats_of(scheduler).suspended, 1);
  echo_task_resume(task);
  expect_queued(scheduler, 1, 0, 0);
  echo_task_release(task);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
}

IT(no_longer_counts_what_was_cancelled) {
  spec_blocker blocker;
  echo_task *task = NULL, *held = NULL;
  echo_scheduler *scheduler = spec_crew(1);
  spec_block(scheduler, &blocker);
  submit(scheduler, (echo_task_options){.priority = ECHO_PRIORITY_LOW}, &task);
  submit(scheduler, (echo_task_options){.held = true}, &held);
  expect_queued(scheduler, 0, 0, 1);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  assert_int_equal(echo_task_cancel(held), ECHO_OK);
  expect_queued(scheduler, 0, 0, 0);
  assert_int_equal(stats_of(scheduler).cancelled, 2);
  echo_task_release(task);
  echo_task_release(held);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
}

IT(counts_nothing_after_a_stop_that_cancels) {
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  spec_block(scheduler, &blocker);
  for (int i = 0; i < 3; i++) {
    submit(scheduler, (echo_task_options){.queue = i == 0 ? "few" : NULL}, NULL);
  }
  expect_queued(scheduler, 0, 3, 0);
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_CANCEL, 0), ECHO_TIMEOUT);
  spec_unblock(&blocker);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  expect_queued(scheduler, 0, 0, 0);
  spec_crew_end(scheduler);
}

/* -- running ---------------------------------------------------------------------------------- */

IT(counts_what_runs_by_priority) {
  spec_blocker blockers[2];
  echo_scheduler *scheduler = spec_crew(2);
  for (int i = 0; i < 2; i++) {
    spec_blocker_init(&blockers[i]);
    echo_task_options options = {.priority = i == 0 ? ECHO_PRIORITY_LOW : ECHO_PRIORITY_HIGH};
    assert_int_equal(
        echo_scheduler_submit(scheduler, &options, spec_blocker_run, &blockers[i], NULL), ECHO_OK);
    spec_gate_wait(&blockers[i].started);
  }
  expect_running(scheduler, 1, 0, 1);
  spec_unblock(&blockers[0]);
  spec_unblock(&blockers[1]);
  spec_crew_end(scheduler);
}

typedef struct parent {
  echo_scheduler *scheduler;
  spec_blocker child;
} parent;

static void wait_for_child(void *argument) {
  parent *p = argument;
  echo_task *task = NULL;
  const echo_task_options options = {.priority = ECHO_PRIORITY_HIGH};
  echo_scheduler_submit(p->scheduler, &options, spec_blocker_run, &p->child, &task);
  echo_task_wait(task, ECHO_FOREVER);
  echo_task_release(task);
}

IT(counts_a_task_that_waits_and_what_runs_inside_of_it) {
  parent p = {.scheduler = spec_crew(1)};
  spec_blocker_init(&p.child);
  spec_submit(p.scheduler, wait_for_child, &p);
  spec_gate_wait(&p.child.started);
  expect_running(p.scheduler, 1, 1, 0);
  spec_unblock(&p.child);
  spec_crew_end(p.scheduler);
}

static void come_again(void *argument) {
  atomic_int *calls = argument;
  if (atomic_fetch_add(calls, 1) == 0) echo_task_again();
}

IT(counts_a_task_that_comes_again_as_queued) {
  spec_blocker first, second;
  atomic_int calls = 0;
  echo_scheduler *scheduler = spec_crew(1);
  spec_block(scheduler, &first);
  spec_submit(scheduler, come_again, &calls);
  spec_blocker_init(&second);
  spec_submit(scheduler, spec_blocker_run, &second);
  expect_queued(scheduler, 0, 2, 0);
  spec_unblock(&first);
  spec_gate_wait(&second.started);
  assert_int_equal(atomic_load(&calls), 1);
  expect_queued(scheduler, 0, 1, 0);
  spec_unblock(&second);
  spec_crew_end(scheduler);
}

/* -- workers ---------------------------------------------------------------------------------- */

static echo_worker_stats worker_of(echo_scheduler *scheduler, unsigned index) {
  echo_worker_stats stats;
  assert_int_equal(echo_scheduler_worker_stats(scheduler, index, &stats), ECHO_OK);
  return stats;
}

IT(tells_what_each_worker_has_done) {
  atomic_int count = 0;
  echo_scheduler *scheduler = spec_crew(3);
  for (int i = 0; i < 1000; i++)
    spec_submit(scheduler, spec_count, &count);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  uint64_t executed = 0, stolen = 0, parked = 0;
  for (unsigned i = 0; i < 3; i++) {
    executed += worker_of(scheduler, i).executed;
    stolen += worker_of(scheduler, i).stolen;
    parked += worker_of(scheduler, i).parked;
  }
  echo_stats stats = stats_of(scheduler);
  assert_int_equal(executed, 1000);
  assert_int_equal(stolen, stats.stolen);
  assert_int_equal(parked, stats.parked);
  echo_worker_stats none;
  assert_int_equal(echo_scheduler_worker_stats(scheduler, 3, &none), ECHO_INVALID);
  spec_crew_end(scheduler);
}

IT(knows_no_busy_time_before_the_start) {
  echo_scheduler *scheduler = spec_crew(2);
  assert_true(worker_of(scheduler, 0).busy == 0 && worker_of(scheduler, 1).busy == 0);
  spec_crew_end(scheduler);
}

IT(counts_the_time_in_which_a_worker_is_awake) {
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew(1);
  spec_block(scheduler, &blocker);
  double before = worker_of(scheduler, 0).busy;
  SPEC_UNTIL(worker_of(scheduler, 0).busy > before + 0.02);
  spec_unblock(&blocker);
  /* Asleep, it stands still. */
  SPEC_UNTIL(stats_of(scheduler).parked > 0);
  double asleep = -1;
  SPEC_UNTIL(asleep == worker_of(scheduler, 0).busy ||
             (asleep = worker_of(scheduler, 0).busy, spec_nap(), false));
  spec_crew_end(scheduler);
  assert_true(asleep > 0.02);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_ranks_from_the_highest_priority_on),
      cmocka_unit_test(counts_what_is_queued_by_priority),
      cmocka_unit_test(counts_what_waits_in_a_named_queue_too),
      cmocka_unit_test(counts_who_holds_a_slot),
      cmocka_unit_test(does_not_count_what_is_held_before_it_is_let_go),
      cmocka_unit_test(no_longer_counts_what_was_cancelled),
      cmocka_unit_test(counts_nothing_after_a_stop_that_cancels),
      cmocka_unit_test(counts_what_runs_by_priority),
      cmocka_unit_test(counts_a_task_that_waits_and_what_runs_inside_of_it),
      cmocka_unit_test(counts_a_task_that_comes_again_as_queued),
      cmocka_unit_test(tells_what_each_worker_has_done),
      cmocka_unit_test(knows_no_busy_time_before_the_start),
      cmocka_unit_test(counts_the_time_in_which_a_worker_is_awake),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
