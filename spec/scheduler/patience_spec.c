/* Who is asked if the first does not answer, and who is left alone for a while. */
#include "base/wait.h"
#include "support/loops.h"

/* -- passing over ----------------------------------------------------------------------------- */

/* The first is asked, since it stands first, and does not react, as in a long C function. */
IT(passes_over_a_worker_that_does_not_react) {
  spec_bench b;
  spec_blocker deaf[3];
  spec_loop low;
  spec_bench_open(&b, 4);
  for (int i = 0; i < 3; i++) {
    spec_blocker_init(&deaf[i]);
    spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, spec_blocker_run, &deaf[i]);
    spec_gate_wait(&deaf[i].started);
  }
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  for (int i = 0; i < 20; i++)
    spec_bench_run_high(&b);
  for (int i = 0; i < 3; i++)
    spec_unblock(&deaf[i]);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
}

IT(asks_nobody_twice_who_has_not_answered) {
  spec_bench b;
  spec_blocker deaf;
  atomic_int count = 0;
  spec_bench_open(&b, 1);
  spec_blocker_init(&deaf);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, spec_blocker_run, &deaf);
  spec_gate_wait(&deaf.started);
  for (int i = 0; i < 10; i++) {
    spec_bench_submit(&b, ECHO_PRIORITY_HIGH, true, spec_count, &count);
    spec_nap();
  }
  int calls = atomic_load(&b.calls);
  spec_unblock(&deaf);
  spec_crew_end(b.scheduler);
  assert_int_equal(calls, 1);
  assert_int_equal(atomic_load(&count), 10);
}

/* -- fairness --------------------------------------------------------------------------------- */

/* The highs are all queued before the loop begins, and nobody comes to ask after that. */
IT(interrupts_it_when_the_while_is_over) {
  spec_bench b;
  spec_loop low = {.bench = &b};
  spec_blocker blocker;
  atomic_int count = 0;
  spec_bench_open_with(&b, 1, 3);
  spec_block(b.scheduler, &blocker);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, spec_loop_turn, &low);
  for (int i = 0; i < 20; i++)
    spec_bench_submit(&b, ECHO_PRIORITY_HIGH, true, spec_count, &count);
  spec_unblock(&blocker);
  SPEC_UNTIL(atomic_load(&count) == 20);
  spec_loop_end(&low);
  spec_crew_end(b.scheduler);
  assert_true(atomic_load(&low.began) > 1);
}

enum { MILLISECOND = 1000000 };

/* Lets itself be queued again and again, so that a high task always waits. */
static void again_until_over(void *argument) {
  if (!atomic_load(&((spec_loop *)argument)->over)) echo_task_again();
}

typedef struct turns {
  atomic_int count, whole; /* of them, those that lasted for the grace */
} turns;

static void take_turn(void *argument) {
  turns *t = argument;
  uint64_t start = echo__now();
  while (!echo_task_should_make_way()) {
  }
  if (echo__now() - start > MILLISECOND * 9 / 10) atomic_fetch_add(&t->whole, 1);
  if (atomic_fetch_add(&t->count, 1) + 1 < 20) echo_task_again();
}

/* The grace counts from before the task's first step, and the thread may be held up in between. */
IT(leaves_a_task_alone_for_a_while_whose_turn_it_was_by_fairness) {
  spec_bench b;
  spec_loop highs = {.bench = &b};
  turns t = {0};
  spec_bench_open_with(&b, 1, 5);
  for (int i = 0; i < 2; i++)
    spec_bench_submit(&b, ECHO_PRIORITY_HIGH, true, again_until_over, &highs);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, take_turn, &t);
  SPEC_UNTIL(atomic_load(&t.count) == 20);
  spec_loop_end(&highs);
  spec_crew_end(b.scheduler);
  assert_true(atomic_load(&t.whole) > 10);
}

/* A low loop that was told that it makes way, while highs keep coming; and the rate of its turns.
 */
static void count_and_go_again(void *argument) {
  spec_loop *l = argument;
  atomic_fetch_add(&l->began, 1);
  if (!atomic_load(&l->over)) echo_task_again();
}

IT(starts_lower_ones_no_more_often_than_it_is_told) {
  spec_bench b;
  spec_loop highs = {.bench = &b}, lows = {.bench = &b};
  spec_blocker blocker;
  spec_bench_open_with(&b, 1, 10);
  spec_block(b.scheduler, &blocker);
  for (int i = 0; i < 2; i++)
    spec_bench_submit(&b, ECHO_PRIORITY_HIGH, true, count_and_go_again, &highs);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, count_and_go_again, &lows);
  spec_unblock(&blocker);
  SPEC_UNTIL(atomic_load(&lows.began) >= 100);
  int low_starts = atomic_load(&lows.began);
  int high_starts = atomic_load(&highs.began); /* the later look is at what only has to be enough */
  spec_loop_end(&highs);
  spec_loop_end(&lows);
  spec_crew_end(b.scheduler);
  assert_true(high_starts >= 9 * (low_starts - 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(passes_over_a_worker_that_does_not_react),
      cmocka_unit_test(asks_nobody_twice_who_has_not_answered),
      cmocka_unit_test(interrupts_it_when_the_while_is_over),
      cmocka_unit_test(leaves_a_task_alone_for_a_while_whose_turn_it_was_by_fairness),
      cmocka_unit_test(starts_lower_ones_no_more_often_than_it_is_told),
  };
  return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
