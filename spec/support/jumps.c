#include "support/jumps.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <uv.h>

/* Sleeps are cut into slices, after each of which the sleeper looks whether the clock has jumped.
 */
enum { SLICE = 2000000 };

static _Atomic uint64_t ahead;

void spec_jump(double seconds) {
  atomic_fetch_add(&ahead, (uint64_t)(seconds * 1e9));
}

uint64_t __real_uv_hrtime(void);
uint64_t __wrap_uv_hrtime(void);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_uv_cond_timedwait(uv_cond_t *condition, uv_mutex_t *mutex, uint64_t time);
int __wrap_uv_cond_timedwait(uv_cond_t *condition, uv_mutex_t *mutex, uint64_t time);
int __real_poll(struct pollfd *watched, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *watched, nfds_t count, int milliseconds);

uint64_t __wrap_uv_hrtime(void) {
  return __real_uv_hrtime() + atomic_load(&ahead);
}

/* True if the moment has passed; else the slice that is left until then at most. */
static bool is_over(uint64_t moment, uint64_t *slice) {
  uint64_t now = __wrap_uv_hrtime();
  if (now >= moment) return true;
  *slice = moment - now < SLICE ? moment - now : SLICE;
  return false;
}

static struct timespec real_time_in(uint64_t nanoseconds) {
  uint64_t moment = __real_uv_hrtime() + nanoseconds;
  return (struct timespec){.tv_sec = (time_t)(moment / 1000000000u),
                           .tv_nsec = (long)(moment % 1000000000u)};
}

/* Who is woken between two slices finds the word changed. */
static long wait_until(void *word, long expected, const struct timespec *until) {
  uint64_t moment = (uint64_t)until->tv_sec * 1000000000u + (uint64_t)until->tv_nsec;
  for (uint64_t slice;;) {
    bool over = is_over(moment, &slice);
    struct timespec limit = real_time_in(over ? 0 : slice);
    long failed = __real_syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, &limit, NULL,
                                 FUTEX_BITSET_MATCH_ANY);
    if (failed == 0 || errno != ETIMEDOUT || over) return failed;
  }
}

long __wrap_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  void *word = va_arg(list, void *);
  long operation = va_arg(list, int);
  long value = (long)va_arg(list, uint32_t);
  const struct timespec *limit = va_arg(list, const struct timespec *);
  va_end(list);
  if (number == SYS_futex && operation == FUTEX_WAIT_BITSET_PRIVATE && limit != NULL)
    return wait_until(word, value, limit);
  return __real_syscall(number, word, operation, value, limit, NULL, FUTEX_BITSET_MATCH_ANY);
}

int __wrap_uv_cond_timedwait(uv_cond_t *condition, uv_mutex_t *mutex, uint64_t time) {
  uint64_t slice;
  bool over = is_over(__wrap_uv_hrtime() + time, &slice);
  int status = __real_uv_cond_timedwait(condition, mutex, over ? 0 : slice);
  return status == UV_ETIMEDOUT && !over && slice < time ? 0 : status;
}

int __wrap_poll(struct pollfd *watched, nfds_t count, int milliseconds) {
  if (milliseconds <= 0) return __real_poll(watched, count, milliseconds);
  uint64_t moment = __wrap_uv_hrtime() + (uint64_t)milliseconds * 1000000;
  for (uint64_t slice;;) {
    bool over = is_over(moment, &slice);
    int found = __real_poll(watched, count, over ? 0 : 1 + (int)(slice / 1000000));
    if (found != 0 || over) return found;
  }
}
