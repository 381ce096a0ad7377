#include "support/crew.h"

static echo_scheduler *build(echo_builder *builder, unsigned workers) {
  echo_scheduler *scheduler = NULL;
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  return scheduler;
}

echo_scheduler *spec_crew(unsigned workers) {
  echo_builder *builder = NULL;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  return build(builder, workers);
}

echo_scheduler *spec_crew_with_queue(unsigned workers, unsigned limit) {
  echo_builder *builder = NULL;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_queue(builder, "few", limit), ECHO_OK);
  return build(builder, workers);
}

echo_scheduler *spec_crew_with_urgent(unsigned workers, unsigned urgent) {
  echo_builder *builder = NULL;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_urgent_workers(builder, urgent), ECHO_OK);
  return build(builder, workers);
}

void spec_crew_end(echo_scheduler *scheduler) {
  size_t abandoned = 99;
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, &abandoned),
                   ECHO_OK);
  assert_int_equal(abandoned, 0);
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  assert_int_equal(stats.ended, stats.submitted);
  for (int rank = 0; rank < ECHO_PRIORITIES; rank++) {
    assert_int_equal(stats.queued[rank], 0);
    assert_int_equal(stats.running[rank], 0);
  }
  echo_scheduler_release(scheduler);
}

void spec_submit(echo_scheduler *scheduler, echo_task_function function, void *argument) {
  assert_int_equal(echo_scheduler_submit(scheduler, NULL, function, argument, NULL), ECHO_OK);
}

echo_task *spec_submit_held(echo_scheduler *scheduler, echo_task_function function,
                            void *argument) {
  echo_task *task = NULL;
  assert_int_equal(echo_scheduler_submit(scheduler, NULL, function, argument, &task), ECHO_OK);
  assert_non_null(task);
  return task;
}

typedef struct gathering {
  atomic_uint come, wanted;
} gathering;

static void come(void *argument) {
  gathering *g = argument;
  atomic_fetch_add(&g->come, 1);
  while (atomic_load(&g->come) < atomic_load(&g->wanted))
    sched_yield();
}

void spec_crew_gather(echo_scheduler *scheduler, unsigned workers) {
  gathering g = {0};
  echo_task *tasks[64];
  assert_in_range(workers, 1, SPEC_COUNT(tasks));
  atomic_store(&g.wanted, workers);
  for (unsigned i = 0; i < workers; i++)
    tasks[i] = spec_submit_held(scheduler, come, &g);
  for (unsigned i = 0; i < workers; i++) {
    assert_int_equal(echo_task_wait(tasks[i], ECHO_FOREVER), ECHO_OK);
    echo_task_release(tasks[i]);
  }
}

void spec_count(void *counter) {
  atomic_fetch_add((atomic_int *)counter, 1);
}

void spec_nothing(void *argument) {
  (void)argument;
}

void spec_blocker_init(spec_blocker *blocker) {
  spec_gate_init(&blocker->started);
  spec_gate_init(&blocker->go);
}

void spec_blocker_run(void *argument) {
  spec_blocker *blocker = argument;
  spec_gate_open(&blocker->started);
  spec_gate_wait(&blocker->go);
}

void spec_block(echo_scheduler *scheduler, spec_blocker *blocker) {
  spec_blocker_init(blocker);
  spec_submit(scheduler, spec_blocker_run, blocker);
  spec_gate_wait(&blocker->started);
}

void spec_unblock(spec_blocker *blocker) {
  spec_gate_open(&blocker->go);
}

void spec_log_add(spec_log *log, int entry) {
  unsigned at = atomic_fetch_add(&log->count, 1);
  if (at < SPEC_LOG) log->entries[at] = entry;
}

void spec_log_expect(spec_log *log, const int *entries, unsigned count) {
  assert_int_equal(atomic_load(&log->count), count);
  for (unsigned i = 0; i < count; i++)
    assert_int_equal(log->entries[i], entries[i]);
}

void spec_note_run(void *argument) {
  spec_note *note = argument;
  spec_log_add(note->log, note->entry);
}

void spec_ends_run(void *argument) {
  spec_ends *ends = argument;
  atomic_fetch_add(&ends->ran, 1);
}

void spec_ends_note(void *argument, int status) {
  spec_ends *ends = argument;
  if (status == ECHO_OK)
    atomic_fetch_add(&ends->ended_ok, 1);
  else if (status == ECHO_CANCELLED)
    atomic_fetch_add(&ends->ended_cancelled, 1);
  else
    atomic_fetch_add(&ends->ended_otherwise, 1);
}
