/* Workers that are kept free for high tasks. */
#include "scheduler/scheduler.h"
#include "support/loops.h"

enum { ORDINARY, URGENT };

static echo_scheduler *scheduler;

static void make(unsigned workers, unsigned urgent) {
  echo_builder *builder;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  assert_int_equal(echo_builder_with_urgent_workers(builder, urgent), ECHO_OK);
  assert_int_equal(echo_builder_with_queue(builder, "few", 1), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
}

static echo_task *submit(echo_priority priority, echo_task_function function, void *argument) {
  echo_task *task;
  echo_task_options options = {.priority = priority};
  assert_int_equal(echo_scheduler_submit(scheduler, &options, function, argument, &task), ECHO_OK);
  return task;
}

static void end_task(echo_task *task) {
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
}

static void note_worker(void *place) {
  atomic_store((atomic_int *)place, echo_worker_index(scheduler));
}

/* The worker that runs such a task. */
static int runner_of(echo_priority priority) {
  atomic_int place = -1;
  end_task(submit(priority, note_worker, &place));
  return atomic_load(&place);
}

/* -- what they take --------------------------------------------------------------------------- */

IT(runs_high_tasks_while_all_ordinary_workers_are_stuck) {
  spec_blocker blockers[2];
  make(2, 1);
  for (int i = 0; i < 2; i++)
    spec_block(scheduler, &blockers[i]);
  for (int i = 0; i < 100; i++)
    assert_int_equal(runner_of(ECHO_PRIORITY_HIGH), 2);
  for (int i = 0; i < 2; i++)
    spec_unblock(&blockers[i]);
  spec_crew_end(scheduler);
}

IT(leaves_all_others_to_the_ordinary_workers) {
  spec_blocker blocker;
  make(1, 2);
  spec_block(scheduler, &blocker);
  atomic_int normal = -1, low = -1;
  echo_task *tasks[] = {submit(ECHO_PRIORITY_NORMAL, note_worker, &normal),
                        submit(ECHO_PRIORITY_LOW, note_worker, &low)};
  for (int i = 0; i < 100; i++)
    assert_in_range(runner_of(ECHO_PRIORITY_HIGH), 1, 2);
  assert_int_equal(atomic_load(&normal), -1);
  assert_int_equal(atomic_load(&low), -1);
  spec_unblock(&blocker);
  for (int i = 0; i < 2; i++)
    end_task(tasks[i]);
  assert_int_equal(atomic_load(&normal), ORDINARY);
  assert_int_equal(atomic_load(&low), ORDINARY);
  spec_crew_end(scheduler);
}

/* The first one's `more` wakes the second, whoever took the first. */
IT(has_as_many_high_tasks_at_once_as_there_are) {
  spec_blocker low, high[3];
  make(1, 3);
  spec_block(scheduler, &low);
  echo_task *tasks[3];
  for (int i = 0; i < 3; i++) {
    spec_blocker_init(&high[i]);
    tasks[i] = submit(ECHO_PRIORITY_HIGH, spec_blocker_run, &high[i]);
  }
  for (int i = 0; i < 3; i++)
    spec_gate_wait(&high[i].started);
  for (int i = 0; i < 3; i++)
    spec_unblock(&high[i]);
  for (int i = 0; i < 3; i++)
    end_task(tasks[i]);
  spec_unblock(&low);
  spec_crew_end(scheduler);
}

typedef struct stuck {
  spec_blocker blocker;
  atomic_int place;
} stuck;

static void submit_high_and_block(void *argument) {
  stuck *s = argument;
  echo_task_options options = {.priority = ECHO_PRIORITY_HIGH};
  echo_scheduler_submit(scheduler, &options, note_worker, &s->place, NULL);
  spec_blocker_run(&s->blocker);
}

IT(takes_high_tasks_out_of_a_stuck_worker_s_deque) {
  stuck s = {.place = -1};
  make(1, 1);
  spec_blocker_init(&s.blocker);
  spec_submit(scheduler, submit_high_and_block, &s);
  SPEC_UNTIL(atomic_load(&s.place) == URGENT);
  spec_unblock(&s.blocker);
  spec_crew_end(scheduler);
}

IT(takes_high_tasks_of_named_queues) {
  spec_blocker blocker;
  make(1, 1);
  spec_block(scheduler, &blocker);
  echo_task_options options = {.priority = ECHO_PRIORITY_HIGH, .queue = "few"};
  atomic_int places[2] = {-1, -1};
  for (int i = 0; i < 2; i++)
    assert_int_equal(echo_scheduler_submit(scheduler, &options, note_worker, &places[i], NULL),
                     ECHO_OK);
  for (int i = 0; i < 2; i++)
    SPEC_UNTIL(atomic_load(&places[i]) == URGENT);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
}

static bool one_sleeps(echo__idle *idle) {
  uint64_t parked = echo__load(&idle->parked[0], relaxed);
  return parked != 0 && (parked & (parked - 1)) == 0 && echo__load(&idle->searching, relaxed) == 0;
}

/* One of the ordinary workers and the urgent one. */
static bool both_sleep(void) {
  return one_sleeps(&scheduler->idle) && one_sleeps(&scheduler->urgent);
}

IT(prefers_an_ordinary_worker_that_is_idle) {
  make(1, 1);
  end_task(submit(ECHO_PRIORITY_LOW, spec_nothing, NULL));
  for (int i = 0; i < 20; i++) {
    SPEC_UNTIL(both_sleep());
    assert_int_equal(runner_of(ECHO_PRIORITY_HIGH), ORDINARY);
  }
  spec_crew_end(scheduler);
}

/* -- interruptions ---------------------------------------------------------------------------- */

/* Who finds the first leaves the second to the urgent worker, not to one that has to make way. */
IT(interrupts_nobody_for_what_an_urgent_worker_comes_for) {
  enum { ROUNDS = SPEC_ROUNDS(1000) };
  spec_bench b;
  spec_loop low;
  spec_bench_open_urgent(&b, 2, 1);
  scheduler = b.scheduler;
  spec_crew_gather(scheduler, 2);
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  for (int i = 0; i < ROUNDS; i++) {
    SPEC_UNTIL(both_sleep());
    echo_task *first = submit(ECHO_PRIORITY_HIGH, spec_nothing, NULL);
    echo_task *second = submit(ECHO_PRIORITY_HIGH, spec_nothing, NULL);
    end_task(first);
    end_task(second);
  }
  spec_loop_end(&low);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&b.calls), 0);
}

/* An urgent worker is no help for a normal one, whether it comes for a high one or sleeps. */
IT(interrupts_a_low_task_for_a_normal_one) {
  spec_bench b;
  spec_loop low;
  spec_bench_open_urgent(&b, 1, 1);
  scheduler = b.scheduler;
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  for (int i = 0; i < 100; i++) {
    echo_task *high = submit(ECHO_PRIORITY_HIGH, spec_nothing, NULL);
    echo_task *normal = submit(ECHO_PRIORITY_NORMAL, spec_nothing, NULL);
    end_task(high);
    end_task(normal);
    end_task(submit(ECHO_PRIORITY_NORMAL, spec_nothing, NULL));
  }
  spec_loop_end(&low);
  spec_crew_end(scheduler);
}

IT(interrupts_a_low_task_when_the_urgent_workers_are_busy) {
  spec_bench b;
  spec_loop low;
  spec_blocker high;
  spec_bench_open_urgent(&b, 1, 1);
  scheduler = b.scheduler;
  spec_loop_start(&b, &low, ECHO_PRIORITY_LOW);
  SPEC_UNTIL(one_sleeps(&scheduler->urgent)); /* its thread may only just have started */
  spec_blocker_init(&high);
  echo_task *task = submit(ECHO_PRIORITY_HIGH, spec_blocker_run, &high);
  spec_gate_wait(&high.started);
  assert_int_equal(atomic_load(&b.calls), 0);
  assert_int_equal(runner_of(ECHO_PRIORITY_HIGH), ORDINARY);
  assert_true(atomic_load(&b.calls) > 0);
  spec_unblock(&high);
  end_task(task);
  spec_loop_end(&low);
  spec_crew_end(scheduler);
}

/* -- what a task does there ------------------------------------------------------------------- */

typedef struct parent {
  atomic_int low, high, self;
} parent;

static void submit_children(void *argument) {
  parent *p = argument;
  echo_task_options low = {.priority = ECHO_PRIORITY_LOW}, high = {.priority = ECHO_PRIORITY_HIGH};
  echo_scheduler_submit(scheduler, &low, note_worker, &p->low, NULL);
  echo_task *child;
  echo_scheduler_submit(scheduler, &high, note_worker, &p->high, &child);
  echo_task_wait(child, ECHO_FOREVER);
  echo_task_release(child);
  note_worker(&p->self);
}

IT(runs_high_children_itself_and_leaves_low_ones_to_others) {
  spec_blocker blocker;
  parent p = {-1, -1, -1};
  make(1, 1);
  spec_block(scheduler, &blocker);
  end_task(submit(ECHO_PRIORITY_HIGH, submit_children, &p));
  assert_int_equal(atomic_load(&p.self), URGENT);
  assert_int_equal(atomic_load(&p.high), URGENT);
  assert_int_equal(atomic_load(&p.low), -1);
  spec_unblock(&blocker);
  SPEC_UNTIL(atomic_load(&p.low) == ORDINARY);
  spec_crew_end(scheduler);
}

typedef struct sleeper {
  atomic_int calls, places[2];
} sleeper;

static void suspend_once(void *argument) {
  sleeper *s = argument;
  int call = atomic_load(&s->calls);
  note_worker(&s->places[call]);
  if (call == 0) echo_task_suspend();
  atomic_store(&s->calls, call + 1);
}

IT(goes_on_there_with_what_was_suspended_there_even_if_it_is_low_by_now) {
  spec_blocker blocker;
  sleeper s = {0, {-1, -1}};
  make(1, 1);
  spec_block(scheduler, &blocker);
  echo_task *task = submit(ECHO_PRIORITY_HIGH, suspend_once, &s);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  assert_int_equal(echo_task_set_priority(task, ECHO_PRIORITY_LOW), ECHO_OK);
  echo_task_resume(task);
  end_task(task);
  assert_int_equal(atomic_load(&s.places[0]), URGENT);
  assert_int_equal(atomic_load(&s.places[1]), URGENT);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
}

typedef struct lowered {
  spec_loop loop;
  bool was_here;
} lowered;

static void suspend_and_loop(void *argument) {
  lowered *l = argument;
  if (l->was_here)
    spec_loop_turn(&l->loop);
  else
    echo_task_suspend();
  l->was_here = true;
}

/* Where it goes on it makes way, though the worker is no ordinary one. */
IT(interrupts_what_has_become_low_there) {
  spec_bench b;
  spec_blocker blocker;
  spec_bench_open_urgent(&b, 1, 1);
  scheduler = b.scheduler;
  spec_block(scheduler, &blocker);
  lowered l = {.loop = {.bench = &b}};
  echo_task *task;
  echo_task_options options = {.priority = ECHO_PRIORITY_HIGH, .interruptible = true};
  assert_int_equal(echo_scheduler_submit(scheduler, &options, suspend_and_loop, &l, &task),
                   ECHO_OK);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  assert_int_equal(echo_task_set_priority(task, ECHO_PRIORITY_LOW), ECHO_OK);
  echo_task_resume(task);
  for (int i = 0; i < 20; i++) {
    int rounds = atomic_load(&l.loop.rounds);
    SPEC_UNTIL(atomic_load(&l.loop.rounds) > rounds);
    SPEC_UNTIL(echo__load(&scheduler->interrupts.bells[URGENT].rung, relaxed) == 0);
    assert_int_equal(runner_of(ECHO_PRIORITY_HIGH), URGENT);
  }
  spec_loop_end(&l.loop);
  end_task(task);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_true(atomic_load(&b.called[URGENT]) > 0);
}

/* -- the end ---------------------------------------------------------------------------------- */

static void cancel_all(void) {
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  echo_scheduler_release(scheduler);
}

IT(is_part_of_a_stop_that_cancels) {
  spec_blocker blocker;
  sleeper s = {0, {-1, -1}};
  make(1, 1);
  spec_block(scheduler, &blocker);
  echo_task *task = submit(ECHO_PRIORITY_HIGH, suspend_once, &s);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  spec_unblock(&blocker);
  cancel_all();
  assert_int_equal(echo_task_get_state(task), ECHO_TASK_CANCELLED);
  assert_int_equal(atomic_load(&s.places[1]), URGENT);
  echo_task_release(task);
}

static void *drain(void *status) {
  *(int *)status = echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
  return NULL;
}

/* The ordinary worker sleeps by then, and tells nothing more. */
IT(lets_a_stop_go_on_that_waits_for_it_alone) {
  spec_blocker low, high;
  spec_threads threads = {0};
  int status = -1;
  make(1, 1);
  spec_block(scheduler, &low);
  spec_blocker_init(&high);
  echo_task *task = submit(ECHO_PRIORITY_HIGH, spec_blocker_run, &high);
  spec_gate_wait(&high.started);
  spec_threads_add(&threads, drain, &status);
  SPEC_UNTIL(echo__load(&scheduler->phase, relaxed) == ECHO__DRAINING);
  spec_unblock(&low);
  SPEC_UNTIL(one_sleeps(&scheduler->idle));
  spec_nap(); /* one shows that it sleeps before it tells the stop */
  spec_unblock(&high);
  spec_threads_join(&threads);
  assert_int_equal(status, ECHO_OK);
  end_task(task);
  echo_scheduler_release(scheduler);
}

IT(stops_without_having_done_anything) {
  make(1, 3);
  spec_crew_end(scheduler);
  make(1, 3);
  spec_submit(scheduler, spec_nothing, NULL);
  spec_crew_end(scheduler);
}

IT(runs_all_of_a_stream_of_mixed_tasks) {
  enum { TASKS = SPEC_ROUNDS(20000) };
  atomic_int count = 0;
  make(2, 2);
  for (int i = 0; i < TASKS; i++) {
    echo_task_options options = {.priority = (echo_priority)(i % 3 - 1)};
    assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_count, &count, NULL), ECHO_OK);
    if (i % 64 == 0) SPEC_UNTIL(atomic_load(&count) >= i - 8);
  }
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), TASKS);
}

/* -- the builder, stats ----------------------------------------------------------------------- */

IT(refuses_more_workers_in_all_than_there_may_be) {
  echo_builder *builder;
  echo_builder_create(&builder);
  assert_int_equal(echo_builder_with_worker_count(builder, 1000), ECHO_OK);
  assert_int_equal(echo_builder_with_urgent_workers(builder, 25), ECHO_INVALID);
  assert_int_equal(echo_builder_worker_count(builder), 1000);
  assert_int_equal(echo_builder_with_urgent_workers(builder, 24), ECHO_OK);
  assert_int_equal(echo_builder_worker_count(builder), 1024);
  assert_int_equal(echo_builder_with_worker_count(builder, 1001), ECHO_INVALID);
  echo_builder_destroy(builder);
}

IT(tells_in_stats_which_they_are) {
  spec_blocker blocker;
  make(1, 1);
  spec_block(scheduler, &blocker);
  assert_int_equal(runner_of(ECHO_PRIORITY_HIGH), URGENT);
  spec_unblock(&blocker);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  assert_int_equal(stats.workers, 2);
  assert_int_equal(stats.urgent_workers, 1);
  for (unsigned i = 0; i < 2; i++) {
    echo_worker_stats worker;
    assert_int_equal(echo_scheduler_worker_stats(scheduler, i, &worker), ECHO_OK);
    assert_int_equal(worker.urgent, i == URGENT);
    assert_int_equal(worker.executed, 1);
  }
  spec_crew_end(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_high_tasks_while_all_ordinary_workers_are_stuck),
      cmocka_unit_test(leaves_all_others_to_the_ordinary_workers),
      cmocka_unit_test(has_as_many_high_tasks_at_once_as_there_are),
      cmocka_unit_test(takes_high_tasks_out_of_a_stuck_worker_s_deque),
      cmocka_unit_test(takes_high_tasks_of_named_queues),
      cmocka_unit_test(prefers_an_ordinary_worker_that_is_idle),
      cmocka_unit_test(interrupts_nobody_for_what_an_urgent_worker_comes_for),
      cmocka_unit_test(interrupts_a_low_task_for_a_normal_one),
      cmocka_unit_test(interrupts_a_low_task_when_the_urgent_workers_are_busy),
      cmocka_unit_test(runs_high_children_itself_and_leaves_low_ones_to_others),
      cmocka_unit_test(goes_on_there_with_what_was_suspended_there_even_if_it_is_low_by_now),
      cmocka_unit_test(interrupts_what_has_become_low_there),
      cmocka_unit_test(is_part_of_a_stop_that_cancels),
      cmocka_unit_test(lets_a_stop_go_on_that_waits_for_it_alone),
      cmocka_unit_test(stops_without_having_done_anything),
      cmocka_unit_test(runs_all_of_a_stream_of_mixed_tasks),
      cmocka_unit_test(refuses_more_workers_in_all_than_there_may_be),
      cmocka_unit_test(tells_in_stats_which_they_are),
  };
  return cmocka_run_group_tests_name("urgent", tests, NULL, NULL);
}
