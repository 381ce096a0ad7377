/*
 * How soon does an urgent task start when all workers are busy with less urgent ones?
 *
 *   floor     as many spinning threads as workers; one is sent a signal, whose handler sets a flag
 *             that the thread waits for: from before the sending to the flag seen
 *   loops     all workers in endless low loops, which the interrupt call-back tells to make way
 *   queued    200,000 low tasks of 20 us, which run to their end
 *   queued,   the same, interrupted: a task that makes way queues again with what is left of its
 *   made way  time
 *   speed     turns of the loops in a second under Echo, and of the same loops in bare threads
 *
 * An urgent task is submitted each millisecond; what counts is from before the submit to the first
 * instruction. Usage: bench-preempt [workers [rounds]]
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <echo/scheduler.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "report.h"

enum { MAX_WORKERS = 64, MAX_ROUNDS = 99, LOW_TIME = 20000 };

static unsigned workers = 2;
static int samples, low_count;
static _Atomic uint64_t started_at;
static atomic_bool told[MAX_WORKERS];
static atomic_bool over;
static echo_scheduler *scheduler;

typedef struct delays {
  double values[1 << 16];
  int count;
} delays;

static void must(int status, const char *what) {
  if (status == ECHO_OK) return;
  fprintf(stderr, "%s: %s\n", what, echo_strerror(status));
  exit(1);
}

static void note_time(void *argument) {
  (void)argument;
  atomic_store(&started_at, uv_hrtime());
}

/* Sleeps a millisecond, sets something off and waits for its time stamp. */
static void sample(delays *d, void (*set_off)(void)) {
  usleep(1000);
  atomic_store(&started_at, 0);
  uint64_t start = uv_hrtime();
  set_off();
  while (atomic_load(&started_at) == 0)
    usleep(20);
  if (d->count < 1 << 16) d->values[d->count++] = (double)(atomic_load(&started_at) - start) / 1000;
}

/* -- the floor -------------------------------------------------------------------------------- */

static pthread_t spinners[MAX_WORKERS];
static atomic_ulong turns[MAX_WORKERS * 16];

static void on_signal(int number) {
  (void)number;
  atomic_store(&told[0], true);
}

static void turn_round(unsigned index) {
  atomic_ulong *mine = &turns[index * 16];
  atomic_store_explicit(mine, atomic_load_explicit(mine, memory_order_relaxed) + 1,
                        memory_order_relaxed);
}

static void *spin(void *argument) {
  unsigned index = (unsigned)(uintptr_t)argument;
  while (!atomic_load_explicit(&over, memory_order_relaxed)) {
    turn_round(index);
    if (!atomic_load_explicit(&told[index], memory_order_relaxed)) continue;
    note_time(NULL);
    atomic_store(&told[index], false);
  }
  return NULL;
}

static void signal_first(void) {
  pthread_kill(spinners[0], SIGUSR1);
}

static unsigned long all_turns(void) {
  unsigned long sum = 0;
  for (unsigned i = 0; i < workers; i++)
    sum += atomic_load(&turns[i * 16]);
  return sum;
}

/* Turns a second, in millions. */
static double speed(void) {
  unsigned long before = all_turns();
  uint64_t start = uv_hrtime();
  usleep(300000);
  return (double)(all_turns() - before) * 1000 / (double)(uv_hrtime() - start);
}

static double floor_round(delays *d) {
  atomic_store(&over, false);
  for (uintptr_t i = 0; i < workers; i++)
    pthread_create(&spinners[i], NULL, spin, (void *)i);
  for (int i = 0; i < samples; i++)
    sample(d, signal_first);
  double turned = speed();
  atomic_store(&over, true);
  for (unsigned i = 0; i < workers; i++)
    pthread_join(spinners[i], NULL);
  return turned;
}

/* -- Echo ------------------------------------------------------------------------------------- */

static void tell(void *data, unsigned worker) {
  (void)data;
  atomic_store_explicit(&told[worker], true, memory_order_relaxed);
}

static void open_scheduler(void) {
  echo_builder *builder;
  must(echo_builder_create(&builder), "builder");
  must(echo_builder_with_worker_count(builder, workers), "workers");
  must(echo_builder_with_interrupt(builder, tell, NULL), "interrupt");
  must(echo_builder_build(builder, &scheduler), "build");
  echo_builder_destroy(builder);
}

static void close_scheduler(void) {
  must(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), "stop");
  echo_scheduler_release(scheduler);
}

static void submit(echo_priority priority, bool interruptible, void (*function)(void *),
                   void *argument) {
  const echo_task_options options = {.priority = priority, .interruptible = interruptible};
  must(echo_scheduler_submit(scheduler, &options, function, argument, NULL), "submit");
}

static void submit_high(void) {
  submit(ECHO_PRIORITY_HIGH, false, note_time, NULL);
}

static bool makes_way(unsigned worker) {
  if (!atomic_load_explicit(&told[worker], memory_order_relaxed)) return false;
  atomic_store_explicit(&told[worker], false, memory_order_relaxed);
  return echo_task_should_make_way() && echo_task_again() == ECHO_OK;
}

static void loop(void *argument) {
  (void)argument;
  unsigned worker = (unsigned)echo_worker_index(scheduler);
  while (!atomic_load_explicit(&over, memory_order_relaxed)) {
    turn_round(worker);
    if (makes_way(worker)) return;
  }
}

static double loops_round(delays *d) {
  atomic_store(&over, false);
  open_scheduler();
  for (unsigned i = 0; i < workers; i++)
    submit(ECHO_PRIORITY_LOW, true, loop, NULL);
  usleep(10000);
  for (int i = 0; i < samples; i++)
    sample(d, submit_high);
  double turned = speed();
  atomic_store(&over, true);
  close_scheduler();
  return turned;
}

static atomic_int lows_left;

static void low(void *argument) {
  (void)argument;
  for (uint64_t end = uv_hrtime() + LOW_TIME; uv_hrtime() < end;) {
  }
  atomic_fetch_sub(&lows_left, 1);
}

/* The argument is what is left of its time. */
static void low_that_makes_way(void *argument) {
  uint64_t *left = argument, now = uv_hrtime(), end = now + *left;
  unsigned worker = (unsigned)echo_worker_index(scheduler);
  for (; now < end; now = uv_hrtime()) {
    if (!makes_way(worker)) continue;
    *left = end - now;
    return;
  }
  atomic_fetch_sub(&lows_left, 1);
}

static void queued_round(delays *d, bool make_way) {
  uint64_t *left = malloc((size_t)low_count * sizeof *left);
  open_scheduler();
  atomic_store(&lows_left, low_count);
  for (int i = 0; i < low_count; i++) {
    left[i] = LOW_TIME;
    submit(ECHO_PRIORITY_LOW, make_way, make_way ? low_that_makes_way : low, &left[i]);
  }
  while (atomic_load(&lows_left) > low_count / 20)
    sample(d, submit_high);
  close_scheduler();
  free(left);
}

/* -- report ----------------------------------------------------------------------------------- */

static void add(const char *who, delays *d,
                void (*add_to)(const char *question, const char *who, const char *unit,
                               double value)) {
  add_to("C: urgent task starts, p50", who, "us", bench_quantile(d->values, d->count, 0.5));
  add_to("C: urgent task starts, p99", who, "us", bench_quantile(d->values, d->count, 0.99));
  d->count = 0;
}

static void one_round(void) {
  static delays d;
  double bare = floor_round(&d);
  add("bare signal", &d, bench_add_floor);
  double turns = loops_round(&d);
  add("among endless loops", &d, bench_add);
  queued_round(&d, false);
  add("among queued tasks", &d, bench_add);
  queued_round(&d, true);
  add("among those that make way", &d, bench_add);
  bench_add_floor("C: turns of a loop", "bare threads", "M/s", bare);
  bench_add("C: turns of a loop", "echo", "M/s", turns);
}

int main(int argc, char **argv) {
  if (argc > 1) workers = (unsigned)atoi(argv[1]);
  if (workers < 1 || workers > MAX_WORKERS) workers = 2;
  int rounds = argc > 2 ? atoi(argv[2]) : 5;
  if (rounds < 1 || rounds > MAX_ROUNDS) rounds = 5;
  samples = bench_count(500);
  low_count = bench_count(200000);
  signal(SIGUSR1, on_signal);
  for (int i = 0; i < rounds; i++)
    one_round();
  bench_print();
  return 0;
}
