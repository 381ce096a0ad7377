/* What a worker offers and means to take back. */
#include <sched.h>

#include "base/random.h"
#include "base/tuning.h"
#include "support/shelf.h"

#define HIGH   ECHO_PRIORITY_HIGH
#define NORMAL ECHO_PRIORITY_NORMAL
#define LOW    ECHO_PRIORITY_LOW

static spec_shelf shelf;

static int open_shelf(void **state) {
  (void)state;
  shelf = spec_shelf_open(3, 0);
  return 0;
}

static int close_shelf(void **state) {
  (void)state;
  spec_shelf_close(&shelf);
  return 0;
}

IT(gives_back_what_was_offered_last) {
  for (int i = 0; i < 3; i++)
    assert_true(spec_offer(&shelf, 0, NORMAL, i));
  for (int i = 2; i >= 0; i--)
    assert_int_equal(spec_retract(&shelf, 0, NORMAL), i);
  assert_int_equal(spec_retract(&shelf, 0, NORMAL), -1);
}

IT(keeps_priorities_and_workers_apart) {
  assert_true(spec_offer(&shelf, 0, HIGH, 1));
  assert_true(spec_offer(&shelf, 0, LOW, 2));
  assert_true(spec_offer(&shelf, 1, LOW, 3));
  assert_int_equal(spec_retract(&shelf, 0, NORMAL), -1);
  assert_int_equal(spec_retract(&shelf, 1, HIGH), -1);
  assert_int_equal(spec_retract(&shelf, 0, LOW), 2);
  assert_int_equal(spec_retract(&shelf, 0, LOW), -1);
  assert_int_equal(spec_retract(&shelf, 1, LOW), 3);
  assert_int_equal(spec_retract(&shelf, 0, HIGH), 1);
}

IT(does_not_meet_what_the_worker_has_pushed) {
  assert_true(spec_offer(&shelf, 0, NORMAL, 1));
  spec_push(&shelf, 0, NORMAL, 2);
  assert_int_equal(spec_retract(&shelf, 0, NORMAL), 1);
  assert_int_equal(spec_take(&shelf, 0), 2);
}

IT(lets_others_take_the_oldest_one_at_a_time) {
  for (int i = 0; i < 3; i++)
    assert_true(spec_offer(&shelf, 0, NORMAL, i));
  assert_int_equal(spec_take(&shelf, 1), 0);
  assert_int_equal(spec_take(&shelf, 2), 1);
  assert_int_equal(spec_retract(&shelf, 0, NORMAL), 2);
  assert_int_equal(spec_take(&shelf, 1), -1);
}

IT(says_of_what_was_taken_where_it_was) {
  echo_taken taken;
  assert_true(spec_offer(&shelf, 0, LOW, 0));
  assert_true(spec_offer(&shelf, 0, LOW, 1));
  assert_int_equal(echo_queue_take(shelf.queue, 1, &taken), ECHO_STEAL_TAKEN);
  assert_true(taken.offered && taken.stolen && taken.more);
  assert_int_equal(taken.priority, LOW);
  assert_int_equal(echo_queue_take(shelf.queue, 0, &taken), ECHO_STEAL_TAKEN);
  assert_true(taken.offered && !taken.stolen && !taken.more);
  spec_push(&shelf, 0, LOW, 2);
  assert_int_equal(echo_queue_take(shelf.queue, 1, &taken), ECHO_STEAL_TAKEN);
  assert_true(!taken.offered && taken.stolen);
}

IT(comes_after_the_injector_and_before_the_deques_of_others) {
  assert_true(spec_offer(&shelf, 0, NORMAL, 2));
  spec_push(&shelf, 0, NORMAL, 3);
  spec_inject(&shelf, NORMAL, 1);
  spec_push(&shelf, 1, NORMAL, 0);
  for (int i = 0; i < 4; i++)
    assert_int_equal(spec_take(&shelf, 1), i);
}

IT(has_its_place_among_the_priorities) {
  assert_true(spec_offer(&shelf, 0, HIGH, 1));
  assert_true(spec_offer(&shelf, 0, LOW, 3));
  spec_push(&shelf, 1, NORMAL, 2);
  spec_push(&shelf, 1, LOW, 0);
  assert_int_equal(spec_take(&shelf, 1), 1);
  assert_int_equal(spec_take(&shelf, 1), 2);
  assert_int_equal(spec_take(&shelf, 1), 0);
  assert_int_equal(spec_take(&shelf, 1), 3);
}

IT(is_refused_when_there_is_no_room) {
  for (int i = 0; i < ECHO__RING; i++)
    assert_true(spec_offer(&shelf, 0, NORMAL, i));
  assert_false(spec_offer(&shelf, 0, NORMAL, ECHO__RING));
  assert_int_equal(spec_take(&shelf, 1), 0);
  assert_true(spec_offer(&shelf, 0, NORMAL, ECHO__RING));
  for (int i = ECHO__RING; i > 0; i--)
    assert_int_equal(spec_retract(&shelf, 0, NORMAL), i);
}

IT(counts_as_work) {
  assert_false(echo_queue_has_work(shelf.queue));
  assert_true(spec_offer(&shelf, 0, NORMAL, 0));
  assert_true(echo_queue_has_work(shelf.queue));
  assert_true(echo_queue_has_work_for(shelf.queue, 1, NORMAL));
  assert_false(echo_queue_has_work_from(shelf.queue, HIGH));
  assert_int_equal(spec_retract(&shelf, 0, NORMAL), 0);
  assert_false(echo_queue_has_work(shelf.queue));
}

IT(stays_when_the_queue_is_emptied) {
  echo_taken taken;
  assert_true(spec_offer(&shelf, 0, NORMAL, 0));
  assert_int_equal(echo_queue_evict(shelf.queue, &taken), ECHO_STEAL_EMPTY);
  assert_int_equal(spec_retract(&shelf, 0, NORMAL), 0);
}

IT(is_found_again_after_the_worker_has_looked_round_in_vain) {
  for (int i = 0; i < 3; i++) {
    assert_true(spec_offer(&shelf, 0, NORMAL, i));
    assert_int_equal(spec_take(&shelf, 1), i);
    assert_int_equal(spec_take(&shelf, 0), -1);
  }
}

IT(takes_nothing_below_what_it_is_asked_for) {
  echo_taken taken;
  spec_inject(&shelf, LOW, 0);
  spec_push(&shelf, 0, LOW, 1);
  assert_true(spec_offer(&shelf, 1, LOW, 2));
  assert_int_equal(echo_queue_take_from(shelf.queue, 0, NORMAL, &taken), ECHO_STEAL_EMPTY);
  spec_inject(&shelf, NORMAL, 3);
  assert_int_equal(echo_queue_take_from(shelf.queue, 0, NORMAL, &taken), ECHO_STEAL_TAKEN);
  assert_int_equal(spec_item_of(taken.node)->number, 3);
  assert_int_equal(echo_queue_take_from(shelf.queue, 0, LOW, &taken), ECHO_STEAL_TAKEN);
  assert_int_equal(spec_item_of(taken.node)->number, 1);
}

/* -- one who offers and takes back, and thieves ----------------------------------------------- */

enum { ROUNDS = 100000 };

typedef struct contest {
  spec_shelf shelf;
  atomic_bool over;
} contest;

typedef struct thief {
  contest *contest;
  unsigned index;
} thief;

static void *thieve(void *argument) {
  thief *t = argument;
  while (!atomic_load(&t->contest->over)) {
    echo_taken taken;
    if (echo_queue_take(t->contest->shelf.queue, t->index, &taken) == ECHO_STEAL_TAKEN)
      spec_item_took(taken.node);
    else
      sched_yield();
  }
  return NULL;
}

/* A few on offer at a time; what is not there any more was taken. */
static void offer_and_retract(spec_shelf *s, unsigned rounds) {
  echo__random random;
  echo__random_seed(&random, spec_seed());
  for (unsigned done = 0; done < rounds;) {
    unsigned count = 1 + echo__random_below(&random, ECHO__RING < 6 ? ECHO__RING : 6);
    for (unsigned i = 0; i < count; i++)
      while (!echo_queue_offer(s->queue, 0, NORMAL, &s->items[(done + i) % SPEC_SHELF].node))
        sched_yield();
    for (echo_node *node; (node = echo_queue_retract(s->queue, 0, NORMAL)) != NULL;)
      spec_item_took(node);
    for (unsigned i = 0; i < count; i++)
      SPEC_UNTIL(atomic_load(&s->items[(done + i) % SPEC_SHELF].taken) > 0);
    for (unsigned i = 0; i < count; i++) {
      spec_item *item = &s->items[(done + i) % SPEC_SHELF];
      assert_int_equal(atomic_load(&item->taken), 1);
      atomic_store(&item->taken, 0);
    }
    done += count;
  }
}

IT(gives_each_to_one_alone_when_thieves_come) {
  static contest c;
  c.shelf = shelf;
  atomic_store(&c.over, false);
  spec_threads threads = {0};
  thief thieves[] = {{&c, 1}, {&c, 2}};
  for (unsigned i = 0; i < SPEC_COUNT(thieves); i++)
    spec_threads_add(&threads, thieve, &thieves[i]);
  offer_and_retract(&c.shelf, SPEC_ROUNDS(ROUNDS));
  atomic_store(&c.over, true);
  spec_threads_join(&threads);
}

int main(void) {
#define OFFER(name) cmocka_unit_test_setup_teardown(name, open_shelf, close_shelf)
  const struct CMUnitTest tests[] = {
      OFFER(gives_back_what_was_offered_last),
      OFFER(keeps_priorities_and_workers_apart),
      OFFER(does_not_meet_what_the_worker_has_pushed),
      OFFER(lets_others_take_the_oldest_one_at_a_time),
      OFFER(says_of_what_was_taken_where_it_was),
      OFFER(comes_after_the_injector_and_before_the_deques_of_others),
      OFFER(has_its_place_among_the_priorities),
      OFFER(is_refused_when_there_is_no_room),
      OFFER(counts_as_work),
      OFFER(stays_when_the_queue_is_emptied),
      OFFER(is_found_again_after_the_worker_has_looked_round_in_vain),
      OFFER(takes_nothing_below_what_it_is_asked_for),
      OFFER(gives_each_to_one_alone_when_thieves_come),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
