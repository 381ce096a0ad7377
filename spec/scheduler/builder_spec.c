/* Building a scheduler, and what a builder refuses. */
#include "base/tuning.h"
#include "support/allocations.h"
#include "support/crew.h"

static echo_builder *builder;

static int open_builder(void **state) {
  (void)state;
  return echo_builder_create(&builder);
}

static int close_builder(void **state) {
  (void)state;
  echo_builder_destroy(builder);
  return 0;
}

IT(has_at_least_two_workers_by_default) {
  cpu_set_t processors;
  assert_int_equal(sched_getaffinity(0, sizeof processors, &processors), 0);
  int count = CPU_COUNT(&processors);
  assert_int_equal(echo_builder_worker_count(builder), count < 2 ? 2 : count);
}

IT(refuses_worker_counts_out_of_range) {
  unsigned before = echo_builder_worker_count(builder);
  assert_int_equal(echo_builder_with_worker_count(builder, 0), ECHO_INVALID);
  assert_int_equal(echo_builder_with_worker_count(builder, 1025), ECHO_INVALID);
  assert_int_equal(echo_builder_with_worker_count(builder, UINT32_MAX), ECHO_INVALID);
  assert_int_equal(echo_builder_worker_count(builder), before);
}

IT(takes_worker_counts_at_the_ends_of_the_range) {
  assert_int_equal(echo_builder_with_worker_count(builder, 1024), ECHO_OK);
  assert_int_equal(echo_builder_worker_count(builder), 1024);
  assert_int_equal(echo_builder_with_worker_count(builder, 1), ECHO_OK);
  assert_int_equal(echo_builder_worker_count(builder), 1);
}

IT(refuses_a_queue_named_twice) {
  assert_int_equal(echo_builder_with_queue(builder, "disk", 1), ECHO_OK);
  assert_int_equal(echo_builder_with_queue(builder, "net", 1), ECHO_OK);
  assert_int_equal(echo_builder_with_queue(builder, "disk", 2), ECHO_EXISTS);
}

IT(refuses_a_queue_that_lets_nothing_run) {
  assert_int_equal(echo_builder_with_queue(builder, "disk", 0), ECHO_INVALID);
  assert_int_equal(echo_builder_with_queue(builder, "disk", 1), ECHO_OK);
}

/* Elsewhere there is room for so many that it would take a minute to fill it. */
IT(refuses_more_queues_than_tasks_can_tell_apart) {
#if defined(ECHO__SMALL)
  char name[] = "000";
  for (int i = 0; i < ECHO__NAMED_QUEUES; i++) {
    name[0] = (char)('0' + i / 10), name[1] = (char)('0' + i % 10);
    assert_int_equal(echo_builder_with_queue(builder, name, 1), ECHO_OK);
  }
  assert_int_equal(echo_builder_with_queue(builder, "one too many", 1), ECHO_INVALID);
  echo_scheduler *scheduler = NULL;
  atomic_int count = 0;
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_task *last;
  assert_int_equal(echo_scheduler_submit(scheduler, &(echo_task_options){.queue = name}, spec_count,
                                         &count, &last),
                   ECHO_OK);
  assert_int_equal(echo_task_wait(last, ECHO_FOREVER), ECHO_OK);
  echo_task_release(last);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 1);
#else
  skip();
#endif
}

IT(refuses_names_that_are_none) {
  assert_int_equal(echo_builder_with_queue(builder, NULL, 1), ECHO_INVALID);
  assert_int_equal(echo_builder_with_name(builder, NULL), ECHO_INVALID);
}

IT(copies_names) {
  char name[] = "disk";
  assert_int_equal(echo_builder_with_queue(builder, name, 1), ECHO_OK);
  name[0] = 'x';
  assert_int_equal(echo_builder_with_queue(builder, "disk", 1), ECHO_EXISTS);
}

IT(builds_once) {
  echo_scheduler *scheduler = NULL, *second = NULL;
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &second), ECHO_BUILT);
  assert_null(second);
  echo_scheduler_release(scheduler);
}

IT(builds_what_it_was_told) {
  echo_scheduler *scheduler = NULL;
  assert_int_equal(echo_builder_with_worker_count(builder, 5), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  assert_int_equal(echo_scheduler_worker_count(scheduler), 5);
  echo_scheduler_release(scheduler);
}

static void get_name(void *name) {
  pthread_getname_np(pthread_self(), name, 16);
}

IT(names_the_threads) {
  echo_scheduler *scheduler = NULL;
  char name[16] = "";
  assert_int_equal(echo_builder_with_worker_count(builder, 1), ECHO_OK);
  assert_int_equal(echo_builder_with_name(builder, "crew"), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  spec_submit(scheduler, get_name, name);
  spec_crew_end(scheduler);
  assert_string_equal(name, "crew-0");
}

/* The system keeps fifteen characters. */
IT(names_the_threads_of_urgent_workers_after_what_they_are) {
  echo_scheduler *scheduler = NULL;
  spec_blocker blocker;
  char name[16] = "";
  assert_int_equal(echo_builder_with_worker_count(builder, 1), ECHO_OK);
  assert_int_equal(echo_builder_with_urgent_workers(builder, 1), ECHO_OK);
  assert_int_equal(echo_builder_with_name(builder, "indexer"), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  spec_block(scheduler, &blocker);
  echo_task *task;
  assert_int_equal(echo_scheduler_submit(scheduler,
                                         &(echo_task_options){.priority = ECHO_PRIORITY_HIGH},
                                         get_name, name, &task),
                   ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_string_equal(name, "inde-urgent1");
}

IT(is_not_needed_by_the_scheduler_that_it_built) {
  echo_scheduler *scheduler = spec_crew_with_queue(1, 1); /* destroys its builder */
  atomic_int count = 0;
  assert_int_equal(echo_scheduler_submit(scheduler, &(echo_task_options){.queue = "few"},
                                         spec_count, &count, NULL),
                   ECHO_OK);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 1);
}

/* Makes a builder with all that it can hold, and a scheduler from it. */
static int build_all(void) {
  echo_builder *own = NULL;
  echo_scheduler *scheduler = NULL;
  int status = echo_builder_create(&own);
  if (status == ECHO_OK) status = echo_builder_with_queue(own, "one", 1);
  if (status == ECHO_OK) status = echo_builder_with_queue(own, "two", 1);
  if (status == ECHO_OK) status = echo_builder_with_name(own, "name");
  if (status == ECHO_OK) status = echo_builder_with_urgent_workers(own, 2);
  if (status == ECHO_OK) status = echo_builder_build(own, &scheduler);
  echo_builder_destroy(own);
  echo_scheduler_release(scheduler);
  return status;
}

IT(leaves_nothing_behind_when_there_is_no_memory) {
  long live = atomic_load(&spec_allocated.live);
  int status = ECHO_MEMORY, tries = 0;
  for (; status == ECHO_MEMORY; tries++) {
    atomic_store(&spec_allocated.refuse_after, tries);
    status = build_all();
    atomic_store(&spec_allocated.refuse_after, -1);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
  assert_int_equal(status, ECHO_OK);
  assert_true(tries > 8);
}

IT(lets_nothing_be_destroyed) {
  echo_builder_destroy(NULL);
}

#define ON_A_BUILDER(test) cmocka_unit_test_setup_teardown(test, open_builder, close_builder)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_A_BUILDER(has_at_least_two_workers_by_default),
      ON_A_BUILDER(refuses_worker_counts_out_of_range),
      ON_A_BUILDER(takes_worker_counts_at_the_ends_of_the_range),
      ON_A_BUILDER(refuses_a_queue_named_twice),
      ON_A_BUILDER(refuses_a_queue_that_lets_nothing_run),
      ON_A_BUILDER(refuses_more_queues_than_tasks_can_tell_apart),
      ON_A_BUILDER(refuses_names_that_are_none),
      ON_A_BUILDER(copies_names),
      ON_A_BUILDER(builds_once),
      ON_A_BUILDER(builds_what_it_was_told),
      ON_A_BUILDER(names_the_threads),
      ON_A_BUILDER(names_the_threads_of_urgent_workers_after_what_they_are),
      cmocka_unit_test(is_not_needed_by_the_scheduler_that_it_built),
      cmocka_unit_test(leaves_nothing_behind_when_there_is_no_memory),
      cmocka_unit_test(lets_nothing_be_destroyed),
  };
  return cmocka_run_group_tests_name("builder", tests, NULL, NULL);
}
