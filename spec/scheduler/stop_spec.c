/* Stopping in good order. */
#include "support/crew.h"

IT(drains_everything_that_was_accepted) {
  echo_scheduler *scheduler = spec_crew_with_queue(2, 1);
  atomic_int count = 0;
  for (int i = 0; i < 3000; i++) {
    echo_task_options options = {.priority = (echo_priority)(i % 3 - 1),
                                 .queue = i % 5 == 0 ? "few" : NULL};
    assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_count, &count, NULL), ECHO_OK);
  }
  size_t abandoned = 99;
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, &abandoned),
                   ECHO_OK);
  assert_int_equal(abandoned, 0);
  assert_int_equal(atomic_load(&count), 3000);
  echo_scheduler_release(scheduler);
}

/* Each task submits the next and ends: what was submitted and what has ended differ by one, always,
 * and whoever counts must not find them equal. */
enum { CHAIN = SPEC_ROUNDS(20000) };

typedef struct spawner {
  echo_scheduler *scheduler;
  spec_blocker blocker;
  atomic_int ran, refused;
} spawner;

static void spawn(void *argument) {
  spawner *s = argument;
  if (atomic_fetch_add(&s->ran, 1) >= CHAIN) return;
  if (echo_scheduler_submit(s->scheduler, NULL, spawn, s, NULL) != ECHO_OK) {
    atomic_fetch_add(&s->refused, 1);
  }
}

static void spawn_when_let_go(void *argument) {
  spawner *s = argument;
  spec_blocker_run(&s->blocker);
  spawn(s);
}

static void *drain(void *scheduler) {
  echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
  return NULL;
}

static void *cancel(void *scheduler) {
  echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL);
  return NULL;
}

static void until_refused(echo_scheduler *scheduler) {
  while (echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, NULL) == ECHO_OK)
    spec_nap();
}

IT(drains_what_tasks_submit_while_it_drains) {
  spawner s = {.scheduler = spec_crew(4)};
  spec_threads threads = {0};
  spec_blocker_init(&s.blocker);
  spec_submit(s.scheduler, spawn_when_let_go, &s);
  spec_gate_wait(&s.blocker.started);
  spec_threads_add(&threads, drain, s.scheduler);
  until_refused(s.scheduler);
  spec_unblock(&s.blocker);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&s.refused), 0);
  assert_int_equal(atomic_load(&s.ran), CHAIN + 1);
  spec_crew_end(s.scheduler);
}

IT(refuses_what_tasks_submit_while_it_cancels) {
  spawner s = {.scheduler = spec_crew(2)};
  spec_threads threads = {0};
  spec_blocker_init(&s.blocker);
  spec_submit(s.scheduler, spawn_when_let_go, &s);
  spec_gate_wait(&s.blocker.started);
  spec_threads_add(&threads, cancel, s.scheduler);
  until_refused(s.scheduler);
  spec_unblock(&s.blocker);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&s.refused), 1);
  assert_int_equal(atomic_load(&s.ran), 1);
  spec_crew_end(s.scheduler);
}

IT(cancels_what_has_not_started_and_waits_for_what_runs) {
  enum { MANY = 100 };
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  spec_blocker blocker;
  spec_threads threads = {0};
  static spec_ends ends[MANY];
  spec_block(scheduler, &blocker);
  for (int i = 0; i < MANY; i++) {
    echo_task_options options = {.on_end = spec_ends_note, .queue = i % 2 ? "few" : NULL};
    assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends[i], NULL),
                     ECHO_OK);
  }
  spec_threads_add(&threads, cancel, scheduler);
  until_refused(scheduler);
  spec_unblock(&blocker);
  spec_threads_join(&threads);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(atomic_load(&ends[i].ran), 0);
    assert_int_equal(atomic_load(&ends[i].ended_cancelled), 1);
  }
  spec_crew_end(scheduler);
}

IT(can_be_waited_for_in_pieces_and_gives_nothing_up) {
  echo_scheduler *scheduler = spec_crew(1);
  spec_blocker blocker;
  atomic_int count = 0;
  spec_block(scheduler, &blocker);
  spec_submit(scheduler, spec_count, &count);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_DRAIN, 0.001), ECHO_TIMEOUT);
    assert_int_equal(echo_scheduler_submit(scheduler, NULL, spec_count, &count, NULL),
                     ECHO_STOPPED);
  }
  spec_unblock(&blocker);
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(atomic_load(&count), 1);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, 0, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_CANCEL, 0), ECHO_OK);
  echo_scheduler_release(scheduler);
}

IT(becomes_stricter_but_never_milder) {
  echo_scheduler *scheduler = spec_crew(1);
  spec_blocker blocker;
  spec_ends ends = {0};
  echo_task_options options = {.on_end = spec_ends_note};
  spec_block(scheduler, &blocker);
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_DRAIN, 0), ECHO_TIMEOUT);
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_CANCEL, 0), ECHO_TIMEOUT);
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_DRAIN, 0), ECHO_TIMEOUT);
  spec_unblock(&blocker);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(atomic_load(&ends.ran), 0);
  assert_int_equal(atomic_load(&ends.ended_cancelled), 1);
  echo_scheduler_release(scheduler);
}

static void *drain_for_ever(void *scheduler) {
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  return NULL;
}

static void *cancel_in_the_end(void *scheduler) {
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  return NULL;
}

static void *begin_to_cancel(void *scheduler) {
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER), ECHO_OK);
  return NULL;
}

/* The task that holds the worker goes on when it is told of the cancel. */
static void until_cancelled(void *argument) {
  spec_blocker *blocker = argument;
  spec_gate_open(&blocker->started);
  SPEC_UNTIL(echo_task_is_cancelled());
}

static void check_stricter(void *(*stricter)(void *)) {
  echo_scheduler *scheduler = spec_crew(1);
  spec_threads threads = {0};
  spec_blocker blocker;
  spec_ends ends = {0};
  echo_task_options options = {.on_end = spec_ends_note};
  spec_blocker_init(&blocker);
  spec_submit(scheduler, until_cancelled, &blocker);
  spec_gate_wait(&blocker.started);
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends, NULL), ECHO_OK);
  spec_threads_add(&threads, drain_for_ever, scheduler);
  until_refused(scheduler);
  spec_threads_add(&threads, stricter, scheduler);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&ends.ran), 0);
  assert_int_equal(atomic_load(&ends.ended_cancelled), 1);
  echo_scheduler_release(scheduler);
}

IT(becomes_stricter_while_another_thread_is_in_it) {
  check_stricter(begin_to_cancel);
  check_stricter(cancel_in_the_end);
}

IT(begun_before_the_first_submit_is_a_stop) {
  echo_scheduler *scheduler = spec_crew(1);
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_DRAIN, 0), ECHO_OK);
  assert_int_equal(echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, NULL), ECHO_STOPPED);
  echo_scheduler_release(scheduler);
}

typedef struct beginner {
  echo_scheduler *scheduler;
  atomic_int status;
} beginner;

static void begin_inside(void *argument) {
  beginner *b = argument;
  atomic_store(&b->status, echo_scheduler_begin_stop(b->scheduler, ECHO_STOP_DRAIN, 0));
}

IT(cannot_be_begun_by_a_task) {
  beginner b = {.scheduler = spec_crew(1)};
  spec_submit(b.scheduler, begin_inside, &b);
  spec_crew_end(b.scheduler);
  assert_int_equal(atomic_load(&b.status), ECHO_DEADLOCK);
}

IT(reports_the_same_to_whoever_asks_again) {
  echo_scheduler *scheduler = spec_crew(2);
  spec_submit(scheduler, spec_nothing, NULL);
  for (int i = 0; i < 3; i++) {
    size_t abandoned = 99;
    assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, 0.5, &abandoned), ECHO_OK);
    assert_int_equal(abandoned, 0);
    assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, 0, &abandoned), ECHO_OK);
    assert_int_equal(abandoned, 0);
  }
  echo_scheduler_release(scheduler);
}

IT(may_be_asked_by_several_threads_at_once) {
  for (int round = 0; round < 100; round++) {
    echo_scheduler *scheduler = spec_crew(2);
    spec_threads threads = {0};
    atomic_int count = 0;
    for (int i = 0; i < 50; i++)
      spec_submit(scheduler, spec_count, &count);
    for (int i = 0; i < 4; i++)
      spec_threads_add(&threads, drain, scheduler);
    spec_threads_join(&threads);
    assert_int_equal(atomic_load(&count), 50);
    echo_scheduler_release(scheduler);
  }
}

typedef struct suicide {
  echo_scheduler *scheduler;
  int drain, cancel;
} suicide;

static void stop_from_inside(void *argument) {
  suicide *s = argument;
  s->drain = echo_scheduler_stop(s->scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
  s->cancel = echo_scheduler_stop(s->scheduler, ECHO_STOP_CANCEL, 0, NULL);
}

IT(is_refused_inside_a_task) {
  suicide s = {.scheduler = spec_crew(1)};
  spec_submit(s.scheduler, stop_from_inside, &s);
  atomic_int count = 0;
  echo_task *task = spec_submit_held(s.scheduler, spec_count, &count);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  assert_int_equal(s.drain, ECHO_DEADLOCK);
  assert_int_equal(s.cancel, ECHO_DEADLOCK);
  spec_submit(s.scheduler, spec_count, &count); /* it was not stopped */
  spec_crew_end(s.scheduler);
  assert_int_equal(atomic_load(&count), 2);
}

IT(stops_a_scheduler_that_never_started) {
  echo_scheduler *scheduler = spec_crew(2);
  size_t abandoned = 99;
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, 0, &abandoned), ECHO_OK);
  assert_int_equal(abandoned, 0);
  assert_int_equal(echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, NULL), ECHO_STOPPED);
  echo_scheduler_release(scheduler);
  echo_scheduler_release(spec_crew(2)); /* nor was this one stopped */
}

IT(is_done_by_a_release_that_finds_it_undone) {
  for (int round = 0; round < 50; round++) {
    echo_scheduler *scheduler = spec_crew_with_queue(2, 1);
    spec_ends ends = {0};
    for (int i = 0; i < 100; i++) {
      echo_task_options options = {.on_end = spec_ends_note, .queue = i % 2 ? "few" : NULL};
      assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends, NULL),
                       ECHO_OK);
    }
    echo_scheduler_release(scheduler);
    assert_int_equal(atomic_load(&ends.ran), atomic_load(&ends.ended_ok));
    assert_int_equal(atomic_load(&ends.ended_ok) + atomic_load(&ends.ended_cancelled), 100);
  }
}

/* -- races ------------------------------------------------------------------------------------ */

typedef struct submitter {
  echo_scheduler *scheduler;
  spec_ends ends;
  atomic_int accepted, wrong;
} submitter;

static void *submit_until_refused(void *argument) {
  submitter *s = argument;
  echo_task_options options = {.on_end = spec_ends_note};
  int status;
  while ((status = echo_scheduler_submit(s->scheduler, &options, spec_ends_run, &s->ends, NULL)) ==
         ECHO_OK) {
    atomic_fetch_add(&s->accepted, 1);
  }
  if (status != ECHO_STOPPED) atomic_fetch_add(&s->wrong, 1);
  return NULL;
}

static void race(echo_stop_mode mode) {
  submitter s = {.scheduler = spec_crew(2)};
  spec_threads threads = {0};
  for (int i = 0; i < 3; i++)
    spec_threads_add(&threads, submit_until_refused, &s);
  if (mode == ECHO_STOP_DRAIN) SPEC_UNTIL(atomic_load(&s.accepted) > 0);
  assert_int_equal(echo_scheduler_stop(s.scheduler, mode, ECHO_FOREVER, NULL), ECHO_OK);
  int ended = atomic_load(&s.ends.ended_ok) + atomic_load(&s.ends.ended_cancelled);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&s.wrong), 0);
  assert_int_equal(ended, atomic_load(&s.accepted));
  if (mode == ECHO_STOP_DRAIN) assert_int_equal(atomic_load(&s.ends.ended_cancelled), 0);
  echo_stats stats;
  echo_scheduler_stats(s.scheduler, &stats);
  assert_int_equal(stats.submitted, ended);
  assert_int_equal(stats.ended, ended);
  echo_scheduler_release(s.scheduler);
}

IT(ends_all_that_was_accepted_while_it_was_called) {
  for (int i = 0; i < SPEC_ROUNDS(300); i++) {
    race(ECHO_STOP_DRAIN);
    race(ECHO_STOP_CANCEL);
  }
}

/* -- end hooks -------------------------------------------------------------------------------- */

typedef struct upper {
  int stops, releases, status;
} upper;

static void note_stop(void *argument, int status) {
  upper *u = argument;
  u->stops++;
  u->status = status;
}

static void note_release(void *argument) {
  upper *u = argument;
  u->releases++;
}

static echo_scheduler *build_below(upper *u, void (*released)(void *)) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, 1), ECHO_OK);
  assert_int_equal(echo_builder_with_end_hooks(builder, note_stop, released, u), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  return scheduler;
}

IT(tells_who_sits_on_top_of_each_stop_and_leaves_the_memory_to_him) {
  upper u = {0};
  echo_scheduler *scheduler = build_below(&u, note_release);
  echo_task *task = spec_submit_held(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(u.stops, 1);
  assert_int_equal(u.status, ECHO_OK);
  assert_int_equal(u.releases, 0);
  echo_scheduler_release(scheduler);
  assert_int_equal(u.stops, 2);
  assert_int_equal(u.releases, 1);
  assert_int_equal(echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, NULL), ECHO_STOPPED);
  echo_task_release(task);
  echo_scheduler_release(scheduler);
  assert_int_equal(u.stops, 2);
  assert_int_equal(u.releases, 1);
}

IT(tells_who_sits_on_top_what_was_abandoned) {
  upper u = {0};
  static echo_scheduler *scheduler; /* it stays, as its worker does */
  static spec_blocker blocker;
  scheduler = build_below(&u, NULL);
  spec_block(scheduler, &blocker);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, 0.01, NULL), ECHO_TIMEOUT);
  assert_int_equal(u.stops, 1);
  assert_int_equal(u.status, ECHO_TIMEOUT);
  spec_unblock(&blocker);
  echo_scheduler_release(scheduler);
  assert_int_equal(u.stops, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tells_who_sits_on_top_of_each_stop_and_leaves_the_memory_to_him),
      cmocka_unit_test(tells_who_sits_on_top_what_was_abandoned),
      cmocka_unit_test(drains_everything_that_was_accepted),
      cmocka_unit_test(drains_what_tasks_submit_while_it_drains),
      cmocka_unit_test(refuses_what_tasks_submit_while_it_cancels),
      cmocka_unit_test(cancels_what_has_not_started_and_waits_for_what_runs),
      cmocka_unit_test(can_be_waited_for_in_pieces_and_gives_nothing_up),
      cmocka_unit_test(becomes_stricter_but_never_milder),
      cmocka_unit_test(becomes_stricter_while_another_thread_is_in_it),
      cmocka_unit_test(begun_before_the_first_submit_is_a_stop),
      cmocka_unit_test(cannot_be_begun_by_a_task),
      cmocka_unit_test(reports_the_same_to_whoever_asks_again),
      cmocka_unit_test(may_be_asked_by_several_threads_at_once),
      cmocka_unit_test(is_refused_inside_a_task),
      cmocka_unit_test(stops_a_scheduler_that_never_started),
      cmocka_unit_test(is_done_by_a_release_that_finds_it_undone),
      cmocka_unit_test(ends_all_that_was_accepted_while_it_was_called),
  };
  return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
