/* The other side of interrupt.c: whoever has something urgent, and when to ask once more. */
#include "scheduler/scheduler.h"

enum { WORD_BITS = 64 };

/* So long an interrupted worker may take to answer before another is asked too: it may be inside of
 * a function that does not react. */
static const uint64_t patience = 150000; /* nanoseconds */

/* So long a task may run while others of its priority wait to go on on its worker. */
static const uint64_t slice = 10000000;

static int class_of(echo_priority priority) {
  return ECHO_PRIORITY_HIGH - (int)priority;
}

/* Notes that there may be a reason to look again at some moment. */
static void look_again(uint64_t *again, uint64_t moment) {
  if (moment < *again) *again = moment;
}

/* False if this worker is of no use: it has been asked, is left alone for now, or cannot be
 * reached. */
static bool ask_worker(echo__bell *bell, uint64_t *again) {
  if (echo__load(&bell->rung, seq_cst) & ECHO__WAY) return false; /* PAIR interrupt.expose */
  uint64_t grace = echo__load(&bell->grace, relaxed);
  if (grace != 0 && echo__now() < grace) {
    echo__or(&bell->rung, ECHO__LATER, relaxed);
    look_again(again, grace);
    return false;
  }
  if (echo__or(&bell->rung, ECHO__WAY, seq_cst) & ECHO__WAY) return false; /* PAIR interrupt.rung */
  if (echo__gate_send(&bell->gate)) {
    look_again(again, echo__now() + patience);
    return true;
  }
  echo__and(&bell->rung, ~(uint32_t)ECHO__WAY, relaxed);
  return false;
}

/* Of the first `workers`. */
static bool ask_class(echo_scheduler *s, int class, unsigned workers, uint64_t *again) {
  echo__interrupts *i = &s->interrupts;
  for (unsigned word = 0; word * WORD_BITS < workers; word++) {
    uint64_t bits = echo__load(&i->exposed[class][word], seq_cst); /* PAIR interrupt.expose */
    for (; bits != 0; bits &= bits - 1) {
      unsigned worker = word * WORD_BITS + (unsigned)__builtin_ctzll(bits);
      if (worker >= workers) break;
      if (ask_worker(&i->bells[worker], again)) return true;
    }
  }
  return false;
}

static void set_pulse(echo_scheduler *s, uint64_t moment) {
  if (moment != ECHO__FOREVER) echo__clock_pulse(&s->clock, moment);
}

void echo__interrupts_ask(echo_scheduler *s, echo_priority priority) {
  if (s->interrupts.call == NULL) return;
  /* An urgent worker would not take anything else, whatever has become of what it runs. */
  unsigned workers = priority == ECHO_PRIORITY_HIGH ? s->plan.workers : s->idle.workers;
  uint64_t again = ECHO__FOREVER;
  for (int class = ECHO_PRIORITIES - 1; class > class_of(priority); class --) {
    if (ask_class(s, class, workers, &again)) break;
  }
  set_pulse(s, again);
}

/* Nobody else could take over, so nothing comes of being impatient. */
void echo__interrupts_ask_worker(echo_scheduler *s, unsigned worker, echo_priority priority) {
  echo__interrupts *i = &s->interrupts;
  if (i->call == NULL) return;
  uint64_t bit = UINT64_C(1) << (worker % WORD_BITS), again = ECHO__FOREVER;
  for (int class = ECHO_PRIORITIES - 1; class > class_of(priority); class --) {
    uint64_t bits = echo__load(&i->exposed[class][worker / WORD_BITS], seq_cst);
    if (!(bits & bit)) continue; /* PAIR interrupt.expose */
    if (!ask_worker(&i->bells[worker], &again)) set_pulse(s, again);
    return;
  }
  uint64_t equals = echo__load(&i->exposed[class_of(priority)][worker / WORD_BITS], seq_cst);
  if (equals & bit) echo__interrupts_slice(s, worker); /* PAIR interrupt.expose */
}

void echo__interrupts_slice(echo_scheduler *s, unsigned worker) {
  echo__bell *bell = &s->interrupts.bells[worker];
  if (echo__load(&bell->rung, relaxed) & ECHO__SLICED) return;
  if (!echo__clock_runs(&s->clock)) return; /* it is tried again with the next task */
  uint64_t moment = echo__now() + slice;
  echo__store(&bell->slice, moment, relaxed);
  echo__or(&bell->rung, ECHO__SLICED, release); /* PAIR interrupt.slice */
  set_pulse(s, moment);
}

void echo__interrupts_look(echo_scheduler *s, echo_priority highest) {
  if (s->interrupts.call == NULL) return;
  for (int priority = highest; priority > ECHO_PRIORITY_LOW; priority--) {
    if (!echo_queue_has_work_of(s->queue, (echo_priority)priority)) continue;
    echo__interrupts_ask(s, (echo_priority)priority);
    return;
  }
}

/* -- the pulse -------------------------------------------------------------------------------- */

/* Rings for a turn where a slice is over. */
static void end_slice(echo__bell *bell, uint64_t *again) {
  if (!(echo__load(&bell->rung, acquire) & ECHO__SLICED)) return; /* PAIR interrupt.slice */
  uint64_t moment = echo__load(&bell->slice, relaxed);
  if (echo__now() < moment) {
    look_again(again, moment);
    return;
  }
  echo__and(&bell->rung, ~(uint32_t)ECHO__SLICED, relaxed);
  echo__or(&bell->rung, ECHO__TURN, relaxed);
  echo__gate_send(&bell->gate);
}

/* Asks those who could not be asked in their grace. They know best whether it is still needed. */
static void ask_later(echo_scheduler *s) {
  uint64_t again = ECHO__FOREVER;
  for (unsigned worker = 0; worker < s->plan.workers; worker++) {
    echo__bell *bell = &s->interrupts.bells[worker];
    end_slice(bell, &again);
    if (!(echo__load(&bell->rung, relaxed) & ECHO__LATER)) continue;
    if (echo__and(&bell->rung, ~(uint32_t)ECHO__LATER, relaxed) & ECHO__LATER)
      ask_worker(bell, &again);
  }
  set_pulse(s, again);
}

/* Each look asks one more, and then there is nobody left to ask. */
static void pulse(void *argument) {
  echo_scheduler *s = argument;
  ask_later(s);
  echo__fence(seq_cst); /* PAIR interrupt.expose */
  echo__interrupts_look(s, ECHO_PRIORITY_HIGH);
}

void echo__interrupts_use_clock(echo_scheduler *s) {
  echo__clock_calls(&s->clock, pulse, s);
}

/* -- other reasons ---------------------------------------------------------------------------- */

void echo__interrupts_call(echo_scheduler *s, unsigned worker) {
  if (s->interrupts.call == NULL) return;
  echo__bell *bell = &s->interrupts.bells[worker];
  echo__or(&bell->rung, ECHO__CALL, acq_rel); /* PAIR interrupt.rung */
  echo__gate_send(&bell->gate);
}

void echo__interrupts_call_all(echo_scheduler *s) {
  if (s->interrupts.call == NULL) return;
  for (unsigned worker = 0; worker < s->plan.workers; worker++)
    echo__interrupts_call(s, worker);
}

void echo_worker_interrupt(echo_scheduler *s, unsigned worker) {
  if (worker < s->plan.workers) echo__interrupts_call(s, worker);
}

bool echo_scheduler_interrupts(const echo_scheduler *s) {
  return s->interrupts.call != NULL && !s->interrupts.silent && echo__signal_works();
}
