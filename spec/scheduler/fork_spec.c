/* A scheduler on both sides of a fork. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scheduler/scheduler.h"
#include "support/crew.h"
#include "support/events.h"

/* Forks; true if the check holds in the child, where nothing of cmocka's may be used. */
static bool holds_in_child(bool (*check)(void *data), void *data) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL); /* who starts a thread has blocked them all */
    alarm(20);
    _exit(check(data) ? 0 : 1);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool runs_a_task(void *scheduler) {
  echo_task *task;
  if (echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, &task) != ECHO_OK) return false;
  bool well = echo_task_wait(task, ECHO_FOREVER) == ECHO_OK;
  echo_task_release(task);
  well = well && echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK;
  echo_scheduler_release(scheduler);
  return well;
}

IT(is_as_good_as_new_on_both_sides_before_its_first_submit) {
  echo_scheduler *scheduler = spec_crew(2);
  assert_true(holds_in_child(runs_a_task, scheduler));
  assert_true(runs_a_task(scheduler));
}

typedef struct under_way {
  echo_scheduler *scheduler;
  echo_task *ended, *runs, *waits;
  spec_blocker blocker;
} under_way;

static void begin(under_way *u) {
  *u = (under_way){.scheduler = spec_crew(1)};
  u->ended = spec_submit_held(u->scheduler, spec_nothing, NULL);
  assert_int_equal(echo_task_wait(u->ended, ECHO_FOREVER), ECHO_OK);
  spec_blocker_init(&u->blocker);
  u->runs = spec_submit_held(u->scheduler, spec_blocker_run, &u->blocker);
  spec_gate_wait(&u->blocker.started);
  u->waits = spec_submit_held(u->scheduler, spec_nothing, NULL);
}

static bool is_given_up(void *data) {
  under_way *u = data;
  size_t abandoned = 0;
  echo_stats stats;
  echo_scheduler_stats(u->scheduler, &stats);
  bool well = stats.submitted == 3 && stats.ended == 1;
  well = well && echo_scheduler_submit(u->scheduler, NULL, spec_nothing, NULL, NULL) == ECHO_FORKED;
  well = well && echo_task_wait(u->ended, ECHO_FOREVER) == ECHO_OK;
  well = well && echo_task_wait(u->runs, ECHO_FOREVER) == ECHO_LOST;
  well = well && echo_task_wait(u->waits, ECHO_FOREVER) == ECHO_LOST;
  for (int i = 0; i < 2; i++) /* and once more */
    well = well &&
           echo_scheduler_stop(u->scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, &abandoned) ==
               ECHO_FORKED &&
           abandoned == 2;
  echo_task_release(u->ended);
  echo_task_release(u->runs);
  echo_scheduler_release(u->scheduler);
  return well;
}

IT(is_given_up_in_the_child_once_it_has_started_and_the_parent_goes_on) {
  under_way u;
  begin(&u);
  assert_true(holds_in_child(is_given_up, &u));
  spec_unblock(&u.blocker);
  assert_int_equal(echo_task_wait(u.runs, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(echo_task_wait(u.waits, ECHO_FOREVER), ECHO_OK);
  echo_task_release(u.ended);
  echo_task_release(u.runs);
  echo_task_release(u.waits);
  spec_crew_end(u.scheduler);
}

/* -- workers for what is urgent -----------------------------------------------------------------
 */

/* An ordinary worker and an urgent one, both inside of a task; behind them one of each kind. */
typedef struct all_busy {
  echo_scheduler *scheduler;
  spec_blocker blockers[2];
  echo_task *tasks[4];
} all_busy;

static echo_task *submit_high(echo_scheduler *scheduler, echo_task_function function,
                              void *argument) {
  echo_task *task;
  echo_task_options options = {.priority = ECHO_PRIORITY_HIGH};
  assert_int_equal(echo_scheduler_submit(scheduler, &options, function, argument, &task), ECHO_OK);
  return task;
}

static void begin_all(all_busy *b) {
  b->scheduler = spec_crew_with_urgent(1, 1);
  spec_blocker_init(&b->blockers[0]);
  spec_blocker_init(&b->blockers[1]);
  b->tasks[0] = spec_submit_held(b->scheduler, spec_blocker_run, &b->blockers[0]);
  spec_gate_wait(&b->blockers[0].started);
  b->tasks[1] = submit_high(b->scheduler, spec_blocker_run, &b->blockers[1]);
  spec_gate_wait(&b->blockers[1].started);
  b->tasks[2] = spec_submit_held(b->scheduler, spec_nothing, NULL);
  b->tasks[3] = submit_high(b->scheduler, spec_nothing, NULL);
}

static bool all_are_lost(void *data) {
  all_busy *b = data;
  size_t abandoned = 0;
  bool well = true;
  for (int i = 0; i < 4; i++) {
    well = well && echo_task_wait(b->tasks[i], ECHO_FOREVER) == ECHO_LOST;
    echo_task_release(b->tasks[i]);
  }
  well = well &&
         echo_scheduler_stop(b->scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, &abandoned) ==
             ECHO_FORKED &&
         abandoned == 4;
  echo_scheduler_release(b->scheduler);
  return well;
}

IT(is_given_up_with_its_urgent_workers_and_the_parent_s_go_on) {
  all_busy b;
  begin_all(&b);
  assert_true(holds_in_child(all_are_lost, &b));
  spec_unblock(&b.blockers[1]); /* the urgent one has the high one behind it to itself */
  assert_int_equal(echo_task_wait(b.tasks[3], ECHO_FOREVER), ECHO_OK);
  spec_unblock(&b.blockers[0]);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(echo_task_wait(b.tasks[i], ECHO_FOREVER), ECHO_OK);
    echo_task_release(b.tasks[i]);
  }
  spec_crew_end(b.scheduler);
}

static bool runs_all(void *data) {
  all_busy b = {.scheduler = data};
  spec_blocker_init(&b.blockers[0]);
  spec_submit(data, spec_blocker_run, &b.blockers[0]);
  spec_gate_wait(&b.blockers[0].started);
  echo_task *high = submit_high(data, spec_nothing, NULL);
  bool well = echo_task_wait(high, ECHO_FOREVER) == ECHO_OK;
  echo_task_release(high);
  spec_unblock(&b.blockers[0]);
  well = well && echo_scheduler_stop(data, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK;
  echo_scheduler_release(data);
  return well;
}

IT(has_its_urgent_workers_on_both_sides_before_its_first_submit) {
  echo_scheduler *scheduler = spec_crew_with_urgent(1, 1);
  assert_true(holds_in_child(runs_all, scheduler));
  assert_true(runs_all(scheduler));
}

static bool makes_another(void *data) {
  (void)data;
  echo_builder *builder;
  echo_scheduler *scheduler;
  if (echo_builder_create(&builder) != ECHO_OK) return false;
  if (echo_builder_build(builder, &scheduler) != ECHO_OK) return false;
  echo_builder_destroy(builder);
  return runs_a_task(scheduler);
}

IT(leaves_room_for_another_in_the_child) {
  under_way u;
  begin(&u);
  assert_true(holds_in_child(makes_another, NULL));
  spec_unblock(&u.blocker);
  echo_task_release(u.ended);
  echo_task_release(u.runs);
  echo_task_release(u.waits);
  spec_crew_end(u.scheduler);
}

static bool is_stopped(void *scheduler) {
  bool well = echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, NULL) == ECHO_STOPPED;
  well = well && echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK;
  echo_scheduler_release(scheduler);
  return well;
}

IT(stays_stopped_in_the_child_if_it_was) {
  echo_scheduler *scheduler = spec_crew(2);
  spec_submit(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_true(holds_in_child(is_stopped, scheduler));
  echo_scheduler_release(scheduler);
}

static void note_status(void *place, int status) {
  *(int *)place = status;
}

static bool was_told(void *place) {
  return *(int *)place == ECHO_FORKED;
}

IT(tells_who_sits_on_top_in_the_child_alone) {
  int told = 1;
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_end_hooks(builder, note_status, NULL, &told), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  assert_false(holds_in_child(was_told, &told));
  spec_submit(scheduler, spec_nothing, NULL);
  assert_true(holds_in_child(was_told, &told));
  assert_int_equal(told, 1);
  echo_scheduler_release(scheduler);
  assert_int_equal(told, ECHO_OK);
}

/* -- the clock -------------------------------------------------------------------------------- */

/* A timer's call, during which the clock's lock is held. */
static void stay(void *gate) {
  spec_gate_open(gate);
  for (int i = 0; i < 20; i++)
    spec_nap();
}

static void note_call(void *called) {
  atomic_store((atomic_bool *)called, true);
}

static bool starts_no_timer(void *scheduler) {
  echo_timer timer;
  atomic_bool called = false;
  return echo_timer_start(scheduler, &timer, 0, note_call, &called) == ECHO_STOPPED;
}

IT(starts_no_timer_in_the_child_and_can_say_so_at_any_moment) {
  spec_gate gate = SPEC_GATE;
  echo_timer timer;
  echo_scheduler *scheduler = spec_crew(1);
  spec_submit(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_timer_start(scheduler, &timer, 0, stay, &gate), ECHO_OK);
  spec_gate_wait(&gate);
  assert_true(holds_in_child(starts_no_timer, scheduler));
  spec_crew_end(scheduler);
}

static bool fires_a_timer(void *scheduler) {
  echo_timer timer;
  atomic_bool called = false;
  if (echo_timer_start(scheduler, &timer, 0, note_call, &called) != ECHO_OK) return false;
  SPEC_UNTIL(atomic_load(&called));
  return runs_a_task(scheduler);
}

IT(keeps_time_in_the_child_if_it_only_did_that_before) {
  echo_timer far;
  atomic_bool called = false;
  echo_scheduler *scheduler = spec_crew(1);
  assert_int_equal(echo_timer_start(scheduler, &far, 1000, note_call, &called), ECHO_OK);
  assert_true(holds_in_child(fires_a_timer, scheduler));
  assert_true(echo_timer_cancel(scheduler, &far));
  assert_true(fires_a_timer(scheduler));
  assert_false(atomic_load(&called));
}

/* -- a recording ------------------------------------------------------------------------------ */

static char path[64], other[80];

static void make_paths(void) {
  snprintf(path, sizeof path, "/tmp/echo-fork-%ld.json", (long)getpid());
  snprintf(other, sizeof other, "%s-other", path);
}

static bool cannot_record(void *scheduler) {
  return echo_scheduler_trace(scheduler, NULL) == ECHO_MISSING &&
         echo_scheduler_trace(scheduler, other) == ECHO_FORKED &&
         echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_FORKED;
}

static void expect_slices(const char *file, size_t count) {
  spec_events events = spec_events_read(file);
  spec_events_check(&events);
  assert_int_equal(spec_events_count(&events, 'X', "task"), count);
  spec_events_free(&events);
  unlink(file);
}

IT(leaves_its_recording_to_the_parent_where_it_goes_on) {
  make_paths();
  echo_scheduler *scheduler = spec_crew(1);
  assert_int_equal(echo_scheduler_trace(scheduler, path), ECHO_OK);
  for (int i = 0; i < 3; i++) {
    echo_task *task = spec_submit_held(scheduler, spec_nothing, NULL);
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
    echo_task_release(task);
    if (i == 1) assert_true(holds_in_child(cannot_record, scheduler));
  }
  spec_crew_end(scheduler);
  expect_slices(path, 3);
  assert_int_equal(access(other, F_OK), -1);
}

static bool records_by_itself(void *scheduler) {
  return echo_scheduler_trace(scheduler, NULL) == ECHO_MISSING &&
         echo_scheduler_trace(scheduler, other) == ECHO_OK && runs_a_task(scheduler);
}

IT(records_by_itself_in_the_child_if_it_has_not_started) {
  make_paths();
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1);
  assert_int_equal(echo_scheduler_trace(scheduler, path), ECHO_OK);
  assert_true(holds_in_child(records_by_itself, scheduler));
  expect_slices(other, 1);
  assert_true(runs_a_task(scheduler));
  expect_slices(path, 1);
}

/* -- in the middle of a busy run -------------------------------------------------------------- */

enum { PRODUCERS = 3, FORKS = 40 };

typedef struct busy {
  echo_scheduler *scheduler;
  atomic_bool over;
  atomic_int accepted, ran, refused;
} busy;

static void run_and_submit(void *argument) {
  busy *b = argument;
  if (atomic_fetch_add(&b->ran, 1) % 3 != 0) return;
  int status = echo_scheduler_submit(b->scheduler, NULL, run_and_submit, b, NULL);
  atomic_fetch_add(status == ECHO_OK ? &b->accepted : &b->refused, 1);
}

static void *produce(void *argument) {
  busy *b = argument;
  const echo_task_options queued = {.queue = "few", .priority = ECHO_PRIORITY_HIGH};
  for (int i = 0; !atomic_load(&b->over); i++) {
    const echo_task_options *options = i % 2 ? &queued : NULL;
    int status = echo_scheduler_submit(b->scheduler, options, run_and_submit, b, NULL);
    atomic_fetch_add(status == ECHO_OK ? &b->accepted : &b->refused, 1);
    if (i % 64 == 0) spec_nap();
  }
  return NULL;
}

static bool runs_another_program(void *data) {
  (void)data;
  execl("/bin/true", "true", (char *)NULL);
  return false;
}

/* A sanitizer that looks for leaks then finds what the parent's threads have on their stacks. */
static bool leaves_in_good_order(void *data) {
  (void)data;
  if (SPEC_SANITIZED) _exit(0);
  exit(0);
}

static bool stops_what_it_has(void *data) {
  const busy *b = data;
  return echo_scheduler_submit(b->scheduler, NULL, spec_nothing, NULL, NULL) == ECHO_FORKED &&
         echo_scheduler_stop(b->scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_FORKED;
}

IT(may_be_done_at_any_moment_of_a_busy_run) {
  static bool (*const children[])(void *) = {runs_another_program, leaves_in_good_order,
                                             stops_what_it_has, makes_another};
  busy b = {.scheduler = spec_crew_with_queue(3, 2)};
  spec_threads threads = {0};
  for (int i = 0; i < PRODUCERS; i++)
    spec_threads_add(&threads, produce, &b);
  SPEC_UNTIL(atomic_load(&b.ran) > 100);
  for (int i = 0; i < FORKS; i++)
    assert_true(holds_in_child(children[i % 4], &b));
  atomic_store(&b.over, true);
  spec_threads_join(&threads);
  spec_crew_end(b.scheduler);
  assert_int_equal(atomic_load(&b.ran), atomic_load(&b.accepted));
  assert_int_equal(atomic_load(&b.refused), 0);
}

/* -- in the midst of things ------------------------------------------------------------------- */

static bool sleeps(echo_scheduler *scheduler, unsigned worker) {
  return echo__load(&scheduler->idle.sleepers[worker].token, relaxed) & ECHO__ASLEEP;
}

/* The first submit has a worker's thread made, which counts as searching before it is there: then
 * the process forks. */
static _Atomic(echo_scheduler *) starting;
static bool held_in_child;

/* In the child the worker is late, so that the first task comes before it sleeps. */
static atomic_bool late;

static void be_late(void *unused, unsigned worker) {
  (void)unused;
  (void)worker;
  SPEC_UNTIL(!atomic_load(&late));
}

static bool wakes_its_worker(void *scheduler) {
  atomic_store(&late, true);
  for (int i = 0; i < 5; i++) {
    echo_task *task;
    if (echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, &task) != ECHO_OK) return false;
    atomic_store(&late, false);
    if (echo_task_wait(task, 5) != ECHO_OK) return false;
    echo_task_release(task);
    SPEC_UNTIL(sleeps(scheduler, 0));
  }
  return runs_a_task(scheduler);
}

int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *argument);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *argument);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *argument) {
  echo_scheduler *scheduler = atomic_load(&starting);
  if (scheduler != NULL && argument == &scheduler->workers[0]) {
    atomic_store(&starting, NULL);
    held_in_child = holds_in_child(wakes_its_worker, scheduler);
  }
  return __real_uv_thread_create(thread, entry, argument);
}

IT(is_as_good_as_new_in_the_child_while_its_first_submit_is_under_way) {
  if (SPEC_SANITIZED)
    skip(); /* the child of a thread's start finds a lock of the sanitizer's held */
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, 2), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_hooks(builder, be_late, NULL, NULL), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  atomic_store(&starting, scheduler);
  assert_true(runs_a_task(scheduler));
  assert_true(held_in_child);
}

typedef struct watched {
  echo_scheduler *scheduler;
  atomic_bool begun;
} watched;

static void be_told_slowly(void *argument) {
  watched *w = argument;
  atomic_store(&w->begun, true);
  for (int i = 0; i < 50; i++)
    spec_nap();
}

static void *watch(void *argument) {
  watched *w = argument;
  echo_room room;
  echo_scheduler_watch_room(w->scheduler, &room, ECHO_PRIORITY_NORMAL, be_told_slowly, w);
  return NULL;
}

static void set(void *told) {
  *(bool *)told = true;
}

static bool is_told_of_room(void *scheduler) {
  bool told = false;
  echo_room room;
  echo_scheduler_watch_room(scheduler, &room, ECHO_PRIORITY_NORMAL, set, &told);
  return told;
}

IT(leaves_the_watch_for_room_whole_in_the_child) {
  watched w = {.scheduler = spec_crew(1)};
  spec_threads threads = {0};
  spec_threads_add(&threads, watch, &w);
  SPEC_UNTIL(atomic_load(&w.begun));
  bool told = holds_in_child(is_told_of_room, w.scheduler);
  spec_threads_join(&threads);
  assert_true(told);
  spec_crew_end(w.scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_as_good_as_new_on_both_sides_before_its_first_submit),
      cmocka_unit_test(is_given_up_in_the_child_once_it_has_started_and_the_parent_goes_on),
      cmocka_unit_test(is_given_up_with_its_urgent_workers_and_the_parent_s_go_on),
      cmocka_unit_test(has_its_urgent_workers_on_both_sides_before_its_first_submit),
      cmocka_unit_test(leaves_room_for_another_in_the_child),
      cmocka_unit_test(stays_stopped_in_the_child_if_it_was),
      cmocka_unit_test(tells_who_sits_on_top_in_the_child_alone),
      cmocka_unit_test(starts_no_timer_in_the_child_and_can_say_so_at_any_moment),
      cmocka_unit_test(keeps_time_in_the_child_if_it_only_did_that_before),
      cmocka_unit_test(leaves_its_recording_to_the_parent_where_it_goes_on),
      cmocka_unit_test(records_by_itself_in_the_child_if_it_has_not_started),
      cmocka_unit_test(may_be_done_at_any_moment_of_a_busy_run),
      cmocka_unit_test(is_as_good_as_new_in_the_child_while_its_first_submit_is_under_way),
      cmocka_unit_test(leaves_the_watch_for_room_whole_in_the_child),
  };
  return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
