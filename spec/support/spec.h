/*
 * What every C spec needs: cmocka, a sentence for a name, threads and gates.
 *
 * Assertions belong on the main thread: cmocka leaves a failed test by longjmp. Other threads count
 * in atomics, and the main thread looks at them when the threads are gone. No spec asserts how long
 * something took; what hangs is ended by ctest.
 */
#ifndef SPEC_SUPPORT_SPEC_H
#define SPEC_SUPPORT_SPEC_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* IT(does_this_or_that) { ... } is one test; its name reads as a sentence. */
#define IT(sentence) static void sentence(void **spec_unused __attribute__((unused)))

#define SPEC_COUNT(array) (sizeof(array) / sizeof *(array))

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SPEC_SANITIZED 1
#else
#define SPEC_SANITIZED 0
#endif

/* Rounds of a stress: a tenth under a sanitizer. */
#define SPEC_ROUNDS(n) (SPEC_SANITIZED ? (n) / 10 : (n))

/* Waits, without a limit of its own, until the condition holds. */
#define SPEC_UNTIL(condition)                                                                      \
  do {                                                                                             \
    while (!(condition))                                                                           \
      spec_nap();                                                                                  \
  } while (0)

/* A millisecond. */
void spec_nap(void);

/* The seed of what is random here: ECHO_SEED from the environment, else the clock. Prints it once.
 */
uint64_t spec_seed(void);

/* A door that is opened once and stays open. */
typedef struct spec_gate {
  pthread_mutex_t mutex;
  pthread_cond_t opened;
  bool open;
} spec_gate;

#define SPEC_GATE                                                                                  \
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false }

void spec_gate_init(spec_gate *gate);
void spec_gate_open(spec_gate *gate);
void spec_gate_wait(spec_gate *gate);

/* Threads that start together and are joined together. */
enum { SPEC_THREADS = 32 };

typedef struct spec_threads {
  pthread_t threads[SPEC_THREADS];
  unsigned count;
} spec_threads;

/* Adds a thread that calls run(argument). */
void spec_threads_add(spec_threads *threads, void *(*run)(void *argument), void *argument);
void spec_threads_join(spec_threads *threads);

#endif
