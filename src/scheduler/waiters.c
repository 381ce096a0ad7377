#include "scheduler/waiters.h"

int echo__waiters_init(echo__waiters *waiters, echo__idle *idle) {
  waiters->first = NULL;
  waiters->idle = idle;
  return uv_mutex_init(&waiters->mutex) == 0 ? ECHO_OK : ECHO_MEMORY;
}

void echo__waiters_close(echo__waiters *waiters) {
  uv_mutex_destroy(&waiters->mutex);
}

static void link_in(echo__waiters *waiters, echo__waiter *waiter) {
  waiter->next = waiters->first;
  waiter->link = &waiters->first;
  if (waiter->next != NULL) waiter->next->link = &waiter->next;
  waiters->first = waiter;
}

static void unlink_one(echo__waiter *waiter) {
  if (waiter->link == NULL) return;
  *waiter->link = waiter->next;
  if (waiter->next != NULL) waiter->next->link = waiter->link;
  waiter->link = NULL;
}

bool echo__waiters_enter(echo__waiters *waiters, echo__waiter *waiter, echo_task *task,
                         int worker) {
  waiter->task = task;
  waiter->worker = worker;
  waiter->link = NULL;
  echo__store(&waiter->woken, 0, relaxed);
  uv_mutex_lock(&waiters->mutex);
  uint32_t word = echo__or(&task->word, ECHO__WATCHED, acq_rel); /* PAIR task.watched */
  bool waits = (word & ECHO__STATE_MASK) <= ECHO_TASK_RUNNING;
  if (waits) link_in(waiters, waiter);
  uv_mutex_unlock(&waiters->mutex);
  return waits;
}

void echo__waiters_leave(echo__waiters *waiters, echo__waiter *waiter) {
  uv_mutex_lock(&waiters->mutex);
  unlink_one(waiter);
  uv_mutex_unlock(&waiters->mutex);
}

/* Under the mutex: a waiter cannot leave, and so cannot be gone, before it was woken. */
static void wake_one(echo__waiters *waiters, echo__waiter *waiter) {
  if (waiter->worker >= 0) {
    echo__idle_nudge(waiters->idle, (unsigned)waiter->worker);
    return;
  }
  echo__store(&waiter->woken, 1, release); /* PAIR waiter.woken */
  echo__word_wake_one(&waiter->woken);
}

void echo__waiters_wake(echo__waiters *waiters, const echo_task *task) {
  uv_mutex_lock(&waiters->mutex);
  for (echo__waiter *w = waiters->first, *next; w != NULL; w = next) {
    next = w->next;
    if (task != NULL && w->task != task) continue;
    unlink_one(w);
    wake_one(waiters, w);
  }
  uv_mutex_unlock(&waiters->mutex);
}
