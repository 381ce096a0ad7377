#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "base/wait.h"

#include <uv.h>

/* The small preset takes the portable way on every system, so that both ways are tested. */
#if defined(__linux__) && !defined(ECHO__SMALL)
#define USE_FUTEX 1
#else
#define USE_FUTEX 0
#endif

uint64_t echo__now(void) {
  return uv_hrtime();
}

uint64_t echo__deadline_in(double seconds) {
  const double longest = 1e9; /* thirty years; keeps the product in range */
  if (seconds >= longest) return ECHO__FOREVER;
  if (!(seconds > 0)) return 0;
  return echo__now() + (uint64_t)(seconds * 1e9);
}

#if USE_FUTEX

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

echo__woken echo__word_wait(echo__word *word, uint32_t expected, uint64_t deadline) {
  struct timespec until = {.tv_sec = (time_t)(deadline / 1000000000u),
                           .tv_nsec = (long)(deadline % 1000000000u)};
  struct timespec *limit = deadline == ECHO__FOREVER ? NULL : &until;
  long failed = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, limit, NULL,
                        FUTEX_BITSET_MATCH_ANY);
  if (failed == 0) return ECHO__WOKEN;
  if (errno == ETIMEDOUT) return ECHO__TIMED_OUT;
  return errno == EINTR ? ECHO__INTERRUPTED : ECHO__WOKEN;
}

static void wake(echo__word *word, int count) {
  int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
  errno = saved; /* the word's page may be gone by now: not the caller's business */
}

void echo__word_wake_one(echo__word *word) {
  wake(word, 1);
}

void echo__word_wake_all(echo__word *word) {
  wake(word, INT_MAX);
}

#else

#include "base/fork.h"

#define BUCKETS 64

typedef struct bucket {
  uv_mutex_t mutex;
  uv_cond_t changed;
} bucket;

static bucket buckets[BUCKETS];
static uv_once_t buckets_once = UV_ONCE_INIT;

static void buckets_make(echo__forkable *forkable) {
  (void)forkable;
  for (int i = 0; i < BUCKETS; i++) {
    uv_mutex_init(&buckets[i].mutex);
    uv_cond_init(&buckets[i].changed);
  }
}

/* In the child of a fork nobody sleeps here, but a condition would wait for those who did. */
static echo__forkable renewal = {.in_child = buckets_make};

static void buckets_init(void) {
  buckets_make(NULL);
  echo__fork_enter(&renewal);
}

static bucket *bucket_of(const echo__word *word) {
  uv_once(&buckets_once, buckets_init);
  return &buckets[((uintptr_t)word >> 6) % BUCKETS];
}

/* The word is looked at under the bucket's mutex and a waker takes the same mutex after it changed
 * the word: either the waiter sees the change or the waker finds it waiting. */
echo__woken echo__word_wait(echo__word *word, uint32_t expected, uint64_t deadline) {
  bucket *b = bucket_of(word);
  echo__woken woken = ECHO__WOKEN;
  uv_mutex_lock(&b->mutex);
  if (echo__load(word, relaxed) == expected) {
    uint64_t now = echo__now();
    if (deadline == ECHO__FOREVER) {
      uv_cond_wait(&b->changed, &b->mutex);
    } else if (now >= deadline ||
               uv_cond_timedwait(&b->changed, &b->mutex, deadline - now) == UV_ETIMEDOUT) {
      woken = ECHO__TIMED_OUT;
    }
  }
  uv_mutex_unlock(&b->mutex);
  return woken;
}

void echo__word_wake_all(echo__word *word) {
  bucket *b = bucket_of(word);
  uv_mutex_lock(&b->mutex);
  uv_cond_broadcast(&b->changed);
  uv_mutex_unlock(&b->mutex);
}

void echo__word_wake_one(echo__word *word) {
  echo__word_wake_all(word); /* words share a bucket: one signal might reach the wrong sleeper */
}

#endif
