/* Submitting: everything accepted runs exactly once, and what is refused is refused whole. */
#include <stdlib.h>
#include <string.h>

#include "scheduler/task.h"
#include "support/crew.h"

_Static_assert(sizeof(echo_task) <= 48, "a queued task costs at most 48 bytes");

static void expect_refused(int status, echo_scheduler *scheduler, const echo_task_options *options,
                           echo_task_function function) {
  echo_task *task = NULL;
  assert_int_equal(echo_scheduler_submit(scheduler, options, function, NULL, &task), status);
  assert_null(task);
  assert_int_equal(echo_scheduler_submit(scheduler, options, function, NULL, NULL), status);
}

IT(refuses_bad_arguments_and_starts_nothing) {
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  expect_refused(ECHO_INVALID, scheduler, NULL, NULL);
  expect_refused(ECHO_INVALID, scheduler, &(echo_task_options){.priority = 2}, spec_nothing);
  expect_refused(ECHO_INVALID, scheduler, &(echo_task_options){.priority = -2}, spec_nothing);
  expect_refused(ECHO_MISSING, scheduler, &(echo_task_options){.queue = "many"}, spec_nothing);
  expect_refused(ECHO_MISSING, scheduler, &(echo_task_options){.queue = ""}, spec_nothing);
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  assert_int_equal(stats.submitted, 0);
  assert_int_equal(stats.task_bytes, 0);
  spec_crew_end(scheduler);
}

IT(refuses_everything_after_a_stop) {
  const echo_stop_mode modes[] = {ECHO_STOP_DRAIN, ECHO_STOP_CANCEL};
  for (unsigned i = 0; i < SPEC_COUNT(modes); i++) {
    echo_scheduler *scheduler = spec_crew_with_queue(2, 1);
    spec_submit(scheduler, spec_nothing, NULL);
    assert_int_equal(echo_scheduler_stop(scheduler, modes[i], ECHO_FOREVER, NULL), ECHO_OK);
    expect_refused(ECHO_STOPPED, scheduler, NULL, spec_nothing);
    expect_refused(ECHO_STOPPED, scheduler, &(echo_task_options){.queue = "few"}, spec_nothing);
    spec_crew_end(scheduler);
  }
}

/* -- from outside ----------------------------------------------------------------------------- */

enum { TASKS = 20000 };

typedef struct producer {
  echo_scheduler *scheduler;
  atomic_int *ran; /* one for each of its tasks */
  unsigned count;
} producer;

static void *produce(void *argument) {
  producer *p = argument;
  for (unsigned i = 0; i < p->count; i++) {
    echo_task_options options = {.priority = (echo_priority)((int)(i % 3) - 1)};
    if (echo_scheduler_submit(p->scheduler, &options, spec_count, &p->ran[i], NULL) != ECHO_OK) {
      atomic_fetch_add(&p->ran[i], 1000);
    }
  }
  return NULL;
}

static void expect_once_from(unsigned producers, unsigned workers) {
  static atomic_int ran[TASKS];
  unsigned each = SPEC_ROUNDS(TASKS) / producers;
  memset(ran, 0, sizeof ran);
  echo_scheduler *scheduler = spec_crew(workers);
  producer all[SPEC_THREADS];
  spec_threads threads = {0};
  for (unsigned i = 0; i < producers; i++) {
    all[i] = (producer){scheduler, ran + i * each, each};
    spec_threads_add(&threads, produce, &all[i]);
  }
  spec_threads_join(&threads);
  spec_crew_end(scheduler);
  for (unsigned i = 0; i < producers * each; i++)
    assert_int_equal(atomic_load(&ran[i]), 1);
}

IT(runs_every_task_of_one_thread_once) {
  expect_once_from(1, 1);
  expect_once_from(1, 4);
}

IT(runs_every_task_of_many_threads_once) {
  expect_once_from(3, 2);
  expect_once_from(16, 3);
}

/* The first submit starts the workers; here many threads make it at once. */
IT(starts_once_whoever_comes_first) {
  for (int round = 0; round < 50; round++) {
    static atomic_int ran[8];
    memset(ran, 0, sizeof ran);
    echo_scheduler *scheduler = spec_crew(2);
    producer all[8];
    spec_threads threads = {0};
    for (int i = 0; i < 8; i++) {
      all[i] = (producer){scheduler, ran + i, 1};
      spec_threads_add(&threads, produce, &all[i]);
    }
    spec_threads_join(&threads);
    spec_crew_end(scheduler);
    for (int i = 0; i < 8; i++)
      assert_int_equal(atomic_load(&ran[i]), 1);
  }
}

/* -- from inside ------------------------------------------------------------------------------ */

typedef struct tree {
  echo_scheduler *scheduler;
  atomic_int leaves, refused;
} tree;

typedef struct branch {
  tree *tree;
  int depth;
} branch;

static void grow(void *argument);

static void grow_child(tree *t, int depth) {
  branch *child = malloc(sizeof *child);
  *child = (branch){t, depth};
  if (echo_scheduler_submit(t->scheduler, NULL, grow, child, NULL) != ECHO_OK) {
    atomic_fetch_add(&t->refused, 1);
  }
}

static void grow(void *argument) {
  branch self = *(branch *)argument;
  free(argument);
  if (self.depth == 0) {
    atomic_fetch_add(&self.tree->leaves, 1);
    return;
  }
  for (int i = 0; i < 4; i++)
    grow_child(self.tree, self.depth - 1);
}

IT(runs_every_task_that_tasks_submit) {
  const unsigned workers[] = {1, 2, 4};
  for (unsigned i = 0; i < SPEC_COUNT(workers); i++) {
    tree t = {.scheduler = spec_crew(workers[i])};
    grow_child(&t, 6);
    spec_crew_end(t.scheduler);
    assert_int_equal(atomic_load(&t.refused), 0);
    assert_int_equal(atomic_load(&t.leaves), 4096);
  }
}

typedef struct burst {
  echo_scheduler *scheduler;
  atomic_int ran;
} burst;

enum { BURST = 5000 };

static void submit_burst(void *argument) {
  burst *b = argument;
  for (int i = 0; i < BURST; i++)
    echo_scheduler_submit(b->scheduler, NULL, spec_count, &b->ran, NULL);
}

IT(takes_more_from_inside_than_a_worker_s_deque_holds) {
  burst b = {.scheduler = spec_crew(2)};
  spec_submit(b.scheduler, submit_burst, &b);
  spec_crew_end(b.scheduler);
  assert_int_equal(atomic_load(&b.ran), BURST);
}

/* A task of one scheduler is an outsider to another. */
typedef struct errand {
  echo_scheduler *other;
  atomic_int index, there;
} errand;

static void note_index(void *argument) {
  errand *e = argument;
  atomic_store(&e->there, echo_worker_index(e->other));
}

static void run_errand(void *argument) {
  errand *e = argument;
  atomic_store(&e->index, echo_worker_index(e->other));
  echo_scheduler_submit(e->other, NULL, note_index, e, NULL);
}

IT(takes_tasks_from_the_workers_of_another_scheduler) {
  echo_scheduler *one = spec_crew(1);
  errand e = {.other = spec_crew(1), .index = 77, .there = 77};
  spec_submit(one, run_errand, &e);
  spec_crew_end(one);
  spec_crew_end(e.other);
  assert_int_equal(atomic_load(&e.index), -1);
  assert_int_equal(atomic_load(&e.there), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_bad_arguments_and_starts_nothing),
      cmocka_unit_test(refuses_everything_after_a_stop),
      cmocka_unit_test(runs_every_task_of_one_thread_once),
      cmocka_unit_test(runs_every_task_of_many_threads_once),
      cmocka_unit_test(starts_once_whoever_comes_first),
      cmocka_unit_test(runs_every_task_that_tasks_submit),
      cmocka_unit_test(takes_more_from_inside_than_a_worker_s_deque_holds),
      cmocka_unit_test(takes_tasks_from_the_workers_of_another_scheduler),
  };
  return cmocka_run_group_tests_name("submit", tests, NULL, NULL);
}
