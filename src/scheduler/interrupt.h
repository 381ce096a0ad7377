/*
 * How a task that has become urgent gets at a worker that runs something less urgent.
 *
 * A worker shows in `exposed` of which priority the interruptible task is that it runs, and has a
 * bell, on which it can be asked. Whoever makes a task visible and finds that no worker sleeps or
 * searches looks for one that shows a lower priority, the lowest first, and rings its bell: sets
 * WAY in `rung` and sends the thread the signal, in whose handler the builder's call-back is
 * called. Who sets the bit sends the signal, so a task calls away one worker at most, and one that
 * is on its way already is not asked again.
 *
 * The worker answers where the task asks echo_task_should_make_way: if something more urgent still
 * waits it leaves the bit set until its next task begins; if not it takes the bit back, and looks
 * once more.
 *
 * Why no request is lost. A submitter makes its node visible, then looks at `exposed` and `rung`. A
 * worker that changes what it shows, or takes WAY back, then looks for something more urgent. Both
 * have a sequentially consistent fence, or operations that are so themselves, between the two steps
 * (PAIR interrupt.expose), so of the two at least one sees the other. In a row of tasks of the same
 * priority nothing changes and nothing is looked at: what the worker showed before is still true.
 *
 * A signal may come between two tasks, when there is nobody to call, or the task that was called
 * may end without an answer. So the handler leaves `heard`, and a worker looks at that after it has
 * made a task its current one and before it calls its function: what came before it sees there, and
 * what comes later finds the task. The call-back can therefore come before the function's first
 * step.
 *
 * Tasks that go on on their worker can go on nowhere else, so they must not depend on the one that
 * runs there coming to an end: it may be an endless loop that one of them is about to cancel. While
 * any of them waits that is as urgent as what runs, the clock rings for a TURN each `slice`, and
 * the task that runs then makes way. SLICED says that the ring is on its way. Whoever pins a task
 * sets it, if the worker shows that priority, and the worker when it begins a task; the argument
 * above says that one of the two sees the other.
 *
 * A task that began by fairness, while more urgent ones wait, is left alone for a grace: otherwise
 * it would be called away at once and the turn would be worth nothing. A worker that was asked may
 * be inside of a function that does not react. For both the clock gives a pulse after a while,
 * which looks whether something urgent still waits and asks those whose grace is over, or the next
 * one.
 *
 * The clock's thread starts when it is first needed for that, which most schedulers never do. If
 * the system refuses it there is no grace, an asked worker is waited for, and a slice ends when the
 * task makes way for another reason; it is tried again each time.
 */
#ifndef ECHO_SCHEDULER_INTERRUPT_H
#define ECHO_SCHEDULER_INTERRUPT_H

#include <echo/scheduler.h>

#include "base/signal.h"
#include "base/wait.h"
#include "scheduler/idle.h"

struct echo__plan;
struct echo__worker;

/* Bits of `rung`: a more urgent task waits; the call-back is wanted for another reason; the worker
 * is to be asked when its grace is over. */
enum { ECHO__WAY = 1, ECHO__CALL = 2, ECHO__LATER = 4, ECHO__SLICED = 8, ECHO__TURN = 16 };

typedef struct echo__bell {
  ECHO__ALIGNED echo__atomic(uint32_t) rung;
  echo__gate gate;
  /* The worker's own; others read the grace. */
  ECHO__ALIGNED echo__atomic(uint64_t) grace; /* until then its task is left alone */
  echo__atomic(uint64_t) slice;               /* when SLICED is over */
  echo__atomic(bool) heard;                   /* a signal came; its handler writes, too */
  unsigned shown;                             /* the set of `exposed` it is in, and 1; 0: none */
} echo__bell;

typedef struct echo__interrupts {
  void (*call)(void *data, unsigned worker); /* NULL: all of this is not used */
  void *data;
  bool silent;       /* there are no signals: tasks ask by themselves */
  echo__bell *bells; /* one a worker */
  /* A bit per worker, high priority first. */
  ECHO__ALIGNED echo__atomic(uint64_t) exposed[ECHO_PRIORITIES][ECHO__PARKED_WORDS];
} echo__interrupts;

/* ECHO_OK or ECHO_MEMORY; the plan need not have a call-back. */
int echo__interrupts_init(echo__interrupts *interrupts, const struct echo__plan *plan);
void echo__interrupts_close(echo__interrupts *interrupts, unsigned workers);

/* Tells the clock whom to call. Before anybody uses the clock. */
void echo__interrupts_use_clock(echo_scheduler *scheduler);

/* -- the worker's own thread; without a call-back these are not to be called -- */

/* Before its first task, and after its last. */
void echo__bell_open(struct echo__worker *worker);
void echo__bell_shut(struct echo__worker *worker);

/* Its current task is about to be called; `fair`: it was chosen by fairness. */
void echo__interrupts_enter(struct echo__worker *worker, bool fair);

/* It is about to rest, and runs nothing. */
void echo__interrupts_rest(struct echo__worker *worker);

/* -- any thread -- */

/* Something is pinned to the worker that is as urgent as what it shows: it gets its turn. */
void echo__interrupts_slice(echo_scheduler *scheduler, unsigned worker);

/* A task of this priority has been made visible, behind a seq_cst fence or by echo_queue_inject,
 * and no worker is sure to come for it. */
void echo__interrupts_ask(echo_scheduler *scheduler, echo_priority priority);

/* A task of this priority has been pinned to this worker, by echo_queue_pin or by itself. */
void echo__interrupts_ask_worker(echo_scheduler *scheduler, unsigned worker,
                                 echo_priority priority);

/* As echo__interrupts_ask, for the most urgent of what waits, up to `highest`, behind a seq_cst
 * fence. */
void echo__interrupts_look(echo_scheduler *scheduler, echo_priority highest);

/* Wants the call-back on this worker, or on all. */
void echo__interrupts_call(echo_scheduler *scheduler, unsigned worker);
void echo__interrupts_call_all(echo_scheduler *scheduler);

#endif
