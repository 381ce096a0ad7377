/* Recordings that cannot begin for want of memory or of a thread. */
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "support/allocations.h"
#include "support/crew.h"
#include "support/events.h"

static char path[64];

static bool refuse_threads;

int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument) {
  if (refuse_threads) return UV_EAGAIN;
  return __real_uv_thread_create(thread, run, argument);
}

/* And afterwards it can. */
static void expect_recording(echo_scheduler *s) {
  assert_int_equal(echo_scheduler_trace(s, path), ECHO_OK);
  spec_submit(s, spec_nothing, NULL);
  spec_crew_end(s);
  spec_events events = spec_events_read(path);
  spec_events_check(&events);
  assert_int_equal(spec_events_count(&events, 'X', "task"), 1);
  spec_events_free(&events);
  unlink(path);
}

IT(says_that_there_is_no_memory_and_keeps_none) {
  echo_scheduler *s = spec_crew_with_queue(2, 1);
  long live = atomic_load(&spec_allocated.live);
  int refused = 0;
  for (;; refused++) {
    atomic_store(&spec_allocated.refuse_after, refused);
    int status = echo_scheduler_trace(s, path);
    atomic_store(&spec_allocated.refuse_after, -1);
    if (status == ECHO_OK) break;
    assert_int_equal(status, ECHO_MEMORY);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
    assert_int_equal(echo_scheduler_trace(s, NULL), ECHO_MISSING);
    assert_int_equal(access(path, F_OK), -1);
  }
  assert_true(refused >= 4);
  assert_int_equal(echo_scheduler_trace(s, NULL), ECHO_OK);
  expect_recording(s);
}

IT(says_that_there_is_no_thread_and_leaves_a_whole_file) {
  echo_scheduler *s = spec_crew(1);
  refuse_threads = true;
  assert_int_equal(echo_scheduler_trace(s, path), ECHO_THREAD);
  refuse_threads = false;
  spec_events events = spec_events_read(path);
  spec_events_check(&events);
  spec_events_free(&events);
  assert_int_equal(echo_scheduler_trace(s, NULL), ECHO_MISSING);
  assert_false(echo_scheduler_is_traced(s));
  expect_recording(s);
}

int main(void) {
  snprintf(path, sizeof path, "/tmp/echo-failure-%ld.json", (long)getpid());
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_that_there_is_no_memory_and_keeps_none),
      cmocka_unit_test(says_that_there_is_no_thread_and_leaves_a_whole_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
