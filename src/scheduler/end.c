/* The last steps of a task, wherever it ends: on a worker, in a cancel, in a stop. */
#include "scheduler/scheduler.h"

void echo__free_task(echo_scheduler *s, echo_task *task) {
  echo__worker *worker = echo__own_worker(s);
  if (worker != NULL) {
    echo__object_give(&s->objects, &worker->cache, task);
    return;
  }
  echo__lane *lane = echo__lane_enter(s->lanes);
  echo__object_give(&s->objects, &lane->cache, task);
  echo__lane_leave(lane);
}

/* Once it is counted and the lane is left the scheduler may be gone: a release passes through the
 * lanes first, and waits for nothing else of this thread's. */
static void count_ended_outside(echo_scheduler *s, bool cancelled) {
  echo__lane *lane = echo__lane_enter(s->lanes);
  echo__bump(&lane->ended, 1);
  if (cancelled) echo__bump(&lane->cancelled, 1);
  if (echo__load(&s->phase, relaxed) >= ECHO__DRAINING) echo__progress(s);
  echo__lane_leave(lane);
}

static void count_ended(echo_scheduler *s, echo_task_state state) {
  bool cancelled = state == ECHO_TASK_CANCELLED;
  echo__worker *worker = echo__own_worker(s);
  if (worker == NULL) {
    count_ended_outside(s, cancelled);
    return;
  }
  if (cancelled) echo__bump(&worker->cancelled, 1);
  echo__bump(&worker->ended, 1); /* PAIR stop.balance */
}

void echo__count_left(echo_scheduler *s, const echo_task *task) {
  echo__worker *worker = echo__own_worker(s);
  if (worker != NULL) {
    echo__census_left(&worker->census, echo__task_rank(task));
    return;
  }
  echo__lane *lane = echo__lane_enter(s->lanes);
  echo__census_left(&lane->census, echo__task_rank(task));
  echo__lane_leave(lane);
}

/* Nobody who waits knows yet. From here on the task has a result where it had an argument. */
static void call_on_end(echo_scheduler *s, echo_task *task, echo_task_state state) {
  void (*on_end)(void *argument, int status) = task->on_end;
  void *argument = task->argument;
  if (echo__task_is_timed(task)) echo__timing_ended(task, state);
  task->result.moment = 0;
  if (echo__traces(s)) echo__trace_end(s, task, state);
  if (on_end != NULL) on_end(argument, state == ECHO_TASK_DONE ? ECHO_OK : ECHO_CANCELLED);
}

/* Returns true if the last reference was dropped. */
static bool settle(echo_scheduler *s, echo_task *task, echo_task_state state, uint32_t references) {
  uint32_t before = echo__task_end(task, state, references);
  if (before & ECHO__WATCHED) echo__waiters_wake(&s->waiters, task);
  return before / ECHO__REFERENCE == references;
}

/* What the task comes to, if it has run: from here on no cancel counts. */
static echo_task_state outcome(echo_task *task, echo_task_state state) {
  return echo__task_close(task) ? ECHO_TASK_CANCELLED : state;
}

/* The named queue that it holds a slot of, or NULL. */
static echo__named_queue *slot_of(const echo_scheduler *s, const echo_task *task) {
  return task->flags & ECHO__HAS_SLOT ? echo__task_queue(s, task) : NULL;
}

static void finish(echo_scheduler *s, echo_task *task, echo_task_state state) {
  echo__named_queue *held = slot_of(s, task);
  call_on_end(s, task, state);
  if ((task->flags & ECHO__DETACHED) || settle(s, task, state, 1)) echo__free_task(s, task);
  if (held != NULL) echo__named_carry_out(s, echo__named_give_back(held));
  count_ended(s, state);
}

void echo__finish(echo_scheduler *s, echo_task *task, echo_task_state state) {
  if (!(task->flags & ECHO__DETACHED)) {
    state = outcome(task, state);
    if (echo__task_is_bound(task)) echo__bound_leave(&s->workers[task->home].bound, task);
  }
  finish(s, task, state);
}

void echo__give_place(echo_scheduler *s, echo_task *task) {
  if (s->plan.capacity == 0) return;
  uint32_t word = echo__and(&task->word, ~(uint32_t)ECHO__PLACED, relaxed);
  if (word & ECHO__PLACED) echo__rooms_give(&s->rooms);
}

/* The node stays in its queue, and keeps its reference, until a worker comes across it: which may
 * be while on_end is told and gives the handle up, so there is one reference more until the end. */
void echo__cancel_begun(echo_scheduler *s, echo_task *task) {
  echo__add(&task->word, ECHO__REFERENCE, relaxed);
  echo__count_left(s, task);
  echo__give_place(s, task);
  call_on_end(s, task, ECHO_TASK_CANCELLED);
  if (settle(s, task, ECHO_TASK_CANCELLED, 1)) echo__free_task(s, task);
  count_ended(s, ECHO_TASK_CANCELLED);
}

void echo__forget(echo_scheduler *s, echo_task *task) {
  echo__named_queue *held = slot_of(s, task);
  if (echo__task_drop(task)) echo__free_task(s, task);
  if (held != NULL) echo__named_carry_out(s, echo__named_give_back(held));
}

void echo__named_carry_out(echo_scheduler *s, echo__named_orders orders) {
  if (orders.surplus != NULL) echo__free_task(s, orders.surplus);
  while (orders.issued != NULL) {
    echo_task *ticket = echo__task_of(orders.issued);
    orders.issued = ticket->node.next;
    echo_priority priority = echo__task_priority(ticket); /* read first: it may be taken at once */
    echo_queue_inject(s->queue, priority, &ticket->node);
    echo__notify(s, priority);
  }
}

/* Where it is about to run, for who cancels it then. It is not BOUND yet, and was not cancelled. */
static void note_home(echo_scheduler *s, echo_task *task) {
  const echo__worker *worker = echo__own_worker(s);
  if (worker != NULL) task->home = (uint16_t)worker->index;
}

echo_task *echo__begin_taken(echo_scheduler *s, echo_node *node) {
  echo_task *task = echo__task_of(node);
  if (task->flags & ECHO__TICKET) {
    echo__named_carry_out(s, echo__named_redeem(echo__task_queue(s, task), task, &task));
    if (task == NULL) return NULL;
  }
  if (task->flags & ECHO__INTERRUPTIBLE) note_home(s, task);
  if ((task->flags & ECHO__DETACHED) || echo__task_begin(task)) {
    echo__give_place(s, task);
    return task;
  }
  echo__forget(s, task);
  return NULL;
}

/* Handles are counted where they are made and where they are given up, so that a scheduler which
 * was released knows how many it has to outlive (echo_scheduler_release). */
void echo__give_up_handle(echo_scheduler *s, echo_task *task, bool last) {
  echo__worker *worker = echo__own_worker(s);
  if (worker != NULL) {
    worker->handles--;
    if (last) echo__object_give(&s->objects, &worker->cache, task);
    return;
  }
  echo__lane *lane = echo__lane_enter(s->lanes);
  lane->handles--;
  if (last) echo__object_give(&s->objects, &lane->cache, task);
  bool orphan = echo__load(&s->released, relaxed);
  echo__lane_leave(lane);
  if (orphan && echo__sub(&s->orphans, 1, acq_rel) == 1) { /* PAIR release.orphans */
    echo__scheduler_destroy(s);
  }
}
