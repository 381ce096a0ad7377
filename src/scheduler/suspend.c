/*
 * Tasks that leave their worker in the middle and come back to it.
 *
 * A suspended task is called again by the worker that called it before, and by no other: what it
 * has on that worker (a coroutine of the worker's, say) is there. So it is pinned to the worker,
 * wherever the resume comes from.
 */
#include "scheduler/suspend.h"

#include <echo/branch.h>

static echo__worker *busy_worker(void) {
  echo__worker *worker = echo__this_thread.worker;
  return worker != NULL && worker->current != NULL ? worker : NULL;
}

echo_task *echo_task_current(void) {
  echo__worker *worker = busy_worker();
  if (worker == NULL) return NULL;
  echo__task_adopt(worker->current);
  return worker->current;
}

static int bind_to(echo__worker *worker, echo_task *task) {
  echo__task_adopt(task);
  if (echo__task_is_bound(task)) return ECHO_OK;
  int status = echo__bound_enter(&worker->bound, task);
  if (status != ECHO_OK) return status;
  task->home = (uint16_t)worker->index;
  echo__or(&task->word, ECHO__BOUND, acq_rel); /* PAIR task.state */
  return ECHO_OK;
}

int echo_task_suspend(void) {
  echo__worker *worker = busy_worker();
  if (worker == NULL) return ECHO_INVALID;
  int status = bind_to(worker, worker->current);
  if (status == ECHO_OK) worker->next = ECHO__SUSPENDS;
  return status;
}

bool echo_task_is_cancelled(void) {
  const echo__worker *worker = echo__this_thread.worker;
  if (worker == NULL) return false;
  const echo_task *task = worker->current;
  if (task == NULL && worker->branch != NULL) task = worker->branch->task;
  if (task == NULL) return false;
  if (echo__load(&worker->scheduler->phase, relaxed) >= ECHO__CANCELLING) return true;
  return !(task->flags & ECHO__DETACHED) && (echo__load(&task->word, relaxed) & ECHO__CANCEL);
}

/* -- queueing --------------------------------------------------------------------------------- */

void echo__pin(echo_scheduler *s, echo_task *task) {
  const echo__worker *own = echo__own_worker(s);
  unsigned home = task->home; /* read first: the task may run and end at once */
  echo_priority priority = echo__task_priority(task);
  if (own != NULL && own->index == home) {
    echo_queue_pin_own(s->queue, home, &task->node);
  } else {
    echo_queue_pin(s->queue, home, &task->node);
    echo__idle_notify_pinned(&s->idle, home);
  }
  echo__interrupts_ask_worker(s, home, priority);
}

/* From now on it counts as queued. */
static void count_came(echo_scheduler *s, const echo_task *task) {
  echo__worker *worker = echo__own_worker(s);
  if (worker != NULL) {
    echo__census_came(&worker->census, echo__task_rank(task));
    return;
  }
  echo__lane *lane = echo__lane_enter(s->lanes);
  echo__census_came(&lane->census, echo__task_rank(task));
  echo__lane_leave(lane);
}

/* For a recording: it is no longer held, and so comes now. */
static void come(echo_scheduler *s, echo_task *task) {
  task->in.trace = 0;
  if (echo__traces(s)) echo__trace_submit(s, task);
}

void echo__publish_held(echo_scheduler *s, echo_task *task) {
  echo__named_queue *queue = echo__task_queue(s, task);
  count_came(s, task);
  if (echo__task_is_timed(task)) echo__timing_queued(task);
  come(s, task);
  if (queue != NULL) {
    echo__named_carry_out(s, echo__named_add(queue, task, NULL));
  } else {
    echo_priority priority = echo__task_priority(task);
    echo_queue_inject(s->queue, priority, &task->node);
    echo__notify_injected(s, priority);
  }
}

static void end_held(echo_scheduler *s, echo_task *task) {
  come(s, task);
  echo__give_place(s, task);
  echo__named_queue *queue = echo__task_queue(s, task);
  if (queue != NULL) echo__named_carry_out(s, echo__named_unreserve(queue));
  echo__finish(s, task, ECHO_TASK_CANCELLED);
}

void echo__cancel_held(echo_scheduler *s) {
  for (echo_node *node = echo__held_close(&s->held), *next; node != NULL; node = next) {
    next = node->next;
    end_held(s, echo__task_of(node));
  }
}

/* A thread from outside stays in a lane from before the task can go on until it no longer touches
 * the scheduler: the task may end at once, and somebody who has waited for that may release the
 * scheduler, which passes through the lanes. */
static echo__lane *enter(echo_scheduler *s) {
  return echo__own_worker(s) == NULL ? echo__lane_enter(s->lanes) : NULL;
}

static void leave(echo__lane *lane) {
  if (lane != NULL) echo__lane_leave(lane);
}

static void pin(echo_scheduler *s, echo__lane *lane, echo_task *task) {
  if (echo__traces(s)) echo__trace_resume(s, lane, task);
  echo__pin(s, task);
}

void echo_task_resume(echo_task *task) {
  echo_scheduler *s = echo__task_scheduler(task);
  echo__lane *lane = enter(s);
  bool bound;
  bool queue = echo__task_resume(task, &bound);
  if (queue && bound) pin(s, lane, task);
  leave(lane);
  if (!queue || bound) return;
  echo__held_leave(&s->held, task);
  echo__publish_held(s, task);
}

int echo_task_cancel(echo_task *task) {
  echo_scheduler *s = echo__task_scheduler(task);
  echo__lane *lane = enter(s);
  uint32_t before;
  bool asks = echo__task_ask(task, &before);
  int state = before & ECHO__STATE_MASK;
  bool bound = before & ECHO__BOUND;
  if (asks && bound && state == ECHO_TASK_SUSPENDED) pin(s, lane, task);
  if (asks && state == ECHO_TASK_RUNNING && (task->flags & ECHO__INTERRUPTIBLE)) {
    echo__interrupts_call(s, task->home);
  }
  leave(lane);
  if (!asks) return ECHO_INVALID;
  if (!bound && state == ECHO_TASK_QUEUED) {
    echo__cancel_begun(s, task);
  } else if (!bound && state == ECHO_TASK_SUSPENDED) {
    echo__held_leave(&s->held, task);
    end_held(s, task);
  }
  return ECHO_OK;
}

/* The swap of nothing against nothing takes its place in the order of the word's changes: a resume
 * that comes after it queues the task by the new priority; one that came before is seen here, and
 * the worker sorts again. */
int echo_task_set_priority(echo_task *task, echo_priority priority) {
  if (priority < ECHO_PRIORITY_LOW || priority > ECHO_PRIORITY_HIGH) return ECHO_INVALID;
  echo__store(&task->priority, (int8_t)priority, relaxed);
  uint32_t word = echo__or(&task->word, 0, acq_rel); /* PAIR task.state */
  if ((word & ECHO__BOUND) && (word & ECHO__STATE_MASK) == ECHO_TASK_QUEUED) {
    echo_scheduler *s = echo__task_scheduler(task);
    echo__worker *home = &s->workers[task->home];
    echo__or(&home->orders, ECHO__SORT, seq_cst); /* PAIR worker.orders interrupt.expose */
    echo__interrupts_ask_worker(s, task->home, priority);
  }
  return ECHO_OK;
}

/* -- on the worker ---------------------------------------------------------------------------- */

void echo__after_suspend(echo__worker *worker, echo_task *task) {
  echo_scheduler *s = worker->scheduler;
  if (echo__traces(s)) echo__trace_leave(worker, task, ECHO__STRETCH_SUSPENDED);
  echo__count_suspended(worker, 1);
  bool cancels = echo__load(&s->phase, relaxed) >= ECHO__CANCELLING;
  switch (echo__task_suspend(task, cancels)) {
  case ECHO_TASK_QUEUED: echo_queue_pin_own(s->queue, worker->index, &task->node); break;
  case ECHO_TASK_SUSPENDED: break; /* no longer this thread's to look at */
  default: echo__count_suspended(worker, -1); echo__finish(s, task, ECHO_TASK_CANCELLED);
  }
}

echo_task *echo__begin_pinned(echo__worker *worker, echo_node *node) {
  echo_task *task = echo__task_of(node);
  echo__count_suspended(worker, -1);
  if (echo__task_begin(task)) return task;
  echo__finish(worker->scheduler, task, ECHO_TASK_CANCELLED); /* it is LOST */
  return NULL;
}

/* One that was cancelled before, and suspended again, is not asked twice but resumed. */
static void rouse(echo__worker *worker, echo_task *task) {
  uint32_t before;
  bool bound;
  bool queue = echo__task_ask(task, &before) ? (before & ECHO__STATE_MASK) == ECHO_TASK_SUSPENDED
                                             : echo__task_resume(task, &bound);
  if (queue) echo_queue_pin_own(worker->scheduler->queue, worker->index, &task->node);
}

void echo__rouse_suspended(echo__worker *worker) {
  for (uint32_t i = 0; i < worker->bound.count; i++) {
    echo_task *task = worker->bound.tasks[i];
    uint32_t word = echo__load(&task->word, relaxed);
    /* One that runs is somewhere below on this stack: it ends as it does. */
    if ((word & ECHO__STATE_MASK) != ECHO_TASK_RUNNING) rouse(worker, task);
  }
}

/* From the end, because the last one takes the place of one that leaves. One that is on its way
 * from a thread that resumed it stays: its node may not be freed. */
void echo__end_lost(echo__worker *worker) {
  for (uint32_t i = worker->bound.count; i > 0; i--) {
    echo_task *task = worker->bound.tasks[i - 1];
    if (!echo__task_was_lost_asleep(task)) continue;
    echo__count_suspended(worker, -1);
    echo__finish(worker->scheduler, task, ECHO_TASK_CANCELLED);
  }
}

void echo__order_all(echo_scheduler *s, uint32_t order) {
  for (unsigned i = 0; i < s->plan.workers; i++)
    echo__or(&s->workers[i].orders, order, release); /* PAIR worker.orders */
  echo__idle_nudge_all(&s->idle);
}

void echo__obey_sorting(echo__worker *worker) {
  if (!(echo__load(&worker->orders, relaxed) & ECHO__SORT)) return;
  echo__and(&worker->orders, ~(uint32_t)ECHO__SORT, acquire); /* PAIR worker.orders */
  echo_queue_sort_pinned(worker->scheduler->queue, worker->index);
}

void echo__obey(echo__worker *worker) {
  uint32_t orders = echo__exchange(&worker->orders, 0, acquire); /* PAIR worker.orders */
  if (orders & ECHO__SORT) echo_queue_sort_pinned(worker->scheduler->queue, worker->index);
  if (orders & ECHO__ROUSE) echo__rouse_suspended(worker);
}
