#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "base/thread.h"

#include <echo/status.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

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

void echo__thread_leave_behind(uv_thread_t *thread) {
  pthread_detach(*thread);
}

unsigned echo__processors(void) {
  unsigned count = uv_available_parallelism();
  return count > 0 ? count : 1;
}
