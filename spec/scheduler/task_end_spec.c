/* The call at the end of each task. */
#include <string.h>

#include "support/allocations.h"
#include "support/crew.h"

typedef struct book {
  pthread_mutex_t mutex;
  unsigned count;
  echo_task_report last;
  char queue[16];
  unsigned never_ran;
  bool sound;        /* each report's times fit its status */
  bool ended_before; /* on_end had been called before the report */
  atomic_bool ended;
} book;

static void note(void *data, const echo_task_report *report) {
  book *b = data;
  pthread_mutex_lock(&b->mutex);
  b->count++;
  b->last = *report;
  bool never = report->waited < 0 && report->ran < 0, times = report->ran >= 0;
  b->never_ran += never;
  b->sound = b->sound && (never || (times && report->waited >= 0 && report->waited < 1e6));
  b->sound = b->sound && (report->status == ECHO_CANCELLED || !never);
  b->queue[0] = '\0';
  if (report->queue != NULL) strncpy(b->queue, report->queue, sizeof b->queue - 1);
  b->ended_before = atomic_load(&b->ended);
  pthread_mutex_unlock(&b->mutex);
}

static book blank(void) {
  return (book){.mutex = PTHREAD_MUTEX_INITIALIZER, .sound = true};
}

static echo_scheduler *crew(unsigned workers, book *b) {
  echo_builder *builder = NULL;
  echo_scheduler *scheduler = NULL;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  assert_int_equal(echo_builder_with_queue(builder, "few", 1), ECHO_OK);
  assert_int_equal(echo_builder_with_task_end(builder, note, b), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  return scheduler;
}

static void note_end(void *argument, int status) {
  (void)status;
  atomic_store(&((book *)argument)->ended, true);
}

IT(tells_of_a_task_before_anybody_else_knows) {
  book b = blank();
  echo_task *task = NULL;
  echo_scheduler *scheduler = crew(1, &b);
  const echo_task_options options = {
      .priority = ECHO_PRIORITY_HIGH, .queue = "few", .on_end = note_end};
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_nothing, &b, &task), ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(b.count, 1);
  assert_false(b.ended_before);
  assert_ptr_equal(b.last.argument, &b);
  assert_true(b.last.function == spec_nothing);
  assert_int_equal(b.last.priority, ECHO_PRIORITY_HIGH);
  assert_string_equal(b.queue, "few");
  assert_int_equal(b.last.status, ECHO_OK);
  assert_int_equal(b.last.worker, 0);
  assert_true(b.last.waited > 0 && b.last.ran >= 0);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

IT(times_tasks_whose_builder_said_nothing_of_timings) {
  book b = blank();
  echo_timings timings;
  echo_scheduler *scheduler = crew(1, &b);
  for (int i = 0; i < 10; i++)
    spec_submit(scheduler, spec_nothing, NULL);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_timings(scheduler, ECHO_PRIORITY_NORMAL, &timings), ECHO_OK);
  assert_int_equal(timings.ran.count, 10);
  assert_null(b.last.queue);
  spec_crew_end(scheduler);
}

IT(tells_of_what_was_cancelled_and_never_ran) {
  book b = blank();
  spec_blocker blocker;
  echo_task *held = NULL;
  echo_scheduler *scheduler = crew(1, &b);
  spec_block(scheduler, &blocker);
  echo_task *task = spec_submit_held(scheduler, spec_nothing, &b);
  const echo_task_options options = {.held = true};
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_nothing, NULL, &held), ECHO_OK);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  assert_int_equal(b.count, 1);
  assert_ptr_equal(b.last.argument, &b);
  assert_int_equal(b.last.status, ECHO_CANCELLED);
  assert_int_equal(b.last.worker, -1);
  assert_true(b.last.waited < 0 && b.last.ran < 0);
  assert_int_equal(echo_task_cancel(held), ECHO_OK);
  assert_int_equal(b.count, 2);
  echo_task_release(task);
  echo_task_release(held);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_int_equal(b.count, 3);
}

IT(tells_of_each_task_once_whatever_ends_it) {
  book b = blank();
  spec_blocker blocker;
  echo_scheduler *scheduler = crew(2, &b);
  spec_block(scheduler, &blocker);
  for (int i = 0; i < 2000; i++) {
    echo_task *task = NULL;
    const echo_task_options options = {.queue = i % 3 == 0 ? "few" : NULL};
    assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_nothing, NULL, &task),
                     ECHO_OK);
    if (i % 2 == 0) echo_task_cancel(task);
    echo_task_release(task);
  }
  assert_int_equal(echo_scheduler_begin_stop(scheduler, ECHO_STOP_CANCEL, 0), ECHO_TIMEOUT);
  spec_unblock(&blocker);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(b.count, 2001);
  assert_true(b.sound);
  assert_true(b.never_ran >= 500);
  spec_crew_end(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tells_of_a_task_before_anybody_else_knows),
      cmocka_unit_test(times_tasks_whose_builder_said_nothing_of_timings),
      cmocka_unit_test(tells_of_what_was_cancelled_and_never_ran),
      cmocka_unit_test(tells_of_each_task_once_whatever_ends_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
