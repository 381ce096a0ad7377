#include "support/loops.h"

#include <errno.h>

#include "scheduler/scheduler.h"

static void tell(void *data, unsigned worker) {
  spec_bench *b = data;
  errno = EDOM;
  atomic_store(&b->told[worker], true);
  atomic_fetch_add(&b->called[worker], 1);
  int number = atomic_fetch_add(&b->calls, 1);
  if (number < SPEC_BENCH_CALLS) atomic_store(&b->order[number], (int)worker);
}

static void open_bench(spec_bench *b, unsigned workers, unsigned urgent, unsigned fairness) {
  echo_builder *builder = NULL;
  *b = (spec_bench){0};
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  assert_int_equal(echo_builder_with_urgent_workers(builder, urgent), ECHO_OK);
  assert_int_equal(echo_builder_with_fairness(builder, fairness), ECHO_OK);
  assert_int_equal(echo_builder_with_queue(builder, "few", 1), ECHO_OK);
  assert_int_equal(echo_builder_with_interrupt(builder, tell, b), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &b->scheduler), ECHO_OK);
  echo_builder_destroy(builder);
}

void spec_bench_open(spec_bench *b, unsigned workers) {
  open_bench(b, workers, 0, 0);
}

void spec_bench_open_with(spec_bench *b, unsigned workers, unsigned fairness) {
  open_bench(b, workers, 0, fairness);
}

void spec_bench_open_urgent(spec_bench *b, unsigned workers, unsigned urgent) {
  open_bench(b, workers, urgent, 0);
}

void spec_bench_submit(spec_bench *b, echo_priority priority, bool interruptible,
                       echo_task_function function, void *argument) {
  const echo_task_options options = {.priority = priority, .interruptible = interruptible};
  assert_int_equal(echo_scheduler_submit(b->scheduler, &options, function, argument, NULL),
                   ECHO_OK);
}

void spec_bench_run_high(spec_bench *b) {
  const echo_task_options options = {.priority = ECHO_PRIORITY_HIGH};
  echo_task *task;
  assert_int_equal(echo_scheduler_submit(b->scheduler, &options, spec_nothing, NULL, &task),
                   ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
}

uint64_t spec_bench_parked(spec_bench *b) {
  echo_stats stats;
  echo_scheduler_stats(b->scheduler, &stats);
  return stats.parked;
}

/* Of the ordinary workers. */
static unsigned sleeping(const echo_scheduler *scheduler) {
  return (unsigned)__builtin_popcountll(echo__load(&scheduler->idle.parked[0], relaxed));
}

void spec_bench_settle(spec_bench *b, unsigned workers) {
  spec_crew_gather(b->scheduler, workers);
  SPEC_UNTIL(sleeping(b->scheduler) >= workers);
  spec_nap(); /* one counts before it sleeps */
}

void spec_loop_turn(void *argument) {
  spec_loop *l = argument;
  int worker = echo_worker_index(l->bench->scheduler);
  atomic_store(&l->worker, worker + 1);
  atomic_fetch_add(&l->began, 1);
  errno = 0;
  while (!atomic_load(&l->over)) {
    atomic_fetch_add(&l->rounds, 1);
    if (!atomic_load(&l->bench->told[worker])) continue;
    l->kept_errno = errno;
    atomic_store(&l->bench->told[worker], false);
    if (echo_task_should_make_way()) {
      echo_task_again();
      return;
    }
    atomic_fetch_add(&l->declined, 1);
  }
}

void spec_loop_start(spec_bench *b, spec_loop *l, echo_priority priority) {
  *l = (spec_loop){.bench = b};
  spec_bench_submit(b, priority, true, spec_loop_turn, l);
  SPEC_UNTIL(atomic_load(&l->rounds) > 0);
}

void spec_loop_end(void *loop) {
  atomic_store(&((spec_loop *)loop)->over, true);
}
