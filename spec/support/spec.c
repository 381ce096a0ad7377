#include "support/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void spec_nap(void) {
  nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

uint64_t spec_seed(void) {
  static uint64_t seed;
  if (seed != 0) return seed;
  const char *given = getenv("ECHO_SEED");
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)now.tv_nsec + 1;
  printf("ECHO_SEED=%llu\n", (unsigned long long)seed);
  fflush(stdout);
  return seed;
}

void spec_gate_init(spec_gate *gate) {
  *gate = (spec_gate)SPEC_GATE;
}

void spec_gate_open(spec_gate *gate) {
  pthread_mutex_lock(&gate->mutex);
  gate->open = true;
  pthread_cond_broadcast(&gate->opened);
  pthread_mutex_unlock(&gate->mutex);
}

void spec_gate_wait(spec_gate *gate) {
  pthread_mutex_lock(&gate->mutex);
  while (!gate->open)
    pthread_cond_wait(&gate->opened, &gate->mutex);
  pthread_mutex_unlock(&gate->mutex);
}

void spec_threads_add(spec_threads *threads, void *(*run)(void *), void *argument) {
  assert_true(threads->count < SPEC_THREADS);
  assert_int_equal(pthread_create(&threads->threads[threads->count], NULL, run, argument), 0);
  threads->count++;
}

void spec_threads_join(spec_threads *threads) {
  for (unsigned i = 0; i < threads->count; i++)
    pthread_join(threads->threads[i], NULL);
  threads->count = 0;
}
