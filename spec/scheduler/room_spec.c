/* Waiting for a free place. */
#include "support/crew.h"

static echo_scheduler *crew(unsigned workers, size_t capacity) {
  echo_builder *builder = NULL;
  echo_scheduler *scheduler = NULL;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  if (capacity > 0) assert_int_equal(echo_builder_with_capacity(builder, capacity), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  return scheduler;
}

/* A scheduler with one worker, which is held, and a full queue of one. */
typedef struct full {
  echo_scheduler *scheduler;
  spec_blocker blocker;
  echo_task *queued;
  atomic_int count;
} full;

static void fill(full *f) {
  f->queued = NULL;
  assert_int_equal(echo_scheduler_submit(f->scheduler, NULL, spec_count, &f->count, &f->queued),
                   ECHO_OK);
  assert_int_equal(echo_scheduler_submit(f->scheduler, NULL, spec_count, &f->count, NULL),
                   ECHO_FULL);
}

static void open_full(full *f) {
  *f = (full){.scheduler = crew(1, 1)};
  spec_block(f->scheduler, &f->blocker);
  fill(f);
}

static void empty(full *f) {
  assert_int_equal(echo_task_cancel(f->queued), ECHO_OK);
  echo_task_release(f->queued);
}

static void close_full(full *f) {
  spec_unblock(&f->blocker);
  spec_crew_end(f->scheduler);
}

/* Several who watch, and the order in which they were told. */
typedef struct crowd {
  echo_room rooms[4];
  spec_note notes[4];
  spec_log log;
} crowd;

static void watch_as(full *f, crowd *c, int number, echo_priority priority) {
  c->notes[number] = (spec_note){&c->log, number};
  echo_scheduler_watch_room(f->scheduler, &c->rooms[number], priority, spec_note_run,
                            &c->notes[number]);
}

static void watch(full *f, crowd *c, int number) {
  watch_as(f, c, number, ECHO_PRIORITY_NORMAL);
}

static crowd *new_crowd(void) {
  static crowd c;
  c = (crowd){0};
  return &c;
}

IT(tells_at_once_if_there_is_room) {
  full f = {.scheduler = crew(1, 1)};
  crowd *c = new_crowd();
  watch(&f, c, 0);
  spec_log_expect(&c->log, (int[]){0}, 1);
  assert_false(echo_scheduler_unwatch_room(f.scheduler, &c->rooms[0]));
  spec_crew_end(f.scheduler);
}

IT(tells_at_once_if_there_is_no_bound) {
  full f = {.scheduler = crew(1, 0)};
  crowd *c = new_crowd();
  watch(&f, c, 0);
  spec_log_expect(&c->log, (int[]){0}, 1);
  spec_crew_end(f.scheduler);
}

IT(tells_once_when_a_task_has_begun) {
  full f;
  crowd *c = new_crowd();
  open_full(&f);
  echo_task_release(f.queued);
  watch(&f, c, 0);
  assert_int_equal(atomic_load(&c->log.count), 0);
  spec_unblock(&f.blocker);
  SPEC_UNTIL(atomic_load(&c->log.count) == 1);
  spec_crew_end(f.scheduler);
  spec_log_expect(&c->log, (int[]){0}, 1);
}

IT(tells_one_for_each_place_in_their_order) {
  full f;
  crowd *c = new_crowd();
  open_full(&f);
  for (int i = 0; i < 3; i++)
    watch(&f, c, i);
  for (unsigned told = 1; told <= 3; told++) {
    empty(&f);
    assert_int_equal(atomic_load(&c->log.count), told);
    fill(&f);
  }
  spec_log_expect(&c->log, (int[]){0, 1, 2}, 3);
  echo_task_release(f.queued);
  close_full(&f);
}

IT(tells_the_highest_priority_first) {
  full f;
  crowd *c = new_crowd();
  open_full(&f);
  watch_as(&f, c, 0, ECHO_PRIORITY_LOW);
  watch_as(&f, c, 1, ECHO_PRIORITY_NORMAL);
  watch_as(&f, c, 2, ECHO_PRIORITY_HIGH);
  watch_as(&f, c, 3, ECHO_PRIORITY_HIGH);
  for (int i = 0; i < 4; i++) {
    empty(&f);
    fill(&f);
  }
  spec_log_expect(&c->log, (int[]){2, 3, 1, 0}, 4);
  echo_task_release(f.queued);
  close_full(&f);
}

IT(does_not_tell_who_has_taken_the_watch_back) {
  full f;
  crowd *c = new_crowd();
  open_full(&f);
  for (int i = 0; i < 3; i++)
    watch(&f, c, i);
  assert_true(echo_scheduler_unwatch_room(f.scheduler, &c->rooms[0]));
  assert_true(echo_scheduler_unwatch_room(f.scheduler, &c->rooms[2]));
  empty(&f);
  spec_log_expect(&c->log, (int[]){1}, 1);
  watch(&f, c, 2); /* the list is whole after its last was taken out */
  fill(&f);
  watch(&f, c, 0);
  empty(&f);
  spec_log_expect(&c->log, (int[]){1, 2, 0}, 3);
  close_full(&f);
}

IT(passes_the_news_on_if_who_was_told_does_not_use_it) {
  full f;
  crowd *c = new_crowd();
  open_full(&f);
  watch(&f, c, 0);
  watch(&f, c, 1);
  empty(&f);
  spec_log_expect(&c->log, (int[]){0}, 1);
  assert_false(echo_scheduler_unwatch_room(f.scheduler, &c->rooms[0]));
  spec_log_expect(&c->log, (int[]){0, 1}, 2);
  close_full(&f);
}

IT(passes_nothing_on_if_the_place_is_gone) {
  full f;
  crowd *c = new_crowd();
  open_full(&f);
  watch(&f, c, 0);
  watch(&f, c, 1);
  empty(&f);
  fill(&f); /* somebody else was faster */
  assert_false(echo_scheduler_unwatch_room(f.scheduler, &c->rooms[0]));
  spec_log_expect(&c->log, (int[]){0}, 1);
  empty(&f);
  spec_log_expect(&c->log, (int[]){0, 1}, 2);
  close_full(&f);
}

IT(tells_all_when_the_scheduler_stops) {
  static full f; /* outlives the test, as the thread that is left behind does */
  crowd *c = new_crowd();
  size_t abandoned;
  open_full(&f);
  for (int i = 0; i < 3; i++)
    watch(&f, c, i);
  assert_int_equal(echo_scheduler_stop(f.scheduler, ECHO_STOP_CANCEL, 0.01, &abandoned),
                   ECHO_TIMEOUT);
  spec_log_expect(&c->log, (int[]){0, 1, 2}, 3);
  watch(&f, c, 0); /* and who comes too late, at once */
  assert_int_equal(atomic_load(&c->log.count), 4);
  echo_task_release(f.queued);
  spec_unblock(&f.blocker);
  echo_scheduler_release(f.scheduler);
}

/* -- under concurrency ------------------------------------------------------------------------ */

enum { PRODUCERS = 4 };

typedef struct plant {
  echo_scheduler *scheduler;
  atomic_int ran;
} plant;

static void open_gate(void *gate) {
  spec_gate_open(gate);
}

/* Waits for room whenever there is none. If a piece of news were lost it would wait for ever. */
static void *produce(void *argument) {
  plant *p = argument;
  for (int left = SPEC_ROUNDS(20000); left > 0;) {
    if (echo_scheduler_submit(p->scheduler, NULL, spec_count, &p->ran, NULL) == ECHO_OK) {
      left--;
      continue;
    }
    echo_room room;
    spec_gate told;
    spec_gate_init(&told);
    echo_scheduler_watch_room(p->scheduler, &room, ECHO_PRIORITY_NORMAL, open_gate, &told);
    spec_gate_wait(&told);
  }
  return NULL;
}

/* Watches and takes it back at once, as who is cancelled does. */
static void *dither(void *argument) {
  plant *p = argument;
  for (int i = 0; i < SPEC_ROUNDS(20000); i++) {
    echo_room room;
    spec_gate told;
    spec_gate_init(&told);
    echo_scheduler_watch_room(p->scheduler, &room, ECHO_PRIORITY_NORMAL, open_gate, &told);
    echo_scheduler_unwatch_room(p->scheduler, &room);
  }
  return NULL;
}

IT(loses_no_news) {
  for (unsigned capacity = 1; capacity <= 3; capacity++) {
    plant p = {.scheduler = crew(2, capacity)};
    spec_threads threads = {0};
    for (int i = 0; i < PRODUCERS; i++)
      spec_threads_add(&threads, produce, &p);
    spec_threads_add(&threads, dither, &p);
    spec_threads_join(&threads);
    spec_crew_end(p.scheduler);
    assert_int_equal(atomic_load(&p.ran), PRODUCERS * SPEC_ROUNDS(20000));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tells_at_once_if_there_is_room),
      cmocka_unit_test(tells_at_once_if_there_is_no_bound),
      cmocka_unit_test(tells_once_when_a_task_has_begun),
      cmocka_unit_test(tells_one_for_each_place_in_their_order),
      cmocka_unit_test(tells_the_highest_priority_first),
      cmocka_unit_test(does_not_tell_who_has_taken_the_watch_back),
      cmocka_unit_test(passes_the_news_on_if_who_was_told_does_not_use_it),
      cmocka_unit_test(passes_nothing_on_if_the_place_is_gone),
      cmocka_unit_test(tells_all_when_the_scheduler_stops),
      cmocka_unit_test(loses_no_news),
  };
  return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
