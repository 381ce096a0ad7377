/* A descriptor that is readable while its bell is rung. */
#include "base/doorbell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/spec.h"

static echo__doorbell bell;

static int open_bell(void **state) {
  (void)state;
  echo__doorbell_init(&bell);
  return echo__doorbell_open(&bell);
}

static int close_bell(void **state) {
  (void)state;
  echo__doorbell_close(&bell);
  return 0;
}

static bool readable(void) {
  struct pollfd watched = {.fd = bell.reads, .events = POLLIN};
  return poll(&watched, 1, 0) == 1;
}

IT(is_readable_while_it_is_rung) {
  assert_false(readable());
  echo__doorbell_ring(&bell);
  echo__doorbell_ring(&bell);
  assert_true(readable());
  echo__doorbell_quiet(&bell);
  assert_false(readable());
  echo__doorbell_quiet(&bell);
}

IT(is_readable_from_the_first_knock_until_all_are_answered) {
  for (int i = 0; i < 100; i++)
    echo__doorbell_knock(&bell);
  assert_true(readable());
  echo__doorbell_answer(&bell);
  assert_false(readable());
  echo__doorbell_answer(&bell);
  echo__doorbell_knock(&bell);
  assert_true(readable());
}

/* More than a pipe holds. */
IT(takes_any_number_of_knocks_and_keeps_errno) {
  for (int i = 0; i < 100000; i++) {
    errno = 77;
    echo__doorbell_knock(&bell);
    assert_int_equal(errno, 77);
  }
  echo__doorbell_answer(&bell);
  assert_false(readable());
}

IT(closes_on_exec_and_does_not_block) {
  int ends[] = {bell.reads, bell.writes};
  for (int i = 0; i < 2; i++) {
    assert_true(fcntl(ends[i], F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(ends[i], F_GETFL) & O_NONBLOCK);
  }
}

IT(says_why_it_cannot_be_made) {
  struct rlimit limit, none = {0};
  getrlimit(RLIMIT_NOFILE, &limit);
  none.rlim_max = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &none);
  echo__doorbell other;
  echo__doorbell_init(&other);
  int error = echo__doorbell_open(&other);
  setrlimit(RLIMIT_NOFILE, &limit);
  assert_int_equal(error, EMFILE);
  assert_int_equal(other.reads, -1);
}

/* Two descriptors of one thing stand for what a fork shares. */
IT(is_made_anew_under_the_same_number_and_leaves_the_other_alone) {
  int shared = dup(bell.reads), number = bell.reads;
  echo__doorbell_ring(&bell);
  echo__doorbell_renew(&bell);
  struct pollfd other = {.fd = shared, .events = POLLIN};
  assert_int_equal(bell.reads, number);
  assert_false(readable());
  assert_int_equal(poll(&other, 1, 0), 1);
  echo__doorbell_ring(&bell);
  assert_true(readable());
  echo__doorbell_quiet(&bell);
  assert_false(readable());
  assert_int_equal(poll(&other, 1, 0), 1);
  assert_true(fcntl(bell.reads, F_GETFD) & FD_CLOEXEC);
  assert_true(fcntl(bell.reads, F_GETFL) & O_NONBLOCK);
  close(shared);
}

IT(is_not_made_anew_if_it_was_not_made) {
  echo__doorbell other;
  echo__doorbell_init(&other);
  echo__doorbell_renew(&other);
  assert_int_equal(other.reads, -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(is_readable_while_it_is_rung, open_bell, close_bell),
      cmocka_unit_test_setup_teardown(is_readable_from_the_first_knock_until_all_are_answered,
                                      open_bell, close_bell),
      cmocka_unit_test_setup_teardown(takes_any_number_of_knocks_and_keeps_errno, open_bell,
                                      close_bell),
      cmocka_unit_test_setup_teardown(closes_on_exec_and_does_not_block, open_bell, close_bell),
      cmocka_unit_test_setup_teardown(is_made_anew_under_the_same_number_and_leaves_the_other_alone,
                                      open_bell, close_bell),
      cmocka_unit_test(is_not_made_anew_if_it_was_not_made),
      cmocka_unit_test(says_why_it_cannot_be_made),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
