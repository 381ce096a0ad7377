/* Timers: that they fire, when they may not, and whose thread keeps the time. */
#include <math.h>
#include <uv.h>

#include "base/wait.h"
#include "support/allocations.h"
#include "support/crew.h"

static atomic_bool refuse_threads;

int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument) {
  if (atomic_load(&refuse_threads)) return UV_EAGAIN;
  return __real_uv_thread_create(thread, run, argument);
}

static void start(echo_scheduler *scheduler, echo_timer *timer, double seconds,
                  void (*fire)(void *), void *argument) {
  assert_int_equal(echo_timer_start(scheduler, timer, seconds, fire, argument), ECHO_OK);
}

static const double never = 1000; /* seconds: no spec waits for it */

IT(fires_once_and_not_before_its_time) {
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int fired = 0;
  echo_timer timer;
  uint64_t before = uv_hrtime();
  start(scheduler, &timer, 0.05, spec_count, &fired);
  SPEC_UNTIL(atomic_load(&fired) > 0);
  assert_true(uv_hrtime() - before >= 50000000);
  assert_false(echo_timer_cancel(scheduler, &timer));
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&fired), 1);
}

IT(fires_at_once_what_is_due) {
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int fired = 0;
  echo_timer timers[2];
  start(scheduler, &timers[0], 0, spec_count, &fired);
  start(scheduler, &timers[1], (double)NAN, spec_count, &fired);
  SPEC_UNTIL(atomic_load(&fired) == 2);
  spec_crew_end(scheduler);
}

IT(fires_in_the_order_of_the_deadlines) {
  static spec_log order;
  echo_scheduler *scheduler = spec_crew(1);
  spec_note notes[] = {{&order, 0}, {&order, 1}, {&order, 2}, {&order, 3}};
  echo_timer timers[4];
  const double seconds[] = {0.06, 0.02, 0.04, 0.08};
  uint64_t earliest[4], latest[4]; /* that each can be due */
  for (int i = 0; i < 4; i++) {
    earliest[i] = echo__deadline_in(seconds[i]);
    start(scheduler, &timers[i], seconds[i], spec_note_run, &notes[i]);
    latest[i] = echo__deadline_in(seconds[i]);
  }
  SPEC_UNTIL(atomic_load(&order.count) == 4);
  spec_crew_end(scheduler);
  for (int i = 1; i < 4; i++)
    assert_true(earliest[order.entries[i - 1]] <= latest[order.entries[i]]);
}

IT(is_woken_by_one_that_is_due_earlier) {
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int fired = 0, later = 0;
  echo_timer first, second;
  start(scheduler, &first, never, spec_count, &later);
  spec_nap(); /* most likely it sleeps by now */
  start(scheduler, &second, 0.01, spec_count, &fired);
  SPEC_UNTIL(atomic_load(&fired) == 1);
  assert_true(echo_timer_cancel(scheduler, &first));
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&later), 0);
}

IT(still_fires_the_next_when_the_earliest_was_taken_back) {
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int fired = 0, taken_back = 0;
  echo_timer first, second;
  start(scheduler, &first, 0.02, spec_count, &taken_back);
  start(scheduler, &second, 0.04, spec_count, &fired);
  assert_true(echo_timer_cancel(scheduler, &first));
  SPEC_UNTIL(atomic_load(&fired) == 1);
  assert_int_equal(atomic_load(&taken_back), 0);
  spec_crew_end(scheduler);
}

IT(never_fires_one_without_a_limit) {
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int fired = 0, other = 0;
  echo_timer forever, timer;
  start(scheduler, &forever, ECHO_FOREVER, spec_count, &fired);
  start(scheduler, &timer, 0.02, spec_count, &other);
  SPEC_UNTIL(atomic_load(&other) == 1);
  assert_int_equal(atomic_load(&fired), 0);
  assert_true(echo_timer_cancel(scheduler, &forever));
  assert_false(echo_timer_cancel(scheduler, &forever));
  spec_crew_end(scheduler);
}

IT(needs_something_to_call) {
  echo_scheduler *scheduler = spec_crew(1);
  echo_timer timer;
  assert_int_equal(echo_timer_start(scheduler, &timer, 0, NULL, NULL), ECHO_INVALID);
  spec_crew_end(scheduler);
}

typedef struct slow {
  spec_gate started;
  atomic_bool done;
} slow;

static void fire_slowly(void *argument) {
  slow *s = argument;
  spec_gate_open(&s->started);
  for (int i = 0; i < 20; i++)
    spec_nap();
  atomic_store(&s->done, true);
}

IT(is_not_firing_any_more_when_it_was_taken_back) {
  echo_scheduler *scheduler = spec_crew(1);
  slow s = {.started = SPEC_GATE};
  echo_timer timer;
  start(scheduler, &timer, 0, fire_slowly, &s);
  spec_gate_wait(&s.started);
  assert_false(echo_timer_cancel(scheduler, &timer));
  assert_true(atomic_load(&s.done));
  spec_crew_end(scheduler);
}

typedef struct relay {
  echo_scheduler *scheduler;
  echo_timer timer, other;
  atomic_int fired, refused;
  bool cancelled;
} relay;

static void start_another(void *argument) {
  relay *r = argument;
  int fired = atomic_fetch_add(&r->fired, 1) + 1;
  if (fired == 1) r->cancelled = echo_timer_cancel(r->scheduler, &r->other);
  if (fired == 10) return;
  int status = echo_timer_start(r->scheduler, &r->timer, 0, start_another, r);
  if (status != ECHO_OK) atomic_fetch_add(&r->refused, 1);
}

IT(may_start_and_cancel_timers_when_it_fires) {
  relay r = {.scheduler = spec_crew(1)};
  atomic_int other = 0;
  start(r.scheduler, &r.other, never, spec_count, &other);
  start(r.scheduler, &r.timer, 0, start_another, &r);
  SPEC_UNTIL(atomic_load(&r.fired) == 10);
  spec_crew_end(r.scheduler);
  assert_true(r.cancelled);
  assert_int_equal(atomic_load(&r.refused), 0);
}

/* -- tasks that sleep ------------------------------------------------------------------------- */

typedef struct nap {
  echo_scheduler *scheduler;
  echo_timer timer;
  int left;
  atomic_int failed;
} nap;

static void resume(void *task) {
  echo_task_resume(task);
}

static void sleep_often(void *argument) {
  nap *n = argument;
  if (n->left-- == 0) return;
  double seconds = 0.0001 * (double)(n->left % 7);
  if (echo_task_suspend() != ECHO_OK ||
      echo_timer_start(n->scheduler, &n->timer, seconds, resume, echo_task_current()) != ECHO_OK)
    atomic_fetch_add(&n->failed, 1);
}

IT(lets_many_tasks_sleep_on_few_workers) {
  enum { MANY = 500 };
  static nap naps[MANY];
  echo_scheduler *scheduler = spec_crew(2);
  for (int i = 0; i < MANY; i++) {
    naps[i] = (nap){.scheduler = scheduler, .left = 20};
    spec_submit(scheduler, sleep_often, &naps[i]);
  }
  spec_crew_end(scheduler);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(naps[i].left, -1);
    assert_int_equal(atomic_load(&naps[i].failed), 0);
  }
}

/* -- races ------------------------------------------------------------------------------------ */

enum { EACH = 20000 };

typedef struct race {
  echo_scheduler *scheduler;
  atomic_int fired, taken_back, refused;
} race;

/* Each timer fires or is taken back, and its memory is used again at once. Now and
 * then one is given all the time that it needs. */
static void *start_and_cancel(void *argument) {
  race *r = argument;
  echo_timer timer;
  for (int i = 0; i < SPEC_ROUNDS(EACH); i++) {
    double seconds = i % 3 == 0 ? 0 : 0.00001 * (double)(i % 10);
    int fired = atomic_load(&r->fired);
    if (echo_timer_start(r->scheduler, &timer, seconds, spec_count, &r->fired) != ECHO_OK)
      atomic_fetch_add(&r->refused, 1);
    if (i % 1000 == 0) SPEC_UNTIL(atomic_load(&r->fired) > fired);
    for (volatile int spin = i % 500; spin > 0; spin--)
      continue;
    if (echo_timer_cancel(r->scheduler, &timer)) atomic_fetch_add(&r->taken_back, 1);
  }
  return NULL;
}

IT(either_fires_or_is_taken_back) {
  race r = {.scheduler = spec_crew(1)};
  spec_threads threads = {0};
  for (int i = 0; i < 4; i++)
    spec_threads_add(&threads, start_and_cancel, &r);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&r.refused), 0);
  assert_int_equal(atomic_load(&r.fired) + atomic_load(&r.taken_back), 4 * SPEC_ROUNDS(EACH));
  assert_in_range(atomic_load(&r.fired), 1, 4 * SPEC_ROUNDS(EACH));
  spec_crew_end(r.scheduler);
}

/* -- stop ------------------------------------------------------------------------------------- */

IT(does_not_keep_a_stop_waiting_and_never_fires_after_it) {
  for (int started = 0; started < 2; started++) {
    long live = atomic_load(&spec_allocated.live);
    echo_scheduler *scheduler = spec_crew(1);
    if (started) spec_submit(scheduler, spec_nothing, NULL);
    atomic_int fired = 0;
    echo_timer timers[3];
    for (int i = 0; i < 3; i++)
      start(scheduler, &timers[i], never, spec_count, &fired);
    assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
    echo_timer late;
    assert_int_equal(echo_timer_start(scheduler, &late, 0, spec_count, &fired), ECHO_STOPPED);
    assert_true(echo_timer_cancel(scheduler, &timers[1]));
    assert_false(echo_timer_cancel(scheduler, &timers[1]));
    spec_crew_end(scheduler);
    assert_int_equal(atomic_load(&fired), 0);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
}

IT(goes_on_while_a_drain_waits_for_a_task_that_sleeps) {
  nap n = {.scheduler = spec_crew(1), .left = 5};
  spec_submit(n.scheduler, sleep_often, &n);
  assert_int_equal(echo_scheduler_stop(n.scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(n.left, -1);
  spec_crew_end(n.scheduler);
}

/* -- what can fail ---------------------------------------------------------------------------- */

IT(says_so_without_memory_or_threads_and_works_when_there_are) {
  long live = atomic_load(&spec_allocated.live);
  echo_scheduler *scheduler = spec_crew(1);
  atomic_int fired = 0;
  echo_timer timer;
  atomic_store(&spec_allocated.refuse_after, 0);
  assert_int_equal(echo_timer_start(scheduler, &timer, 0, spec_count, &fired), ECHO_MEMORY);
  atomic_store(&spec_allocated.refuse_after, -1);
  atomic_store(&refuse_threads, true);
  assert_int_equal(echo_timer_start(scheduler, &timer, 0, spec_count, &fired), ECHO_THREAD);
  atomic_store(&refuse_threads, false);
  start(scheduler, &timer, 0, spec_count, &fired);
  SPEC_UNTIL(atomic_load(&fired) == 1);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&fired), 1);
  assert_int_equal(atomic_load(&spec_allocated.live), live);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fires_once_and_not_before_its_time),
      cmocka_unit_test(fires_at_once_what_is_due),
      cmocka_unit_test(fires_in_the_order_of_the_deadlines),
      cmocka_unit_test(is_woken_by_one_that_is_due_earlier),
      cmocka_unit_test(still_fires_the_next_when_the_earliest_was_taken_back),
      cmocka_unit_test(never_fires_one_without_a_limit),
      cmocka_unit_test(needs_something_to_call),
      cmocka_unit_test(is_not_firing_any_more_when_it_was_taken_back),
      cmocka_unit_test(may_start_and_cancel_timers_when_it_fires),
      cmocka_unit_test(lets_many_tasks_sleep_on_few_workers),
      cmocka_unit_test(either_fires_or_is_taken_back),
      cmocka_unit_test(does_not_keep_a_stop_waiting_and_never_fires_after_it),
      cmocka_unit_test(goes_on_while_a_drain_waits_for_a_task_that_sleeps),
      cmocka_unit_test(says_so_without_memory_or_threads_and_works_when_there_are),
  };
  return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
