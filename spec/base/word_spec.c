/* Waiting until a word changes. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/wait.h"
#include "support/spec.h"

static uint64_t soon(void) {
  return echo__deadline_in(0.005);
}

IT(returns_at_once_when_the_word_has_another_value) {
  echo__word word = 1;
  assert_int_equal(echo__word_wait(&word, 0, ECHO__FOREVER), ECHO__WOKEN);
  assert_int_equal(echo__word_wait(&word, 0, 0), ECHO__WOKEN);
}

IT(does_not_sleep_when_the_deadline_has_passed) {
  echo__word word = 0;
  assert_int_equal(echo__word_wait(&word, 0, 0), ECHO__TIMED_OUT);
  assert_int_equal(echo__word_wait(&word, 0, echo__now()), ECHO__TIMED_OUT);
}

IT(times_out_when_nobody_wakes_and_not_before) {
  echo__word word = 0;
  uint64_t deadline = soon();
  echo__woken woken;
  do {
    woken = echo__word_wait(&word, 0, deadline);
  } while (woken != ECHO__TIMED_OUT);
  assert_true(echo__now() >= deadline);
}

typedef struct sleeper {
  echo__word *word;
  atomic_int *awake;
  pthread_t thread;
} sleeper;

static void *sleep_until_1(void *argument) {
  sleeper *s = argument;
  while (echo__load(s->word, acquire) != 1)
    echo__word_wait(s->word, 0, ECHO__FOREVER);
  atomic_fetch_add(s->awake, 1);
  return NULL;
}

static void sleep_and_wake(unsigned count, void (*wake)(echo__word *)) {
  echo__word word = 0;
  atomic_int awake = 0;
  sleeper s = {&word, &awake, 0};
  spec_threads threads = {0};
  for (unsigned i = 0; i < count; i++)
    spec_threads_add(&threads, sleep_until_1, &s);
  spec_nap(); /* most of them sleep by now; the others must not be harmed */
  echo__store(&word, 1, release);
  wake(&word);
  spec_threads_join(&threads);
  assert_int_equal(atomic_load(&awake), count);
}

IT(wakes_the_one_that_sleeps) {
  for (int i = 0; i < 20; i++)
    sleep_and_wake(1, echo__word_wake_one);
}

IT(wakes_all_that_sleep) {
  for (int i = 0; i < 20; i++)
    sleep_and_wake(4, echo__word_wake_all);
}

/* Each waits for the other to change the word, and changes it back. */
enum { HANDOVERS = 20000 };

static void hand_over(echo__word *word, uint32_t mine) {
  for (int i = 0; i < SPEC_ROUNDS(HANDOVERS); i++) {
    while (echo__load(word, acquire) != mine)
      echo__word_wait(word, 1 - mine, ECHO__FOREVER);
    echo__store(word, 1 - mine, release);
    echo__word_wake_one(word);
  }
}

static void *hand_over_1(void *word) {
  hand_over(word, 1);
  return NULL;
}

IT(loses_no_wake_up_between_two_threads) {
  echo__word word = 0;
  spec_threads threads = {0};
  spec_threads_add(&threads, hand_over_1, &word);
  hand_over(&word, 0);
  spec_threads_join(&threads);
  assert_int_equal(echo__load(&word, acquire), 0);
}

IT(does_not_touch_the_word_that_it_wakes) {
  echo__word *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(word != MAP_FAILED);
  munmap((void *)word, 4096);
  errno = 77;
  echo__word_wake_one(word);
  echo__word_wake_all(word);
  assert_int_equal(errno, 77);
}

#ifndef ECHO__SMALL
static void handle(int signal) {
  (void)signal;
}

static atomic_int interrupted_sleep;

static void *sleep_until_interrupted(void *word) {
  while (echo__word_wait(word, 0, ECHO__FOREVER) != ECHO__INTERRUPTED)
    continue;
  atomic_store(&interrupted_sleep, 1);
  return NULL;
}

/* Where there is a futex; condition variables go on sleeping. */
IT(says_so_when_a_signal_interrupts_it) {
  echo__word word = 0;
  struct sigaction action = {.sa_handler = handle}, before;
  sigaction(SIGUSR1, &action, &before);
  spec_threads threads = {0};
  spec_threads_add(&threads, sleep_until_interrupted, &word);
  while (!atomic_load(&interrupted_sleep)) {
    pthread_kill(threads.threads[0], SIGUSR1);
    spec_nap();
  }
  spec_threads_join(&threads);
  sigaction(SIGUSR1, &before, NULL);
}
#endif

IT(makes_deadlines_that_lie_ahead) {
  uint64_t now = echo__now();
  assert_true(echo__deadline_in(1) >= now + 1000000000u);
  assert_true(echo__deadline_in(1e-3) >= now + 1000000u);
  assert_true(echo__deadline_in(1) < echo__now() + 1000000001u);
}

IT(makes_no_time_of_what_is_negative_or_no_number) {
  const double none[] = {0.0, -0.0, -1.0, -INFINITY, NAN};
  for (unsigned i = 0; i < SPEC_COUNT(none); i++)
    assert_true(echo__deadline_in(none[i]) == 0);
}

IT(takes_very_long_as_for_ever) {
  const double ages[] = {1e9, 1e300, INFINITY};
  for (unsigned i = 0; i < SPEC_COUNT(ages); i++)
    assert_true(echo__deadline_in(ages[i]) == ECHO__FOREVER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(returns_at_once_when_the_word_has_another_value),
      cmocka_unit_test(does_not_sleep_when_the_deadline_has_passed),
      cmocka_unit_test(times_out_when_nobody_wakes_and_not_before),
      cmocka_unit_test(wakes_the_one_that_sleeps),
      cmocka_unit_test(wakes_all_that_sleep),
      cmocka_unit_test(loses_no_wake_up_between_two_threads),
      cmocka_unit_test(does_not_touch_the_word_that_it_wakes),
#ifndef ECHO__SMALL
      cmocka_unit_test(says_so_when_a_signal_interrupts_it),
#endif
      cmocka_unit_test(makes_deadlines_that_lie_ahead),
      cmocka_unit_test(makes_no_time_of_what_is_negative_or_no_number),
      cmocka_unit_test(takes_very_long_as_for_ever),
  };
  return cmocka_run_group_tests_name("word", tests, NULL, NULL);
}
