/* Tasks that leave their worker in the middle and come back to it. */
#include "support/allocations.h"
#include "support/crew.h"

static echo_task *submit_with_handle(echo_scheduler *scheduler, const echo_task_options *options,
                                     echo_task_function function, void *argument) {
  echo_task *task = NULL;
  assert_int_equal(echo_scheduler_submit(scheduler, options, function, argument, &task), ECHO_OK);
  return task;
}

/* A task that suspends `rounds` times and tells each time who it is. */
typedef struct sleeper {
  echo_scheduler *scheduler;
  int rounds;
  atomic_int ran, astray, failed, ended_ok, ended_cancelled;
  int home;
  echo_task *_Atomic self; /* set when it is about to suspend */
} sleeper;

static void doze(void *argument) {
  sleeper *s = argument;
  int worker = echo_worker_index(s->scheduler);
  if (atomic_load(&s->ran) == 0) s->home = worker;
  if (s->home != worker) atomic_fetch_add(&s->astray, 1);
  if (atomic_fetch_add(&s->ran, 1) >= s->rounds) return;
  if (echo_task_suspend() != ECHO_OK) atomic_fetch_add(&s->failed, 1);
  atomic_store(&s->self, echo_task_current());
}

static void note_sleeper(void *argument, int status) {
  sleeper *s = argument;
  atomic_fetch_add(status == ECHO_OK ? &s->ended_ok : &s->ended_cancelled, 1);
}

static const echo_task_options with_end = {.on_end = note_sleeper};

/* Waits until the task is about to suspend once more, and resumes it. */
static void resume_once(sleeper *s) {
  echo_task *self;
  SPEC_UNTIL((self = atomic_exchange(&s->self, NULL)) != NULL);
  echo_task_resume(self);
}

static void expect_done(sleeper *s) {
  assert_int_equal(atomic_load(&s->ran), s->rounds + 1);
  assert_int_equal(atomic_load(&s->ended_ok), 1);
  assert_int_equal(atomic_load(&s->ended_cancelled), 0);
  assert_int_equal(atomic_load(&s->astray) + atomic_load(&s->failed), 0);
}

IT(calls_the_task_again_on_the_same_worker_after_each_resume) {
  echo_scheduler *scheduler = spec_crew(3);
  for (int held = 0; held < 2; held++) {
    sleeper s = {.scheduler = scheduler, .rounds = 50};
    echo_task *task = NULL;
    assert_int_equal(echo_scheduler_submit(scheduler, &with_end, doze, &s, held ? &task : NULL),
                     ECHO_OK);
    for (int i = 0; i < s.rounds; i++)
      resume_once(&s);
    SPEC_UNTIL(atomic_load(&s.ended_ok) == 1);
    expect_done(&s);
    if (held) assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
    echo_task_release(task);
  }
  spec_crew_end(scheduler);
}

IT(is_refused_outside_of_a_task) {
  assert_int_equal(echo_task_suspend(), ECHO_INVALID);
  assert_null(echo_task_current());
}

static void expect_suspended(echo_scheduler *scheduler, uint64_t count) {
  echo_stats stats;
  do {
    spec_nap();
    echo_scheduler_stats(scheduler, &stats);
  } while (stats.suspended != count);
}

IT(holds_no_worker_and_shows_as_suspended) {
  echo_scheduler *scheduler = spec_crew(1);
  sleeper s = {.scheduler = scheduler, .rounds = 1};
  echo_task *task = submit_with_handle(scheduler, &with_end, doze, &s);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  expect_suspended(scheduler, 1);
  atomic_int count = 0;
  echo_task *other = spec_submit_held(scheduler, spec_count, &count);
  assert_int_equal(echo_task_wait(other, ECHO_FOREVER), ECHO_OK);
  echo_task_release(other);
  assert_int_equal(echo_task_wait(task, 0), ECHO_TIMEOUT);
  resume_once(&s);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  expect_suspended(scheduler, 0);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

typedef struct early {
  int resumes;
  atomic_int ran;
} early;

static void resume_itself(void *argument) {
  early *e = argument;
  if (atomic_fetch_add(&e->ran, 1) > 0) return;
  echo_task_suspend();
  for (int i = 0; i < e->resumes; i++)
    echo_task_resume(echo_task_current());
}

IT(counts_a_resume_that_comes_before_the_return_once) {
  echo_scheduler *scheduler = spec_crew(2);
  early once = {.resumes = 1}, often = {.resumes = 5};
  spec_submit(scheduler, resume_itself, &once);
  spec_submit(scheduler, resume_itself, &often);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&once.ran), 2);
  assert_int_equal(atomic_load(&often.ran), 2);
}

static void resume_then_return(void *argument) {
  atomic_fetch_add(&((early *)argument)->ran, 1);
  echo_task_resume(echo_task_current());
}

IT(does_not_call_a_task_again_that_was_resumed_but_did_not_suspend) {
  echo_scheduler *scheduler = spec_crew(1);
  early e = {0};
  spec_submit(scheduler, resume_then_return, &e);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&e.ran), 1);
}

IT(ignores_a_resume_of_a_task_that_has_ended_and_has_a_handle) {
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int count = 0;
  echo_task *task = spec_submit_held(scheduler, spec_count, &count);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_resume(task);
  echo_task_release(task);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 1);
}

/* -- current ---------------------------------------------------------------------------------- */

typedef struct self {
  echo_task *handle, *_Atomic seen;
} self;

static void see_itself(void *argument) {
  atomic_store(&((self *)argument)->seen, echo_task_current());
}

IT(is_known_to_itself_as_its_handle) {
  echo_scheduler *scheduler = spec_crew(1);
  self s = {0};
  s.handle = spec_submit_held(scheduler, see_itself, &s);
  assert_int_equal(echo_task_wait(s.handle, ECHO_FOREVER), ECHO_OK);
  assert_ptr_equal(atomic_load(&s.seen), s.handle);
  echo_task_release(s.handle);
  s = (self){0};
  spec_submit(scheduler, see_itself, &s);
  spec_crew_end(scheduler);
  assert_non_null(atomic_load(&s.seen));
}

/* -- again, and named queues ------------------------------------------------------------------ */

typedef struct pair {
  spec_blocker blocker;
  echo_task *_Atomic second;
  atomic_int ran;
} pair;

static void block_when_resumed(void *argument) {
  pair *p = argument;
  if (atomic_load(&p->second) != NULL) {
    spec_blocker_run(&p->blocker);
    return;
  }
  echo_task_suspend();
  echo_task_set_priority(echo_task_current(), ECHO_PRIORITY_HIGH);
  atomic_store(&p->second, echo_task_current());
}

/* Calls itself again behind one that then blocks their worker. */
static void again_behind_the_second(void *argument) {
  pair *p = argument;
  int round = atomic_fetch_add(&p->ran, 1);
  if (round == 0) {
    echo_task_suspend();
    echo_task_resume(echo_task_current());
  } else if (round == 1) {
    echo_task_resume(atomic_load(&p->second));
    echo_task_again();
  }
}

IT(stays_on_its_worker_when_it_asks_to_be_called_again) {
  echo_scheduler *scheduler = spec_crew(2);
  spec_blocker other;
  pair p = {0};
  atomic_int count = 0;
  spec_blocker_init(&p.blocker);
  spec_block(scheduler, &other); /* so both begin on the same worker */
  spec_submit(scheduler, block_when_resumed, &p);
  SPEC_UNTIL(atomic_load(&p.second) != NULL);
  spec_submit(scheduler, again_behind_the_second, &p);
  spec_gate_wait(&p.blocker.started);
  spec_unblock(&other);
  for (int i = 0; i < 100; i++)
    spec_submit(scheduler, spec_count, &count);
  SPEC_UNTIL(atomic_load(&count) == 100);
  assert_int_equal(atomic_load(&p.ran), 2); /* the other worker has left it alone */
  spec_unblock(&p.blocker);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&p.ran), 3);
}

IT(keeps_its_slot_of_a_named_queue) {
  echo_scheduler *scheduler = spec_crew_with_queue(2, 1);
  echo_task_options few = {.queue = "few", .on_end = note_sleeper};
  sleeper s = {.scheduler = scheduler, .rounds = 2};
  atomic_int count = 0;
  echo_task *first = submit_with_handle(scheduler, &few, doze, &s);
  echo_task *second =
      submit_with_handle(scheduler, &(echo_task_options){.queue = "few"}, spec_count, &count);
  for (int i = 0; i < s.rounds; i++) {
    SPEC_UNTIL(atomic_load(&s.self) != NULL);
    assert_int_equal(echo_task_get_state(second), ECHO_TASK_QUEUED);
    resume_once(&s);
  }
  assert_int_equal(echo_task_wait(first, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(echo_task_wait(second, ECHO_FOREVER), ECHO_OK);
  echo_task_release(first);
  echo_task_release(second);
  spec_crew_end(scheduler);
}

/* -- waiting inside --------------------------------------------------------------------------- */

typedef struct parent {
  sleeper child;
  atomic_int waited, called;
} parent;

/* The child needs this very worker to go on, which works while it waits. */
static void wait_for_child(void *argument) {
  parent *p = argument;
  echo_task *child;
  echo_scheduler_submit(p->child.scheduler, &with_end, doze, &p->child, &child);
  atomic_store(&p->waited, echo_task_wait(child, ECHO_FOREVER));
  echo_task_release(child);
}

IT(goes_on_beside_a_task_that_waits_on_the_same_worker) {
  parent p = {.child = {.scheduler = spec_crew(1), .rounds = 10}, .waited = 1};
  spec_submit(p.child.scheduler, wait_for_child, &p);
  for (int i = 0; i < p.child.rounds; i++)
    resume_once(&p.child);
  spec_crew_end(p.child.scheduler);
  assert_int_equal(atomic_load(&p.waited), ECHO_OK);
  expect_done(&p.child);
}

/* What the inner task asks for is not the outer one's business, nor the other way round. */
static void suspend_around_a_wait(void *argument) {
  parent *p = argument;
  if (atomic_fetch_add(&p->called, 1) > 0) return;
  echo_task_suspend();
  wait_for_child(argument);
  echo_task_resume(echo_task_current());
}

IT(suspends_though_another_ran_on_the_same_worker_meanwhile) {
  parent p = {.child = {.scheduler = spec_crew(1), .rounds = 0}, .waited = 1};
  echo_task *task = spec_submit_held(p.child.scheduler, suspend_around_a_wait, &p);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  spec_crew_end(p.child.scheduler);
  assert_int_equal(atomic_load(&p.called), 2);
  expect_done(&p.child);
}

/* -- priority --------------------------------------------------------------------------------- */

static spec_log order;

typedef struct ranked {
  int entry;
  bool begun;
  echo_task *_Atomic self;
} ranked;

static void log_second_call(void *argument) {
  ranked *r = argument;
  if (r->begun) {
    spec_log_add(&order, r->entry);
    return;
  }
  r->begun = true;
  echo_task_suspend();
  atomic_store(&r->self, echo_task_current());
}

/* Suspends a task each on the only worker and then keeps that busy. */
static echo_scheduler *begin_ranked(ranked *tasks, int count, spec_blocker *blocker) {
  echo_scheduler *scheduler = spec_crew(1);
  order = (spec_log){0};
  for (int i = 0; i < count; i++) {
    tasks[i] = (ranked){.entry = i};
    spec_submit(scheduler, log_second_call, &tasks[i]);
  }
  for (int i = 0; i < count; i++)
    SPEC_UNTIL(atomic_load(&tasks[i].self) != NULL);
  spec_block(scheduler, blocker);
  return scheduler;
}

IT(goes_on_with_the_priority_it_was_given_before_the_resume) {
  ranked tasks[3];
  spec_blocker blocker;
  echo_scheduler *scheduler = begin_ranked(tasks, 3, &blocker);
  assert_int_equal(echo_task_set_priority(tasks[0].self, ECHO_PRIORITY_LOW), ECHO_OK);
  assert_int_equal(echo_task_set_priority(tasks[2].self, ECHO_PRIORITY_HIGH), ECHO_OK);
  for (int i = 0; i < 3; i++)
    echo_task_resume(tasks[i].self);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  spec_log_expect(&order, (const int[]){2, 1, 0}, 3);
}

static void look_and_block(void *argument) {
  echo_task_should_yield(); /* sorts what has come for this worker */
  spec_blocker_run(argument);
}

IT(changes_its_place_when_the_priority_changes_after_the_resume) {
  for (int sorted = 0; sorted < 2; sorted++) {
    ranked tasks[3];
    spec_blocker blocker, second;
    echo_scheduler *scheduler = begin_ranked(tasks, 3, &blocker);
    for (int i = 0; i < 3; i++)
      echo_task_resume(tasks[i].self);
    if (sorted) {
      spec_blocker_init(&second);
      assert_int_equal(echo_scheduler_submit(scheduler,
                                             &(echo_task_options){.priority = ECHO_PRIORITY_HIGH},
                                             look_and_block, &second, NULL),
                       ECHO_OK);
      spec_unblock(&blocker);
      spec_gate_wait(&second.started);
    }
    assert_int_equal(echo_task_set_priority(tasks[0].self, ECHO_PRIORITY_LOW), ECHO_OK);
    assert_int_equal(echo_task_set_priority(tasks[2].self, ECHO_PRIORITY_HIGH), ECHO_OK);
    spec_unblock(sorted ? &second : &blocker);
    spec_crew_end(scheduler);
    spec_log_expect(&order, (const int[]){2, 1, 0}, 3);
  }
}

IT(refuses_a_priority_out_of_range) {
  echo_scheduler *scheduler = spec_crew(1);
  echo_task *task = spec_submit_held(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_set_priority(task, (echo_priority)2), ECHO_INVALID);
  assert_int_equal(echo_task_set_priority(task, (echo_priority)-2), ECHO_INVALID);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

/* -- no memory -------------------------------------------------------------------------------- */

typedef struct unlucky {
  atomic_int ran, status;
} unlucky;

static void suspend_without_memory(void *argument) {
  unlucky *u = argument;
  atomic_fetch_add(&u->ran, 1);
  atomic_store(&spec_allocated.refuse_after, 0);
  atomic_store(&u->status, echo_task_suspend());
  atomic_store(&spec_allocated.refuse_after, -1);
}

IT(says_so_without_memory_and_lets_the_task_end) {
  long live = atomic_load(&spec_allocated.live);
  echo_scheduler *scheduler = spec_crew(1);
  unlucky u = {0};
  spec_submit(scheduler, suspend_without_memory, &u);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&u.status), ECHO_MEMORY);
  assert_int_equal(atomic_load(&u.ran), 1);
  assert_int_equal(atomic_load(&spec_allocated.live), live);
}

IT(gives_the_memory_for_suspended_tasks_back) {
  enum { MANY = 2000 };
  static sleeper many[MANY];
  long live = atomic_load(&spec_allocated.live);
  echo_scheduler *scheduler = spec_crew(2);
  for (int i = 0; i < MANY; i++) {
    many[i] = (sleeper){.scheduler = scheduler, .rounds = 1};
    assert_int_equal(echo_scheduler_submit(scheduler, &with_end, doze, &many[i], NULL), ECHO_OK);
  }
  expect_suspended(scheduler, MANY);
  for (int i = 0; i < MANY; i++)
    resume_once(&many[i * 7 % MANY]); /* in another order */
  spec_crew_end(scheduler);
  for (int i = 0; i < MANY; i++)
    expect_done(&many[i]);
  assert_int_equal(atomic_load(&spec_allocated.live), live);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(calls_the_task_again_on_the_same_worker_after_each_resume),
      cmocka_unit_test(is_refused_outside_of_a_task),
      cmocka_unit_test(holds_no_worker_and_shows_as_suspended),
      cmocka_unit_test(counts_a_resume_that_comes_before_the_return_once),
      cmocka_unit_test(does_not_call_a_task_again_that_was_resumed_but_did_not_suspend),
      cmocka_unit_test(ignores_a_resume_of_a_task_that_has_ended_and_has_a_handle),
      cmocka_unit_test(is_known_to_itself_as_its_handle),
      cmocka_unit_test(stays_on_its_worker_when_it_asks_to_be_called_again),
      cmocka_unit_test(keeps_its_slot_of_a_named_queue),
      cmocka_unit_test(goes_on_beside_a_task_that_waits_on_the_same_worker),
      cmocka_unit_test(suspends_though_another_ran_on_the_same_worker_meanwhile),
      cmocka_unit_test(goes_on_with_the_priority_it_was_given_before_the_resume),
      cmocka_unit_test(changes_its_place_when_the_priority_changes_after_the_resume),
      cmocka_unit_test(refuses_a_priority_out_of_range),
      cmocka_unit_test(says_so_without_memory_and_lets_the_task_end),
      cmocka_unit_test(gives_the_memory_for_suspended_tasks_back),
  };
  return cmocka_run_group_tests_name("suspend", tests, NULL, NULL);
}
