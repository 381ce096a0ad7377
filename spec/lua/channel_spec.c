/*
 * The protocol of channels and semaphores, without Lua: threads that wait by the steps of
 * operation.h, and some that give up on the way, as tasks do that are cancelled.
 */
#include "lua/channel.h"
#include "lua/semaphore.h"

#include <stdlib.h>
#include <string.h>

#include "support/allocations.h"

/* -- parcels that carry a number, and what waits for them ------------------------------------- */

static echo__parcel *pack(uint64_t number) {
  echo__parcel *parcel = echo__parcel_create();
  memcpy(echo__message_reserve(&parcel->message, sizeof number), &number, sizeof number);
  parcel->message.size = sizeof number;
  return parcel;
}

static uint64_t number_in(const echo__parcel *parcel) {
  uint64_t number;
  memcpy(&number, parcel->message.bytes, sizeof number);
  return number;
}

static uint64_t unpack(echo__parcel *parcel) {
  uint64_t number = number_in(parcel);
  echo__parcel_destroy(parcel);
  return number;
}

static echo__passage send_now(echo__channel *channel, uint64_t number) {
  echo__parcel *parcel = pack(number);
  echo__passage passage = echo__channel_send(channel, &parcel);
  echo__parcel_destroy(parcel);
  return passage;
}

/* What was received, or -1 for barred and -2 for closed. */
static int64_t receive_now(echo__channel *channel) {
  echo__parcel *empty = NULL, *parcel = NULL;
  echo__passage passage = echo__channel_receive(channel, &empty, &parcel);
  if (passage != ECHO__PASSED) return passage == ECHO__BARRED ? -1 : -2;
  return (int64_t)unpack(parcel);
}

typedef struct place {
  echo__seat seat;
  echo__channel_waiter waiter;
} place;

static void sit_down(place *p, echo__channel *channel) {
  memset(p, 0, sizeof *p);
  p->waiter.waiter.seat = &p->seat;
  p->waiter.channel = channel;
}

/* Sleeps until woken, or for a moment; true if woken. */
static bool doze(echo__seat *seat, double seconds) {
  uint64_t deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  bool woken;
  while (!(woken = echo__seat_sleep(seat, deadline)) && echo__now() < deadline)
    ;
  return woken;
}

/* Sends, if need be after a wait; gives up after `patience` seconds (never, if negative). */
static echo__passage send_waiting(echo__channel *channel, uint64_t number, double patience) {
  place p;
  sit_down(&p, channel);
  p.waiter.parcel = pack(number);
  echo__passage passage;
  while ((passage = echo__channel_attempt_send(&p.waiter)) == ECHO__BARRED) {
    echo__seat_rouse(&p.seat);
    if (echo__channel_enroll_sender(&p.waiter) && !doze(&p.seat, patience)) break;
  }
  if (passage == ECHO__BARRED && !echo__channel_withdraw(&p.waiter)) passage = ECHO__PASSED;
  echo__channel_leave_sender(&p.waiter);
  return passage;
}

static int64_t receive_waiting(echo__channel *channel) {
  place p;
  echo__parcel *empty = NULL, *parcel = NULL;
  sit_down(&p, channel);
  echo__passage passage;
  while ((passage = echo__channel_attempt_receive(&p.waiter, &empty, &parcel)) == ECHO__BARRED) {
    echo__seat_rouse(&p.seat);
    if (echo__channel_enroll_receiver(&p.waiter)) doze(&p.seat, -1);
  }
  echo__channel_leave_receiver(&p.waiter);
  return passage == ECHO__PASSED ? (int64_t)unpack(parcel) : -2;
}

/* As a task that is cancelled while it waits: leaves without looking. */
static void enroll_and_leave(echo__channel *channel, double seconds) {
  place p;
  sit_down(&p, channel);
  if (echo__channel_enroll_receiver(&p.waiter)) doze(&p.seat, seconds);
  echo__channel_leave_receiver(&p.waiter);
}

static void release(echo__channel *channel) {
  echo__shared_release(&channel->shared);
}

/* -- one thread: who gets what, in which order ------------------------------------------------ */

IT(keeps_the_order_in_the_buffer) {
  echo__channel *channel = echo__channel_create(3);
  for (uint64_t i = 0; i < 3; i++)
    assert_int_equal(send_now(channel, i), ECHO__PASSED);
  assert_int_equal(send_now(channel, 3), ECHO__BARRED);
  assert_int_equal(echo__channel_count(channel), 3);
  for (int64_t i = 0; i < 3; i++)
    assert_int_equal(receive_now(channel), i);
  assert_int_equal(receive_now(channel), -1);
  release(channel);
}

IT(serves_receivers_in_the_order_in_which_they_came) {
  echo__channel *channel = echo__channel_create(0);
  place places[3];
  for (int i = 0; i < 3; i++) {
    sit_down(&places[i], channel);
    assert_true(echo__channel_enroll_receiver(&places[i].waiter));
    assert_true(echo__channel_enroll_receiver(&places[i].waiter)); /* and is still there once */
  }
  for (uint64_t i = 0; i < 3; i++)
    assert_int_equal(send_now(channel, i), ECHO__PASSED);
  assert_int_equal(send_now(channel, 3), ECHO__BARRED);
  for (int i = 2; i >= 0; i--) {
    echo__parcel *empty = NULL, *parcel = NULL;
    assert_false(echo__channel_enroll_receiver(&places[i].waiter));
    assert_int_equal(echo__channel_attempt_receive(&places[i].waiter, &empty, &parcel),
                     ECHO__PASSED);
    assert_int_equal(unpack(parcel), i);
    echo__channel_leave_receiver(&places[i].waiter);
  }
  release(channel);
}

static void enroll_senders(echo__channel *channel, place *places, int count, uint64_t first) {
  for (int i = 0; i < count; i++) {
    sit_down(&places[i], channel);
    places[i].waiter.parcel = pack(first + (uint64_t)i);
    assert_true(echo__channel_enroll_sender(&places[i].waiter));
  }
}

IT(serves_senders_in_the_order_in_which_they_came_and_nobody_passes_them) {
  for (size_t capacity = 0; capacity < 3; capacity++) {
    echo__channel *channel = echo__channel_create(capacity);
    place places[3];
    for (uint64_t i = 0; i < capacity; i++)
      assert_int_equal(send_now(channel, i), ECHO__PASSED);
    enroll_senders(channel, places, 3, capacity);
    for (int64_t i = 0; i < 3; i++) {
      assert_int_equal(receive_now(channel), i);
      assert_int_equal(send_now(channel, 99), ECHO__BARRED);
    }
    for (int i = 0; i < 3; i++) {
      assert_int_equal(echo__channel_attempt_send(&places[i].waiter), ECHO__PASSED);
      echo__channel_leave_sender(&places[i].waiter);
    }
    assert_int_equal(echo__channel_count(channel), capacity);
    release(channel);
  }
}

IT(has_not_sent_what_a_sender_took_away_with_it) {
  echo__channel *channel = echo__channel_create(1);
  place places[3];
  assert_int_equal(send_now(channel, 0), ECHO__PASSED);
  enroll_senders(channel, places, 3, 1);
  echo__channel_leave_sender(&places[1].waiter);
  assert_int_equal(receive_now(channel), 0);
  assert_int_equal(receive_now(channel), 1);
  assert_int_equal(receive_now(channel), 3);
  assert_int_equal(receive_now(channel), -1);
  echo__channel_leave_sender(&places[0].waiter);
  echo__channel_leave_sender(&places[2].waiter);
  release(channel);
}

IT(puts_back_in_order_what_receivers_leave_behind) {
  echo__channel *channel = echo__channel_create(0);
  for (int turn = 0; turn < 6; turn++) {
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    place places[3];
    for (int i = 0; i < 3; i++) {
      sit_down(&places[i], channel);
      assert_true(echo__channel_enroll_receiver(&places[i].waiter));
    }
    for (uint64_t i = 0; i < 3; i++)
      assert_int_equal(send_now(channel, i), ECHO__PASSED);
    for (int i = 0; i < 3; i++)
      echo__channel_leave_receiver(&places[orders[turn][i]].waiter);
    assert_int_equal(echo__channel_count(channel), 3);
    assert_int_equal(send_now(channel, 3), ECHO__BARRED);
    for (int64_t i = 0; i < 3; i++)
      assert_int_equal(receive_now(channel), i);
  }
  release(channel);
}

IT(gives_what_a_receiver_leaves_behind_to_the_next_one_who_waits) {
  echo__channel *channel = echo__channel_create(0);
  place places[2];
  for (int i = 0; i < 2; i++) {
    sit_down(&places[i], channel);
    assert_true(echo__channel_enroll_receiver(&places[i].waiter));
  }
  assert_int_equal(send_now(channel, 7), ECHO__PASSED);
  echo__channel_leave_receiver(&places[0].waiter);
  assert_int_equal(echo__channel_count(channel), 0);
  echo__parcel *empty = NULL, *parcel = NULL;
  assert_int_equal(echo__channel_attempt_receive(&places[1].waiter, &empty, &parcel), ECHO__PASSED);
  assert_int_equal(unpack(parcel), 7);
  release(channel);
}

IT(still_gives_what_was_sent_before_it_was_closed) {
  echo__channel *channel = echo__channel_create(2);
  place sender;
  assert_int_equal(send_now(channel, 0), ECHO__PASSED);
  assert_int_equal(send_now(channel, 1), ECHO__PASSED);
  enroll_senders(channel, &sender, 1, 2);
  assert_true(echo__channel_close(channel));
  assert_false(echo__channel_close(channel));
  assert_int_equal(send_now(channel, 3), ECHO__CLOSED);
  assert_int_equal(receive_now(channel), 0);
  assert_int_equal(receive_now(channel), 1);
  assert_int_equal(receive_now(channel), -2);
  assert_false(echo__channel_enroll_sender(&sender.waiter));
  assert_int_equal(echo__channel_attempt_send(&sender.waiter), ECHO__CLOSED);
  echo__channel_leave_sender(&sender.waiter);
  release(channel);
}

IT(gives_a_receiver_that_saw_the_end_what_is_put_back_after_it) {
  echo__channel *channel = echo__channel_create(0);
  place places[2];
  for (int i = 0; i < 2; i++) {
    sit_down(&places[i], channel);
    assert_true(echo__channel_enroll_receiver(&places[i].waiter));
  }
  assert_int_equal(send_now(channel, 7), ECHO__PASSED);
  echo__channel_close(channel);
  echo__channel_leave_receiver(&places[0].waiter);
  echo__parcel *empty = NULL, *parcel = NULL;
  assert_int_equal(echo__channel_attempt_receive(&places[1].waiter, &empty, &parcel), ECHO__PASSED);
  assert_int_equal(unpack(parcel), 7);
  release(channel);
}

/* -- memory ----------------------------------------------------------------------------------- */

IT(frees_what_is_in_it_with_its_last_handle) {
  long before = atomic_load(&spec_allocated.live);
  echo__channel *channel = echo__channel_create(5);
  for (uint64_t i = 0; i < 5; i++)
    send_now(channel, i);
  for (int64_t i = 0; i < 3; i++)
    assert_int_equal(receive_now(channel), i);
  echo__shared_retain(&channel->shared);
  release(channel);
  assert_int_equal(receive_now(channel), 3);
  release(channel);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

IT(stays_until_the_last_waiter_has_left_it) {
  long before = atomic_load(&spec_allocated.live);
  echo__channel *channel = echo__channel_create(0);
  place places[2];
  for (int i = 0; i < 2; i++) {
    sit_down(&places[i], channel);
    assert_true(echo__channel_enroll_receiver(&places[i].waiter));
  }
  assert_int_equal(send_now(channel, 7), ECHO__PASSED);
  release(channel);
  for (int i = 1; i >= 0; i--) {
    assert_int_equal(atomic_load(&spec_allocated.live), before + 2); /* it, and what was sent */
    echo__channel_leave_receiver(&places[i].waiter);
  }
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

IT(allocates_nothing_once_it_runs) {
  echo__channel *channel = echo__channel_create(1);
  echo__parcel *sender = pack(0), *receiver = pack(0);
  long before = 0;
  for (int i = 0; i < 100; i++) {
    echo__parcel *received = NULL;
    if (i == 50) before = atomic_load(&spec_allocated.made);
    if (sender == NULL) sender = pack((uint64_t)i);
    assert_int_equal(echo__channel_send(channel, &sender), ECHO__PASSED);
    assert_int_equal(echo__channel_receive(channel, &receiver, &received), ECHO__PASSED);
    if (receiver == NULL)
      receiver = received;
    else
      echo__parcel_destroy(received);
  }
  assert_int_equal(atomic_load(&spec_allocated.made), before);
  echo__parcel_destroy(sender);
  echo__parcel_destroy(receiver);
  release(channel);
}

IT(keeps_only_so_many_empty_parcels) {
  long before = atomic_load(&spec_allocated.live);
  echo__channel *channel = echo__channel_create(10 * ECHO__SPARE_PARCELS);
  for (uint64_t i = 0; i < 10 * ECHO__SPARE_PARCELS; i++)
    send_now(channel, i);
  echo__parcel *empty = NULL, *received = NULL;
  while (echo__channel_receive(channel, &empty, &received) == ECHO__PASSED) {
    echo__parcel_destroy(empty);
    empty = received;
  }
  echo__parcel_destroy(empty);
  assert_in_range(atomic_load(&spec_allocated.live) - before, 1, ECHO__SPARE_PARCELS + 1);
  release(channel);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

IT(is_destroyed_however_many_lie_one_in_the_other) {
  long before = atomic_load(&spec_allocated.live);
  echo__channel *outer = echo__channel_create(1);
  for (int i = 0; i < SPEC_ROUNDS(300000); i++) {
    echo__channel *channel = outer;
    echo__parcel *parcel = echo__parcel_create();
    echo__message_attach(&parcel->message, ECHO__ATTACHMENT_SHARED, channel);
    outer = echo__channel_create(1);
    assert_int_equal(echo__channel_send(outer, &parcel), ECHO__PASSED);
  }
  release(outer);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

IT(says_so_when_there_is_no_memory) {
  atomic_store(&spec_allocated.refuse_after, 0);
  echo__channel *channel = echo__channel_create(0);
  echo__parcel *parcel = echo__parcel_create();
  echo__semaphore *semaphore = echo__semaphore_create(1);
  atomic_store(&spec_allocated.refuse_after, -1);
  assert_null(channel);
  assert_null(parcel);
  assert_null(semaphore);
}

/* -- many threads ----------------------------------------------------------------------------- */

enum { SENDERS = 3, RECEIVERS = 3, EACH = 20000, SENDER_SHIFT = 32 };

typedef struct traffic {
  echo__channel *channel;
  atomic_int seen[SENDERS][EACH];
  atomic_int next_sender, out_of_order, sent, receivers_left;
  double patience; /* of senders; and receivers give up now and then if it is not negative */
} traffic;

static unsigned each(void) {
  return (unsigned)SPEC_ROUNDS(EACH);
}

static void *send_all(void *argument) {
  traffic *t = argument;
  uint64_t me = (uint64_t)atomic_fetch_add(&t->next_sender, 1);
  for (uint64_t i = 0; i < each(); i++) {
    echo__passage passage;
    while ((passage = send_waiting(t->channel, me << SENDER_SHIFT | i, t->patience)) ==
           ECHO__BARRED)
      ;
    if (passage == ECHO__PASSED) atomic_fetch_add(&t->sent, 1);
  }
  return NULL;
}

static void note(traffic *t, int64_t got, int64_t *last) {
  int64_t sender = got >> SENDER_SHIFT, number = got & UINT32_MAX;
  atomic_fetch_add(&t->seen[sender][number], 1);
  if (last[sender] >= number) atomic_fetch_add(&t->out_of_order, 1);
  last[sender] = number;
}

static void *receive_all(void *argument) {
  traffic *t = argument;
  int64_t last[SENDERS] = {-1, -1, -1}, got;
  unsigned turns = 0;
  while ((got = receive_waiting(t->channel)) != -2) {
    note(t, got, last);
    if (t->patience >= 0 && ++turns % 3 == 0) enroll_and_leave(t->channel, t->patience);
  }
  return NULL;
}

static void run_traffic(size_t capacity, unsigned receivers, double patience) {
  traffic *t = calloc(1, sizeof *t);
  t->channel = echo__channel_create(capacity);
  t->patience = patience;
  spec_threads senders = {0}, others = {0};
  for (unsigned i = 0; i < receivers; i++)
    spec_threads_add(&others, receive_all, t);
  for (unsigned i = 0; i < SENDERS; i++)
    spec_threads_add(&senders, send_all, t);
  spec_threads_join(&senders);
  echo__channel_close(t->channel);
  spec_threads_join(&others);
  while (receive_now(t->channel) >= 0) /* a receiver that left may have been the last */
    atomic_fetch_sub(&t->sent, 1);
  unsigned long seen = 0;
  for (unsigned sender = 0; sender < SENDERS; sender++)
    for (unsigned i = 0; i < each(); i++) {
      assert_in_range(atomic_load(&t->seen[sender][i]), 0, 1);
      seen += (unsigned long)atomic_load(&t->seen[sender][i]);
    }
  assert_int_equal(seen, atomic_load(&t->sent));
  if (receivers == 1 && patience < 0) assert_int_equal(atomic_load(&t->out_of_order), 0);
  release(t->channel);
  free(t);
}

IT(carries_each_message_once_from_many_to_many) {
  static const size_t capacities[] = {0, 1, 7, 1000};
  for (unsigned i = 0; i < SPEC_COUNT(capacities); i++)
    run_traffic(capacities[i], RECEIVERS, -1);
}

IT(keeps_each_senders_order_for_one_receiver) {
  run_traffic(0, 1, -1);
  run_traffic(5, 1, -1);
}

IT(loses_nothing_to_those_who_give_up) {
  run_traffic(0, RECEIVERS, 0.00001);
  run_traffic(2, RECEIVERS, 0.00001);
}

typedef struct enders {
  echo__channel *channel;
  atomic_int told;
} enders;

static void *wait_for_the_end(void *argument) {
  enders *e = argument;
  if (receive_waiting(e->channel) == -2) atomic_fetch_add(&e->told, 1);
  return NULL;
}

IT(tells_all_who_wait_that_it_was_closed) {
  for (int round = 0; round < SPEC_ROUNDS(200); round++) {
    enders e = {echo__channel_create(0), 0};
    spec_threads threads = {0};
    for (int i = 0; i < 4; i++)
      spec_threads_add(&threads, wait_for_the_end, &e);
    if (round % 2 == 0) spec_nap();
    echo__channel_close(e.channel);
    spec_threads_join(&threads);
    assert_int_equal(atomic_load(&e.told), 4);
    release(e.channel);
  }
}

/* -- semaphores ------------------------------------------------------------------------------- */

typedef struct seated {
  echo__seat seat;
  echo__semaphore_waiter waiter;
} seated;

static void be_seated(seated *s, echo__semaphore *semaphore) {
  memset(s, 0, sizeof *s);
  s->waiter.waiter.seat = &s->seat;
  s->waiter.semaphore = semaphore;
}

IT(hands_permits_on_in_the_order_in_which_they_are_wanted) {
  echo__semaphore *semaphore = echo__semaphore_create(1);
  seated places[3];
  assert_true(echo__semaphore_try(semaphore));
  for (int i = 0; i < 3; i++) {
    be_seated(&places[i], semaphore);
    assert_true(echo__semaphore_enroll(&places[i].waiter));
  }
  assert_true(echo__semaphore_release(semaphore));
  assert_false(echo__semaphore_try(semaphore));
  assert_false(echo__semaphore_attempt(&places[1].waiter));
  assert_true(echo__semaphore_attempt(&places[0].waiter));
  echo__semaphore_leave(&places[1].waiter);
  assert_true(echo__semaphore_release(semaphore));
  echo__semaphore_leave(&places[2].waiter); /* served, and leaves without having looked */
  assert_true(echo__semaphore_try(semaphore));
  assert_true(echo__semaphore_release(semaphore));
  assert_false(echo__semaphore_release(semaphore));
  echo__shared_release(&semaphore->shared);
}

IT(a_semaphore_stays_until_the_last_waiter_has_left_it) {
  long before = atomic_load(&spec_allocated.live);
  echo__semaphore *semaphore = echo__semaphore_create(1);
  seated places[2];
  assert_true(echo__semaphore_try(semaphore));
  for (int i = 0; i < 2; i++) {
    be_seated(&places[i], semaphore);
    assert_true(echo__semaphore_enroll(&places[i].waiter));
  }
  echo__shared_release(&semaphore->shared);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(atomic_load(&spec_allocated.live), before + 1);
    echo__semaphore_leave(&places[i].waiter);
  }
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

typedef struct guarded {
  echo__semaphore *semaphore;
  atomic_int inside, too_many, entered;
} guarded;

static void acquire_waiting(echo__semaphore *semaphore) {
  seated s;
  be_seated(&s, semaphore);
  while (!echo__semaphore_attempt(&s.waiter)) {
    echo__seat_rouse(&s.seat);
    if (echo__semaphore_enroll(&s.waiter)) doze(&s.seat, -1);
  }
  echo__semaphore_leave(&s.waiter);
}

static void want_and_leave(echo__semaphore *semaphore) {
  seated s;
  be_seated(&s, semaphore);
  if (echo__semaphore_enroll(&s.waiter)) doze(&s.seat, 0.00001);
  echo__semaphore_leave(&s.waiter);
}

static void *enter(void *argument) {
  guarded *g = argument;
  for (int i = 0; i < SPEC_ROUNDS(20000); i++) {
    if (i % 3 == 0) want_and_leave(g->semaphore);
    acquire_waiting(g->semaphore);
    if (atomic_fetch_add(&g->inside, 1) >= 2) atomic_fetch_add(&g->too_many, 1);
    atomic_fetch_add(&g->entered, 1);
    atomic_fetch_sub(&g->inside, 1);
    echo__semaphore_release(g->semaphore);
  }
  return NULL;
}

IT(lets_no_more_in_than_there_are_permits_and_loses_none) {
  guarded g = {echo__semaphore_create(2), 0, 0, 0};
  spec_threads threads = {0};
  for (int i = 0; i < 5; i++)
    spec_threads_add(&threads, enter, &g);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&g.too_many), 0);
  assert_int_equal(atomic_load(&g.entered), 5 * SPEC_ROUNDS(20000));
  assert_true(echo__semaphore_try(g.semaphore));
  assert_true(echo__semaphore_try(g.semaphore));
  assert_false(echo__semaphore_try(g.semaphore));
  echo__shared_release(&g.semaphore->shared);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_the_order_in_the_buffer),
      cmocka_unit_test(serves_receivers_in_the_order_in_which_they_came),
      cmocka_unit_test(serves_senders_in_the_order_in_which_they_came_and_nobody_passes_them),
      cmocka_unit_test(has_not_sent_what_a_sender_took_away_with_it),
      cmocka_unit_test(puts_back_in_order_what_receivers_leave_behind),
      cmocka_unit_test(gives_what_a_receiver_leaves_behind_to_the_next_one_who_waits),
      cmocka_unit_test(still_gives_what_was_sent_before_it_was_closed),
      cmocka_unit_test(gives_a_receiver_that_saw_the_end_what_is_put_back_after_it),
      cmocka_unit_test(frees_what_is_in_it_with_its_last_handle),
      cmocka_unit_test(stays_until_the_last_waiter_has_left_it),
      cmocka_unit_test(allocates_nothing_once_it_runs),
      cmocka_unit_test(keeps_only_so_many_empty_parcels),
      cmocka_unit_test(is_destroyed_however_many_lie_one_in_the_other),
      cmocka_unit_test(says_so_when_there_is_no_memory),
      cmocka_unit_test(carries_each_message_once_from_many_to_many),
      cmocka_unit_test(keeps_each_senders_order_for_one_receiver),
      cmocka_unit_test(loses_nothing_to_those_who_give_up),
      cmocka_unit_test(tells_all_who_wait_that_it_was_closed),
      cmocka_unit_test(hands_permits_on_in_the_order_in_which_they_are_wanted),
      cmocka_unit_test(a_semaphore_stays_until_the_last_waiter_has_left_it),
      cmocka_unit_test(lets_no_more_in_than_there_are_permits_and_loses_none),
  };
  return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
