#include "scheduler/branch.h"

#include <echo/branch.h>

enum { OFFERED = ECHO_TASK_QUEUED, KEPT = ECHO_TASK_SUSPENDED, ENDED = ECHO_TASK_DONE };

static echo__word *word_of(echo_branch *branch) {
  return (echo__word *)&branch->word;
}

static bool has_ended(echo_branch *branch) {
  return (echo__load(word_of(branch), acquire) & ECHO__STATE_MASK) == ENDED; /* PAIR branch.end */
}

static echo__worker *forker_of(const echo_branch *branch) {
  void *worker = branch->worker;
  return worker;
}

/* -- fork ------------------------------------------------------------------------------------- */

/* Adopted, so that its flags no longer change: who runs the branch reads them. */
static void inherit_from_task(echo_branch *branch, echo_task *task) {
  echo__task_adopt(task);
  branch->task = task;
  branch->priority = echo__task_priority(task);
}

/* False outside of a task. */
static bool inherit(echo_branch *branch, const echo__worker *worker) {
  const echo_branch *outer = worker->branch;
  if (worker->current != NULL) {
    inherit_from_task(branch, worker->current);
  } else if (outer != NULL && outer->task != NULL) {
    branch->task = outer->task;
    branch->priority = outer->priority;
  } else {
    branch->task = NULL;
    return false;
  }
  return true;
}

static void offer(const echo__worker *worker, echo_branch *branch) {
  echo_scheduler *s = worker->scheduler;
  if (s->plan.workers == 1) return;
  echo__store(word_of(branch), OFFERED, relaxed);
  if (!echo_queue_offer(s->queue, worker->index, branch->priority, &branch->node))
    echo__store(word_of(branch), KEPT, relaxed);
  else if (!echo__idle_notify(&s->idle))
    echo__notify_urgent(s, branch->priority);
}

void echo_fork(echo_branch *branch, void (*function)(void *argument), void *argument) {
  echo__worker *worker = echo__this_thread.worker;
  branch->function = function;
  branch->argument = argument;
  branch->worker = worker;
  echo__store(word_of(branch), KEPT, relaxed);
  if (worker != NULL && inherit(branch, worker)) offer(worker, branch);
}

/* -- running ---------------------------------------------------------------------------------- */

/* A branch has no task of its own to be suspended, called again or interrupted. */
static void run(echo__worker *worker, echo_branch *branch) {
  echo_task *task = worker->current;
  const echo_branch *outer = worker->branch;
  worker->current = NULL;
  worker->branch = branch;
  branch->function(branch->argument);
  worker->branch = outer;
  worker->current = task;
  echo__signal_fence(); /* a handler that found no task comes before what looks for that */
}

/* The branch may be gone after the swap, but not the worker that runs it, nor the scheduler. */
static void end(echo_scheduler *s, echo_branch *branch) {
  unsigned home = forker_of(branch)->index;
  echo__word *word = word_of(branch);
  uint32_t before = echo__exchange(word, ENDED, release); /* PAIR branch.end */
  if (!(before & ECHO__WATCHED)) return;
  echo__idle_nudge(&s->idle, home);
  echo__word_wake_one(word);
}

void echo__branch_run_taken(echo__worker *worker, echo_node *node) {
  echo_branch *branch = (echo_branch *)(void *)node;
  if (worker->scheduler->interrupts.call != NULL) echo__interrupts_rest(worker);
  uint64_t since = echo__trace_clock(worker->scheduler);
  run(worker, branch);
  if (since != 0) echo__trace_branch(worker, since, branch->priority);
  end(worker->scheduler, branch);
}

/* -- join ------------------------------------------------------------------------------------- */

static bool pause_until_ended(echo_branch *branch) {
  for (int i = 0; i < ECHO__SPIN_PAUSES; i++) {
    if (has_ended(branch)) return true;
    echo__pause();
  }
  return false;
}

/* A branch is mostly short. Whoever waits for it does not begin, in the first moments, something
 * less urgent that may be long. */
static bool ends_soon(echo__worker *worker, echo_branch *branch) {
  for (int round = 0; round < ECHO__SPIN_ROUNDS && echo__worker_may_work(worker);) {
    if (has_ended(branch)) return true;
    if (echo__worker_step_from(worker, branch->priority) != ECHO_STEAL_EMPTY) continue;
    if (pause_until_ended(branch)) return true;
    round++;
  }
  return false;
}

/* Either the end sees that somebody waits, or the look before the sleep sees the end. */
static void watch(echo_branch *branch) {
  echo__or(word_of(branch), ECHO__WATCHED, relaxed);
}

static void work_until_ended(echo__worker *worker, echo_branch *branch) {
  if (echo__worker_step(worker) != ECHO_STEAL_EMPTY) return;
  watch(branch);
  echo__worker_rest(worker, word_of(branch), ECHO__FOREVER);
}

static void sleep_until_ended(echo_branch *branch) {
  watch(branch);
  echo__word_wait(word_of(branch), OFFERED | ECHO__WATCHED, ECHO__FOREVER);
}

static int wait_for(echo__worker *worker, echo_branch *branch) {
  if (!ends_soon(worker, branch)) {
    while (!has_ended(branch)) {
      if (worker->scheduler->forked) return ECHO_FORKED;
      if (echo__worker_may_work(worker))
        work_until_ended(worker, branch);
      else
        sleep_until_ended(branch);
    }
  }
  echo__worker_go_on(worker);
  return ECHO_OK;
}

/* Runs what lies above the branch, and the branch; false if it has been taken. */
static bool run_retracted(echo__worker *worker, echo_branch *branch) {
  do {
    echo_node *node = echo_queue_retract(worker->scheduler->queue, worker->index, branch->priority);
    if (node == NULL) return false;
    run(worker, (echo_branch *)(void *)node);
    echo__store(word_of((echo_branch *)(void *)node), ENDED, relaxed);
  } while (!has_ended(branch));
  if (worker->scheduler->interrupts.call != NULL) echo__worker_go_on(worker);
  return true;
}

static int run_kept(echo_branch *branch) {
  echo__worker *worker = forker_of(branch);
  if (worker == NULL) {
    branch->function(branch->argument);
    return ECHO_OK;
  }
  run(worker, branch);
  echo__worker_go_on(worker);
  return ECHO_OK;
}

int echo_join(echo_branch *branch) {
  uint32_t state = echo__load(word_of(branch), acquire) & ECHO__STATE_MASK; /* PAIR branch.end */
  if (state == KEPT) return run_kept(branch);
  if (state == ENDED || run_retracted(forker_of(branch), branch)) return ECHO_OK;
  return wait_for(forker_of(branch), branch);
}
