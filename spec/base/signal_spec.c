/* A signal of Echo's own beside those of the host. The choice is made once in a process, so each
 * case has a process of its own. */
#include "base/signal.h"

#include <echo/status.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/spec.h"

static atomic_int received, host_received;

static void receive(void) {
  errno = EDOM;
  atomic_fetch_add(&received, 1);
}

static void host_handler(int number) {
  (void)number;
  atomic_fetch_add(&host_received, 1);
}

static void host_takes(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

static bool host_has(int number, void (*handler)(int)) {
  struct sigaction action;
  sigaction(number, NULL, &action);
  return !(action.sa_flags & SA_SIGINFO) && action.sa_handler == handler;
}

/* Sends a signal to the calling thread and tells whether that was said to have been done. */
static bool send_to_self(void) {
  echo__gate gate;
  if (echo__gate_init(&gate) != ECHO_OK) exit(9);
  echo__gate_open(&gate);
  bool sent = echo__gate_send(&gate);
  echo__gate_shut(&gate);
  echo__gate_destroy(&gate);
  return sent;
}

/* Runs the case in a child; it returns true if all was as it should be. */
static void expect_in_child(bool (*holds)(void)) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) _exit(holds() ? 0 : 1);
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static bool untouched(void) {
  return echo__signal_open(receive) && !host_has(SIGURG, SIG_DFL) && host_has(SIGRTMIN, SIG_DFL) &&
         send_to_self() && atomic_load(&received) == 1;
}

IT(takes_the_one_that_can_do_no_harm) {
  expect_in_child(untouched);
}

static bool beside_a_handler(void) {
  host_takes(SIGURG, host_handler);
  host_takes(SIGRTMIN, SIG_IGN);
  return echo__signal_open(receive) && host_has(SIGURG, host_handler) &&
         host_has(SIGRTMIN, SIG_IGN) && !host_has(SIGRTMIN + 1, SIG_DFL) && send_to_self() &&
         atomic_load(&received) == 1 && atomic_load(&host_received) == 0;
}

IT(leaves_to_the_host_what_it_handles_or_ignores) {
  expect_in_child(beside_a_handler);
}

static bool none_is_free(void) {
  host_takes(SIGURG, host_handler);
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
    host_takes(number, SIG_IGN);
  return !echo__signal_open(receive) && !echo__signal_works() && !send_to_self() &&
         host_has(SIGURG, host_handler) && host_has(SIGRTMAX, SIG_IGN);
}

IT(does_without_if_none_is_free) {
  expect_in_child(none_is_free);
}

static bool taken_later(void) {
  if (!echo__signal_open(receive) || !echo__signal_works()) return false;
  host_takes(SIGURG, host_handler);
  return !echo__signal_works() && !send_to_self() && atomic_load(&received) == 0 &&
         atomic_load(&host_received) == 0;
}

IT(sends_nothing_once_the_host_has_taken_the_signal) {
  expect_in_child(taken_later);
}

static void block(int how) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, SIGURG);
  pthread_sigmask(how, &one, NULL);
}

/* The second is left out, and the handler is told that the first came from elsewhere. */
static bool behind_another(void) {
  echo__gate gate;
  if (!echo__signal_open(receive) || echo__gate_init(&gate) != ECHO_OK) return false;
  echo__gate_open(&gate);
  block(SIG_BLOCK);
  pthread_sigqueue(pthread_self(), SIGURG, (union sigval){0});
  bool sent = echo__gate_send(&gate);
  block(SIG_UNBLOCK);
  echo__gate_shut(&gate);
  return sent && atomic_load(&received) > 0;
}

IT(is_received_though_another_one_waits_to_be_handled) {
  expect_in_child(behind_another);
}

static bool errno_is_kept(void) {
  if (!echo__signal_open(receive)) return false;
  errno = ERANGE;
  return send_to_self() && atomic_load(&received) == 1 && errno == ERANGE;
}

IT(keeps_errno) {
  expect_in_child(errno_is_kept);
}

static bool unblocks_one(void) {
  sigset_t all, left;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  if (!echo__signal_open(receive) || !send_to_self()) return false;
  pthread_sigmask(SIG_SETMASK, NULL, &left);
  return sigismember(&left, SIGURG) == 0 && sigismember(&left, SIGINT) == 1 &&
         sigismember(&left, SIGRTMIN) == 1 && sigismember(&left, SIGUSR1) == 1;
}

IT(lets_no_other_signal_in) {
  expect_in_child(unblocks_one);
}

static bool shut(void) {
  echo__gate gate;
  if (!echo__signal_open(receive) || echo__gate_init(&gate) != ECHO_OK) return false;
  if (echo__gate_send(&gate)) return false;
  echo__gate_open(&gate);
  echo__gate_shut(&gate);
  return !echo__gate_send(&gate) && atomic_load(&received) == 0;
}

IT(sends_nothing_through_a_gate_that_is_not_open) {
  expect_in_child(shut);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_the_one_that_can_do_no_harm),
      cmocka_unit_test(leaves_to_the_host_what_it_handles_or_ignores),
      cmocka_unit_test(does_without_if_none_is_free),
      cmocka_unit_test(sends_nothing_once_the_host_has_taken_the_signal),
      cmocka_unit_test(is_received_though_another_one_waits_to_be_handled),
      cmocka_unit_test(keeps_errno),
      cmocka_unit_test(lets_no_other_signal_in),
      cmocka_unit_test(sends_nothing_through_a_gate_that_is_not_open),
  };
  return cmocka_run_group_tests_name("signal", tests, NULL, NULL);
}
