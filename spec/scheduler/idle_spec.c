/* Parking and waking, step by step: the calls that others make between a worker's steps come from
 * its second look. */
#include "scheduler/idle.h"

#include <echo/status.h>

#include "support/spec.h"

enum { WORKERS = 70, ME = 65 }; /* in the second word of the bitmap */

static echo__idle idle;

static int open_idle(void **state) {
  (void)state;
  return echo__idle_init(&idle, WORKERS);
}

static int close_idle(void **state) {
  (void)state;
  echo__idle_close(&idle);
  return 0;
}

/* What happens in the second look, and what it answers. */
typedef struct look {
  unsigned notifications, nudges;
  bool busy;
  int looks;
} look;

static bool second_look(void *context) {
  look *l = context;
  l->looks++;
  for (unsigned i = 0; i < l->notifications; i++)
    echo__idle_notify(&idle);
  for (unsigned i = 0; i < l->nudges; i++)
    echo__idle_nudge(&idle, ME);
  return l->busy;
}

static bool park(look *l, uint64_t deadline) {
  return echo__idle_park(&idle, ME, deadline, NULL, second_look, l);
}

static void expect_awake(unsigned searching) {
  assert_int_equal(echo__load(&idle.searching, relaxed), searching);
  for (int i = 0; i < ECHO__PARKED_WORDS; i++)
    assert_true(echo__load(&idle.parked[i], relaxed) == 0);
  for (int i = 0; i < WORKERS; i++)
    assert_int_equal(echo__load(&idle.sleepers[i].token, relaxed), 0);
}

/* It counts as searching then: whoever relied on its search relies on its look at what is left. */
IT(does_not_sleep_when_the_second_look_finds_work) {
  look l = {.busy = true};
  assert_true(park(&l, ECHO__FOREVER));
  assert_int_equal(l.looks, 1);
  expect_awake(1);
}

IT(sleeps_no_longer_than_to_its_deadline) {
  look l = {0};
  assert_false(park(&l, echo__deadline_in(0.005)));
  assert_int_equal(l.looks, 1);
  expect_awake(0);
}

IT(does_not_sleep_through_a_claim_that_comes_before_it_sleeps) {
  look l = {.notifications = 1};
  assert_true(park(&l, ECHO__FOREVER));
  expect_awake(1);
}

IT(takes_a_claim_along_that_comes_while_it_finds_work_itself) {
  look l = {.notifications = 1, .busy = true};
  assert_true(park(&l, ECHO__FOREVER));
  expect_awake(1);
}

IT(does_not_sleep_through_a_nudge) {
  look l = {.nudges = 1};
  assert_false(park(&l, ECHO__FOREVER));
  expect_awake(0);
}

IT(tells_a_claim_from_a_nudge) {
  look l = {.notifications = 1, .nudges = 1};
  assert_true(park(&l, ECHO__FOREVER));
  expect_awake(1);
}

IT(keeps_a_nudge_that_comes_before_it_parks) {
  look l = {0};
  echo__idle_nudge(&idle, ME);
  assert_false(park(&l, ECHO__FOREVER));
  expect_awake(0);
}

IT(claims_a_worker_once) {
  look l = {.notifications = 3};
  assert_true(park(&l, ECHO__FOREVER));
  expect_awake(1);
}

/* Somebody who has cleared the bit, and is slow to give the token. */
static atomic_bool given;

static void *give_late(void *unused) {
  (void)unused;
  for (int i = 0; i < 10; i++)
    spec_nap();
  atomic_store(&given, true);
  echo__or(&idle.sleepers[ME].token, ECHO__CLAIMED, release);
  echo__word_wake_one(&idle.sleepers[ME].token);
  return NULL;
}

static bool be_claimed_slowly(void *threads) {
  echo__and(&idle.parked[ME / 64], ~(UINT64_C(1) << (ME % 64)), relaxed);
  echo__add(&idle.searching, 1, relaxed);
  spec_threads_add(threads, give_late, NULL);
  return true;
}

IT(waits_for_the_token_of_whoever_has_claimed_it) {
  spec_threads threads = {0};
  atomic_store(&given, false);
  assert_true(echo__idle_park(&idle, ME, ECHO__FOREVER, NULL, be_claimed_slowly, &threads));
  bool was_given = atomic_load(&given);
  spec_threads_join(&threads);
  assert_true(was_given);
  expect_awake(1);
}

static void announce(unsigned worker) {
  echo__or(&idle.parked[worker / 64], UINT64_C(1) << (worker % 64), relaxed);
}

static unsigned announced(void) {
  unsigned count = 0;
  for (int i = 0; i < ECHO__PARKED_WORDS; i++)
    count += (unsigned)__builtin_popcountll(echo__load(&idle.parked[i], relaxed));
  return count;
}

IT(wakes_one_of_many) {
  for (unsigned i = 0; i < WORKERS; i++)
    announce(i);
  echo__idle_notify(&idle);
  assert_int_equal(announced(), WORKERS - 1);
  assert_int_equal(echo__load(&idle.searching, relaxed), 1);
}

IT(wakes_nobody_while_somebody_searches) {
  announce(3);
  assert_true(echo__idle_search(&idle));
  echo__idle_notify(&idle);
  assert_int_equal(announced(), 1);
  assert_true(echo__idle_stop_searching(&idle));
  echo__idle_notify(&idle);
  assert_int_equal(announced(), 0);
}

IT(wakes_nobody_where_nobody_sleeps) {
  echo__idle_notify(&idle);
  echo__idle_notify_injected(&idle);
  expect_awake(0);
}

IT(lets_half_of_the_workers_search) {
  unsigned searching = 0;
  while (echo__idle_search(&idle))
    searching++;
  assert_int_equal(searching, WORKERS / 2);
  for (; searching > 1; searching--)
    assert_false(echo__idle_stop_searching(&idle));
  assert_true(echo__idle_stop_searching(&idle)); /* the last is told */
}

/* -- races ------------------------------------------------------------------------------------ */

/* A worker that parks whenever there is no work, and a submitter that makes some and notifies: all
 * of it is done, or the test hangs. */
enum { PIECES = 200000 };

static atomic_uint made, done;

static bool has_work(void *unused) {
  (void)unused;
  return atomic_load_explicit(&made, memory_order_relaxed) !=
         atomic_load_explicit(&done, memory_order_relaxed);
}

static void *work(void *unused) {
  (void)unused;
  bool searching = false;
  while (atomic_load(&done) < SPEC_ROUNDS(PIECES)) {
    if (has_work(NULL)) {
      if (searching) echo__idle_stop_searching(&idle);
      searching = false;
      atomic_fetch_add(&done, 1);
      continue;
    }
    if (searching) echo__idle_stop_searching(&idle);
    for (unsigned k = 0; k < atomic_load(&done) % 13; k++)
      echo__pause();
    searching = echo__idle_park(&idle, ME, ECHO__FOREVER, NULL, has_work, NULL);
  }
  if (searching) echo__idle_stop_searching(&idle);
  return NULL;
}

IT(loses_no_wake_up) {
  spec_threads threads = {0};
  atomic_store(&made, 0);
  atomic_store(&done, 0);
  spec_threads_add(&threads, work, NULL);
  for (unsigned i = 0; i < SPEC_ROUNDS(PIECES); i++) {
    atomic_store_explicit(&made, i + 1, memory_order_relaxed); /* no fence but that of notify */
    echo__idle_notify(&idle);
    while (atomic_load(&done) <= i)
      echo__pause();
    for (unsigned k = 0; k < i % 17; k++)
      echo__pause(); /* so that it comes now before, now after the worker lies down */
  }
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&done), SPEC_ROUNDS(PIECES));
  assert_int_equal(echo__load(&idle.searching, relaxed), 0);
}

#define ON_IDLE(test) cmocka_unit_test_setup_teardown(test, open_idle, close_idle)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_IDLE(does_not_sleep_when_the_second_look_finds_work),
      ON_IDLE(sleeps_no_longer_than_to_its_deadline),
      ON_IDLE(does_not_sleep_through_a_claim_that_comes_before_it_sleeps),
      ON_IDLE(takes_a_claim_along_that_comes_while_it_finds_work_itself),
      ON_IDLE(does_not_sleep_through_a_nudge),
      ON_IDLE(tells_a_claim_from_a_nudge),
      ON_IDLE(keeps_a_nudge_that_comes_before_it_parks),
      ON_IDLE(claims_a_worker_once),
      ON_IDLE(waits_for_the_token_of_whoever_has_claimed_it),
      ON_IDLE(wakes_one_of_many),
      ON_IDLE(wakes_nobody_while_somebody_searches),
      ON_IDLE(wakes_nobody_where_nobody_sleeps),
      ON_IDLE(lets_half_of_the_workers_search),
      ON_IDLE(loses_no_wake_up),
  };
  return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
