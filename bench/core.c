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
 * what the machine gives, at this moment, to whoever wants more than one processor idle processor
 * time that an idle scheduler uses in five seconds
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

enum {
  TASKS = 1000000,
  WAKEUPS = 1000,
  UV_TASKS = 200000,
  SPINS = 200000000,
  MAX_ROUNDS = 99,
  ROWS = 10
};

static unsigned workers = 2;

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
  for (int i = 0; i < TASKS; i++)
    echo_scheduler_submit(s, NULL, nothing, NULL, NULL);
  must(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), "stop");
  double cost = per_task(start, TASKS);
  echo_scheduler_release(s);
  return cost;
}

static void spawn_all(void *argument) {
  echo_scheduler *s = argument;
  for (int i = 0; i < TASKS; i++)
    echo_scheduler_submit(s, NULL, nothing, NULL, NULL);
}

static double inside(void) {
  echo_scheduler *s = make();
  uint64_t start = uv_hrtime();
  must(echo_scheduler_submit(s, NULL, spawn_all, s, NULL), "submit");
  must(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), "stop");
  double cost = per_task(start, TASKS);
  echo_scheduler_release(s);
  return cost;
}

static double handle(void) {
  echo_scheduler *s = make();
  echo_task **tasks = malloc(TASKS * sizeof *tasks);
  memset(tasks, 0, TASKS * sizeof *tasks);
  uint64_t start = uv_hrtime();
  for (int i = 0; i < TASKS; i++)
    echo_scheduler_submit(s, NULL, nothing, NULL, &tasks[i]);
  for (int i = 0; i < TASKS; i++) {
    echo_task_wait(tasks[i], ECHO_FOREVER);
    echo_task_release(tasks[i]);
  }
  double cost = per_task(start, TASKS);
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
  hopper hoppers[2] = {{s, &hoppers[1], NULL, TASKS / 2}, {s, &hoppers[0], NULL, TASKS / 2}};
  uint64_t start = uv_hrtime();
  must(echo_scheduler_submit(s, NULL, start_hoppers, hoppers, NULL), "submit");
  must(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), "stop");
  double cost = per_task(start, TASKS);
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

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double quantile(double *values, int count, double q) {
  qsort(values, (size_t)count, sizeof *values, by_value);
  return values[(int)(q * (count - 1))];
}

static void wake_echo(double *p50, double *p99) {
  static double delays[WAKEUPS];
  echo_scheduler *s = make();
  for (int i = 0; i < WAKEUPS; i++) {
    usleep(1000);
    atomic_store(&woken_at, 0);
    uint64_t start = uv_hrtime();
    echo_scheduler_submit(s, NULL, note_time, NULL, NULL);
    while (atomic_load(&woken_at) == 0)
      usleep(50);
    delays[i] = (double)(atomic_load(&woken_at) - start) / 1000;
  }
  end(s);
  *p50 = quantile(delays, WAKEUPS, 0.5);
  *p99 = quantile(delays, WAKEUPS, 0.99);
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
  for (int i = 0; i < WAKEUPS; i++) {
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
  *p50 = quantile(delays, WAKEUPS, 0.5);
  *p99 = quantile(delays, WAKEUPS, 0.99);
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
  uv_work_t *requests = calloc(UV_TASKS, sizeof *requests);
  uv_loop_t loop;
  uv_loop_init(&loop);
  uint64_t start = uv_hrtime();
  for (int i = 0; i < UV_TASKS; i++)
    uv_queue_work(&loop, &requests[i], uv_nothing, uv_after);
  uv_run(&loop, UV_RUN_DEFAULT);
  double cost = per_task(start, UV_TASKS);
  uv_loop_close(&loop);
  free(requests);
  return cost;
}

/* -- bare threads ----------------------------------------------------------------------------- */

static void spin(void *argument) {
  (void)argument;
  volatile uint64_t sink = 0;
  for (uint64_t i = 0; i < SPINS; i++)
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

static void report_idle(void) {
  echo_scheduler *s = make();
  double before = cpu_seconds();
  sleep(5);
  printf("idle: %.6f s of processor time in 5 s\n", cpu_seconds() - before);
  end(s);
}

static void print_row(const char *name, double *values, int rounds, const char *unit) {
  double median = quantile(values, rounds, 0.5);
  printf("%-28s %9.1f %9.1f %9.1f  %s\n", name, values[0], median, values[rounds - 1], unit);
}

int main(int argc, char **argv) {
  if (argc > 1) workers = (unsigned)atoi(argv[1]);
  int rounds = argc > 2 ? atoi(argv[2]) : 7;
  if (rounds < 1 || rounds > MAX_ROUNDS) rounds = 7;
  char threads[16];
  snprintf(threads, sizeof threads, "%u", workers);
  setenv("UV_THREADPOOL_SIZE", threads, 1);
  static double rows[ROWS][MAX_ROUNDS];
  for (int i = 0; i < rounds; i++) {
    rows[0][i] = outside();
    rows[1][i] = inside();
    rows[2][i] = handle();
    rows[3][i] = suspend();
    rows[4][i] = uv();
    wake_echo(&rows[5][i], &rows[6][i]);
    wake_futex(&rows[7][i], &rows[8][i]);
    rows[9][i] = bare_threads();
  }
  printf("%u workers, %d rounds%16s %9s %9s\n", workers, rounds, "min", "median", "max");
  static const char *names[] = {
      "outside",          "inside",           "with handle",      "suspend and resume",
      "libuv queue_work", "idle wake-up p50", "idle wake-up p99", "bare futex p50",
      "bare futex p99",   "bare threads"};
  static const char *units[] = {"ns/task", "ns/task", "ns/task", "ns", "ns/task",
                                "us",      "us",      "us",      "us", "times one"};
  for (int i = 0; i < ROWS; i++)
    print_row(names[i], rows[i], rounds, units[i]);
  report_idle();
  return 0;
}
