#include "scheduler/interrupt.h"

#include <stdlib.h>

#include "scheduler/scheduler.h"
#include "scheduler/suspend.h"

enum { WORD_BITS = 64, SHOWS_NOTHING = 0 };

static const uint64_t grace_length = 1000000; /* nanoseconds */

static void receive(void);

int echo__interrupts_init(echo__interrupts *i, const echo__plan *plan) {
  if (plan->interrupt == NULL) return ECHO_OK;
  i->bells = aligned_alloc(ECHO__LINE, plan->workers * sizeof *i->bells);
  if (i->bells == NULL) return ECHO_MEMORY;
  for (unsigned index = 0; index < plan->workers; index++) {
    echo__bell *bell = &i->bells[index];
    echo__store(&bell->rung, 0, relaxed);
    echo__store(&bell->grace, 0, relaxed);
    echo__store(&bell->slice, 0, relaxed);
    echo__store(&bell->heard, false, relaxed);
    bell->shown = SHOWS_NOTHING;
    if (echo__gate_init(&bell->gate) == ECHO_OK) continue;
    echo__interrupts_close(i, index);
    return ECHO_MEMORY;
  }
  i->data = plan->interrupt_data;
  i->call = plan->interrupt;
  i->silent = plan->silent;
  if (!i->silent) echo__signal_open(receive);
  return ECHO_OK;
}

void echo__interrupts_close(echo__interrupts *i, unsigned workers) {
  if (i->bells == NULL) return;
  for (unsigned index = 0; index < workers; index++)
    echo__gate_destroy(&i->bells[index].gate);
  free(i->bells);
}

static echo__bell *bell_of(const echo__worker *worker) {
  return &worker->scheduler->interrupts.bells[worker->index];
}

static void call(const echo__worker *worker) {
  const echo__interrupts *i = &worker->scheduler->interrupts;
  if (!i->silent) i->call(i->data, worker->index);
}

/* -- the worker ------------------------------------------------------------------------------- */

void echo__bell_open(echo__worker *worker) {
  if (!worker->scheduler->interrupts.silent) echo__gate_open(&bell_of(worker)->gate);
}

void echo__bell_shut(echo__worker *worker) {
  echo__interrupts_rest(worker);
  echo__gate_shut(&bell_of(worker)->gate);
}

/* In the handler of the signal, on any thread that it may be sent to. */
static void receive(void) {
  const echo__worker *worker = echo__this_thread.worker;
  if (worker == NULL) return;
  echo__store(&bell_of(worker)->heard, true, relaxed);
  const echo_task *task = *(echo_task *const volatile *)&worker->current;
  if (task == NULL || !(task->flags & ECHO__INTERRUPTIBLE)) return;
  echo__and(&bell_of(worker)->rung, ~(uint32_t)ECHO__CALL, relaxed);
  call(worker);
}

static int class_of(echo_priority priority) {
  return ECHO_PRIORITY_HIGH - (int)priority;
}

static unsigned shown_by(const echo_task *task) {
  if (!(task->flags & ECHO__INTERRUPTIBLE)) return SHOWS_NOTHING;
  return (unsigned)class_of(echo__task_priority(task)) + 1;
}

/* Relaxed: a fence follows (PAIR interrupt.expose) where something is shown; what is taken back
 * late costs a needless signal. */
static void show(echo__worker *worker, unsigned shows) {
  echo__interrupts *i = &worker->scheduler->interrupts;
  echo__bell *bell = bell_of(worker);
  unsigned word = worker->index / WORD_BITS;
  uint64_t bit = UINT64_C(1) << (worker->index % WORD_BITS);
  if (bell->shown == shows) return;
  if (bell->shown != SHOWS_NOTHING) echo__and(&i->exposed[bell->shown - 1][word], ~bit, relaxed);
  if (shows != SHOWS_NOTHING) echo__or(&i->exposed[shows - 1][word], bit, relaxed);
  bell->shown = shows;
}

/* True if something waits here that is more urgent than the current task. */
static bool higher_waits(echo__worker *worker) {
  echo_priority priority = echo__task_priority(worker->current);
  if (priority == ECHO_PRIORITY_HIGH) return false;
  echo__obey_sorting(worker);
  return echo__has_work_for(worker, (echo_priority)(priority + 1));
}

/* As if somebody else had asked: the next task has to see that it was. */
static void ring_own(echo__bell *bell) {
  echo__or(&bell->rung, ECHO__WAY, relaxed);
  echo__store(&bell->heard, true, relaxed);
}

/* By the clock, when the grace is over. */
static void be_asked_later(echo__worker *worker) {
  echo__bell *bell = bell_of(worker);
  echo__or(&bell->rung, ECHO__LATER, relaxed);
  echo__clock_pulse(&worker->scheduler->clock, echo__load(&bell->grace, relaxed));
}

/* What was rung for the task before is either for this one too, or settled. */
static void begin_to_show(echo__worker *worker, unsigned shows, bool fair) {
  echo__bell *bell = bell_of(worker);
  bool graced = fair && shows != SHOWS_NOTHING && higher_waits(worker) &&
                echo__clock_runs(&worker->scheduler->clock);
  echo__store(&bell->grace, graced ? echo__now() + grace_length : 0, relaxed);
  echo__store(&bell->heard, false, relaxed);
  show(worker, shows);
  uint32_t kept = shows == SHOWS_NOTHING ? ECHO__CALL : 0;
  uint32_t rung = echo__and(&bell->rung, kept, acq_rel); /* PAIR interrupt.rung */
  if (shows == SHOWS_NOTHING) return;
  if (graced) be_asked_later(worker);
  echo__fence(seq_cst); /* PAIR interrupt.expose */
  bool wanted = !graced && higher_waits(worker);
  if (wanted) ring_own(bell);
  if (wanted || (rung & ECHO__CALL)) call(worker);
}

/* True if something is pinned here that is as urgent as the current task. */
static bool equal_is_pinned(const echo__worker *worker) {
  return echo_queue_has_pinned_from(worker->scheduler->queue, worker->index,
                                    echo__task_priority(worker->current));
}

static void share_time(const echo__worker *worker) {
  if (equal_is_pinned(worker)) echo__interrupts_slice(worker->scheduler, worker->index);
}

void echo__interrupts_enter(echo__worker *worker, bool fair) {
  echo__signal_fence(); /* a handler that finds no task comes before the look at `heard` */
  echo__bell *bell = bell_of(worker);
  unsigned shows = shown_by(worker->current);
  bool same = shows == bell->shown && !fair && echo__load(&bell->grace, relaxed) == 0;
  if (same && !echo__load(&bell->heard, relaxed)) {
    if (shows != SHOWS_NOTHING) share_time(worker);
    return;
  }
  begin_to_show(worker, shows, fair);
  if (shows != SHOWS_NOTHING) share_time(worker);
}

void echo__interrupts_rest(echo__worker *worker) {
  show(worker, SHOWS_NOTHING);
}

static bool in_grace(const echo__bell *bell) {
  uint64_t grace = echo__load(&bell->grace, relaxed);
  return grace != 0 && echo__now() < grace;
}

/* Takes a request back. Who saw it and therefore did not ask relies on the look that follows. */
static bool decline(echo__worker *worker) {
  echo__and(&bell_of(worker)->rung, ~(uint32_t)ECHO__WAY, acq_rel); /* PAIR interrupt.rung */
  echo__fence(seq_cst);                                             /* PAIR interrupt.expose */
  return higher_waits(worker);
}

/* True once for each turn that the clock has rung for. */
static bool turn_has_come(const echo__worker *worker) {
  echo__bell *bell = bell_of(worker);
  if (!(echo__load(&bell->rung, relaxed) & ECHO__TURN)) return false;
  echo__and(&bell->rung, ~(uint32_t)ECHO__TURN, relaxed);
  return equal_is_pinned(worker);
}

/* Takes a request back that came in the grace, to be made again when it is over. */
static void put_off(echo__worker *worker) {
  echo__bell *bell = bell_of(worker);
  if (!(echo__load(&bell->rung, relaxed) & ECHO__WAY)) return;
  echo__and(&bell->rung, ~(uint32_t)ECHO__WAY, acq_rel); /* PAIR interrupt.rung */
  be_asked_later(worker);
}

static bool should_make_way(echo__worker *worker) {
  if (worker->scheduler->interrupts.call == NULL) return higher_waits(worker);
  echo__bell *bell = bell_of(worker);
  if (in_grace(bell)) {
    put_off(worker);
    if (turn_has_come(worker)) echo__interrupts_slice(worker->scheduler, worker->index);
    return false;
  }
  if (turn_has_come(worker) || higher_waits(worker)) return true;
  return (echo__load(&bell->rung, relaxed) & ECHO__WAY) && decline(worker);
}

bool echo_task_should_make_way(void) {
  echo__worker *worker = echo__this_thread.worker;
  if (worker == NULL || worker->current == NULL) return false;
  bool makes_way = should_make_way(worker);
  if (makes_way) worker->makes_way = true;
  return makes_way;
}
