/*
 * What a C task costs, beside what the system itself costs, in one process and interleaved.
 *
 *   outside       1,000,000 empty tasks from one thread outside, waited for at the end
 *   inside        1,000,000 empty tasks from inside one task
 *   handle        the same as `outside`, each with a handle that is waited for and released
 *   suspend       a task that suspends and is resumed 1,000,000 times, by another on its worker
 *   idle wake-up  from a submit to the task's first instruction, the workers asleep
 *   uv            libuv's own thread pool (uv_queue_work), same threads
 *   futex         a bare hand-over between two threads, the floor of any wake-up
 *   bare threads  how many times one thread's work as many bare threads do as there are workers:
 *                 what the machine gives, at this moment, to whoever wants more than one processor
 *   at rest       the processor time that an idle scheduler uses, measured over five seconds
 *
 * Usage: bench-core [workers [rounds]]
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <echo/scheduler.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/wait.h"
#include "report.h"

enum { WAKEUPS = 1000, MAX_ROUNDS = 99 };

static unsigned workers = 2;
static int task_count, wakeup_count, uv_task_count, spin_count;

static void nothing(void *argument) {
  (void)argument;
}

static void must(int status, const char *what) {
  if (status == ECHO_OK) return;
  fprintf(stderr, "%s: %s\n", what, echo_strerror(status));
  exit(1);
}

static echo_scheduler *make(void) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  must(echo_builder_create(&builder), "builder");
  must(echo_builder_with_worker_count(builder, workers), "workers");
  must(echo_builder_build(builder, &scheduler), "build");
  echo_builder_destroy(builder);
  must(echo_scheduler_submit(scheduler, NULL, nothing, NULL, NULL), "first submit");
  usleep(20000);
  return scheduler;
}

static void end(echo_scheduler *scheduler) {
  must(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), "stop");
  echo_scheduler_release(scheduler);
}

static double per_task(uint64_t start, double count) {
  return (double)(uv_hrtime() - start) / count;
}

static double outside(void) {
  echo_scheduler *s = make();
  uint64_t start = uv_hrtime();
  for (int i = 0; i < task_count; i++)
    echo_scheduler_submit(s, NULL, nothing, NULL, NULL);
  must(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), "stop");
  double cost = per_task(start, task_count);
  echo_scheduler_release(s);
  return cost;
}

static void spawn_all(void *argument) {
  echo_scheduler *s = argument;
  for (int i = 0; i < task_count; i++)
    echo_scheduler_submit(s, NULL, nothing, NULL, NULL);
}

static double inside(void) {
  echo_scheduler *s = make();
  uint64_t start = uv_hrtime();
  must(echo_scheduler_submit(s, NULL, spawn_all, s, NULL), "submit");
  must(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), "stop");
  double cost = per_task(start, task_count);
  echo_scheduler_release(s);
  return cost;
}

static double handle(void) {
  echo_scheduler *s = make();
  echo_task **tasks = malloc((size_t)task_count * sizeof *tasks);
  memset(tasks, 0, (size_t)task_count * sizeof *tasks);
  uint64_t start = uv_hrtime();
  for (int i = 0; i < task_count; i++)
    echo_scheduler_submit(s, NULL, nothing, NULL, &tasks[i]);
  for (int i = 0; i < task_count; i++) {
    echo_task_wait(tasks[i], ECHO_FOREVER);
    echo_task_release(tasks[i]);
  }
  double cost = per_task(start, task_count);
  free(tasks);
  end(s);
  return cost;
}

/* Two tasks that resume each other by turns. */
typedef struct hopper {
  echo_scheduler *scheduler;
  struct hopper *other;
  echo_task *self;
  int left;
} hopper;

static void hop(void *argument) {
  hopper *h = argument;
  h->self = echo_task_current();
  if (h->left > 0) must(echo_task_suspend(), "suspend");
  if (h->other->self != NULL) echo_task_resume(h->other->self);
  if (h->left-- == 0) h->self = NULL; /* it ends, and is not to be resumed */
}

static void start_hoppers(void *argument) {
  hopper *hoppers = argument;
  for (int i = 0; i < 2; i++)
    must(echo_scheduler_submit(hoppers->scheduler, NULL, hop, &hoppers[i], NULL), "submit");
}

static double suspend(void) {
  unsigned all = workers;
  workers = 1;
  echo_scheduler *s = make();
  hopper hoppers[2] = {{s, &hoppers[1], NULL, task_count / 2},
                       {s, &hoppers[0], NULL, task_count / 2}};
  uint64_t start = uv_hrtime();
  must(echo_scheduler_submit(s, NULL, start_hoppers, hoppers, NULL), "submit");
  must(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), "stop");
  double cost = per_task(start, task_count);
  echo_scheduler_release(s);
  workers = all;
  return cost;
}

/* -- wake-ups --------------------------------------------------------------------------------- */

static _Atomic uint64_t woken_at;

static void note_time(void *argument) {
  (void)argument;
  atomic_store(&woken_at, uv_hrtime());
}

static void wake_echo(double *p50, double *p99) {
  static double delays[WAKEUPS];
  echo_scheduler *s = make();
  for (int i = 0; i < wakeup_count; i++) {
    usleep(1000);
    atomic_store(&woken_at, 0);
    uint64_t start = uv_hrtime();
    echo_scheduler_submit(s, NULL, note_time, NULL, NULL);
    while (atomic_load(&woken_at) == 0)
      usleep(50);
    delays[i] = (double)(atomic_load(&woken_at) - start) / 1000;
  }
  end(s);
  *p50 = bench_quantile(delays, wakeup_count, 0.5);
  *p99 = bench_quantile(delays, wakeup_count, 0.99);
}

static echo__word hand;

static void futex_partner(void *argument) {
  (void)argument;
  for (;;) {
    while (atomic_load(&hand) == 0)
      echo__word_wait(&hand, 0, ECHO__FOREVER);
    if (atomic_load(&hand) == 2) return;
    note_time(NULL);
    atomic_store(&hand, 0);
  }
}

static void give_hand(uint32_t value) {
  atomic_store(&hand, value);
  echo__word_wake_one(&hand);
}

static void wake_futex(double *p50, double *p99) {
  static double delays[WAKEUPS];
  uv_thread_t partner;
  uv_thread_create(&partner, futex_partner, NULL);
  for (int i = 0; i < wakeup_count; i++) {
    usleep(1000);
    atomic_store(&woken_at, 0);
    uint64_t start = uv_hrtime();
    give_hand(1);
    while (atomic_load(&woken_at) == 0)
      usleep(50);
    delays[i] = (double)(atomic_load(&woken_at) - start) / 1000;
  }
  give_hand(2);
  uv_thread_join(&partner);
  atomic_store(&hand, 0);
  *p50 = bench_quantile(delays, wakeup_count, 0.5);
  *p99 = bench_quantile(delays, wakeup_count, 0.99);
}

/* -- libuv ------------------------------------------------------------------------------------ */

static void uv_nothing(uv_work_t *request) {
  (void)request;
}

static void uv_after(uv_work_t *request, int status) {
  (void)request;
  (void)status;
}

static double uv(void) {
  uv_work_t *requests = calloc((size_t)uv_task_count, sizeof *requests);
  uv_loop_t loop;
  uv_loop_init(&loop);
  uint64_t start = uv_hrtime();
  for (int i = 0; i < uv_task_count; i++)
    uv_queue_work(&loop, &requests[i], uv_nothing, uv_after);
  uv_run(&loop, UV_RUN_DEFAULT);
  double cost = per_task(start, uv_task_count);
  uv_loop_close(&loop);
  free(requests);
  return cost;
}

/* -- bare threads ----------------------------------------------------------------------------- */

static void spin(void *argument) {
  (void)argument;
  volatile uint64_t sink = 0;
  for (uint64_t i = 0; i < (uint64_t)spin_count; i++)
    sink = i;
}

static double time_threads(unsigned count) {
  uv_thread_t *threads = calloc(count, sizeof *threads);
  uint64_t start = uv_hrtime();
  for (unsigned i = 0; i < count; i++)
    uv_thread_create(&threads[i], spin, NULL);
  for (unsigned i = 0; i < count; i++)
    uv_thread_join(&threads[i]);
  double nanoseconds = (double)(uv_hrtime() - start);
  free(threads);
  return nanoseconds;
}

static double bare_threads(void) {
  double alone = time_threads(1);
  return workers * alone / time_threads(workers);
}

/* -- report ----------------------------------------------------------------------------------- */

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double idle_microseconds(void) {
  echo_scheduler *s = make();
  int milliseconds = bench_count(5000);
  double before = cpu_seconds();
  usleep((useconds_t)milliseconds * 1000);
  double spent = cpu_seconds() - before;
  end(s);
  return spent * 1e6 / milliseconds * 1000;
}

static void wake_round(void) {
  double p50, p99;
  wake_echo(&p50, &p99);
  bench_add("C: idle worker to first instruction, p50", "echo", "us", p50);
  bench_add("C: idle worker to first instruction, p99", "echo", "us", p99);
  wake_futex(&p50, &p99);
  bench_add_floor("C: idle worker to first instruction, p50", "bare futex", "us", p50);
  bench_add_floor("C: idle worker to first instruction, p99", "bare futex", "us", p99);
}

static void one_round(void) {
  bench_add("C: empty task from outside", "echo", "ns", outside());
  bench_add("C: empty task from outside", "libuv", "ns", uv());
  bench_add("C: empty task from inside", "echo", "ns", inside());
  bench_add("C: empty task with a handle", "echo", "ns", handle());
  bench_add("C: suspend and resume", "echo", "ns", suspend());
  wake_round();
  bench_add("as many bare threads", "bare threads", "times one", bare_threads());
}

int main(int argc, char **argv) {
  if (argc > 1) workers = (unsigned)atoi(argv[1]);
  int rounds = argc > 2 ? atoi(argv[2]) : 7;
  if (rounds < 1 || rounds > MAX_ROUNDS) rounds = 7;
  task_count = bench_count(1000000);
  uv_task_count = bench_count(200000);
  spin_count = bench_count(200000000);
  wakeup_count = bench_count(WAKEUPS);
  if (wakeup_count > WAKEUPS) wakeup_count = WAKEUPS;
  char threads[16];
  snprintf(threads, sizeof threads, "%u", workers);
  setenv("UV_THREADPOOL_SIZE", threads, 1);
  for (int i = 0; i < rounds; i++)
    one_round();
  bench_add("C: processor time at rest", "echo", "us/s used", idle_microseconds());
  bench_print();
  return 0;
}
