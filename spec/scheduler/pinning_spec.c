/* Workers that stay on one processor each. */
#include <sched.h>

#include "support/crew.h"

enum { WORKERS = 5 };

static cpu_set_t masks[WORKERS];
static int policies[WORKERS];
static atomic_int seen;

static void note_mask(void *data, unsigned worker) {
  (void)data;
  sched_getaffinity(0, sizeof masks[worker], &masks[worker]);
  policies[worker] = sched_getscheduler(0);
  atomic_fetch_add(&seen, 1);
}

static echo_scheduler *hooked_crew(bool pinning) {
  echo_builder *builder = NULL;
  echo_scheduler *scheduler = NULL;
  atomic_store(&seen, 0);
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, WORKERS), ECHO_OK);
  assert_int_equal(echo_builder_with_pinning(builder, pinning), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_hooks(builder, note_mask, NULL, NULL), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  return scheduler;
}

static void run_crew(bool pinning) {
  echo_scheduler *scheduler = hooked_crew(pinning);
  if (pinning)
    spec_submit(scheduler, spec_nothing, NULL); /* all come at once */
  else
    spec_crew_gather(scheduler, WORKERS);
  SPEC_UNTIL(atomic_load(&seen) == WORKERS);
  spec_crew_end(scheduler);
}

/* The processors of a set, in their order; how many. */
static int members(const cpu_set_t *set, int *list) {
  int count = 0;
  for (int i = 0; i < CPU_SETSIZE; i++)
    if (CPU_ISSET(i, set)) list[count++] = i;
  return count;
}

static void expect_pinned_within(const cpu_set_t *own) {
  static int allowed[CPU_SETSIZE], got[CPU_SETSIZE];
  int count = members(own, allowed);
  for (int i = 0; i < WORKERS; i++) {
    assert_int_equal(members(&masks[i], got), 1);
    assert_int_equal(got[0], allowed[i % count]);
  }
}

IT(puts_worker_i_on_the_ith_processor_counted_round) {
  cpu_set_t own;
  assert_int_equal(sched_getaffinity(0, sizeof own, &own), 0);
  run_crew(true);
  expect_pinned_within(&own);
}

IT(stays_within_the_mask_that_the_process_has) {
  static int allowed[CPU_SETSIZE];
  cpu_set_t own, one;
  assert_int_equal(sched_getaffinity(0, sizeof own, &own), 0);
  int count = members(&own, allowed);
  CPU_ZERO(&one);
  CPU_SET(allowed[count - 1], &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  run_crew(true);
  expect_pinned_within(&one);
  assert_int_equal(sched_setaffinity(0, sizeof own, &own), 0);
}

IT(leaves_the_workers_alone_unless_it_is_asked_for) {
  cpu_set_t own;
  assert_int_equal(sched_getaffinity(0, sizeof own, &own), 0);
  run_crew(false);
  for (int i = 0; i < WORKERS; i++)
    assert_true(CPU_EQUAL(&masks[i], &own));
}

typedef struct submitter {
  echo_scheduler *scheduler;
  spec_blocker blocker;
} submitter;

/* A thread whose workers would be bound to one processor, and scheduled in another way. */
static void *submit_from_elsewhere(void *argument) {
  static int allowed[CPU_SETSIZE];
  submitter *s = argument;
  cpu_set_t own, one;
  struct sched_param parameters = {0};
  assert_int_equal(sched_getaffinity(0, sizeof own, &own), 0);
  members(&own, allowed);
  CPU_ZERO(&one);
  CPU_SET(allowed[0], &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &parameters), 0);
  spec_block(s->scheduler, &s->blocker);
  return NULL;
}

IT(gives_workers_that_come_later_what_the_first_submit_had) {
  cpu_set_t own;
  spec_threads threads = {0};
  spec_blocker first;
  submitter second = {.scheduler = hooked_crew(false)};
  assert_int_equal(sched_getaffinity(0, sizeof own, &own), 0);
  spec_block(second.scheduler, &first);
  spec_threads_add(&threads, submit_from_elsewhere, &second);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&seen), 2);
  assert_true(CPU_EQUAL(&masks[1], &own));
  assert_int_equal(policies[1], policies[0]);
  assert_int_equal(policies[1], sched_getscheduler(0));
  spec_unblock(&first);
  spec_unblock(&second.blocker);
  spec_crew_end(second.scheduler);
}

IT(leaves_the_callers_own_mask_alone) {
  cpu_set_t before, after;
  sched_getaffinity(0, sizeof before, &before);
  run_crew(true);
  sched_getaffinity(0, sizeof after, &after);
  assert_true(CPU_EQUAL(&before, &after));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(puts_worker_i_on_the_ith_processor_counted_round),
      cmocka_unit_test(stays_within_the_mask_that_the_process_has),
      cmocka_unit_test(leaves_the_workers_alone_unless_it_is_asked_for),
      cmocka_unit_test(gives_workers_that_come_later_what_the_first_submit_had),
      cmocka_unit_test(leaves_the_callers_own_mask_alone),
  };
  return cmocka_run_group_tests_name("pinning", tests, NULL, NULL);
}
