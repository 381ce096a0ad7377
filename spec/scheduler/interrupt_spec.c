/* A task that has become urgent gets a worker, even if all are inside of endless loops. */
#include "scheduler/scheduler.h"
#include "support/loops.h"

/* -- making way ------------------------------------------------------------------------------- */

IT(says_whether_it_can_interrupt) {
  spec_bench b;
  spec_bench_open(&b, 1);
  echo_scheduler *without = spec_crew(1);
  assert_true(echo_scheduler_interrupts(b.scheduler));
  assert_false(echo_scheduler_interrupts(without));
  spec_crew_end(without);
  spec_crew_end(b.scheduler);
}

IT(gets_a_worker_out_of_an_endless_loop) {
  spec_bench b;
  spec_loop low;
  spec_bench_open(&b, 1);
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  for (int i = 1; i <= 100; i++)
    spec_bench_run_high(&b);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
  assert_true(atomic_load(&low.began) > 1);
}

IT(interrupts_normal_tasks_too_and_low_ones_for_normal_ones) {
  spec_bench b;
  spec_loop normal, low;
  spec_bench_open(&b, 1);
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  spec_loop_start(&b, &normal, ECHO_PRIORITY_NORMAL);
  spec_bench_run_high(&b);
  spec_loop_end(&normal);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
}

IT(keeps_errno) {
  spec_bench b;
  spec_loop low;
  spec_bench_open(&b, 1);
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  spec_bench_run_high(&b);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
  assert_int_equal(low.kept_errno, 0);
}

/* Whoever is slow to answer may see a second one asked, so this goes on until one was enough often
 * enough in a row. */
IT(interrupts_one_worker_for_one_task) {
  spec_bench b;
  spec_loop lows[2], normal;
  int in_a_row = 0;
  spec_bench_open(&b, 3);
  spec_loop_start(&b, &lows[0], ECHO_PRIORITY_LOW);
  spec_loop_start(&b, &lows[1], ECHO_PRIORITY_LOW);
  spec_loop_start(&b, &normal, ECHO_PRIORITY_NORMAL);
  for (int round = 0; round < 500 && in_a_row < 6; round++) {
    spec_nap();
    int before = atomic_load(&b.calls);
    spec_bench_run_high(&b);
    spec_nap();
    in_a_row = atomic_load(&b.calls) == before + 1 ? in_a_row + 1 : 0;
  }
  spec_loop_end(&lows[0]);
  spec_loop_end(&lows[1]);
  spec_loop_end(&normal);
  spec_crew_end(b.scheduler);
  assert_int_equal(in_a_row, 6);
}

/* True if the low one of two loops was interrupted first. */
static bool interrupts_low_first(bool low_began_first) {
  spec_bench b;
  spec_loop normal, low;
  spec_bench_open(&b, 2);
  spec_bench_settle(&b, 2);
  if (low_began_first) spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  spec_loop_start(&b, &normal, ECHO_PRIORITY_NORMAL);
  if (!low_began_first) spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  int where = atomic_load(&low.worker) - 1;
  spec_bench_run_high(&b);
  spec_loop_end(&normal);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
  assert_true(atomic_load(&b.calls) > 0);
  return atomic_load(&b.order[0]) == where;
}

/* A thread that is off the processor answers late and is passed over, so this goes on until it was
 * right often enough in a row; by chance it hardly ever would be. */
IT(interrupts_the_least_urgent) {
  int in_a_row = 0;
  for (int round = 0; round < 200 && in_a_row < 6; round++)
    in_a_row = interrupts_low_first(round % 2) ? in_a_row + 1 : 0;
  assert_int_equal(in_a_row, 6);
}

typedef struct asker {
  spec_bench *bench;
  bool with_equals, with_higher;
} asker;

static void ask_inside(void *argument) {
  asker *a = argument;
  spec_bench_submit(a->bench, ECHO_PRIORITY_NORMAL, true, spec_nothing, NULL);
  spec_bench_submit(a->bench, ECHO_PRIORITY_LOW, true, spec_nothing, NULL);
  a->with_equals = echo_task_should_make_way();
  spec_bench_submit(a->bench, ECHO_PRIORITY_HIGH, true, spec_nothing, NULL);
  a->with_higher = echo_task_should_make_way();
}

IT(makes_way_for_a_higher_priority_alone) {
  spec_bench b;
  spec_bench_open(&b, 1);
  asker a = {.bench = &b};
  spec_bench_submit(&b, ECHO_PRIORITY_NORMAL, true, ask_inside, &a);
  spec_crew_end(b.scheduler);
  assert_false(a.with_equals);
  assert_true(a.with_higher);
  assert_false(echo_task_should_make_way());
}

IT(interrupts_nobody_for_an_equal) {
  spec_bench b;
  spec_loop normal;
  spec_bench_open(&b, 1);
  spec_loop_start(&b, &normal, ECHO_PRIORITY_NORMAL);
  spec_bench_submit(&b, ECHO_PRIORITY_NORMAL, true, spec_nothing, NULL);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, spec_nothing, NULL);
  spec_loop_end(&normal);
  spec_crew_end(b.scheduler);
  assert_int_equal(atomic_load(&b.calls), 0);
}

IT(interrupts_no_task_that_does_not_allow_it) {
  spec_bench b;
  spec_blocker blocker;
  spec_bench_open(&b, 1);
  spec_blocker_init(&blocker);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, false, spec_blocker_run, &blocker);
  spec_gate_wait(&blocker.started);
  spec_bench_submit(&b, ECHO_PRIORITY_HIGH, false, spec_nothing, NULL);
  echo_worker_interrupt(b.scheduler, 0);
  spec_unblock(&blocker);
  spec_crew_end(b.scheduler);
  assert_int_equal(atomic_load(&b.calls), 0);
}

IT(wakes_a_sleeping_worker_rather) {
  spec_bench b;
  spec_loop low;
  spec_bench_open(&b, 2);
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  for (int round = 0; round < 20; round++) {
    SPEC_UNTIL(echo__load(&b.scheduler->idle.parked[0], seq_cst) != 0);
    spec_bench_run_high(&b);
  }
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
  assert_int_equal(atomic_load(&b.calls), 0);
}

/* -- tickets, children, waits ----------------------------------------------------------------- */

IT(gets_a_worker_for_a_task_of_a_named_queue) {
  spec_bench b;
  spec_loop low;
  const echo_task_options options = {.priority = ECHO_PRIORITY_HIGH, .queue = "few"};
  echo_task *task;
  spec_bench_open(&b, 1);
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  assert_int_equal(echo_scheduler_submit(b.scheduler, &options, spec_nothing, NULL, &task),
                   ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
}

/* The child ends the loop of its parent, which is on the only worker. */
static void have_child(void *argument) {
  spec_loop *l = argument;
  if (atomic_load(&l->began) == 0)
    spec_bench_submit(l->bench, ECHO_PRIORITY_HIGH, true, spec_loop_end, l);
  spec_loop_turn(l);
}

IT(gets_a_task_away_for_its_own_child) {
  spec_bench b;
  spec_loop low = {.bench = &b};
  spec_bench_open(&b, 1);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, have_child, &low);
  spec_crew_end(b.scheduler);
  assert_true(atomic_load(&low.began) > 1);
}

static void wait_then_turn(void *argument) {
  spec_loop *l = argument;
  if (atomic_load(&l->began) == 0) {
    echo_task *child;
    const echo_task_options options = {.priority = ECHO_PRIORITY_NORMAL};
    echo_scheduler_submit(l->bench->scheduler, &options, spec_nothing, NULL, &child);
    echo_task_wait(child, ECHO_FOREVER);
    echo_task_release(child);
  }
  spec_loop_turn(l);
}

IT(interrupts_a_task_that_has_waited) {
  spec_bench b;
  spec_loop low = {.bench = &b};
  spec_bench_open(&b, 1);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, wait_then_turn, &low);
  SPEC_UNTIL(atomic_load(&low.rounds) > 0);
  spec_bench_run_high(&b);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
}

/* -- many at once ----------------------------------------------------------------------------- */

static void *submit_highs(void *argument) {
  spec_bench *b = argument;
  for (int i = 0; i < SPEC_ROUNDS(2000); i++)
    spec_bench_run_high(b);
  return NULL;
}

IT(lets_every_urgent_task_start_whoever_submits) {
  spec_bench b;
  spec_loop lows[2], normal;
  spec_threads threads = {0};
  spec_bench_open_with(&b, 2, 61);
  spec_loop_start(&b, &lows[0], ECHO_PRIORITY_LOW);
  spec_loop_start(&b, &lows[1], ECHO_PRIORITY_LOW);
  spec_loop_start(&b, &normal, ECHO_PRIORITY_NORMAL);
  for (int i = 0; i < 3; i++)
    spec_threads_add(&threads, submit_highs, &b);
  spec_threads_join(&threads);
  spec_loop_end(&normal);
  spec_loop_end(&lows[0]);
  spec_loop_end(&lows[1]);
  spec_crew_end(b.scheduler);
}

static void must_not_be_called(void *called, unsigned worker) {
  (void)worker;
  atomic_store((atomic_bool *)called, true);
}

/* Asks by itself; the argument is set when it has made way and come back. */
static void ask_until_it_made_way(void *back) {
  if (atomic_exchange((atomic_int *)back, 1) != 0) return;
  while (!echo_task_should_make_way()) {
  }
  echo_task_again();
}

IT(leaves_it_to_tasks_to_ask_if_it_may_not_use_a_signal) {
  echo_builder *builder = NULL;
  atomic_bool called = false;
  atomic_int back = 0;
  spec_bench b = {0};
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  echo_builder_with_worker_count(builder, 1);
  echo_builder_with_interrupt(builder, must_not_be_called, &called);
  assert_int_equal(echo_builder_with_signal(builder, false), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &b.scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  assert_false(echo_scheduler_interrupts(b.scheduler));
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, ask_until_it_made_way, &back);
  SPEC_UNTIL(atomic_load(&back) == 1);
  spec_bench_run_high(&b);
  echo_worker_interrupt(b.scheduler, 0);
  spec_crew_end(b.scheduler);
  assert_false(called);
}

/* As a thread from outside does that stops: it has begun the task, in order to end it, and no
 * worker has been its home. */
IT(asks_no_worker_for_a_task_that_another_thread_ends) {
  spec_bench b;
  spec_blocker blocker;
  echo_task *task = NULL;
  echo_task_options options = {.interruptible = true};
  spec_bench_open(&b, 1);
  spec_block(b.scheduler, &blocker);
  assert_int_equal(echo_scheduler_submit(b.scheduler, &options, spec_nothing, NULL, &task),
                   ECHO_OK);
  assert_true(echo__task_begin(task));
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  echo__cancel_begun(b.scheduler, task);
  spec_unblock(&blocker);
  echo_task_release(task);
  spec_crew_end(b.scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_whether_it_can_interrupt),
      cmocka_unit_test(gets_a_worker_out_of_an_endless_loop),
      cmocka_unit_test(interrupts_normal_tasks_too_and_low_ones_for_normal_ones),
      cmocka_unit_test(keeps_errno),
      cmocka_unit_test(interrupts_one_worker_for_one_task),
      cmocka_unit_test(interrupts_the_least_urgent),
      cmocka_unit_test(makes_way_for_a_higher_priority_alone),
      cmocka_unit_test(interrupts_nobody_for_an_equal),
      cmocka_unit_test(interrupts_no_task_that_does_not_allow_it),
      cmocka_unit_test(wakes_a_sleeping_worker_rather),
      cmocka_unit_test(gets_a_worker_for_a_task_of_a_named_queue),
      cmocka_unit_test(gets_a_task_away_for_its_own_child),
      cmocka_unit_test(interrupts_a_task_that_has_waited),
      cmocka_unit_test(lets_every_urgent_task_start_whoever_submits),
      cmocka_unit_test(leaves_it_to_tasks_to_ask_if_it_may_not_use_a_signal),
      cmocka_unit_test(asks_no_worker_for_a_task_that_another_thread_ends),
  };
  return cmocka_run_group_tests_name("interrupt", tests, NULL, NULL);
}
