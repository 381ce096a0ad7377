/* A bound on what is queued and has not begun. */
#include "support/allocations.h"
#include "support/crew.h"

static int open_crew(echo_scheduler **scheduler, unsigned workers, size_t capacity) {
  echo_builder *builder = NULL;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  assert_int_equal(echo_builder_with_queue(builder, "few", 1), ECHO_OK);
  assert_int_equal(echo_builder_with_capacity(builder, capacity), ECHO_OK);
  int status = echo_builder_build(builder, scheduler);
  echo_builder_destroy(builder);
  return status;
}

static echo_scheduler *crew(unsigned workers, size_t capacity) {
  echo_scheduler *scheduler = NULL;
  assert_int_equal(open_crew(&scheduler, workers, capacity), ECHO_OK);
  return scheduler;
}

static int submit(echo_scheduler *scheduler, atomic_int *count) {
  return echo_scheduler_submit(scheduler, NULL, spec_count, count, NULL);
}

IT(refuses_a_capacity_of_nothing) {
  echo_builder *builder = NULL;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_capacity(builder, 0), ECHO_INVALID);
  echo_builder_destroy(builder);
}

IT(takes_as_many_as_it_may_and_not_one_more) {
  spec_blocker blocker;
  atomic_int count = 0;
  echo_scheduler *scheduler = crew(1, 3);
  spec_block(scheduler, &blocker);
  for (int i = 0; i < 3; i++)
    assert_int_equal(submit(scheduler, &count), ECHO_OK);
  for (int i = 0; i < 3; i++)
    assert_int_equal(submit(scheduler, &count), ECHO_FULL);
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  assert_int_equal(stats.submitted, 4);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 3);
}

IT(gives_no_handle_and_calls_nothing_for_what_it_refused) {
  spec_blocker blocker;
  spec_ends ends = {0};
  echo_task *task = NULL;
  const echo_task_options options = {.on_end = spec_ends_note};
  echo_scheduler *scheduler = crew(1, 1);
  spec_block(scheduler, &blocker);
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_ends_run, &ends, &task),
                   ECHO_FULL);
  assert_null(task);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&ends.ran), 1);
  assert_int_equal(atomic_load(&ends.ended_ok), 1);
}

IT(has_room_again_when_a_task_has_begun) {
  spec_blocker first, second;
  atomic_int count = 0;
  echo_scheduler *scheduler = crew(1, 1);
  spec_block(scheduler, &first);
  spec_blocker_init(&second);
  spec_submit(scheduler, spec_blocker_run, &second);
  assert_int_equal(submit(scheduler, &count), ECHO_FULL);
  spec_unblock(&first);
  spec_gate_wait(&second.started);
  assert_int_equal(submit(scheduler, &count), ECHO_OK);
  assert_int_equal(submit(scheduler, &count), ECHO_FULL);
  spec_unblock(&second);
  spec_crew_end(scheduler);
}

IT(has_room_again_when_a_task_was_cancelled) {
  spec_blocker blocker;
  atomic_int count = 0;
  echo_scheduler *scheduler = crew(1, 1);
  spec_block(scheduler, &blocker);
  for (int i = 0; i < 5; i++) {
    echo_task *task = spec_submit_held(scheduler, spec_count, &count);
    assert_int_equal(submit(scheduler, &count), ECHO_FULL);
    assert_int_equal(echo_task_cancel(task), ECHO_OK);
    echo_task_release(task);
  }
  assert_int_equal(submit(scheduler, &count), ECHO_OK);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 1);
}

IT(keeps_no_place_for_what_there_was_no_memory_for) {
  spec_blocker blocker;
  atomic_int count = 0;
  echo_scheduler *scheduler = crew(1, 1);
  atomic_store(&spec_allocated.refuse_after, 0); /* the pool has nothing yet */
  assert_int_equal(submit(scheduler, &count), ECHO_MEMORY);
  atomic_store(&spec_allocated.refuse_after, -1);
  spec_block(scheduler, &blocker);
  assert_int_equal(submit(scheduler, &count), ECHO_OK);
  assert_int_equal(submit(scheduler, &count), ECHO_FULL);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 1);
}

IT(counts_what_waits_in_a_named_queue) {
  spec_blocker blocker;
  atomic_int count = 0;
  const echo_task_options few = {.queue = "few"};
  echo_scheduler *scheduler = crew(2, 2);
  spec_blocker_init(&blocker);
  assert_int_equal(echo_scheduler_submit(scheduler, &few, spec_blocker_run, &blocker, NULL),
                   ECHO_OK);
  spec_gate_wait(&blocker.started);
  for (int i = 0; i < 2; i++)
    assert_int_equal(echo_scheduler_submit(scheduler, &few, spec_count, &count, NULL), ECHO_OK);
  assert_int_equal(echo_scheduler_submit(scheduler, &few, spec_count, &count, NULL), ECHO_FULL);
  assert_int_equal(submit(scheduler, &count), ECHO_FULL);
  spec_unblock(&blocker);
  spec_crew_end(scheduler);
  assert_int_equal(atomic_load(&count), 2);
}

typedef struct inside {
  echo_scheduler *scheduler;
  atomic_int count;
  int first, second;
} inside;

static void submit_two(void *argument) {
  inside *i = argument;
  i->first = submit(i->scheduler, &i->count);
  i->second = submit(i->scheduler, &i->count);
}

IT(holds_inside_of_a_task_too) {
  inside i = {.scheduler = crew(1, 1)};
  spec_submit(i.scheduler, submit_two, &i);
  spec_crew_end(i.scheduler);
  assert_int_equal(i.first, ECHO_OK);
  assert_int_equal(i.second, ECHO_FULL);
  assert_int_equal(atomic_load(&i.count), 1);
}

typedef struct looper {
  spec_gate full, go; /* the capacity is used up; the task may go on */
  int rounds;
} looper;

static void again(void *argument) {
  looper *l = argument;
  if (l->rounds++ == 0) {
    spec_gate_open(&l->full);
    spec_gate_wait(&l->go);
  }
  if (l->rounds < 10) echo_task_again();
}

IT(does_not_count_a_task_that_is_called_again) {
  looper l = {.rounds = 0};
  atomic_int count = 0;
  echo_scheduler *scheduler = crew(1, 1);
  spec_gate_init(&l.full);
  spec_gate_init(&l.go);
  spec_submit(scheduler, again, &l);
  spec_gate_wait(&l.full);
  assert_int_equal(submit(scheduler, &count), ECHO_OK); /* behind it `again` queues nine times */
  assert_int_equal(submit(scheduler, &count), ECHO_FULL);
  spec_gate_open(&l.go);
  SPEC_UNTIL(atomic_load(&count) == 1);
  SPEC_UNTIL(submit(scheduler, &count) == ECHO_OK);
  spec_crew_end(scheduler);
  assert_int_equal(l.rounds, 10);
}

/* -- under concurrency ------------------------------------------------------------------------ */

enum { SUBMITTERS = 4, CAPACITY = 5 };

typedef struct crowd {
  echo_scheduler *scheduler;
  atomic_int accepted, refused, ran;
} crowd;

static void *submit_many(void *argument) {
  crowd *c = argument;
  for (int i = 0; i < SPEC_ROUNDS(20000); i++) {
    int status = submit(c->scheduler, &c->ran);
    atomic_fetch_add(status == ECHO_OK ? &c->accepted : &c->refused, 1);
  }
  return NULL;
}

IT(is_exact_when_many_submit_at_once) {
  spec_blocker blocker;
  for (int round = 0; round < SPEC_ROUNDS(50); round++) {
    crowd c = {.scheduler = crew(1, CAPACITY)};
    spec_threads threads = {0};
    spec_block(c.scheduler, &blocker);
    for (int i = 0; i < SUBMITTERS; i++)
      spec_threads_add(&threads, submit_many, &c);
    spec_threads_join(&threads);
    assert_int_equal(atomic_load(&c.accepted), CAPACITY);
    spec_unblock(&blocker);
    spec_crew_end(c.scheduler);
    assert_int_equal(atomic_load(&c.ran), CAPACITY);
  }
}

IT(loses_no_place_while_tasks_come_and_go) {
  crowd c = {.scheduler = crew(2, CAPACITY)};
  spec_threads threads = {0};
  for (int i = 0; i < SUBMITTERS; i++)
    spec_threads_add(&threads, submit_many, &c);
  spec_threads_join(&threads);
  SPEC_UNTIL(atomic_load(&c.ran) == atomic_load(&c.accepted));
  spec_blocker one, other;
  SPEC_UNTIL(echo_scheduler_submit(c.scheduler, NULL, spec_nothing, NULL, NULL) == ECHO_OK);
  spec_block(c.scheduler, &one);
  spec_block(c.scheduler, &other);
  int free_places = 0;
  while (submit(c.scheduler, &c.ran) == ECHO_OK)
    free_places++;
  assert_int_equal(free_places, CAPACITY);
  spec_unblock(&one);
  spec_unblock(&other);
  spec_crew_end(c.scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_a_capacity_of_nothing),
      cmocka_unit_test(takes_as_many_as_it_may_and_not_one_more),
      cmocka_unit_test(gives_no_handle_and_calls_nothing_for_what_it_refused),
      cmocka_unit_test(has_room_again_when_a_task_has_begun),
      cmocka_unit_test(has_room_again_when_a_task_was_cancelled),
      cmocka_unit_test(keeps_no_place_for_what_there_was_no_memory_for),
      cmocka_unit_test(counts_what_waits_in_a_named_queue),
      cmocka_unit_test(holds_inside_of_a_task_too),
      cmocka_unit_test(does_not_count_a_task_that_is_called_again),
      cmocka_unit_test(is_exact_when_many_submit_at_once),
      cmocka_unit_test(loses_no_place_while_tasks_come_and_go),
  };
  return cmocka_run_group_tests_name("capacity", tests, NULL, NULL);
}
