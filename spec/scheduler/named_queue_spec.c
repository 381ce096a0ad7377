/* Named queues: so many at once and no more, and none the fewer. */
#include "support/crew.h"

enum { TASKS = 5000 };

typedef struct meter {
  atomic_int now, most, ran;
} meter;

static void count_at_once(void *argument) {
  meter *m = argument;
  int now = atomic_fetch_add(&m->now, 1) + 1;
  int most = atomic_load(&m->most);
  while (now > most && !atomic_compare_exchange_weak(&m->most, &most, now))
    continue;
  sched_yield();
  atomic_fetch_add(&m->ran, 1);
  atomic_fetch_sub(&m->now, 1);
}

static void submit_to_few(echo_scheduler *scheduler, echo_priority priority,
                          echo_task_function function, void *argument, echo_task **task) {
  echo_task_options options = {.queue = "few", .priority = priority};
  assert_int_equal(echo_scheduler_submit(scheduler, &options, function, argument, task), ECHO_OK);
}

static void expect_limit(unsigned workers, unsigned limit) {
  meter m = {0};
  echo_scheduler *scheduler = spec_crew_with_queue(workers, limit);
  for (int i = 0; i < SPEC_ROUNDS(TASKS); i++) {
    submit_to_few(scheduler, (echo_priority)(i % 3 - 1), count_at_once, &m, NULL);
    if (i % 4 == 0) spec_submit(scheduler, spec_nothing, NULL);
  }
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&m.ran), SPEC_ROUNDS(TASKS));
  assert_in_range(atomic_load(&m.most), 1, limit);
}

IT(never_lets_more_run_than_its_limit) {
  expect_limit(2, 1);
  expect_limit(4, 1);
  expect_limit(4, 2);
  expect_limit(4, 3);
  expect_limit(2, 100);
}

/* As many tasks as the limit hold their workers until all of them run. */
typedef struct meeting {
  unsigned expected;
  atomic_uint come;
} meeting;

static void meet(void *argument) {
  meeting *m = argument;
  atomic_fetch_add(&m->come, 1);
  while (atomic_load(&m->come) < m->expected)
    sched_yield();
}

IT(lets_as_many_run_as_its_limit) {
  for (unsigned limit = 1; limit <= 4; limit++) {
    meeting m = {.expected = limit};
    echo_scheduler *scheduler = spec_crew_with_queue(4, limit);
    for (unsigned i = 0; i < limit; i++)
      submit_to_few(scheduler, ECHO_PRIORITY_NORMAL, meet, &m, NULL);
    spec_crew_end(scheduler);
    assert_int_equal(atomic_load(&m.come), limit);
  }
}

IT(holds_no_worker_while_its_slots_are_taken) {
  spec_blocker blocker;
  atomic_int others = 0, fews = 0;
  echo_scheduler *scheduler = spec_crew_with_queue(2, 1);
  spec_blocker_init(&blocker);
  submit_to_few(scheduler, ECHO_PRIORITY_HIGH, spec_blocker_run, &blocker, NULL);
  spec_gate_wait(&blocker.started);
  for (int i = 0; i < 100; i++) {
    submit_to_few(scheduler, ECHO_PRIORITY_HIGH, spec_count, &fews, NULL);
    spec_submit(scheduler, spec_count, &others);
  }
  SPEC_UNTIL(atomic_load(&others) == 100);
  assert_int_equal(atomic_load(&fews), 0);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&fews), 100);
}

IT(keeps_the_order_of_submission_with_a_limit_of_1) {
  static spec_log order;
  static spec_note notes[300];
  static int expected[300];
  echo_scheduler *scheduler = spec_crew_with_queue(4, 1);
  for (int i = 0; i < 300; i++) {
    notes[i] = (spec_note){&order, i};
    expected[i] = i;
    submit_to_few(scheduler, ECHO_PRIORITY_NORMAL, spec_note_run, &notes[i], NULL);
  }
  spec_crew_end(scheduler);
  spec_log_expect(&order, expected, 300);
}

IT(puts_the_highest_first) {
  static spec_log order;
  static spec_note notes[6];
  spec_blocker blocker;
  echo_scheduler *scheduler = spec_crew_with_queue(3, 1);
  spec_blocker_init(&blocker);
  submit_to_few(scheduler, ECHO_PRIORITY_LOW, spec_blocker_run, &blocker, NULL);
  spec_gate_wait(&blocker.started);
  const echo_priority mixed[] = {-1, 0, 1, -1, 1, 0};
  for (int i = 0; i < 6; i++) {
    notes[i] = (spec_note){&order, i};
    submit_to_few(scheduler, mixed[i], spec_note_run, &notes[i], NULL);
  }
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  const int expected[] = {2, 4, 1, 5, 0, 3};
  spec_log_expect(&order, expected, 6);
}

IT(goes_on_when_tasks_that_wait_in_it_are_cancelled) {
  enum { WAITING = 50 };
  meter m = {0};
  spec_blocker blocker;
  echo_task *tasks[WAITING];
  echo_scheduler *scheduler = spec_crew_with_queue(3, 1);
  spec_blocker_init(&blocker);
  submit_to_few(scheduler, ECHO_PRIORITY_NORMAL, spec_blocker_run, &blocker, NULL);
  spec_gate_wait(&blocker.started);
  for (int i = 0; i < WAITING; i++)
    submit_to_few(scheduler, (echo_priority)(i % 3 - 1), count_at_once, &m, &tasks[i]);
  for (int i = 0; i < WAITING; i += 2)
    assert_int_equal(echo_task_cancel(tasks[i]), ECHO_OK);
  spec_unblock(&blocker);
  for (int i = 0; i < WAITING; i++) {
    assert_int_equal(echo_task_wait(tasks[i], ECHO_FOREVER), i % 2 ? ECHO_OK : ECHO_CANCELLED);
    echo_task_release(tasks[i]);
  }
  submit_to_few(scheduler, ECHO_PRIORITY_LOW, count_at_once, &m, NULL);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&m.ran), WAITING / 2 + 1);
  assert_int_equal(atomic_load(&m.most), 1);
}

typedef struct parent {
  echo_scheduler *scheduler;
  meter *meter;
} parent;

static void submit_children(void *argument) {
  parent *p = argument;
  echo_task_options options = {.queue = "few"};
  for (int i = 0; i < 10; i++)
    echo_scheduler_submit(p->scheduler, &options, count_at_once, p->meter, NULL);
}

IT(takes_tasks_from_inside_tasks) {
  meter m = {0};
  parent p = {spec_crew_with_queue(3, 2), &m};
  for (int i = 0; i < 50; i++)
    spec_submit(p.scheduler, submit_children, &p);
  spec_crew_end(p.scheduler);
  assert_int_equal(atomic_load(&m.ran), 500);
  assert_in_range(atomic_load(&m.most), 1, 2);
}

/* -- several queues --------------------------------------------------------------------------- */

enum { QUEUES = 3 };

static const char *const queue_names[QUEUES] = {"first", "second", "third"};

typedef struct dozer {
  echo_task_options options;
  meter meter;
} dozer;

static _Thread_local bool has_dozed;

/* Without a handle it becomes known to others only now; the worker has no other task meanwhile. */
static void doze_once(void *argument) {
  dozer *d = argument;
  has_dozed = !has_dozed;
  if (!has_dozed) {
    count_at_once(&d->meter);
  } else if (echo_task_suspend() == ECHO_OK) {
    echo_task_resume(echo_task_current());
  }
}

static echo_scheduler *crew_of_one_with_queues(void) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, 1), ECHO_OK);
  for (int i = 0; i < QUEUES; i++)
    assert_int_equal(echo_builder_with_queue(builder, queue_names[i], 1), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  return scheduler;
}

IT(tells_its_queues_apart_when_tasks_suspend) {
  static dozer dozers[QUEUES];
  echo_scheduler *scheduler = crew_of_one_with_queues();
  for (int i = 0; i < QUEUES; i++) {
    dozers[i].options.queue = queue_names[i];
    for (int k = 1; k <= 10; k++) {
      assert_int_equal(
          echo_scheduler_submit(scheduler, &dozers[i].options, doze_once, &dozers[i], NULL),
          ECHO_OK);
      SPEC_UNTIL(atomic_load(&dozers[i].meter.ran) == k);
    }
  }
  spec_crew_end(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(never_lets_more_run_than_its_limit),
      cmocka_unit_test(lets_as_many_run_as_its_limit),
      cmocka_unit_test(holds_no_worker_while_its_slots_are_taken),
      cmocka_unit_test(keeps_the_order_of_submission_with_a_limit_of_1),
      cmocka_unit_test(puts_the_highest_first),
      cmocka_unit_test(goes_on_when_tasks_that_wait_in_it_are_cancelled),
      cmocka_unit_test(takes_tasks_from_inside_tasks),
      cmocka_unit_test(tells_its_queues_apart_when_tasks_suspend),
  };
  return cmocka_run_group_tests_name("named queue", tests, NULL, NULL);
}
