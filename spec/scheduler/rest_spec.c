/* Workers that have nothing to do sleep, and are woken when they have. */
#include <sys/resource.h>
#include <time.h>

#include "scheduler/scheduler.h"
#include "support/crew.h"

static uint64_t parked(echo_scheduler *scheduler) {
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  return stats.parked;
}

static double processor_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* After a burst the workers may get up once more, to give memory back; then they must stay down. */
IT(sleeps_for_good_while_there_is_nothing_to_do) {
  echo_scheduler *scheduler = spec_crew(4);
  atomic_int count = 0;
  for (int i = 0; i < 1000; i++)
    spec_submit(scheduler, spec_count, &count);
  SPEC_UNTIL(atomic_load(&count) == 1000);
  bool slept = false;
  for (int tries = 0; tries < 8 && !slept; tries++) {
    uint64_t before = parked(scheduler);
    double used = processor_seconds();
    nanosleep(&(struct timespec){.tv_nsec = 700000000}, NULL);
    slept = parked(scheduler) == before && processor_seconds() - used < 0.1;
  }
  assert_true(slept);
  spec_crew_end(scheduler);
}

static unsigned lying(echo_scheduler *scheduler) {
  unsigned count = 0;
  for (int i = 0; i < ECHO__PARKED_WORDS; i++)
    count += (unsigned)__builtin_popcountll(echo__load(&scheduler->idle.parked[i], relaxed));
  return count;
}

IT(wakes_one_worker_for_one_task) {
  enum { WORKERS = 4, ROUNDS = 300 };
  echo_scheduler *scheduler = spec_crew(WORKERS);
  atomic_int count = 0;
  spec_submit(scheduler, spec_count, &count);
  SPEC_UNTIL(lying(scheduler) == WORKERS);
  uint64_t before = parked(scheduler);
  for (int i = 0; i < ROUNDS; i++) {
    spec_submit(scheduler, spec_count, &count);
    while (atomic_load(&count) < i + 2 || lying(scheduler) < WORKERS)
      sched_yield();
  }
  assert_in_range(parked(scheduler) - before, ROUNDS / 2, ROUNDS + ROUNDS / 2);
  spec_crew_end(scheduler);
}

/* Tasks that hold their workers until all of them run: each submit has to wake another. */
typedef struct meeting {
  unsigned expected;
  atomic_uint come, gone;
  spec_gate complete;
  echo_scheduler *scheduler;
} meeting;

static void meet(void *argument) {
  meeting *m = argument;
  if (atomic_fetch_add(&m->come, 1) + 1 == m->expected) spec_gate_open(&m->complete);
  spec_gate_wait(&m->complete);
  atomic_fetch_add(&m->gone, 1);
}

static void call_meeting(void *argument) {
  meeting *m = argument;
  for (unsigned i = 1; i < m->expected; i++)
    echo_scheduler_submit(m->scheduler, NULL, meet, m, NULL);
  meet(m);
}

static void expect_meetings(unsigned workers, int rounds, bool from_inside) {
  echo_scheduler *scheduler = spec_crew(workers);
  for (int round = 0; round < rounds; round++) {
    meeting m = {.expected = workers, .complete = SPEC_GATE, .scheduler = scheduler};
    for (unsigned i = 0; i < (from_inside ? 1 : workers); i++)
      spec_submit(scheduler, from_inside ? call_meeting : meet, &m);
    while (atomic_load(&m.gone) < workers)
      sched_yield();
  }
  spec_crew_end(scheduler);
}

IT(wakes_as_many_workers_as_there_are_tasks) {
  expect_meetings(2, SPEC_ROUNDS(2000), false);
  expect_meetings(4, SPEC_ROUNDS(1000), false);
  expect_meetings(70, 5, false);
}

IT(wakes_as_many_workers_as_a_task_submits_tasks) {
  expect_meetings(2, SPEC_ROUNDS(500), true);
  expect_meetings(4, SPEC_ROUNDS(500), true);
  expect_meetings(70, 5, true);
}

/* One task at a time, with a pause before it that grows and shrinks: now the worker still looks
 * round, now it is about to lie down, now it sleeps. */
static void submit_one_by_one(unsigned workers) {
  echo_scheduler *scheduler = spec_crew(workers);
  atomic_int count = 0;
  for (int i = 0; i < SPEC_ROUNDS(50000); i++) {
    spec_submit(scheduler, spec_count, &count);
    while (atomic_load(&count) <= i)
      echo__pause();
    for (int k = 0; k < i % 200; k++)
      echo__pause();
  }
  spec_crew_end(scheduler);
}

IT(sleeps_through_no_task) {
  submit_one_by_one(1);
  submit_one_by_one(2);
}

typedef struct pair {
  echo_scheduler *scheduler;
  int rounds;
} pair;

static void hand_to_the_other(void *argument) {
  pair *p = argument;
  atomic_int count = 0;
  for (int i = 0; i < p->rounds; i++) {
    echo_scheduler_submit(p->scheduler, NULL, spec_count, &count, NULL);
    while (atomic_load(&count) <= i)
      echo__pause();
    for (int k = 0; k < i % 200; k++)
      echo__pause();
  }
}

IT(sleeps_through_no_task_of_another_worker) {
  pair p = {spec_crew(2), SPEC_ROUNDS(50000)};
  spec_submit(p.scheduler, hand_to_the_other, &p);
  spec_crew_end(p.scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sleeps_for_good_while_there_is_nothing_to_do),
      cmocka_unit_test(wakes_one_worker_for_one_task),
      cmocka_unit_test(wakes_as_many_workers_as_there_are_tasks),
      cmocka_unit_test(wakes_as_many_workers_as_a_task_submits_tasks),
      cmocka_unit_test(sleeps_through_no_task),
      cmocka_unit_test(sleeps_through_no_task_of_another_worker),
  };
  return cmocka_run_group_tests_name("rest", tests, NULL, NULL);
}
