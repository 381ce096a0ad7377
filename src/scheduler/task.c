#include "scheduler/task.h"

#include "scheduler/scheduler.h"

static uint32_t with_state(uint32_t word, echo_task_state state) {
  return (word & ~(uint32_t)ECHO__STATE_MASK) | (uint32_t)state;
}

/* Changes the state from one value to another; false if it was not there. */
static bool change_state(echo_task *task, echo_task_state from, echo_task_state to) {
  uint32_t word = echo__load(&task->word, relaxed);
  do {
    if ((word & ECHO__STATE_MASK) != from) return false;
  } while (
      !echo__cas_weak(&task->word, &word, with_state(word, to), acq_rel)); /* PAIR task.state */
  return true;
}

bool echo__task_begin(echo_task *task) {
  return change_state(task, ECHO_TASK_QUEUED, ECHO_TASK_RUNNING);
}

bool echo__task_requeue(echo_task *task) {
  return change_state(task, ECHO_TASK_RUNNING, ECHO_TASK_QUEUED);
}

void echo__task_lose(echo_task *task) {
  change_state(task, ECHO_TASK_RUNNING, ECHO_TASK_LOST);
}

uint32_t echo__task_end(echo_task *task, echo_task_state state, uint32_t references) {
  uint32_t word = echo__load(&task->word, relaxed), ended;
  do {
    bool lost = (word & ECHO__STATE_MASK) == ECHO_TASK_LOST;
    ended = with_state(word, lost ? ECHO_TASK_LOST : state) - references * ECHO__REFERENCE;
    /* Release for the task's effects, acquire for a waiter's entry: PAIR task.state task.watched */
  } while (!echo__cas_weak(&task->word, &word, ended, acq_rel));
  return word;
}

bool echo__task_drop(echo_task *task) {
  /* PAIR task.drop with itself: the last one to go frees what the others have used */
  return echo__sub(&task->word, ECHO__REFERENCE, acq_rel) / ECHO__REFERENCE == 1;
}

echo_task_state echo_task_get_state(const echo_task *task) {
  return (echo_task_state)(echo__load(&task->word, acquire) &
                           ECHO__STATE_MASK); /* PAIR task.state */
}

static int status_of(const echo_task *task) {
  switch (echo_task_get_state(task)) {
  case ECHO_TASK_DONE: return ECHO_OK;
  case ECHO_TASK_CANCELLED: return ECHO_CANCELLED;
  case ECHO_TASK_LOST: return ECHO_LOST;
  default: return ECHO_TIMEOUT;
  }
}

/* One sleep of a thread from outside. A stop that abandons sets its flag before it wakes everybody
 * under the list's mutex, so a waiter that enters too late to be woken sees the flag. */
static void sleep_until_ended(echo_scheduler *s, echo_task *task, uint64_t deadline) {
  echo__waiter waiter;
  if (!echo__waiters_enter(&s->waiters, &waiter, task, -1)) return;
  if (echo__load(&s->abandoned, acquire)) { /* PAIR stop.abandoned */
    echo__task_lose(task);
  } else {
    while (echo__load(&waiter.woken, acquire) == 0) { /* PAIR waiter.woken */
      if (echo__word_wait(&waiter.woken, 0, deadline) == ECHO__TIMED_OUT) break;
    }
  }
  echo__waiters_leave(&s->waiters, &waiter);
}

/* A worker that waits works meanwhile, unless the scheduler has stopped without it. */
static bool may_work(const echo__worker *worker) {
  return echo__load(&worker->scheduler->phase, acquire) != ECHO__STOPPED; /* PAIR stop.phase */
}

static void work_until_ended(echo__worker *worker, echo_task *task, uint64_t deadline) {
  if (echo__worker_step(worker) != ECHO_STEAL_EMPTY) return;
  echo__waiter waiter;
  if (!echo__waiters_enter(&worker->scheduler->waiters, &waiter, task, (int)worker->index)) return;
  echo__worker_rest(worker, &waiter, deadline);
  echo__waiters_leave(&worker->scheduler->waiters, &waiter);
}

int echo_task_wait(echo_task *task, double seconds) {
  echo_scheduler *s = task->scheduler;
  echo__worker *worker = echo__own_worker(s);
  if (worker != NULL && worker->current == task) return ECHO_DEADLOCK;
  if (echo__task_has_ended(task)) return status_of(task);
  uint64_t deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  while (!echo__task_has_ended(task)) {
    if (deadline != ECHO__FOREVER && echo__now() >= deadline) break;
    if (worker != NULL && may_work(worker))
      work_until_ended(worker, task, deadline);
    else
      sleep_until_ended(s, task, deadline);
  }
  if (worker != NULL) echo__worker_go_on(worker);
  return status_of(task);
}

int echo_task_cancel(echo_task *task) {
  if (!echo__task_begin(task)) return ECHO_INVALID;
  echo__cancel_begun(task->scheduler, task);
  return ECHO_OK;
}

void echo_task_release(echo_task *task) {
  if (task == NULL) return;
  echo_scheduler *s = task->scheduler; /* read first: the task may be gone once it is dropped */
  echo__give_up_handle(s, task, echo__task_drop(task));
}
