/*
 * What a recording costs: while none runs, and while one does.
 *
 *   off   a scheduler that could record beside one that was compiled without that
 *   on    one that records beside itself while it does not
 *
 * All in one process, which loads both libraries; in turn, in an order that changes; medians and
 * quartiles of the ratios within one round. What is compared is the processor time of the whole
 * process, so that the recorder's thread counts in full wherever it runs, and other processes do
 * not.
 *
 * Usage: bench-trace [rounds [file]]
 */
#include <dlfcn.h>
#include <echo/scheduler.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 2, MOST_ROUNDS = 101, LONG = 4000, EMPTY = 200000, MICROSECONDS = 20 };

/* One of the two libraries, and a scheduler of its. */
typedef struct library {
  int (*submit)(echo_scheduler *, const echo_task_options *, echo_task_function, void *,
                echo_task **);
  int (*trace)(echo_scheduler *, const char *);
  uint64_t (*dropped)(echo_scheduler *);
  int (*stop)(echo_scheduler *, echo_stop_mode, double, size_t *);
  echo_scheduler *scheduler;
} library;

static void fail(const char *what) {
  fprintf(stderr, "bench-trace: %s\n", what);
  exit(1);
}

static void *find(void *handle, const char *name) {
  void *function = dlsym(handle, name);
  if (function == NULL) fail(dlerror());
  return function;
}

static library load(const char *path, int traced) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) fail(dlerror());
  library l = {0};
  int (*create)(echo_builder **);
  int (*with_worker_count)(echo_builder *, unsigned);
  int (*build)(echo_builder *, echo_scheduler **);
  *(void **)&create = find(handle, "echo_builder_create");
  *(void **)&with_worker_count = find(handle, "echo_builder_with_worker_count");
  *(void **)&build = find(handle, "echo_builder_build");
  *(void **)&l.submit = find(handle, "echo_scheduler_submit");
  *(void **)&l.stop = find(handle, "echo_scheduler_stop");
  if (traced) *(void **)&l.trace = find(handle, "echo_scheduler_trace");
  if (traced) *(void **)&l.dropped = find(handle, "echo_scheduler_trace_dropped");
  echo_builder *builder;
  if (create(&builder) != ECHO_OK || with_worker_count(builder, WORKERS) != ECHO_OK ||
      build(builder, &l.scheduler) != ECHO_OK)
    fail("no scheduler");
  return l;
}

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -- the tasks -------------------------------------------------------------------------------- */

static unsigned long steps; /* of one task's work */
static volatile unsigned long sink;

static void work(unsigned long count) {
  unsigned long value = count;
  for (unsigned long i = 0; i < count; i++)
    value = value * 6364136223846793005u + 1442695040888963407u;
  sink = value;
}

/* So many steps take MICROSECONDS, at the best of times. */
static void calibrate(void) {
  const unsigned long trial = 100000;
  double best = 1;
  for (int i = 0; i < 200; i++) {
    double began = now(CLOCK_MONOTONIC);
    work(trial);
    double took = now(CLOCK_MONOTONIC) - began;
    if (took < best) best = took;
  }
  steps = (unsigned long)(MICROSECONDS * 1e-6 / best * (double)trial);
}

static atomic_int left;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t over = PTHREAD_COND_INITIALIZER;

static void count_down(void) {
  if (atomic_fetch_sub(&left, 1) != 1) return;
  pthread_mutex_lock(&mutex);
  pthread_cond_signal(&over);
  pthread_mutex_unlock(&mutex);
}

static void run_long(void *argument) {
  (void)argument;
  work(steps);
  count_down();
}

static void run_empty(void *argument) {
  (void)argument;
  count_down();
}

static library *here;

static void submit_all(echo_task_function function, int count) {
  for (int i = 0; i < count; i++)
    if (here->submit(here->scheduler, NULL, function, NULL, NULL) != ECHO_OK) fail("no submit");
}

static void spawn(void *argument) {
  (void)argument;
  submit_all(run_empty, EMPTY);
}

static void await_all(void) {
  pthread_mutex_lock(&mutex);
  while (atomic_load(&left) > 0)
    pthread_cond_wait(&over, &mutex);
  pthread_mutex_unlock(&mutex);
}

/* Seconds of processor time, of all threads together, until all have run that this thread submits,
 * or that a task does. */
static double measure(library *l, echo_task_function function, int count) {
  here = l;
  atomic_store(&left, count);
  double began = now(CLOCK_PROCESS_CPUTIME_ID);
  if (function == spawn)
    l->submit(l->scheduler, NULL, spawn, NULL, NULL);
  else
    submit_all(function, count);
  await_all();
  return now(CLOCK_PROCESS_CPUTIME_ID) - began;
}

/* -- the comparison --------------------------------------------------------------------------- */

static const char *path = "/tmp/echo-bench-trace.json";
static uint64_t dropped;
static double bytes;

static double measure_on(library *l, echo_task_function function, int count) {
  if (l->trace(l->scheduler, path) != ECHO_OK) fail("the file cannot be written");
  double seconds = measure(l, function, count), began = now(CLOCK_PROCESS_CPUTIME_ID);
  if (l->trace(l->scheduler, NULL) != ECHO_OK) fail("the recording broke off");
  seconds += now(CLOCK_PROCESS_CPUTIME_ID) - began;
  dropped += l->dropped(l->scheduler);
  FILE *file = fopen(path, "r");
  if (file != NULL) fseek(file, 0, SEEK_END), bytes = (double)ftell(file), fclose(file);
  unlink(path);
  return seconds;
}

static int compare(const void *left_one, const void *right_one) {
  double a = *(const double *)left_one, b = *(const double *)right_one;
  return (a > b) - (a < b);
}

static void print(const char *what, double *ratios, int rounds) {
  qsort(ratios, (size_t)rounds, sizeof *ratios, compare);
  printf("%-44s %7.3f  (%.3f to %.3f)\n", what, ratios[rounds / 2], ratios[rounds / 4],
         ratios[rounds - 1 - rounds / 4]);
}

int main(int count, char **arguments) {
  int rounds = count > 1 ? atoi(arguments[1]) : 21;
  if (count > 2) path = arguments[2];
  if (rounds < 1 || rounds > MOST_ROUNDS) fail("1 to 101 rounds");
  library off = load(ECHO_LIBRARY, 1), without = load(ECHO_UNTRACED, 0);
  const struct {
    const char *name;
    echo_task_function function;
    int tasks;
  } loads[] = {{"empty tasks, submitted from outside", run_empty, EMPTY},
               {"empty tasks, submitted by a task", spawn, EMPTY},
               {"tasks of 20 us, submitted from outside", run_long, LONG}};
  static double idle[3][MOST_ROUNDS], on[MOST_ROUNDS];
  calibrate();
  for (int round = -1; round < rounds; round++) { /* the first warms up */
    int place = round < 0 ? 0 : round;
    for (int i = 0; i < 3; i++) {
      double first, second;
      if (round % 2 == 0) first = measure(&off, loads[i].function, loads[i].tasks);
      second = measure(&without, loads[i].function, loads[i].tasks);
      if (round % 2 != 0) first = measure(&off, loads[i].function, loads[i].tasks);
      idle[i][place] = first / second;
    }
    double quiet, recorded;
    if (round % 2 == 0) quiet = measure(&off, run_long, LONG);
    recorded = measure_on(&off, run_long, LONG);
    if (round % 2 != 0) quiet = measure(&off, run_long, LONG);
    on[place] = recorded / quiet;
  }
  printf("%d workers, %d rounds: median of the ratios (quartiles)\n", WORKERS, rounds);
  for (int i = 0; i < 3; i++) {
    char what[80];
    snprintf(what, sizeof what, "off, %s", loads[i].name);
    print(what, idle[i], rounds);
  }
  print("on, tasks of 20 us, submitted from outside", on, rounds);
  printf("%.0f bytes a task, %llu events dropped in all\n", bytes / LONG,
         (unsigned long long)dropped);
  off.stop(off.scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
  without.stop(without.scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
  return 0;
}
