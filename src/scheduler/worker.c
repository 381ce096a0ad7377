#include <sched.h>
#include <stdlib.h>

#include "scheduler/branch.h"
#include "scheduler/suspend.h"

enum { TRIES_BEFORE_YIELD = 16 };

static const double trim_after = 0.5; /* seconds without work */

_Thread_local echo__here echo__this_thread;

int echo_worker_index(const echo_scheduler *s) {
  const echo__worker *worker = echo__own_worker(s);
  return worker != NULL ? (int)worker->index : -1;
}

int echo_task_again(void) {
  echo__worker *worker = echo__this_thread.worker;
  if (worker == NULL || worker->current == NULL) return ECHO_INVALID;
  worker->next = ECHO__COMES_AGAIN;
  return ECHO_OK;
}

bool echo_task_should_yield(void) {
  const echo__worker *worker = echo__this_thread.worker;
  if (worker == NULL || worker->current == NULL) return false;
  return echo__has_work_for(worker, echo__task_priority(worker->current));
}

/* -- running ---------------------------------------------------------------------------------- */

/* Puts a task that is to be called again behind those that wait. One that was cancelled is not
 * called again, nor a LOST one: nobody would be there to stop it. */
static bool requeue(echo__worker *worker, echo_task *task) {
  echo_scheduler *s = worker->scheduler;
  bool bound = echo__task_is_bound(task); /* read first: once it is queued it may be gone */
  if (echo__traces(s)) echo__trace_leave(worker, task, ECHO__STRETCH_YIELDED);
  unsigned rank = echo__task_rank(task);
  if (!(task->flags & ECHO__DETACHED) && !echo__task_requeue(task)) return false;
  if (bound) {
    echo__count_suspended(worker, 1);
    echo_queue_pin_own(s->queue, worker->index, &task->node);
  } else {
    echo_priority priority = echo__task_priority(task);
    echo__census_came(&worker->census, rank);
    echo_queue_inject(s->queue, priority, &task->node);
    echo__notify(s, priority);
  }
  return true;
}

static void after_run(echo__worker *worker, echo_task *task, echo__next next) {
  echo_scheduler *s = worker->scheduler;
  if (next == ECHO__ENDS) {
    echo__finish(s, task, ECHO_TASK_DONE);
  } else if (next == ECHO__SUSPENDS) {
    echo__after_suspend(worker, task);
  } else if (echo__load(&s->phase, relaxed) >= ECHO__CANCELLING || !requeue(worker, task)) {
    echo__finish(s, task, ECHO_TASK_CANCELLED);
  }
}

/* Calls the task; what it asked for. */
static echo__next call(echo__worker *worker, echo_task *task, bool fair) {
  if (echo__traces(worker->scheduler)) echo__trace_begin(worker, task);
  echo_task *outer = worker->current; /* a task that waits, if this one is run meanwhile */
  echo__next outer_next = worker->next;
  uint64_t outer_running = echo__running_enter(&worker->running, echo__task_priority(task));
  worker->current = task;
  worker->next = ECHO__ENDS;
  if (worker->scheduler->interrupts.call != NULL) echo__interrupts_enter(worker, fair);
  if (echo__task_is_timed(task))
    echo__timing_call(task, worker->index);
  else
    task->function(task->argument);
  echo__next next = worker->next;
  echo__running_leave(&worker->running, outer_running);
  worker->current = outer;
  worker->next = outer_next;
  echo__signal_fence(); /* from here on no handler looks at the task */
  return next;
}

static void run(echo__worker *worker, echo_task *task, bool fair) {
  after_run(worker, task, call(worker, task, fair));
}

/* Where this worker sleeps, and under which number. */
static echo__idle *idle_of(const echo__worker *worker) {
  echo_scheduler *s = worker->scheduler;
  return echo__is_urgent(worker) ? &s->urgent : &s->idle;
}

static unsigned seat_of(const echo__worker *worker) {
  return echo__is_urgent(worker) ? worker->index - worker->scheduler->idle.workers : worker->index;
}

/* Behind a fence that shows all ordinary workers at work: true if a high task waits and an urgent
 * one comes for it. */
static bool wake_urgent(echo_scheduler *s) {
  if (s->urgent.workers == 0 || !echo_queue_has_work_of(s->queue, ECHO_PRIORITY_HIGH)) return false;
  return echo__notify_urgent(s, ECHO_PRIORITY_HIGH);
}

/* For what waits, of whatever priority: there is a worker to wake, or else one is asked to make
 * way, but not for high tasks that an urgent worker comes for. */
static void find_help(echo_scheduler *s) {
  if (echo__idle_notify(&s->idle)) return;
  echo__interrupts_look(s, wake_urgent(s) ? ECHO_PRIORITY_NORMAL : ECHO_PRIORITY_HIGH);
}

/* If nobody searches any more, the worker sees to what is left. */
static void end_search(echo__worker *worker, bool more) {
  echo_scheduler *s = worker->scheduler;
  worker->searching = false;
  if (!echo__idle_stop_searching(idle_of(worker))) return;
  echo__fence(seq_cst); /* PAIR idle.announce */
  if (!more && !echo_queue_has_work(s->queue)) return;
  find_help(s);
}

void echo__worker_go_on(echo__worker *worker) {
  if (worker->searching) end_search(worker, false);
  if (worker->scheduler->interrupts.call == NULL || worker->current == NULL) return;
  echo__interrupts_enter(worker, false);
}

/* A worker that found work no longer searches. */
static void note_found(echo__worker *worker, const echo_taken *taken) {
  echo_scheduler *s = worker->scheduler;
  worker->ran++;
  if (taken->stolen) {
    echo__bump(&worker->stolen, 1);
    if (echo__traces(s)) echo__trace_steal(worker);
  }
  if (worker->searching)
    end_search(worker, taken->more);
  else if (taken->more)
    echo__notify(s, taken->priority);
}

static void run_taken(echo__worker *worker, const echo_taken *taken) {
  echo_scheduler *s = worker->scheduler;
  echo_task *task =
      taken->pinned ? echo__begin_pinned(worker, taken->node) : echo__begin_taken(s, taken->node);
  if (task == NULL) return;
  if (!taken->pinned) echo__census_left(&worker->census, echo__task_rank(task));
  if (!taken->pinned && echo__load(&s->phase, relaxed) == ECHO__CANCELLING)
    echo__finish(s, task, ECHO_TASK_CANCELLED);
  else
    run(worker, task, taken->fair);
}

static echo_steal take(const echo__worker *worker, echo_priority lowest, echo_taken *taken) {
  echo_queue *queue = worker->scheduler->queue;
  if (echo__is_urgent(worker)) return echo_queue_take_high(queue, worker->index, lowest, taken);
  return echo_queue_take_from(queue, worker->index, lowest, taken);
}

echo_steal echo__worker_step_from(echo__worker *worker, echo_priority lowest) {
  if (echo__load(&worker->orders, relaxed) != 0) echo__obey(worker);
  echo_taken taken;
  echo_steal outcome = take(worker, lowest, &taken);
  if (outcome != ECHO_STEAL_TAKEN) return outcome;
  note_found(worker, &taken);
  if (taken.offered)
    echo__branch_run_taken(worker, taken.node);
  else
    run_taken(worker, &taken);
  if (worker->loop != NULL) echo__loop_tick(worker->loop);
  return ECHO_STEAL_TAKEN;
}

echo_steal echo__worker_step(echo__worker *worker) {
  return echo__worker_step_from(worker, ECHO_PRIORITY_LOW);
}

/* Inside of a call-back of the loop, or of another task. */
int echo_task_resume_now(echo_task *task) {
  echo__worker *worker = echo__own_worker(echo__task_scheduler(task));
  if (worker == NULL || !echo__task_is_bound(task) || task->home != worker->index)
    return ECHO_INVALID;
  if (!echo__task_go_on(task)) return ECHO_INVALID;
  echo__count_suspended(worker, -1);
  run(worker, task, false);
  echo__worker_go_on(worker);
  return ECHO_OK;
}

/* -- resting ---------------------------------------------------------------------------------- */

typedef struct rest {
  echo__worker *worker;
  const echo__word *awaited;
} rest;

static bool is_over(const echo__word *awaited) {
  if (awaited == NULL) return false;
  uint32_t word = echo__load(awaited, acquire); /* PAIR task.state branch.end */
  return (word & ECHO__STATE_MASK) > ECHO_TASK_RUNNING;
}

static bool has_reason(const echo__worker *worker, const echo__word *awaited) {
  return echo__has_work_for(worker, ECHO_PRIORITY_LOW) || is_over(awaited);
}

/* The second look, behind the announcement. A worker that is about to sleep while the scheduler
 * stops says so: it may have been the last to work. */
static bool second_look(void *context) {
  rest *r = context;
  echo_scheduler *s = r->worker->scheduler;
  uint32_t phase = echo__load(&s->phase, relaxed);
  if (phase >= ECHO__DRAINING) echo__progress(s);
  return phase == ECHO__STOPPED || has_reason(r->worker, r->awaited);
}

/* A moment's pause in which nothing is looked at but what comes for this worker alone: the line it
 * comes in is written by nobody else's business. True if something came. */
static bool pause_for_pinned(const echo__worker *worker) {
  for (int i = 0; i < ECHO__SPIN_PAUSES; i++) {
    echo__pause();
    if (echo_queue_has_pinned(worker->scheduler->queue, worker->index)) return true;
  }
  return false;
}

/* Looks again for a while, if the worker has been busy: more is likely to come. Each look pulls
 * away the line that submitters write, so there are pauses between, in which a batch gathers. A
 * worker that was woken for a task or two parks at once, since spinning would delay whoever gave it
 * the task.
 *
 * One that may not search, because enough others do, still looks for its own suspended tasks: no
 * other worker will come for these, and whoever resumes one may be spinning for the answer. */
static bool spin(const echo__worker *worker, const echo__word *awaited) {
  if (worker->ran < ECHO__SPIN_AFTER) return false;
  for (int round = 0; round < ECHO__SPIN_ROUNDS; round++) {
    if (pause_for_pinned(worker)) return true;
    if (round >= ECHO__SPIN_ROUNDS / 4) sched_yield();
    if (worker->searching ? has_reason(worker, awaited) : is_over(awaited)) return true;
  }
  return false;
}

/* After a burst the memory is kept for the next one, and given back when none came for a while. */
static void park(echo__worker *worker, const echo__word *awaited, uint64_t deadline,
                 echo__loop *loop) {
  echo_scheduler *s = worker->scheduler;
  bool swollen = echo__objects_swollen(&s->objects);
  uint64_t trim_at = swollen ? echo__deadline_in(trim_after) : ECHO__FOREVER;
  bool trims = trim_at < deadline;
  rest r = {worker, awaited};
  worker->searching = echo__idle_park(idle_of(worker), seat_of(worker), trims ? trim_at : deadline,
                                      loop, second_look, &r);
  if (trims && !worker->searching && echo__now() >= trim_at) echo__objects_trim(&s->objects);
}

/* Tasks that answer each other across workers let each run one task and rest. If the answer comes
 * sooner than a spin would have ended, the next rest begins with one, as after many tasks. */
static void park_for_pinned(echo__worker *worker, const echo__word *awaited, uint64_t deadline,
                            echo__loop *loop) {
  uint64_t began = echo__now();
  park(worker, awaited, deadline, loop);
  bool soon = echo__now() - began < ECHO__SPIN_WORTH;
  if (soon && echo_queue_has_pinned(worker->scheduler->queue, worker->index))
    worker->ran = ECHO__SPIN_AFTER;
}

static void stop_searching(echo__worker *worker) {
  if (!worker->searching) return;
  worker->searching = false;
  echo__idle_stop_searching(idle_of(worker));
}

static bool loop_is_awaited(const echo__worker *worker) {
  return worker->loop != NULL && echo__loop_is_awaited(worker->loop);
}

/* Call-backs may take long, so a worker that runs them does not search; nor does it look before
 * they are over, so who has relied on its search is served now. */
static bool turn_loop(echo__worker *worker, const echo__word *awaited) {
  if (worker->searching) end_search(worker, false);
  echo__loop_turn(worker->loop);
  return has_reason(worker, awaited);
}

void echo__worker_rest(echo__worker *worker, const echo__word *awaited, uint64_t deadline) {
  echo_scheduler *s = worker->scheduler;
  if (loop_is_awaited(worker) && turn_loop(worker, awaited)) return;
  if (!worker->searching) worker->searching = echo__idle_search(idle_of(worker));
  bool expects = worker->searching || echo__load(&worker->suspended, relaxed) > 0;
  if (expects && spin(worker, awaited)) return;
  stop_searching(worker);
  worker->ran = 0;
  if (s->interrupts.call != NULL) echo__interrupts_rest(worker);
  echo__bump(&worker->parked, 1);
  uint64_t since = echo__trace_clock(s);
  echo__awake_ends(&worker->awake);
  echo__loop *loop = loop_is_awaited(worker) ? worker->loop : NULL;
  if (echo__load(&worker->suspended, relaxed) > 0)
    park_for_pinned(worker, awaited, deadline, loop);
  else
    park(worker, awaited, deadline, loop);
  if (since != 0) echo__trace_park(worker, since);
  echo__awake_begins(&worker->awake);
}

/* -- from the first task to the last ---------------------------------------------------------- */

static void work(echo__worker *worker) {
  unsigned tries = 0;
  while (echo__load(&worker->scheduler->phase, acquire) != ECHO__STOPPED) { /* PAIR stop.phase */
    switch (echo__worker_step(worker)) {
    case ECHO_STEAL_TAKEN: tries = 0; break;
    case ECHO_STEAL_EMPTY: echo__worker_rest(worker, NULL, ECHO__FOREVER); break;
    case ECHO_STEAL_RETRY:
      /* Whoever is at it may be off the processor. */
      if (++tries % TRIES_BEFORE_YIELD == 0)
        sched_yield();
      else
        echo__pause();
    }
  }
}

/* Calls once more what has suspended here, for a worker that comes back after the scheduler has
 * STOPPED without it. However that returns, it has ended. */
static void wind_up(echo__worker *worker) {
  echo_scheduler *s = worker->scheduler;
  if (worker->bound.count == 0) return;
  echo__rouse_suspended(worker);
  for (echo_node *node; (node = echo_queue_take_pinned(s->queue, worker->index)) != NULL;) {
    echo_task *task = echo__begin_pinned(worker, node);
    if (task == NULL) continue;
    call(worker, task, false);
    echo__finish(s, task, ECHO_TASK_CANCELLED);
  }
  echo__end_lost(worker);
}

void echo__worker_live(echo__worker *worker) {
  if (!worker->searching) echo__idle_begin_search(idle_of(worker));
  worker->searching = true;
  work(worker);
  wind_up(worker);
}
