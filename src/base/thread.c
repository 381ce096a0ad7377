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
#include <sys/resource.h>
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

/* Whoever asks for a reset has threads that are scheduled as usual. */
static void note_scheduling(echo__manner *manner) {
  struct sched_param parameters = {0};
  sched_getparam(0, &parameters);
  manner->policy = sched_getscheduler(0);
  manner->priority = parameters.sched_priority;
  manner->nice = getpriority(PRIO_PROCESS, 0); /* of this thread alone */
  if (manner->policy < 0 || !(manner->policy & SCHED_RESET_ON_FORK)) return;
  manner->policy = SCHED_OTHER;
  manner->priority = 0;
  if (manner->nice < 0) manner->nice = 0;
}

void echo__manner_note(echo__manner *manner) {
  echo__manner_forget(manner);
  manner->processors = own_set(&manner->count);
  note_scheduling(manner);
}

static void adopt_processors(const echo__manner *manner) {
  int count;
  cpu_set_t *set = own_set(&count);
  if (set == NULL) return;
  size_t bytes = CPU_ALLOC_SIZE(manner->count);
  if (count != manner->count || !CPU_EQUAL_S(bytes, set, (cpu_set_t *)manner->processors))
    sched_setaffinity(0, bytes, manner->processors);
  CPU_FREE(set);
}

void echo__manner_adopt(const echo__manner *manner) {
  echo__manner own = {0};
  if (manner->processors != NULL) adopt_processors(manner);
  note_scheduling(&own);
  if (own.policy != manner->policy || own.priority != manner->priority)
    sched_setscheduler(0, manner->policy, &(struct sched_param){manner->priority});
  if (own.nice != manner->nice) setpriority(PRIO_PROCESS, 0, manner->nice);
}

void echo__manner_forget(echo__manner *manner) {
  if (manner->processors != NULL) CPU_FREE(manner->processors);
  *manner = (echo__manner){0};
}

#else

void echo__thread_pin(unsigned index) {
  (void)index;
}

void echo__manner_note(echo__manner *manner) {
  (void)manner;
}

void echo__manner_adopt(const echo__manner *manner) {
  (void)manner;
}

void echo__manner_forget(echo__manner *manner) {
  (void)manner;
}

#endif
