/*
 * Does a C task cost more when there are many of them, or many workers?
 *
 *   tasks     what an empty task costs when a thousand are submitted one by one from outside, and
 * up to ten million; waited for by a stop workers   what a hundred thousand tasks of a microsecond
 * cost with one worker, two and so on to the machine's processors, and with 16 and 64 on however
 * few there are; beside it the same in the bare thread, as so many times its speed
 *
 * Usage: bench-scaling [rounds [most tasks]]
 */
#include <echo/scheduler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "report.h"

enum { MAX_ROUNDS = 99, TURNS = 1000, NAME = 32, MAX_NAMES = 1024 };

static void must(int status, const char *what) {
  if (status == ECHO_OK) return;
  fprintf(stderr, "%s: %s\n", what, echo_strerror(status));
  exit(1);
}

static void nothing(void *argument) {
  (void)argument;
}

/* About a microsecond. */
static void turn(void *argument) {
  (void)argument;
  volatile unsigned sink = 0;
  for (unsigned i = 0; i < TURNS; i++)
    sink = i;
}

static echo_scheduler *make(unsigned workers) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  must(echo_builder_create(&builder), "builder");
  must(echo_builder_with_worker_count(builder, workers), "workers");
  must(echo_builder_build(builder, &scheduler), "build");
  echo_builder_destroy(builder);
  must(echo_scheduler_submit(scheduler, NULL, nothing, NULL, NULL), "first submit");
  return scheduler;
}

/* Nanoseconds for each of so many. */
static double cost(unsigned workers, int count, void (*function)(void *)) {
  echo_scheduler *scheduler = make(workers);
  uint64_t start = uv_hrtime();
  for (int i = 0; i < count; i++)
    must(echo_scheduler_submit(scheduler, NULL, function, NULL, NULL), "submit");
  must(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), "stop");
  double each = (double)(uv_hrtime() - start) / count;
  echo_scheduler_release(scheduler);
  return each;
}

static double cost_alone(int count) {
  uint64_t start = uv_hrtime();
  for (int i = 0; i < count; i++)
    turn(NULL);
  return (double)(uv_hrtime() - start) / count;
}

/* The report keeps its names: the same text is the same pointer. */
static const char *name_of(const char *form, unsigned number) {
  static char names[MAX_NAMES][NAME];
  static int count;
  char name[NAME];
  snprintf(name, sizeof name, form, number);
  for (int i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0) return names[i];
  if (count == MAX_NAMES) abort();
  return strcpy(names[count++], name);
}

static void measure_workers(unsigned workers, double alone) {
  bench_add("C: speed-up by workers", name_of("%u workers", workers), "times one",
            alone / cost(workers, bench_count(100000), turn));
}

static void one_round(unsigned most) {
  unsigned processors = uv_available_parallelism();
  double alone = cost_alone(bench_count(100000));
  for (unsigned workers = 1; workers <= processors; workers++)
    measure_workers(workers, alone);
  for (unsigned workers = 16; workers <= 64; workers *= 4)
    if (workers > processors) measure_workers(workers, alone);
  for (unsigned tasks = 1000; tasks <= most; tasks *= 10)
    bench_add("C: a task, of so many", name_of("of %u tasks", tasks), "ns",
              cost(2, bench_count((int)tasks), nothing));
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 5;
  int most = argc > 2 ? atoi(argv[2]) : 10000000;
  if (rounds < 1 || rounds > MAX_ROUNDS || most < 1 || most > 100000000) {
    fprintf(stderr, "usage: bench-scaling [rounds, to %d [most tasks, to 100000000]]\n",
            MAX_ROUNDS);
    return 2;
  }
  for (int i = 0; i < rounds; i++)
    one_round((unsigned)most);
  bench_print();
  return 0;
}
