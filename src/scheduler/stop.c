/*
 * Stopping, releasing, and the counts behind both.
 *
 * A stop changes the phase, passes through the lanes so that every submit is either counted or
 * refused, and then waits until what was submitted has ended. Who may be the last to end something
 * says so through `progress`: a worker that is about to park (behind the fence of its announcement,
 * so that it sees the phase or the stop sees its count: PAIR idle.announce), a thread from outside
 * that cancels (under its lane's lock), a worker's thread that leaves.
 */
#include <sched.h>

#include "scheduler/crew.h"
#include "scheduler/suspend.h"

static const double grace = 0.1;         /* for what is about to end when the time is up */
static const double release_grace = 2.0; /* for running tasks, when nobody stopped */

void echo__progress(echo_scheduler *s) {
  echo__add(&s->progress, 1, release); /* PAIR stop.progress */
  echo__word_wake_all(&s->progress);
}

static uint64_t sum_ended(echo_scheduler *s) {
  uint64_t sum = 0;
  /* PAIR stop.balance: whoever sees a task's end also sees the submits it made */
  for (unsigned i = 0; i < s->plan.workers; i++)
    sum += echo__load(&s->workers[i].ended, acquire);
  for (int i = 0; i < ECHO__LANES; i++)
    sum += echo__load(&s->lanes[i].ended, acquire);
  return sum;
}

static uint64_t sum_submitted(echo_scheduler *s) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < s->plan.workers; i++) {
    sum += echo__load(&s->workers[i].submitted, acquire); /* PAIR stop.balance */
  }
  for (int i = 0; i < ECHO__LANES; i++)
    sum += echo__load(&s->lanes[i].submitted, acquire);
  return sum;
}

static uint64_t sum_cancelled(echo_scheduler *s) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < s->plan.workers; i++) {
    sum += echo__load(&s->workers[i].cancelled, relaxed);
  }
  for (int i = 0; i < ECHO__LANES; i++)
    sum += echo__load(&s->lanes[i].cancelled, relaxed);
  return sum;
}

/* 0 is exact: both sums only grow, and the first was read before. */
uint64_t echo__outstanding(echo_scheduler *s) {
  uint64_t ended = sum_ended(s);
  return sum_submitted(s) - ended;
}

static void set_phase(echo_scheduler *s, uint32_t phase) {
  echo__store(&s->phase, phase, release); /* PAIR stop.phase */
  echo__fence(seq_cst);                   /* PAIR idle.announce */
  echo__rooms_tell_all(&s->rooms, phase >= ECHO__CANCELLING);
}

/* From now on what is taken ends, and what is held or suspended is no longer waited for. */
static void start_cancelling(echo_scheduler *s) {
  set_phase(s, ECHO__CANCELLING);
  echo__interrupts_call_all(s);
  echo__order_all(s, ECHO__ROUSE);
  echo__lanes_pass(s->lanes);
  echo__cancel_held(s);
}

/* The one who holds `life` does it, or looks for it whenever something was told of. */
static void ask_for_cancel(echo_scheduler *s) {
  echo__store(&s->cancel_asked, true, relaxed);
  echo__progress(s);
}

static void heed(echo_scheduler *s) {
  if (echo__load(&s->cancel_asked, relaxed) && echo__load(&s->phase, relaxed) == ECHO__DRAINING)
    start_cancelling(s);
}

/* `decides`: the caller holds `life`. */
static bool wait_until_ended(echo_scheduler *s, uint64_t deadline, bool decides) {
  for (;;) {
    uint32_t seen = echo__load(&s->progress, acquire); /* PAIR stop.progress */
    if (echo__outstanding(s) == 0) return true;
    if (decides) heed(s);
    if (echo__word_wait(&s->progress, seen, deadline) == ECHO__TIMED_OUT) {
      return echo__outstanding(s) == 0;
    }
  }
}

/* Ends what waits in a named queue, of which stuck tasks may hold all the slots. */
static void cancel_waiting(echo_scheduler *s, echo__named_queue *queue) {
  for (echo_task *task; (task = echo__named_evict(queue)) != NULL;) {
    if ((task->flags & ECHO__DETACHED) || echo__task_begin(task)) {
      echo__count_left(s, task);
      echo__give_place(s, task);
      echo__finish(s, task, ECHO_TASK_CANCELLED);
    } else {
      echo__forget(s, task);
    }
  }
}

/* Ends what is still queued, beside the workers, which may all be stuck. */
static void cancel_queued(echo_scheduler *s) {
  for (unsigned i = 0; i < s->plan.queue_count; i++)
    cancel_waiting(s, s->plan.queues[i]);
  echo_taken taken;
  echo_steal outcome;
  while ((outcome = echo_queue_evict(s->queue, &taken)) != ECHO_STEAL_EMPTY) {
    if (outcome == ECHO_STEAL_RETRY) {
      sched_yield();
      continue;
    }
    echo_task *task = echo__begin_taken(s, taken.node);
    if (task == NULL) continue;
    echo__count_left(s, task);
    echo__finish(s, task, ECHO_TASK_CANCELLED);
  }
}

/* The time is up: cancels what has not started; the number of tasks that this cost. */
static size_t give_up(echo_scheduler *s, echo_stop_mode mode) {
  uint64_t cancelled_before = sum_cancelled(s);
  start_cancelling(s);
  cancel_queued(s);
  wait_until_ended(s, echo__deadline_in(grace), true);
  uint64_t cancelled = mode == ECHO_STOP_DRAIN ? sum_cancelled(s) - cancelled_before : 0;
  return (size_t)(cancelled + echo__outstanding(s));
}

/* Whoever waits for a task that a lost thread runs is told so. */
static void report_lost(echo_scheduler *s) {
  echo__store(&s->abandoned, true, release); /* PAIR stop.abandoned */
  echo__waiters_wake(&s->waiters, NULL);
}

/* Phases do not go back. A scheduler that never started a thread has nothing to wait for. */
static void begin(echo_scheduler *s, echo_stop_mode mode) {
  uint32_t phase = echo__load(&s->phase, relaxed);
  if (phase == ECHO__FRESH) {
    set_phase(s, ECHO__STOPPED);
    echo__clock_stop(&s->clock);
  } else if (mode == ECHO_STOP_CANCEL && phase < ECHO__CANCELLING) {
    start_cancelling(s);
  } else if (phase < ECHO__DRAINING) {
    set_phase(s, ECHO__DRAINING);
    echo__lanes_pass(s->lanes);
  }
}

static void stop_running(echo_scheduler *s, echo_stop_mode mode, double seconds) {
  uint64_t deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  if (!wait_until_ended(s, deadline, true)) s->stop_abandoned = give_up(s, mode);
  set_phase(s, ECHO__STOPPED);
  uint64_t latest = echo__deadline_in(grace);
  if (latest < deadline) latest = deadline;
  unsigned behind = echo__workers_join(s, latest);
  cancel_queued(s); /* leaves nothing but nodes that were cancelled while they were queued */
  if (behind > 0 || echo__outstanding(s) > 0) report_lost(s);
  if (s->stop_abandoned > 0 || behind > 0) s->stop_status = ECHO_TIMEOUT;
}

int echo_scheduler_stop(echo_scheduler *s, echo_stop_mode mode, double seconds, size_t *abandoned) {
  if (echo__own_worker(s) != NULL) return ECHO_DEADLOCK;
  if (mode == ECHO_STOP_CANCEL) ask_for_cancel(s);
  uv_mutex_lock(&s->life);
  begin(s, mode);
  if (echo__load(&s->phase, relaxed) != ECHO__STOPPED) {
    stop_running(s, mode, seconds);
    echo__clock_stop(&s->clock);
  }
  echo__trace_stop(s);
  int status = s->stop_status;
  if (abandoned != NULL) *abandoned = s->stop_abandoned;
  uv_mutex_unlock(&s->life);
  if (s->plan.ends.stopped != NULL) s->plan.ends.stopped(s->plan.ends.data, status);
  return status;
}

/* Whoever holds `life` starts the workers, which does not take long, or stops. */
int echo_scheduler_begin_stop(echo_scheduler *s, echo_stop_mode mode, double seconds) {
  if (echo__own_worker(s) != NULL) return ECHO_DEADLOCK;
  if (uv_mutex_trylock(&s->life) == 0) {
    begin(s, mode);
    uv_mutex_unlock(&s->life);
  } else if (mode == ECHO_STOP_CANCEL) {
    ask_for_cancel(s);
  }
  uint32_t phase = echo__load(&s->phase, acquire); /* PAIR stop.phase */
  if (phase == ECHO__STOPPED) return ECHO_OK;
  uint64_t deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  bool ended = phase >= ECHO__DRAINING && wait_until_ended(s, deadline, false);
  return ended ? ECHO_OK : ECHO_TIMEOUT;
}

/* With all lanes held no handle can be given up; from `released` on, each one that is counts. */
static int64_t count_orphans(echo_scheduler *s) {
  int64_t handles = 0;
  for (unsigned i = 0; i < s->plan.workers; i++)
    handles += s->workers[i].handles;
  for (int i = 0; i < ECHO__LANES; i++)
    handles += s->lanes[i].handles;
  return handles;
}

static void hold_lanes(echo_scheduler *s) {
  for (int i = 0; i < ECHO__LANES; i++) {
    while (echo__exchange(&s->lanes[i].busy, true, acquire))
      sched_yield(); /* PAIR lane.busy */
  }
}

void echo_scheduler_release(echo_scheduler *s) {
  if (s == NULL) return;
  echo_scheduler_stop(s, ECHO_STOP_CANCEL, release_grace, NULL);
  echo__end_hooks ends = s->plan.ends;
  if (ends.released != NULL) {
    s->plan.ends = (echo__end_hooks){0};
    ends.released(ends.data);
    return;
  }
  /* A thread that was left behind may still use all of this: it stays. */
  if (echo__load(&s->abandoned, relaxed)) return;
  /* A held task that one thread let begin, and another cancelled before it was queued, may have
   * been queued after the stop swept. */
  cancel_queued(s);
  for (unsigned i = 0; i < s->plan.queue_count; i++) {
    for (echo_task *t; (t = echo__named_take_spare(s->plan.queues[i])) != NULL;) {
      echo__free_task(s, t);
    }
  }
  hold_lanes(s);
  echo__store(&s->orphans, count_orphans(s) + 1, relaxed);
  echo__store(&s->released, true, relaxed);
  for (int i = 0; i < ECHO__LANES; i++)
    echo__lane_leave(&s->lanes[i]);
  if (echo__sub(&s->orphans, 1, acq_rel) == 1)
    echo__scheduler_destroy(s); /* PAIR release.orphans */
}

void echo__sum_up(echo_scheduler *s, echo_stats *stats) {
  stats->ended = sum_ended(s);
  stats->cancelled = sum_cancelled(s);
  stats->submitted = sum_submitted(s);
}
