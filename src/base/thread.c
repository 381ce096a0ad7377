#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "base/thread.h"

#include <echo/status.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#if defined(__linux__)
#include <sched.h>
#endif

int echo__thread_start(uv_thread_t *thread, void (*run)(void *), void *argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = uv_thread_create(thread, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed ? ECHO_THREAD : ECHO_OK;
}

void echo__thread_name(const char *name) {
  char cut[16]; /* the longest name that Linux takes */
  strncpy(cut, name, sizeof cut - 1);
  cut[sizeof cut - 1] = '\0';
#if defined(__APPLE__)
  pthread_setname_np(cut);
#elif defined(__linux__)
  pthread_setname_np(pthread_self(), cut);
#endif
}

void echo__thread_be_punctual(void) {
#if defined(__linux__)
  prctl(PR_SET_TIMERSLACK, 1UL);
#endif
}

void echo__thread_leave_behind(uv_thread_t *thread) {
  pthread_detach(*thread);
}

unsigned echo__processors(void) {
  unsigned count = uv_available_parallelism();
  return count > 0 ? count : 1;
}

#if defined(__linux__)

enum { MOST_PROCESSORS = 65536 };

/* The set of the calling thread, which the caller frees (CPU_FREE), or NULL. The kernel refuses a
 * set that is too small for it and does not say what is enough. */
static cpu_set_t *own_set(int *processors) {
  for (int count = CPU_SETSIZE; count <= MOST_PROCESSORS; count *= 2) {
    cpu_set_t *set = CPU_ALLOC(count);
    if (set == NULL) return NULL;
    CPU_ZERO_S(CPU_ALLOC_SIZE(count), set);
    *processors = count;
    if (sched_getaffinity(0, CPU_ALLOC_SIZE(count), set) == 0) return set;
    CPU_FREE(set);
  }
  return NULL;
}

/* Leaves only the member that stands at `place`. */
static void keep_one(cpu_set_t *set, int processors, unsigned place) {
  size_t bytes = CPU_ALLOC_SIZE(processors);
  for (int i = 0; i < processors; i++) {
    if (!CPU_ISSET_S(i, bytes, set)) continue;
    if (place-- != 0) CPU_CLR_S(i, bytes, set);
  }
}

void echo__thread_pin(unsigned index) {
  int processors;
  cpu_set_t *set = own_set(&processors);
  if (set == NULL) return;
  size_t bytes = CPU_ALLOC_SIZE(processors);
  keep_one(set, processors, index % (unsigned)CPU_COUNT_S(bytes, set));
  sched_setaffinity(0, bytes, set);
  CPU_FREE(set);
}

#else

void echo__thread_pin(unsigned index) {
  (void)index;
}

#endif
