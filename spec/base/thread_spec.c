/* Threads that leave the host's signals alone. */
#include "base/thread.h"

#include <echo/status.h>
#include <signal.h>
#include <string.h>

#include "support/spec.h"

static void note_mask(void *mask) {
  pthread_sigmask(SIG_SETMASK, NULL, mask);
}

IT(blocks_the_signals_in_a_new_thread) {
  sigset_t mask;
  uv_thread_t thread;
  sigemptyset(&mask);
  assert_int_equal(echo__thread_start(&thread, note_mask, &mask), ECHO_OK);
  uv_thread_join(&thread);
  const int blocked[] = {SIGINT, SIGTERM, SIGALRM, SIGCHLD, SIGUSR1, SIGWINCH, SIGPIPE};
  for (unsigned i = 0; i < SPEC_COUNT(blocked); i++)
    assert_int_equal(sigismember(&mask, blocked[i]), 1);
}

IT(leaves_the_signals_of_the_caller_as_they_were) {
  sigset_t before, after;
  uv_thread_t thread;
  sigemptyset(&before);
  sigaddset(&before, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &before, NULL);
  assert_int_equal(echo__thread_start(&thread, note_mask, &before), ECHO_OK);
  uv_thread_join(&thread);
  note_mask(&after);
  assert_int_equal(sigismember(&after, SIGUSR2), 1);
  assert_int_equal(sigismember(&after, SIGINT), 0);
  assert_int_equal(sigismember(&after, SIGUSR1), 0);
}

static void name_long(void *got) {
  echo__thread_name("a-name-that-is-much-too-long");
  pthread_getname_np(pthread_self(), got, 16);
}

IT(cuts_a_name_that_the_system_would_refuse) {
  char got[16] = "";
  uv_thread_t thread;
  assert_int_equal(echo__thread_start(&thread, name_long, got), ECHO_OK);
  uv_thread_join(&thread);
  assert_string_equal(got, "a-name-that-is-");
}

static void open_gate(void *gate) {
  spec_gate_open(gate);
}

IT(lets_a_thread_go_that_nobody_joins) {
  static spec_gate gate = SPEC_GATE;
  uv_thread_t thread;
  assert_int_equal(echo__thread_start(&thread, open_gate, &gate), ECHO_OK);
  echo__thread_leave_behind(&thread);
  spec_gate_wait(&gate); /* a thread that was not detached is a leak to the thread sanitizer */
}

IT(counts_the_processors_of_this_process) {
  cpu_set_t all, one;
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  assert_int_equal(echo__processors(), CPU_COUNT(&all));
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  }
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  assert_int_equal(echo__processors(), 1);
  assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_the_signals_in_a_new_thread),
      cmocka_unit_test(leaves_the_signals_of_the_caller_as_they_were),
      cmocka_unit_test(cuts_a_name_that_the_system_would_refuse),
      cmocka_unit_test(lets_a_thread_go_that_nobody_joins),
      cmocka_unit_test(counts_the_processors_of_this_process),
  };
  return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
