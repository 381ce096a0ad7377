/* What a recording tells of what a scheduler did. */
#include <echo/branch.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/crew.h"
#include "support/events.h"

static char path[64];

static int make_path(void **state) {
  (void)state;
  snprintf(path, sizeof path, "/tmp/echo-trace-%ld.json", (long)getpid());
  return 0;
}

static int remove_file(void **state) {
  (void)state;
  unlink(path);
  return 0;
}

static void begin(echo_scheduler *s) {
  assert_int_equal(echo_scheduler_trace(s, path), ECHO_OK);
}

/* Ends the recording; what it says, checked. The small preset drops events. */
static spec_events end(echo_scheduler *s) {
  assert_int_equal(echo_scheduler_trace(s, NULL), ECHO_OK);
  spec_events events = spec_events_read(path);
  spec_events_check(&events);
  assert_int_equal(spec_events_dropped(&events), echo_scheduler_trace_dropped(s));
  return events;
}

static void wait_for(echo_task *task) {
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
}

static void run_one(echo_scheduler *s, echo_task_function function, void *argument) {
  wait_for(spec_submit_held(s, function, argument));
}

static size_t count_category(const spec_events *events, char phase, const char *category) {
  size_t count = 0;
  for (size_t i = 0; i < events->count; i++)
    count += events->all[i].phase == phase && strcmp(events->all[i].category, category) == 0;
  return count;
}

static size_t count_ended(const spec_events *events, const char *how) {
  size_t count = 0;
  for (size_t i = 0; i < events->count; i++)
    count += strcmp(events->all[i].ended, how) == 0;
  return count;
}

static const spec_event *find_flow(const spec_events *events, char phase, const char *kind) {
  for (size_t i = 0; i < events->count; i++)
    if (events->all[i].phase == phase && strcmp(events->all[i].category, kind) == 0)
      return &events->all[i];
  fail_msg("there is no %c of %s", phase, kind);
  return NULL;
}

/* At the end. */
static void expect_nothing_queued(const spec_events *events) {
  const spec_event *last = NULL;
  for (size_t i = 0; i < events->count; i++)
    if (strcmp(events->all[i].name, "queued") == 0) last = &events->all[i];
  assert_true(last->high == 0 && last->normal == 0 && last->low == 0);
}

/* -- one task --------------------------------------------------------------------------------- */

IT(tells_of_a_task_from_its_submit_to_the_wait) {
  echo_scheduler *s = spec_crew(1);
  begin(s);
  run_one(s, spec_nothing, NULL);
  spec_events events = end(s);
  assert_int_equal(spec_events_count(&events, 'X', "task"), 1);
  const spec_event *slice = spec_events_find(&events, 'X', "task", 0);
  const spec_event *submit = spec_events_find(&events, 'X', "submit", 0);
  const spec_event *wait = spec_events_find(&events, 'X', "wait", 0);
  assert_string_equal(slice->ended, "done");
  assert_string_equal(slice->category, "normal");
  assert_int_equal(slice->tid, 1);
  assert_true(submit->tid == wait->tid && submit->tid > 1024);
  assert_int_equal(slice->id, submit->id);
  const spec_event *start = find_flow(&events, 's', "start"),
                   *result = find_flow(&events, 'f', "result");
  assert_true(start->tid == submit->tid && start->at == submit->at && start->id == slice->id);
  assert_true(result->tid == wait->tid && result->id == slice->id);
  assert_true(find_flow(&events, 's', "result")->at < slice->at + slice->length);
  spec_events_free(&events);
  spec_crew_end(s);
}

static size_t name_by_argument(void *data, void (*function)(void *), void *argument, char *text,
                               size_t size) {
  (void)function;
  assert_string_equal(data, "data");
  size_t length = strlen(argument);
  assert_true(size >= 100 && length <= size);
  memcpy(text, argument, length);
  return length;
}

IT(calls_tasks_what_the_program_calls_them) {
  echo_builder *builder;
  echo_scheduler *s;
  echo_builder_create(&builder);
  echo_builder_with_task_names(builder, name_by_argument, "data");
  echo_builder_with_name(builder, "a \"b\"");
  echo_builder_build(builder, &s);
  echo_builder_destroy(builder);
  begin(s);
  run_one(s, spec_nothing, "quo\"te\\ \x01 \xff\xc3\xa4");
  run_one(s, spec_nothing, "");
  spec_events events = end(s);
  assert_int_equal(spec_events_count(&events, 'X', "quo\\\"te\\\\ \\u0001 \\ufffd\xc3\xa4"), 1);
  assert_int_equal(spec_events_count(&events, 'X', "task"), 1);
  assert_string_equal(spec_events_find(&events, 'M', "process_name", 0)->label, "a \\\"b\\\"");
  assert_string_equal(spec_events_find(&events, 'M', "thread_name", 0)->label, "a \\\"b\\\"-0");
  spec_events_free(&events);
  spec_crew_end(s);
}

/* -- how stretches end ------------------------------------------------------------------------ */

typedef struct goes_on {
  atomic_int calls;
  _Atomic(echo_task *) task;
} goes_on;

static void suspend_once(void *argument) {
  goes_on *g = argument;
  if (atomic_fetch_add(&g->calls, 1) > 0) return;
  echo_task_suspend();
  atomic_store(&g->task, echo_task_current());
}

IT(tells_of_suspensions_and_who_resumed) {
  echo_scheduler *s = spec_crew(1);
  goes_on g = {0};
  begin(s);
  echo_task *task = spec_submit_held(s, suspend_once, &g);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_SUSPENDED);
  echo_task_resume(task);
  wait_for(task);
  spec_events events = end(s);
  assert_int_equal(count_ended(&events, "suspended"), 1);
  assert_int_equal(count_ended(&events, "done"), 1);
  const spec_event *from = find_flow(&events, 's', "resume"),
                   *to = find_flow(&events, 'f', "resume");
  assert_true(from->tid > 1024 && to->tid == 1 && from->id == to->id);
  assert_int_equal(spec_events_count(&events, 'i', "resume"), 1);
  spec_events_free(&events);
  spec_crew_end(s);
}

static void come_again_once(void *argument) {
  if (atomic_fetch_add(&((goes_on *)argument)->calls, 1) == 0) echo_task_again();
}

IT(tells_of_a_task_that_comes_again) {
  echo_scheduler *s = spec_crew(1);
  goes_on g = {0};
  begin(s);
  run_one(s, come_again_once, &g);
  spec_events events = end(s);
  assert_int_equal(count_ended(&events, "yielded"), 1);
  assert_int_equal(count_ended(&events, "done"), 1);
  assert_int_equal(count_category(&events, 'f', "start"), 1);
  spec_events_free(&events);
  spec_crew_end(s);
}

typedef struct way {
  spec_gate started;
  atomic_int made;
} way;

static void make_way(void *argument) {
  way *w = argument;
  if (atomic_load(&w->made)) return;
  spec_gate_open(&w->started);
  SPEC_UNTIL(echo_task_should_make_way());
  atomic_store(&w->made, 1);
  echo_task_again();
}

IT(tells_of_a_task_that_makes_way) {
  echo_scheduler *s = spec_crew(1);
  way w = {.started = SPEC_GATE};
  begin(s);
  echo_task *low = spec_submit_held(s, make_way, &w), *high;
  spec_gate_wait(&w.started);
  echo_task_options options = {.priority = ECHO_PRIORITY_HIGH};
  assert_int_equal(echo_scheduler_submit(s, &options, spec_nothing, NULL, &high), ECHO_OK);
  wait_for(high);
  wait_for(low);
  spec_events events = end(s);
  assert_int_equal(count_ended(&events, "interrupted"), 1);
  assert_int_equal(spec_events_count(&events, 'i', "interrupted"), 1);
  assert_int_equal(count_category(&events, 'X', "high"), 1);
  spec_events_free(&events);
  spec_crew_end(s);
}

static void fails(void *result) {
  echo_trace_task_ends(ECHO_TRACE_FAILED, result);
}

IT(believes_a_task_that_says_how_it_ends) {
  echo_scheduler *s = spec_crew(1);
  echo_trace_result result;
  begin(s);
  run_one(s, fails, &result);
  uint64_t began = echo_trace_wait_begins(s);
  assert_true(began > 0 && result.moment > 0);
  echo_trace_wait_ends(s, began, &result);
  spec_events events = end(s);
  assert_int_equal(count_ended(&events, "failed"), 1);
  assert_int_equal(count_ended(&events, "done"), 0);
  assert_int_equal(count_category(&events, 's', "result"), 2);
  spec_events_free(&events);
  assert_int_equal(echo_trace_wait_begins(s), 0);
  run_one(s, fails, &result);
  assert_int_equal(result.moment, 0);
  spec_crew_end(s);
}

IT(tells_of_what_was_cancelled_before_it_ran) {
  echo_scheduler *s = spec_crew(1);
  spec_blocker blocker;
  begin(s);
  spec_block(s, &blocker);
  echo_task *task = spec_submit_held(s, spec_nothing, NULL), *held;
  echo_task_options options = {.held = true};
  assert_int_equal(echo_scheduler_submit(s, &options, spec_nothing, NULL, &held), ECHO_OK);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  assert_int_equal(echo_task_cancel(held), ECHO_OK);
  echo_task_release(task);
  echo_task_release(held);
  spec_unblock(&blocker);
  run_one(s, spec_nothing, NULL);
  spec_events events = end(s);
  assert_int_equal(spec_events_count(&events, 'i', "cancelled"), 2);
  assert_int_equal(count_category(&events, 's', "start"), 4);
  expect_nothing_queued(&events);
  assert_int_equal(count_category(&events, 'f', "start"), 2);
  spec_events_free(&events);
  spec_crew_end(s);
}

static void wait_for_cancel(void *started) {
  spec_gate_open(started);
  SPEC_UNTIL(echo_task_is_cancelled());
}

IT(tells_of_what_was_cancelled_while_it_ran) {
  echo_scheduler *s = spec_crew(1);
  spec_gate started = SPEC_GATE;
  begin(s);
  echo_task *task = spec_submit_held(s, wait_for_cancel, &started);
  spec_gate_wait(&started);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
  echo_task_release(task);
  spec_events events = end(s);
  assert_int_equal(count_ended(&events, "cancelled"), 1);
  spec_events_free(&events);
  spec_crew_end(s);
}

/* -- queues and workers ----------------------------------------------------------------------- */

IT(counts_what_is_queued) {
  echo_scheduler *s = spec_crew_with_queue(1, 1);
  spec_blocker blocker;
  begin(s);
  spec_block(s, &blocker);
  echo_task_options options = {.queue = "few"}, low = {.priority = ECHO_PRIORITY_LOW};
  for (int i = 0; i < 3; i++)
    assert_int_equal(echo_scheduler_submit(s, &options, spec_nothing, NULL, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_submit(s, &low, spec_nothing, NULL, NULL), ECHO_OK);
  spec_events events = {0};
  for (bool seen = false; !seen;) { /* as a reader of a recording that runs */
    spec_events_free(&events);
    events = spec_events_read(path);
    const spec_event *few = NULL, *queued = NULL;
    for (size_t i = 0; i < events.count; i++) {
      if (strcmp(events.all[i].name, "queue few") == 0) few = &events.all[i];
      if (strcmp(events.all[i].name, "queued") == 0) queued = &events.all[i];
    }
    seen = few != NULL && few->waiting == 3 && queued->normal == 3 && queued->low == 1;
  }
  spec_events_free(&events);
  spec_unblock(&blocker);
  spec_crew_end(s);
  events = spec_events_read(path);
  spec_events_check(&events);
  size_t in_queue = 0;
  for (size_t i = 0; i < events.count; i++)
    in_queue += strcmp(events.all[i].queue, "few") == 0;
  assert_int_equal(in_queue, 3);
  expect_nothing_queued(&events);
  spec_events_free(&events);
}

IT(shows_tasks_that_run_while_it_runs) {
  echo_scheduler *s = spec_crew(1);
  spec_blocker blocker;
  begin(s);
  spec_block(s, &blocker);
  for (size_t running = 0; running == 0;) {
    spec_events events = spec_events_read(path);
    running = count_ended(&events, "running");
    spec_events_free(&events);
  }
  spec_events events = end(s);
  assert_int_equal(count_ended(&events, "running"), 1);
  spec_events_free(&events);
  spec_unblock(&blocker);
  spec_crew_end(s);
}

IT(tells_when_workers_sleep) {
  echo_scheduler *s = spec_crew(1);
  echo_stats stats;
  begin(s);
  run_one(s, spec_nothing, NULL);
  do
    echo_scheduler_stats(s, &stats);
  while (stats.parked == 0);
  run_one(s, spec_nothing, NULL);
  spec_events events = end(s);
  assert_true(spec_events_count(&events, 'X', "parked") >= 1);
  spec_events_free(&events);
  spec_crew_end(s);
}

typedef struct family {
  echo_scheduler *scheduler;
  spec_blocker blocker;
  echo_task *child;
} family;

/* The child lies in the own deque of the worker, which stays here. */
static void leave_child(void *argument) {
  family *f = argument;
  f->child = NULL;
  echo_scheduler_submit(f->scheduler, NULL, spec_nothing, NULL, &f->child);
  spec_blocker_run(&f->blocker);
}

IT(tells_of_steals) {
  echo_scheduler *s = spec_crew(2);
  family f = {.scheduler = s};
  spec_blocker_init(&f.blocker);
  begin(s);
  echo_task *parent = spec_submit_held(s, leave_child, &f);
  spec_gate_wait(&f.blocker.started);
  wait_for(f.child);
  spec_unblock(&f.blocker);
  wait_for(parent);
  spec_events events = end(s);
  assert_int_equal(spec_events_count(&events, 'i', "steal"), 1);
  assert_int_equal(spec_events_count(&events, 'X', "submit"), 1); /* the child's is in its parent */
  assert_int_equal(count_category(&events, 's', "start"), 2);
  spec_events_free(&events);
  spec_crew_end(s);
}

static void fork_blocked(void *argument) {
  family *f = argument;
  echo_branch branch;
  echo_fork(&branch, spec_blocker_run, &f->blocker);
  spec_gate_wait(&f->blocker.started); /* on the other worker */
  spec_unblock(&f->blocker);
  echo_join(&branch);
}

IT(tells_of_branches_that_another_worker_ran) {
  echo_scheduler *s = spec_crew(2);
  family f = {.scheduler = s};
  spec_blocker_init(&f.blocker);
  begin(s);
  run_one(s, fork_blocked, &f);
  spec_events events = end(s);
  const spec_event *task = spec_events_find(&events, 'X', "task", 0);
  const spec_event *branch = spec_events_find(&events, 'X', "branch", 0);
  assert_int_equal(spec_events_count(&events, 'X', "branch"), 1);
  assert_int_equal(spec_events_count(&events, 'i', "steal"), 1);
  assert_true(branch->tid != task->tid && branch->at >= task->at);
  assert_true(branch->at + branch->length <= task->at + task->length);
  assert_string_equal(branch->category, "normal");
  spec_events_free(&events);
  spec_crew_end(s);
}

static void wait_for_child(void *argument) {
  family *f = argument;
  echo_task *child;
  echo_scheduler_submit(f->scheduler, NULL, spec_nothing, NULL, &child);
  echo_task_wait(child, ECHO_FOREVER);
  echo_task_release(child);
}

IT(puts_tasks_that_run_in_a_wait_inside_of_it) {
  echo_scheduler *s = spec_crew(1);
  family f = {.scheduler = s};
  begin(s);
  run_one(s, wait_for_child, &f);
  spec_events events = end(s); /* which checks that slices nest */
  assert_int_equal(spec_events_count(&events, 'X', "task"), 2);
  assert_int_equal(spec_events_count(&events, 'X', "wait"), 2);
  spec_events_free(&events);
  spec_crew_end(s);
}

/* Each calls itself, inside of its wait, to this depth. */
typedef struct nest {
  echo_scheduler *scheduler;
  int depth;
} nest;

static void go_deeper(void *argument) {
  nest *n = argument;
  if (n->depth-- == 0) return;
  echo_task *child;
  echo_scheduler_submit(n->scheduler, NULL, go_deeper, n, &child);
  echo_task_wait(child, ECHO_FOREVER);
  echo_task_release(child);
}

IT(counts_what_is_too_deep_inside_of_others_as_dropped) {
  echo_scheduler *s = spec_crew(1);
  nest n = {s, 19};
  begin(s);
  run_one(s, go_deeper, &n);
  spec_events events = end(s);
  size_t slices = spec_events_count(&events, 'X', "task");
  assert_true(slices <= 16);
  assert_true((long)slices + spec_events_dropped(&events) >= 20);
  spec_events_free(&events);
  spec_crew_end(s);
}

/* -- beginning and ending --------------------------------------------------------------------- */

IT(refuses_what_cannot_be) {
  echo_scheduler *s = spec_crew(1);
  assert_int_equal(echo_scheduler_trace(s, NULL), ECHO_MISSING);
  assert_int_equal(echo_scheduler_trace(s, "/nonexistent/file"), ECHO_FILE);
  assert_int_equal(errno, ENOENT);
  assert_int_equal(echo_scheduler_trace(s, "/tmp"), ECHO_FILE);
  assert_int_equal(errno, EISDIR);
  assert_int_equal(echo_scheduler_trace(s, NULL), ECHO_MISSING);
  begin(s);
  assert_int_equal(echo_scheduler_trace(s, path), ECHO_EXISTS);
  run_one(s, spec_nothing, NULL);
  spec_events events = end(s);
  spec_events_free(&events);
  assert_int_equal(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_trace(s, path), ECHO_STOPPED);
  echo_scheduler_release(s);
}

IT(records_twice_in_a_row_and_tells_the_two_apart) {
  echo_scheduler *s = spec_crew(2);
  for (int round = 0; round < 20; round++) { /* their numbers come round */
    goes_on g = {0};
    begin(s);
    echo_task *stays = spec_submit_held(s, suspend_once, &g);
    SPEC_UNTIL(echo_task_get_state(stays) == ECHO_TASK_SUSPENDED);
    spec_events events = end(s);
    assert_int_equal(count_category(&events, 's', "start"), 1);
    spec_events_free(&events);
    begin(s);
    echo_task_resume(stays);
    wait_for(stays);
    run_one(s, spec_nothing, NULL);
    events = end(s);
    assert_int_equal(count_category(&events, 's', "start"), 1);
    assert_int_equal(count_category(&events, 'f', "start"), 1);
    assert_int_equal(count_category(&events, 'f', "resume"), 0);
    assert_int_equal(spec_events_count(&events, 'X', "task"), 2);
    spec_events_free(&events);
  }
  spec_crew_end(s);
}

IT(leaves_out_what_began_before_it) {
  echo_scheduler *s = spec_crew(1);
  spec_blocker blocker;
  spec_block(s, &blocker);
  echo_task *queued = spec_submit_held(s, spec_nothing, NULL);
  begin(s);
  spec_unblock(&blocker);
  wait_for(queued);
  spec_events events = end(s);
  assert_int_equal(spec_events_count(&events, 'X', "task"), 1); /* the one that was queued, */
  assert_int_equal(spec_events_find(&events, 'X', "task", 0)->id, 0);
  assert_int_equal(count_category(&events, 'f', "start"), 0); /* without an arrow */
  spec_events_free(&events);
  spec_crew_end(s);
}

IT(is_ended_by_a_stop) {
  echo_scheduler *s = spec_crew(2);
  begin(s);
  for (int i = 0; i < 10; i++)
    spec_submit(s, spec_nothing, NULL);
  assert_int_equal(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  spec_events events = spec_events_read(path);
  spec_events_check(&events);
  assert_int_equal(spec_events_count(&events, 'X', "task"), 10);
  spec_events_free(&events);
  assert_int_equal(echo_scheduler_trace(s, NULL), ECHO_MISSING);
  echo_scheduler_release(s);
}

IT(records_two_schedulers_at_a_time) {
  echo_scheduler *a = spec_crew(1), *b = spec_crew(1);
  char other[80];
  snprintf(other, sizeof other, "%s-b", path);
  begin(a);
  assert_int_equal(echo_scheduler_trace(b, other), ECHO_OK);
  run_one(a, spec_nothing, NULL);
  run_one(b, spec_nothing, NULL);
  run_one(b, spec_nothing, NULL);
  spec_events events = end(a);
  assert_int_equal(spec_events_count(&events, 'X', "task"), 1);
  spec_events_free(&events);
  spec_crew_end(b);
  events = spec_events_read(other);
  spec_events_check(&events);
  assert_int_equal(spec_events_count(&events, 'X', "task"), 2);
  spec_events_free(&events);
  unlink(other);
  spec_crew_end(a);
}

/* -- many threads ----------------------------------------------------------------------------- */

enum { SUBMITTERS = 4 };

typedef struct load {
  echo_scheduler *scheduler;
  atomic_int over, wrong;
  int count;
} load;

static void submit_child(void *scheduler) {
  echo_scheduler_submit(scheduler, NULL, spec_nothing, NULL, NULL);
}

static void *submit_many(void *argument) {
  load *l = argument;
  for (int i = 0; i < l->count; i++) {
    echo_task *task = spec_submit_held(l->scheduler, submit_child, l->scheduler);
    if (i % 8 == 0) echo_task_wait(task, ECHO_FOREVER);
    echo_task_release(task);
  }
  return NULL;
}

static void submit_by_all(load *l) {
  spec_threads threads = {.count = 0};
  for (int i = 0; i < SUBMITTERS; i++)
    spec_threads_add(&threads, submit_many, l);
  spec_threads_join(&threads);
}

IT(loses_nothing_that_is_not_counted) {
  echo_scheduler *s = spec_crew(2);
  load l = {.scheduler = s, .count = SPEC_ROUNDS(200)};
  begin(s);
  submit_by_all(&l);
  spec_crew_end(s);
  spec_events events = spec_events_read(path);
  spec_events_check(&events);
  size_t tasks = (size_t)l.count * SUBMITTERS * 2, dropped = (size_t)spec_events_dropped(&events);
  size_t starts = count_category(&events, 's', "start");
  size_t slices = spec_events_count(&events, 'X', "task");
  assert_true(starts <= tasks && starts + dropped >= tasks);
  assert_true(slices <= tasks && slices + dropped >= tasks);
  if (dropped == 0) assert_int_equal(count_category(&events, 'f', "start"), tasks);
  spec_events_free(&events);
}

static void *begin_and_end(void *argument) {
  load *l = argument;
  while (!atomic_load(&l->over)) {
    int status = echo_scheduler_trace(l->scheduler, path);
    if (status != ECHO_OK && status != ECHO_EXISTS) atomic_fetch_add(&l->wrong, 1);
    spec_nap();
    status = echo_scheduler_trace(l->scheduler, NULL);
    if (status != ECHO_OK && status != ECHO_MISSING) atomic_fetch_add(&l->wrong, 1);
  }
  return NULL;
}

IT(begins_and_ends_while_tasks_run) {
  echo_scheduler *s = spec_crew(2);
  load l = {.scheduler = s, .count = SPEC_ROUNDS(2000)};
  spec_threads threads = {.count = 0};
  for (int i = 0; i < 2; i++)
    spec_threads_add(&threads, begin_and_end, &l);
  submit_by_all(&l);
  atomic_store(&l.over, 1);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&l.wrong), 0);
  spec_crew_end(s);
  spec_events events = spec_events_read(path);
  spec_events_check(&events);
  spec_events_free(&events);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(tells_of_a_task_from_its_submit_to_the_wait, remove_file),
      cmocka_unit_test_teardown(calls_tasks_what_the_program_calls_them, remove_file),
      cmocka_unit_test_teardown(tells_of_suspensions_and_who_resumed, remove_file),
      cmocka_unit_test_teardown(tells_of_a_task_that_comes_again, remove_file),
      cmocka_unit_test_teardown(tells_of_a_task_that_makes_way, remove_file),
      cmocka_unit_test_teardown(believes_a_task_that_says_how_it_ends, remove_file),
      cmocka_unit_test_teardown(tells_of_what_was_cancelled_before_it_ran, remove_file),
      cmocka_unit_test_teardown(tells_of_what_was_cancelled_while_it_ran, remove_file),
      cmocka_unit_test_teardown(counts_what_is_queued, remove_file),
      cmocka_unit_test_teardown(shows_tasks_that_run_while_it_runs, remove_file),
      cmocka_unit_test_teardown(tells_of_branches_that_another_worker_ran, remove_file),
      cmocka_unit_test_teardown(tells_when_workers_sleep, remove_file),
      cmocka_unit_test_teardown(tells_of_steals, remove_file),
      cmocka_unit_test_teardown(puts_tasks_that_run_in_a_wait_inside_of_it, remove_file),
      cmocka_unit_test_teardown(counts_what_is_too_deep_inside_of_others_as_dropped, remove_file),
      cmocka_unit_test_teardown(refuses_what_cannot_be, remove_file),
      cmocka_unit_test_teardown(records_twice_in_a_row_and_tells_the_two_apart, remove_file),
      cmocka_unit_test_teardown(leaves_out_what_began_before_it, remove_file),
      cmocka_unit_test_teardown(is_ended_by_a_stop, remove_file),
      cmocka_unit_test_teardown(records_two_schedulers_at_a_time, remove_file),
      cmocka_unit_test_teardown(loses_nothing_that_is_not_counted, remove_file),
      cmocka_unit_test_teardown(begins_and_ends_while_tasks_run, remove_file),
  };
  return cmocka_run_group_tests(tests, make_path, NULL);
}
