/*
 * Schedulers whose workers are kept in endless loops, which the interrupt call-back tells to look
 * round. As Lua code with a hook would, a loop looks at nothing else.
 */
#ifndef SPEC_SUPPORT_LOOPS_H
#define SPEC_SUPPORT_LOOPS_H

#include "support/crew.h"

enum { SPEC_BENCH_WORKERS = 4, SPEC_BENCH_CALLS = 64 };

/* A scheduler, and who was called, in which order. */
typedef struct spec_bench {
  echo_scheduler *scheduler;
  atomic_bool told[SPEC_BENCH_WORKERS];
  atomic_int called[SPEC_BENCH_WORKERS];
  atomic_int calls;
  atomic_int order[SPEC_BENCH_CALLS];
} spec_bench;

/* With a named queue "few" of one; without a fairness of its own, with none. End it with
 * spec_crew_end. */
void spec_bench_open(spec_bench *bench, unsigned workers);
void spec_bench_open_with(spec_bench *bench, unsigned workers, unsigned fairness);

/* With so many workers more for high tasks alone. */
void spec_bench_open_urgent(spec_bench *bench, unsigned workers, unsigned urgent);

void spec_bench_submit(spec_bench *bench, echo_priority priority, bool interruptible,
                       echo_task_function function, void *argument);

/* Submits a task of high priority and waits for it. */
void spec_bench_run_high(spec_bench *bench);

/* Starts the workers and waits until they sleep. */
void spec_bench_settle(spec_bench *bench, unsigned workers);
uint64_t spec_bench_parked(spec_bench *bench);

/* An interruptible loop that makes way when it is told to and there is something to make way for,
 * and ends when `over` is set. */
typedef struct spec_loop {
  spec_bench *bench;
  atomic_bool over;
  atomic_int rounds, began, declined;
  atomic_int worker; /* where it is, plus 1 */
  int kept_errno;
} spec_loop;

/* Its function; the argument is the loop, of which `bench` is set. */
void spec_loop_turn(void *loop);

/* Submits it and waits until it turns. */
void spec_loop_start(spec_bench *bench, spec_loop *loop, echo_priority priority);

/* May be a task's function. */
void spec_loop_end(void *loop);

#endif
