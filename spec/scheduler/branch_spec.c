/* Fork and join: parts of a task that others may run. */
#include <echo/branch.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "scheduler/task.h"
#include "support/loops.h"

/* Runs a task to its end. */
static void run(echo_scheduler *scheduler, echo_priority priority, echo_task_function function,
                void *argument) {
  const echo_task_options options = {.priority = priority};
  echo_task *task;
  assert_int_equal(echo_scheduler_submit(scheduler, &options, function, argument, &task), ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
}

/* -- what is computed ------------------------------------------------------------------------- */

typedef struct fib {
  int n;
  long result;
} fib;

static void compute(void *argument) {
  fib *f = argument;
  if (f->n < 2) {
    f->result = f->n;
    return;
  }
  fib first = {f->n - 1, 0}, second = {f->n - 2, 0};
  echo_branch branch;
  echo_fork(&branch, compute, &first);
  compute(&second);
  echo_join(&branch);
  f->result = first.result + second.result;
}

IT(computes_with_any_number_of_workers) {
  for (unsigned workers = 1; workers <= 4; workers++) {
    echo_scheduler *scheduler = spec_crew(workers);
    for (int round = 0; round < 5; round++) {
      fib f = {SPEC_SANITIZED ? 16 : 22, 0};
      run(scheduler, ECHO_PRIORITY_NORMAL, compute, &f);
      assert_int_equal(f.result, SPEC_SANITIZED ? 987 : 17711);
    }
    spec_crew_end(scheduler);
  }
}

/* What the header shows. */
struct sum {
  const int *first;
  size_t count;
  long result;
};

static void sum(void *argument) {
  struct sum *all = argument;
  if (all->count < 1000) {
    for (size_t i = 0; i < all->count; i++)
      all->result += all->first[i];
    return;
  }
  size_t half = all->count / 2;
  struct sum left = {all->first, half, 0}, right = {all->first + half, all->count - half, 0};
  echo_branch branch;
  echo_fork(&branch, sum, &left);
  sum(&right);
  echo_join(&branch);
  all->result = left.result + right.result;
}

IT(adds_up_as_its_manual_does) {
  enum { NUMBERS = 100000 };
  echo_scheduler *scheduler = spec_crew(2);
  int *numbers = malloc(NUMBERS * sizeof *numbers);
  assert_non_null(numbers);
  for (int i = 0; i < NUMBERS; i++)
    numbers[i] = i;
  struct sum all = {numbers, NUMBERS, 0};
  run(scheduler, ECHO_PRIORITY_NORMAL, sum, &all);
  assert_int_equal(all.result, 4999950000L);
  free(numbers);
  spec_crew_end(scheduler);
}

IT(computes_in_several_tasks_of_all_priorities_at_once) {
  enum { TASKS = 30 };
  echo_scheduler *scheduler = spec_crew(3);
  fib fibs[TASKS];
  echo_task *tasks[TASKS];
  for (int i = 0; i < TASKS; i++) {
    const echo_task_options options = {.priority = (echo_priority)(i % 3 - 1)};
    fibs[i] = (fib){15, 0};
    assert_int_equal(echo_scheduler_submit(scheduler, &options, compute, &fibs[i], &tasks[i]),
                     ECHO_OK);
  }
  for (int i = 0; i < TASKS; i++) {
    assert_int_equal(echo_task_wait(tasks[i], ECHO_FOREVER), ECHO_OK);
    assert_int_equal(fibs[i].result, 610);
    echo_task_release(tasks[i]);
  }
  spec_crew_end(scheduler);
}

IT(is_run_by_the_join_outside_of_a_task) {
  atomic_int count = 0;
  echo_branch branches[2];
  for (int i = 0; i < 2; i++)
    echo_fork(&branches[i], spec_count, &count);
  assert_int_equal(atomic_load(&count), 0);
  for (int i = 0; i < 2; i++)
    assert_int_equal(echo_join(&branches[i]), ECHO_OK);
  assert_int_equal(atomic_load(&count), 2);
}

enum { MANY = 1000 };

typedef struct many {
  echo_branch branches[MANY];
  atomic_int counts[MANY];
  unsigned order[MANY]; /* of the joins */
  int failed;
} many;

static void fork_many(void *argument) {
  many *m = argument;
  for (int i = 0; i < MANY; i++)
    echo_fork(&m->branches[i], spec_count, &m->counts[i]);
  for (int i = 0; i < MANY; i++) {
    m->failed |= echo_join(&m->branches[m->order[i]]);
    m->failed |= atomic_load(&m->counts[m->order[i]]) != 1;
  }
}

static many *many_in_order(void) {
  many *m = calloc(1, sizeof *m);
  assert_non_null(m);
  for (unsigned i = 0; i < MANY; i++)
    m->order[i] = MANY - 1 - i;
  return m;
}

static void expect_many(many *m) {
  for (unsigned workers = 1; workers <= 3; workers++) {
    echo_scheduler *scheduler = spec_crew(workers);
    for (int i = 0; i < MANY; i++)
      atomic_store(&m->counts[i], 0);
    run(scheduler, ECHO_PRIORITY_NORMAL, fork_many, m);
    assert_int_equal(m->failed, 0);
    spec_crew_end(scheduler);
  }
  free(m);
}

IT(runs_more_than_can_be_on_offer) {
  expect_many(many_in_order());
}

IT(may_be_joined_in_any_order) {
  many *m = many_in_order();
  echo__random random;
  echo__random_seed(&random, spec_seed());
  for (unsigned i = MANY - 1; i > 0; i--) {
    unsigned other = echo__random_below(&random, i + 1), kept = m->order[i];
    m->order[i] = m->order[other];
    m->order[other] = kept;
  }
  expect_many(m);
}

/* -- another worker --------------------------------------------------------------------------- */

/* A branch that another worker runs: its task goes on only when it has begun. */
typedef struct away {
  spec_gate begun, go;
  echo_scheduler *scheduler;
  void (*inside)(struct away *away);
  int worker;        /* that runs it */
  atomic_int status; /* of the join */
} away;

static void away_init(away *a, echo_scheduler *scheduler, void (*inside)(away *away)) {
  *a = (away){.scheduler = scheduler, .inside = inside, .worker = -1, .status = 1};
  spec_gate_init(&a->begun);
  spec_gate_init(&a->go);
}

static void be_away(void *argument) {
  away *a = argument;
  a->worker = echo_worker_index(a->scheduler);
  spec_gate_open(&a->begun);
  if (a->inside != NULL) a->inside(a);
}

static void fork_away(void *argument) {
  away *a = argument;
  echo_branch branch;
  echo_fork(&branch, be_away, a);
  spec_gate_wait(&a->begun);
  a->status = echo_join(&branch);
}

/* Each round may find the other worker on its way to sleep. */
IT(finds_every_worker_that_is_idle) {
  echo_scheduler *scheduler = spec_crew(2);
  for (int i = 0; i < SPEC_ROUNDS(5000); i++) {
    away a;
    away_init(&a, scheduler, NULL);
    run(scheduler, ECHO_PRIORITY_NORMAL, fork_away, &a);
    assert_int_equal(a.status, ECHO_OK);
  }
  spec_crew_end(scheduler);
}

IT(counts_as_stolen_and_not_as_a_task) {
  echo_scheduler *scheduler = spec_crew(2);
  away a;
  away_init(&a, scheduler, NULL);
  run(scheduler, ECHO_PRIORITY_NORMAL, fork_away, &a);
  echo_stats stats;
  echo_scheduler_stats(scheduler, &stats);
  assert_int_equal(stats.stolen, 1);
  assert_int_equal(stats.submitted, 1);
  spec_crew_end(scheduler); /* nothing is left over */
}

static void wait_for_go(away *a) {
  spec_gate_wait(&a->go);
}

static void open_go(void *argument) {
  spec_gate_open(&((away *)argument)->go);
}

/* The only other worker is in the branch, so the join has to run what the branch waits for. */
IT(lets_a_worker_that_joins_run_other_tasks) {
  echo_scheduler *scheduler = spec_crew(2);
  for (int i = 0; i < SPEC_ROUNDS(200); i++) {
    const echo_task_options low = {.priority = ECHO_PRIORITY_LOW};
    away a;
    away_init(&a, scheduler, wait_for_go);
    echo_task *task = spec_submit_held(scheduler, fork_away, &a);
    spec_gate_wait(&a.begun);
    if (i % 2 == 0) spec_nap(); /* it sleeps by then */
    assert_int_equal(echo_scheduler_submit(scheduler, &low, open_go, &a, NULL), ECHO_OK);
    assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
    echo_task_release(task);
  }
  spec_crew_end(scheduler);
}

typedef struct ranked {
  spec_log *log;
  atomic_bool over;
} ranked;

static void log_branch(void *argument) {
  ranked *r = argument;
  spec_log_add(r->log, 2);
  atomic_store(&r->over, true);
}

static void fork_and_see_it_taken(void *argument) {
  ranked *r = argument;
  echo_branch branch;
  echo_fork(&branch, log_branch, r);
  SPEC_UNTIL(atomic_load(&r->over));
  echo_join(&branch);
}

IT(has_the_priority_of_its_task_and_comes_after_what_has_not_begun) {
  echo_scheduler *scheduler = spec_crew(2);
  spec_blocker blocker;
  static spec_log log;
  atomic_store(&log.count, 0);
  spec_note high = {&log, 1}, normal = {&log, 3};
  ranked r = {&log, false};
  const echo_task_options options = {.priority = ECHO_PRIORITY_HIGH};
  spec_block(scheduler, &blocker);
  echo_task *task;
  assert_int_equal(echo_scheduler_submit(scheduler, &options, fork_and_see_it_taken, &r, &task),
                   ECHO_OK);
  SPEC_UNTIL(echo_task_get_state(task) == ECHO_TASK_RUNNING);
  spec_submit(scheduler, spec_note_run, &normal);
  assert_int_equal(echo_scheduler_submit(scheduler, &options, spec_note_run, &high, NULL), ECHO_OK);
  spec_nap(); /* for the fork */
  spec_unblock(&blocker);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  spec_crew_end(scheduler);
  spec_log_expect(&log, (const int[]){1, 2, 3}, 3);
}

/* -- inside of a branch ----------------------------------------------------------------------- */

typedef struct inside {
  echo_scheduler *scheduler;
  echo_task *task;
  spec_gate known;
  int failed, runs;
} inside;

static void look_round(inside *in) {
  atomic_int count = 0;
  fib f = {8, 0};
  echo_task *child;
  in->failed |= echo_task_current() != NULL;
  in->failed |= echo_task_again() != ECHO_INVALID;
  in->failed |= echo_task_suspend() != ECHO_INVALID;
  in->failed |= echo_task_should_yield() || echo_task_should_make_way();
  in->failed |= echo_task_is_cancelled();
  in->failed |= echo_task_wait(in->task, ECHO_FOREVER) != ECHO_DEADLOCK;
  in->failed |= echo_scheduler_submit(in->scheduler, NULL, spec_count, &count, &child);
  in->failed |= echo_task_wait(child, ECHO_FOREVER);
  in->failed |= atomic_load(&count) != 1;
  echo_task_release(child);
  compute(&f);
  in->failed |= f.result != 21;
  in->runs++;
}

static void look_round_here(void *argument) {
  look_round(argument);
}

static void fork_and_look(void *argument) {
  inside *in = argument;
  echo_branch branch;
  spec_gate_wait(&in->known);
  echo_fork(&branch, look_round_here, in);
  in->failed |= echo_join(&branch);
  in->failed |= echo_task_current() != in->task;
}

static void expect_inside(unsigned workers, echo_task_function function) {
  echo_scheduler *scheduler = spec_crew(workers);
  inside in = {.scheduler = scheduler, .known = SPEC_GATE};
  in.task = spec_submit_held(scheduler, function, &in);
  spec_gate_open(&in.known);
  assert_int_equal(echo_task_wait(in.task, ECHO_FOREVER), ECHO_OK);
  assert_int_equal(in.failed, 0);
  assert_int_equal(in.runs, 1);
  echo_task_release(in.task);
  spec_crew_end(scheduler);
}

IT(is_no_task_where_it_was_forked) {
  expect_inside(1, fork_and_look);
}

typedef struct inside_away {
  spec_gate begun;
  inside *in;
} inside_away;

static void look_round_away(void *argument) {
  inside_away *a = argument;
  spec_gate_open(&a->begun);
  look_round(a->in);
}

static void fork_and_look_away(void *argument) {
  inside_away a = {SPEC_GATE, argument};
  echo_branch branch;
  spec_gate_wait(&a.in->known);
  echo_fork(&branch, look_round_away, &a);
  spec_gate_wait(&a.begun);
  a.in->failed |= echo_join(&branch);
}

IT(is_no_task_on_another_worker) {
  expect_inside(2, fork_and_look_away);
}

static void until_cancelled(away *a) {
  (void)a;
  SPEC_UNTIL(echo_task_is_cancelled());
}

IT(sees_that_its_task_was_cancelled) {
  echo_scheduler *scheduler = spec_crew(2);
  away a;
  away_init(&a, scheduler, until_cancelled);
  echo_task *task = spec_submit_held(scheduler, fork_away, &a);
  spec_gate_wait(&a.begun);
  assert_int_equal(echo_task_cancel(task), ECHO_OK);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_CANCELLED);
  assert_int_equal(a.status, ECHO_OK);
  echo_task_release(task);
  spec_crew_end(scheduler);
}

/* A task without a handle, which a branch of it looks at. */
IT(sees_that_the_scheduler_cancels) {
  echo_scheduler *scheduler = spec_crew(2);
  away a;
  away_init(&a, scheduler, until_cancelled);
  spec_submit(scheduler, fork_away, &a);
  spec_gate_wait(&a.begun);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL), ECHO_OK);
  assert_int_equal(a.status, ECHO_OK);
  echo_scheduler_release(scheduler);
}

/* -- interrupts ------------------------------------------------------------------------------- */

typedef struct interrupted {
  spec_bench *bench;
  spec_gate in_branch, go;
  int calls_inside, calls_after;
} interrupted;

static void be_in_branch(void *argument) {
  interrupted *i = argument;
  spec_gate_open(&i->in_branch);
  spec_gate_wait(&i->go);
  i->calls_inside = atomic_load(&i->bench->calls);
}

static void fork_interruptible(void *argument) {
  interrupted *i = argument;
  echo_branch branch;
  echo_fork(&branch, be_in_branch, i);
  echo_join(&branch);
  i->calls_after = atomic_load(&i->bench->calls);
}

IT(hears_after_the_join_of_an_interrupt_that_came_in_the_branch) {
  spec_bench b;
  interrupted i = {.bench = &b, .in_branch = SPEC_GATE, .go = SPEC_GATE};
  spec_bench_open(&b, 1);
  spec_bench_submit(&b, ECHO_PRIORITY_LOW, true, fork_interruptible, &i);
  spec_gate_wait(&i.in_branch);
  spec_bench_submit(&b, ECHO_PRIORITY_HIGH, false, spec_nothing, NULL);
  spec_nap(); /* for the signal */
  spec_gate_open(&i.go);
  spec_crew_end(b.scheduler);
  assert_int_equal(i.calls_inside, 0);
  assert_true(i.calls_after > 0);
}

/* -- ends ------------------------------------------------------------------------------------- */

/* A scheduler that left a thread behind is never freed: keep it where the leak check finds it. */
static echo_scheduler *kept;

IT(ends_by_itself_when_the_scheduler_has_stopped_without_it) {
  static away a;
  echo_scheduler *scheduler = kept = spec_crew(2);
  away_init(&a, scheduler, wait_for_go);
  echo_task *task = spec_submit_held(scheduler, fork_away, &a);
  spec_gate_wait(&a.begun);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, 0.02, NULL), ECHO_TIMEOUT);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_LOST);
  assert_int_equal(a.status, 1);
  spec_gate_open(&a.go);
  SPEC_UNTIL(atomic_load(&a.status) == ECHO_OK);
  echo_task_release(task);
  echo_scheduler_release(scheduler);
}

#if !SPEC_SANITIZED
/* 0 if the child found what it should. */
static int fork_a_process(echo_branch *branch) {
  pid_t child = fork();
  if (child == 0) {
    alarm(30);
    _exit(echo_join(branch) == ECHO_FORKED ? 0 : 1);
  }
  int status = 1;
  return waitpid(child, &status, 0) == child ? status : 1;
}

static void fork_both_ways(void *argument) {
  away *a = argument;
  echo_branch branch;
  echo_fork(&branch, be_away, a);
  spec_gate_wait(&a->begun);
  int child = fork_a_process(&branch);
  spec_gate_open(&a->go);
  a->status = echo_join(&branch) == ECHO_OK ? child : 2;
}

IT(is_lost_in_the_child_of_a_fork_if_another_thread_had_it) {
  echo_scheduler *scheduler = spec_crew(2);
  away a;
  away_init(&a, scheduler, wait_for_go);
  run(scheduler, ECHO_PRIORITY_NORMAL, fork_both_ways, &a);
  assert_int_equal(a.status, 0);
  spec_crew_end(scheduler);
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(computes_with_any_number_of_workers),
    cmocka_unit_test(adds_up_as_its_manual_does),
    cmocka_unit_test(computes_in_several_tasks_of_all_priorities_at_once),
    cmocka_unit_test(is_run_by_the_join_outside_of_a_task),
    cmocka_unit_test(runs_more_than_can_be_on_offer),
    cmocka_unit_test(may_be_joined_in_any_order),
    cmocka_unit_test(finds_every_worker_that_is_idle),
    cmocka_unit_test(counts_as_stolen_and_not_as_a_task),
    cmocka_unit_test(lets_a_worker_that_joins_run_other_tasks),
    cmocka_unit_test(has_the_priority_of_its_task_and_comes_after_what_has_not_begun),
    cmocka_unit_test(is_no_task_where_it_was_forked),
    cmocka_unit_test(is_no_task_on_another_worker),
    cmocka_unit_test(sees_that_its_task_was_cancelled),
    cmocka_unit_test(sees_that_the_scheduler_cancels),
    cmocka_unit_test(hears_after_the_join_of_an_interrupt_that_came_in_the_branch),
    cmocka_unit_test(ends_by_itself_when_the_scheduler_has_stopped_without_it),
#if !SPEC_SANITIZED
    cmocka_unit_test(is_lost_in_the_child_of_a_fork_if_another_thread_had_it),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
