/* Waiting for a task, from outside and from inside. */
#include <stdlib.h>

#include "base/atomic.h"
#include "support/crew.h"

IT(returns_when_the_task_has_ended) {
  echo_scheduler *scheduler = spec_crew(2);
  for (int i = 0; i < SPEC_ROUNDS(5000); i++) {
    atomic_int count = 0;
    echo_task *task = spec_submit_held(scheduler, spec_count, &count);
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
    assert_int_equal(atomic_load(&count), 1);
    assert_int_equal(echo_task_get_state(task), ECHO_TASK_DONE);
    echo_task_release(task);
  }
  spec_crew_end(scheduler);
}

IT(returns_at_once_for_a_task_that_has_ended) {
  echo_scheduler *scheduler = spec_crew(1);
  echo_task *task = spec_submit_held(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(echo_task_wait(task, 0), ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

IT(times_out_while_the_task_goes_on) {
  echo_scheduler *scheduler = spec_crew(1);
  spec_blocker blocker;
  spec_blocker_init(&blocker);
  echo_task *task = spec_submit_held(scheduler, spec_blocker_run, &blocker);
  assert_int_equal(echo_task_wait(task, 0), ECHO_TIMEOUT);
  assert_int_equal(echo_task_wait(task, 0.01), ECHO_TIMEOUT);
  spec_gate_wait(&blocker.started);
  assert_int_equal(echo_task_get_state(task), ECHO_TASK_RUNNING);
  spec_unblock(&blocker);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

typedef struct watcher {
  echo_task *task;
  atomic_int *ok;
} watcher;

static void *watch(void *argument) {
  watcher *w = argument;
  if (echo_task_wait(w->task, ECHO_FOREVER) == ECHO_OK) atomic_fetch_add(w->ok, 1);
  return NULL;
}

IT(wakes_every_thread_that_waits) {
  echo_scheduler *scheduler = spec_crew(1);
  for (int round = 0; round < 20; round++) {
    spec_blocker blocker;
    atomic_int ok = 0;
    spec_threads threads = {0};
    spec_blocker_init(&blocker);
    watcher w = {spec_submit_held(scheduler, spec_blocker_run, &blocker), &ok};
    for (int i = 0; i < 5; i++)
      spec_threads_add(&threads, watch, &w);
    if (round % 2 == 0) spec_nap();
    spec_unblock(&blocker);
    spec_threads_join(&threads);
    assert_int_equal(atomic_load(&ok), 5);
    assert_int_equal(echo_task_wait(w.task, ECHO_FOREVER), ECHO_OK);
    echo_task_release(w.task);
  }
  spec_crew_end(scheduler);
}

/* -- from inside ------------------------------------------------------------------------------ */

typedef struct family {
  echo_scheduler *scheduler;
  int depth, children, sum;
  int status; /* what the waits came to; 0 if all went well */
} family;

static void raise_family(void *argument) {
  family *self = argument;
  family children[3];
  echo_task *tasks[3];
  self->sum = 1;
  for (int i = 0; i < self->children && self->depth > 0; i++) {
    children[i] = (family){self->scheduler, self->depth - 1, self->children, 0, 0};
    self->status |=
        echo_scheduler_submit(self->scheduler, NULL, raise_family, &children[i], &tasks[i]);
  }
  for (int i = 0; i < self->children && self->depth > 0; i++) {
    self->status |= echo_task_wait(tasks[i], ECHO_FOREVER);
    self->status |= children[i].status;
    self->sum += children[i].sum;
    echo_task_release(tasks[i]);
  }
}

static void expect_family(unsigned workers, int depth, int children, int size) {
  echo_scheduler *scheduler = spec_crew(workers);
  family f = {scheduler, depth, children, 0, 0};
  echo_task *task = spec_submit_held(scheduler, raise_family, &f);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(f.status, ECHO_OK);
  assert_int_equal(f.sum, size);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

IT(lets_tasks_wait_for_their_children_on_one_worker) {
  expect_family(1, 1, 3, 4);
  expect_family(1, 6, 3, 1093);
}

IT(lets_tasks_wait_for_their_children_on_several_workers) {
  for (int i = 0; i < 20; i++) {
    expect_family(2, 6, 3, 1093);
    expect_family(4, 6, 2, 127);
  }
}

IT(lets_waits_nest_deeply) {
  expect_family(1, 500, 1, 501);
}

typedef struct self {
  echo_task *task;
  spec_gate known;
  int status, status_after;
} self;

static void wait_for_self(void *argument) {
  self *s = argument;
  spec_gate_wait(&s->known);
  s->status = echo_task_wait(s->task, ECHO_FOREVER);
  s->status_after = echo_task_wait(s->task, 0.01);
}

IT(refuses_to_wait_for_itself) {
  echo_scheduler *scheduler = spec_crew(1);
  self s = {.known = SPEC_GATE};
  s.task = spec_submit_held(scheduler, wait_for_self, &s);
  spec_gate_open(&s.known);
  assert_int_equal(echo_task_wait(s.task, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(s.status, ECHO_DEADLOCK);
  assert_int_equal(s.status_after, ECHO_DEADLOCK);
  echo_task_release(s.task);
  spec_crew_end(scheduler);
}

typedef struct impatient {
  echo_scheduler *scheduler;
  echo_task *other;
  int status, status_later;
  spec_blocker *blocker;
} impatient;

static void wait_briefly(void *argument) {
  impatient *i = argument;
  i->status = echo_task_wait(i->other, 0.01);
  spec_unblock(i->blocker);
  i->status_later = echo_task_wait(i->other, ECHO_FOREVER);
}

IT(times_out_inside_a_task_too) {
  echo_scheduler *scheduler = spec_crew(2);
  spec_blocker blocker;
  spec_blocker_init(&blocker);
  impatient i = {.scheduler = scheduler, .blocker = &blocker};
  i.other = spec_submit_held(scheduler, spec_blocker_run, &blocker);
  spec_gate_wait(&blocker.started);
  spec_submit(scheduler, wait_briefly, &i);
  assert_int_equal(echo_task_wait(i.other, ECHO_FOREVER), ECHO_OK);
  spec_crew_end(scheduler); /* the other task uses the handle until then */
  echo_task_release(i.other);
  assert_int_equal(i.status, ECHO_TIMEOUT);
  assert_int_equal(i.status_later, ECHO_OK);
}

/* A worker whose wait is over must not count as one that looks for work: the next submit would wake
 * nobody. Here that would hang: the task holds its worker until the other has run. */
typedef struct searcher {
  echo_scheduler *scheduler;
  int rounds;
} searcher;

typedef struct dawdler {
  int rounds;
  atomic_bool started;
} dawdler;

static void dawdle(void *argument) {
  dawdler *d = argument;
  atomic_store(&d->started, true);
  for (int i = 0; i < d->rounds; i++)
    echo__pause();
}

static void wait_then_hold(void *argument) {
  searcher *s = argument;
  for (int i = 0; i < s->rounds; i++) {
    atomic_int ran = 0;
    dawdler d = {.rounds = i % 100 * 10}; /* so that the wait ends now sooner, now later */
    echo_task *child;
    echo_scheduler_submit(s->scheduler, NULL, dawdle, &d, &child);
    while (!atomic_load(&d.started))
      sched_yield();
    for (int k = 0; k < 10; k++) /* enough to make the worker look round before it sleeps */
      echo_scheduler_submit(s->scheduler, NULL, spec_nothing, NULL, NULL);
    echo_task_wait(child, ECHO_FOREVER);
    echo_task_release(child);
    echo_scheduler_submit(s->scheduler, NULL, spec_count, &ran, NULL);
    while (atomic_load(&ran) == 0)
      sched_yield();
  }
}

IT(does_not_look_for_work_any_longer_once_a_wait_is_over) {
  echo_scheduler *scheduler = spec_crew(2);
  searcher s = {scheduler, SPEC_ROUNDS(20000)};
  spec_submit(scheduler, wait_then_hold, &s);
  spec_crew_end(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(returns_when_the_task_has_ended),
      cmocka_unit_test(returns_at_once_for_a_task_that_has_ended),
      cmocka_unit_test(times_out_while_the_task_goes_on),
      cmocka_unit_test(wakes_every_thread_that_waits),
      cmocka_unit_test(lets_tasks_wait_for_their_children_on_one_worker),
      cmocka_unit_test(lets_tasks_wait_for_their_children_on_several_workers),
      cmocka_unit_test(lets_waits_nest_deeply),
      cmocka_unit_test(refuses_to_wait_for_itself),
      cmocka_unit_test(times_out_inside_a_task_too),
      cmocka_unit_test(does_not_look_for_work_any_longer_once_a_wait_is_over),
  };
  return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
