#include "support/refusals.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <uv.h>

static struct {
  atomic_int kind; /* SPEC_REQUESTS: nothing is refused */
  atomic_bool for_good;
  atomic_long left; /* requests before the one that is refused */
  atomic_bool reached;
} refusal = {.kind = SPEC_REQUESTS};

void spec_refuse(spec_request kind, long n, bool for_good) {
  atomic_store(&refusal.left, n);
  atomic_store(&refusal.for_good, for_good);
  atomic_store(&refusal.reached, false);
  atomic_store(&refusal.kind, (int)kind);
}

bool spec_grant(void) {
  atomic_store(&refusal.kind, SPEC_REQUESTS);
  return atomic_load(&refusal.reached);
}

static bool refused(spec_request kind) {
  if (atomic_load(&refusal.kind) != (int)kind) return false;
  long before = atomic_fetch_sub(&refusal.left, 1);
  bool is_refused = before == 0 || (before < 0 && atomic_load(&refusal.for_good));
  if (is_refused) atomic_store(&refusal.reached, true);
  return is_refused;
}

static int fail(int error) {
  errno = error;
  return -1;
}

int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument);
int __real_uv_loop_init(uv_loop_t *loop);
int __wrap_uv_loop_init(uv_loop_t *loop);
int __real_uv_mutex_init(uv_mutex_t *mutex);
int __wrap_uv_mutex_init(uv_mutex_t *mutex);
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);
int __real_pipe(int ends[2]);
int __wrap_pipe(int ends[2]);
int __real_dup(int descriptor);
int __wrap_dup(int descriptor);
int __real_fcntl(int descriptor, int command, ...);
int __wrap_fcntl(int descriptor, int command, ...);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb run, void *argument) {
  return refused(SPEC_THREAD) ? UV_EAGAIN : __real_uv_thread_create(thread, run, argument);
}

int __wrap_uv_loop_init(uv_loop_t *loop) {
  return refused(SPEC_LOOP) ? UV_EMFILE : __real_uv_loop_init(loop);
}

/* Whoever uses one that was refused is found out. */
int __wrap_uv_mutex_init(uv_mutex_t *mutex) {
  if (!refused(SPEC_LOCK)) return __real_uv_mutex_init(mutex);
  memset(mutex, 0xA5, sizeof *mutex);
  return UV_ENOMEM;
}

int __wrap_eventfd(unsigned count, int flags) {
  return refused(SPEC_DESCRIPTOR) ? fail(EMFILE) : __real_eventfd(count, flags);
}

int __wrap_pipe(int ends[2]) {
  return refused(SPEC_DESCRIPTOR) ? fail(EMFILE) : __real_pipe(ends);
}

int __wrap_dup(int descriptor) {
  return refused(SPEC_DESCRIPTOR) ? fail(EMFILE) : __real_dup(descriptor);
}

int __wrap_fcntl(int descriptor, int command, ...) {
  va_list list;
  va_start(list, command);
  int flags = va_arg(list, int);
  va_end(list);
  return refused(SPEC_FLAGS) ? fail(EINVAL) : __real_fcntl(descriptor, command, flags);
}
