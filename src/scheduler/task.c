#include "scheduler/task.h"

#include <echo/branch.h>

#include "scheduler/scheduler.h"

static uint32_t with_state(uint32_t word, echo_task_state state) {
  return (word & ~(uint32_t)ECHO__STATE_MASK) | (uint32_t)state;
}

static echo_task_state state_in(uint32_t word) {
  return (echo_task_state)(word & ECHO__STATE_MASK);
}

static bool ended_in(uint32_t word) {
  return state_in(word) > ECHO_TASK_RUNNING;
}

/* One swap of the word; false if it was not *before, which is then up to date. */
static bool swap(echo_task *task, uint32_t *before, uint32_t after) {
  return echo__cas_weak(&task->word, before, after, acq_rel); /* PAIR task.state */
}

void echo__task_adopt(echo_task *task) {
  if (!(task->flags & ECHO__DETACHED)) return;
  task->flags &= (uint8_t)~ECHO__DETACHED;
  uint32_t kept =
      echo__load(&task->word, relaxed) & (ECHO__TIMED | ECHO__RANK_MASK | ECHO__QUEUE_MASK);
  echo__store(&task->word, kept + ECHO_TASK_RUNNING + ECHO__REFERENCE, relaxed);
}

bool echo__task_begin(echo_task *task) {
  uint32_t word = echo__load(&task->word, relaxed);
  do {
    if (state_in(word) != ECHO_TASK_QUEUED) return false;
  } while (!swap(task, &word, with_state(word & ~(uint32_t)ECHO__RESUMED, ECHO_TASK_RUNNING)));
  return true;
}

bool echo__task_requeue(echo_task *task) {
  uint32_t word = echo__load(&task->word, relaxed);
  do {
    if (state_in(word) != ECHO_TASK_RUNNING || (word & ECHO__CANCEL)) return false;
  } while (!swap(task, &word, with_state(word, ECHO_TASK_QUEUED)));
  return true;
}

echo_task_state echo__task_suspend(echo_task *task, bool cancels) {
  uint32_t word = echo__load(&task->word, relaxed), after;
  do {
    if (state_in(word) != ECHO_TASK_RUNNING) return ECHO_TASK_LOST;
    bool goes_on = (cancels && !(word & ECHO__CANCEL)) || (word & ECHO__RESUMED);
    after = with_state(word, goes_on ? ECHO_TASK_QUEUED : ECHO_TASK_SUSPENDED);
    if (cancels) after |= ECHO__CANCEL;
  } while (!swap(task, &word, after));
  return state_in(after);
}

bool echo__task_seize(echo_task *task) {
  uint32_t word = echo__load(&task->word, relaxed);
  do {
    if (state_in(word) != ECHO_TASK_SUSPENDED) return false;
  } while (!swap(task, &word, with_state(word | ECHO__CANCEL, ECHO_TASK_RUNNING)));
  return true;
}

bool echo__task_go_on(echo_task *task) {
  uint32_t word = echo__load(&task->word, relaxed);
  do {
    if (state_in(word) != ECHO_TASK_SUSPENDED) return false;
  } while (!swap(task, &word, with_state(word, ECHO_TASK_RUNNING)));
  return true;
}

bool echo__task_resume(echo_task *task, bool *bound) {
  uint32_t word = echo__load(&task->word, relaxed), after;
  bool suspended;
  do {
    if (ended_in(word)) return false;
    suspended = state_in(word) == ECHO_TASK_SUSPENDED;
    after = suspended ? with_state(word, ECHO_TASK_QUEUED) : word | ECHO__RESUMED;
  } while (!swap(task, &word, after));
  *bound = word & ECHO__BOUND;
  return suspended;
}

/* The word of a task that has just been asked to end. For one that runs it counts as a resume, too:
 * it may have looked whether it is cancelled just before, and be about to suspend. */
static uint32_t asked(uint32_t word) {
  bool runs = state_in(word) == ECHO_TASK_RUNNING;
  bool bound = word & ECHO__BOUND;
  word |= ECHO__CANCEL | (runs ? ECHO__RESUMED : 0);
  if (runs) return word;
  return with_state(word, bound ? ECHO_TASK_QUEUED : ECHO_TASK_RUNNING);
}

bool echo__task_ask(echo_task *task, uint32_t *before) {
  *before = echo__load(&task->word, relaxed);
  do {
    if (ended_in(*before) || (*before & ECHO__CANCEL)) return false;
  } while (!swap(task, before, asked(*before)));
  return true;
}

bool echo__task_close(echo_task *task) {
  return echo__or(&task->word, ECHO__CANCEL, acq_rel) & ECHO__CANCEL; /* PAIR task.state */
}

uint32_t echo__task_end(echo_task *task, echo_task_state state, uint32_t references) {
  uint32_t word = echo__load(&task->word, relaxed), ended;
  do {
    bool lost = state_in(word) == ECHO_TASK_LOST;
    ended = with_state(word, lost ? ECHO_TASK_LOST : state) - references * ECHO__REFERENCE;
    /* Release for the task's effects, acquire for a waiter's entry: PAIR task.state task.watched */
  } while (!echo__cas_weak(&task->word, &word, ended, acq_rel));
  return word;
}

void echo__task_lose(echo_task *task) {
  uint32_t word = echo__load(&task->word, relaxed), lost;
  do {
    if (ended_in(word)) return;
    lost = with_state(word & ~(uint32_t)ECHO__RESUMED, ECHO_TASK_LOST);
    if (state_in(word) == ECHO_TASK_QUEUED) lost |= ECHO__RESUMED;
  } while (!swap(task, &word, lost));
}

bool echo__task_was_lost_asleep(const echo_task *task) {
  uint32_t word = echo__load(&task->word, relaxed);
  return state_in(word) == ECHO_TASK_LOST && !(word & ECHO__RESUMED);
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

static void work_until_ended(echo__worker *worker, echo_task *task, uint64_t deadline) {
  if (echo__worker_step(worker) != ECHO_STEAL_EMPTY) return;
  echo__waiter waiter;
  if (!echo__waiters_enter(&worker->scheduler->waiters, &waiter, task, (int)worker->index)) return;
  echo__worker_rest(worker, &task->word, deadline);
  echo__waiters_leave(&worker->scheduler->waiters, &waiter);
}

/* A lost task may still run, and has no result. */
static int collect(echo_scheduler *s, const echo_task *task, uint64_t began) {
  int status = status_of(task);
  if (echo__traces(s) && (status == ECHO_OK || status == ECHO_CANCELLED))
    echo_trace_wait_ends(s, began, &task->result);
  return status;
}

/* True if the worker runs the task, or a branch of it. */
static bool is_part_of(const echo__worker *worker, const echo_task *task) {
  if (worker->current != NULL || worker->branch == NULL) return worker->current == task;
  return worker->branch->task == task;
}

int echo_task_wait(echo_task *task, double seconds) {
  echo_scheduler *s = echo__task_scheduler(task);
  echo__worker *worker = echo__own_worker(s);
  if (worker != NULL && is_part_of(worker, task)) return ECHO_DEADLOCK;
  if (echo__task_has_ended(task)) return collect(s, task, 0);
  uint64_t deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  uint64_t began = echo__trace_clock(s);
  while (!echo__task_has_ended(task)) {
    if (deadline != ECHO__FOREVER && echo__now() >= deadline) break;
    if (worker != NULL && echo__worker_may_work(worker))
      work_until_ended(worker, task, deadline);
    else
      sleep_until_ended(s, task, deadline);
  }
  if (worker != NULL) echo__worker_go_on(worker);
  return collect(s, task, began);
}

void echo_task_release(echo_task *task) {
  if (task == NULL) return;
  echo_scheduler *s = echo__task_scheduler(task); /* first: it may be gone once it is dropped */
  echo__give_up_handle(s, task, echo__task_drop(task));
}
