/* What a worker takes that is kept free for what is urgent. */
#include "support/shelf.h"

#define LOW    ECHO_PRIORITY_LOW
#define NORMAL ECHO_PRIORITY_NORMAL
#define HIGH   ECHO_PRIORITY_HIGH

enum { KEPT = 1 }; /* the worker; 0 is an ordinary one */

static echo_priority priorities[SPEC_SHELF]; /* by number */
static spec_shelf shelf;

static echo_priority priority_of(const echo_node *node) {
  return priorities[((const spec_item *)(const void *)node)->number];
}

static void open_shelf(unsigned fairness) {
  shelf.items = spec_items(SPEC_SHELF);
  echo_queue_options options = {.workers = 2, .fairness = fairness, .priority_of = priority_of};
  assert_int_equal(echo_queue_create(&shelf.queue, &options), ECHO_OK);
}

static void pin(int number, echo_priority priority) {
  priorities[number] = priority;
  echo_queue_pin(shelf.queue, KEPT, &shelf.items[number].node);
}

static int take_from(echo_priority lowest, echo_taken *taken) {
  *taken = (echo_taken){0};
  if (echo_queue_take_high(shelf.queue, KEPT, lowest, taken) != ECHO_STEAL_TAKEN) return -1;
  return spec_item_of(taken->node)->number;
}

static int take(void) {
  echo_taken taken;
  return take_from(LOW, &taken);
}

IT(finds_high_nodes_wherever_they_are) {
  open_shelf(0);
  spec_push(&shelf, 0, HIGH, 1);
  spec_offer(&shelf, 0, HIGH, 2);
  spec_inject(&shelf, HIGH, 3);
  pin(4, HIGH);
  bool found[5] = {false};
  for (int i = 0; i < 4; i++)
    found[take()] = true;
  for (int i = 1; i <= 4; i++)
    assert_true(found[i]);
  assert_int_equal(take(), -1);
  spec_shelf_close(&shelf);
}

IT(leaves_the_others_where_they_are) {
  open_shelf(2);
  static const echo_priority others[] = {NORMAL, LOW};
  for (int i = 0; i < 2; i++) {
    spec_push(&shelf, 0, others[i], 10 + i);
    spec_offer(&shelf, 0, others[i], 20 + i);
    spec_inject(&shelf, others[i], 30 + i);
  }
  assert_int_equal(take(), -1);
  for (int i = 0; i < 20; i++) { /* though they are passed over again and again */
    spec_inject(&shelf, HIGH, 1);
    assert_int_equal(take(), 1);
  }
  assert_int_equal(take(), -1);
  spec_shelf_close(&shelf);
}

IT(takes_what_is_pinned_to_it_down_to_the_lowest_that_was_asked_for) {
  echo_taken taken;
  open_shelf(0);
  pin(1, LOW);
  pin(2, NORMAL);
  assert_int_equal(take_from(HIGH, &taken), -1);
  assert_int_equal(take_from(NORMAL, &taken), 2);
  assert_true(taken.pinned);
  assert_int_equal(take_from(NORMAL, &taken), -1);
  assert_int_equal(take_from(LOW, &taken), 1);
  spec_shelf_close(&shelf);
}

/* The place, from 1 on, at which what is pinned comes among high ones without end; 0: not soon. */
static int turn_of_pinned(echo_priority lowest, echo_taken *taken) {
  for (int i = 1; i <= 50; i++) {
    spec_inject(&shelf, HIGH, 1);
    spec_inject(&shelf, NORMAL, 100 + i); /* these do not count */
    if (take_from(lowest, taken) != 1) return i;
    assert_false(taken->fair);
  }
  return 0;
}

IT(does_not_let_what_is_pinned_starve) {
  echo_taken taken;
  open_shelf(5);
  pin(2, LOW);
  assert_int_equal(turn_of_pinned(LOW, &taken), 5); /* one take in so many is its own */
  assert_int_equal(spec_item_of(taken.node)->number, 2);
  assert_true(taken.fair && taken.pinned);
  assert_int_equal(turn_of_pinned(LOW, &taken), 0);
  spec_shelf_close(&shelf);
}

IT(does_not_give_a_turn_to_what_it_was_not_asked_for) {
  echo_taken taken;
  open_shelf(5);
  pin(2, LOW);
  assert_int_equal(turn_of_pinned(NORMAL, &taken), 0);
  spec_shelf_close(&shelf);
}

IT(lets_it_wait_without_fairness) {
  echo_taken taken;
  open_shelf(0);
  pin(2, LOW);
  assert_int_equal(turn_of_pinned(LOW, &taken), 0);
  spec_shelf_close(&shelf);
}

/* Its priority changes while it waits: the turn is not spent on nothing. */
IT(looks_again_if_the_one_whose_turn_it_is_has_become_urgent) {
  open_shelf(3);
  pin(2, LOW);
  for (int i = 0; i < 2; i++) {
    spec_inject(&shelf, HIGH, 1);
    assert_int_equal(take(), 1);
  }
  priorities[2] = HIGH;
  echo_queue_sort_pinned(shelf.queue, KEPT);
  assert_int_equal(take(), 2);
  spec_shelf_close(&shelf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_high_nodes_wherever_they_are),
      cmocka_unit_test(leaves_the_others_where_they_are),
      cmocka_unit_test(takes_what_is_pinned_to_it_down_to_the_lowest_that_was_asked_for),
      cmocka_unit_test(does_not_let_what_is_pinned_starve),
      cmocka_unit_test(does_not_give_a_turn_to_what_it_was_not_asked_for),
      cmocka_unit_test(lets_it_wait_without_fairness),
      cmocka_unit_test(looks_again_if_the_one_whose_turn_it_is_has_become_urgent),
  };
  return cmocka_run_group_tests_name("high", tests, NULL, NULL);
}
