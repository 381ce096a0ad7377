#include "scheduler/clock.h"

#include <sched.h>
#include <stdio.h>

#include "base/thread.h"
#include "scheduler/scheduler.h"

int echo__clock_init(echo__clock *clock, const char *name) {
  clock->heap = (echo__heap){0};
  clock->name = name;
  echo__store(&clock->wakes_at, 0, relaxed);
  echo__store(&clock->pulse, ECHO__FOREVER, relaxed);
  clock->closed = false;
  echo__store(&clock->thread_is, ECHO__THREAD_NONE, relaxed);
  echo__store(&clock->alarm, 0, relaxed);
  echo__store(&clock->firing, NULL, relaxed);
  return uv_mutex_init(&clock->mutex) == 0 ? ECHO_OK : ECHO_MEMORY;
}

void echo__clock_destroy(echo__clock *clock) {
  echo__heap_close(&clock->heap);
  uv_mutex_destroy(&clock->mutex);
}

/* -- the thread ------------------------------------------------------------------------------- */

static void name_thread(const echo__clock *clock) {
  char name[32];
  snprintf(name, sizeof name, "%.9s-clock", clock->name);
  echo__thread_name(name);
}

/* After the call the timer is its owner's again, and may be gone. */
static void fire_first(echo__clock *clock) {
  echo_timer *timer = clock->heap.entries[0].timer;
  echo__heap_take(&clock->heap, timer);
  echo__store(&clock->firing, &echo__this_thread, relaxed);
  timer->fire(timer->argument);
  echo__store(&clock->firing, NULL, relaxed);
}

static uint64_t earliest(const echo__clock *clock) {
  return clock->heap.count > 0 ? clock->heap.entries[0].deadline : ECHO__FOREVER;
}

/* The mutex is held before and after. A pulse that is asked for meanwhile is one more. */
static bool give_pulse(echo__clock *clock) {
  if (echo__load(&clock->pulse, relaxed) > echo__now()) return false;
  uv_mutex_unlock(&clock->mutex);
  echo__exchange(&clock->pulse, ECHO__FOREVER, seq_cst); /* PAIR clock.pulse */
  clock->on_pulse(clock->argument);
  uv_mutex_lock(&clock->mutex);
  return true;
}

/* The mutex is held before and after, but not while it sleeps. */
static void sleep_until(echo__clock *clock, uint64_t deadline) {
  uint64_t pulse = echo__load(&clock->pulse, relaxed);
  if (pulse < deadline) deadline = pulse;
  uint32_t seen = echo__load(&clock->alarm, relaxed);
  echo__store(&clock->wakes_at, deadline, seq_cst);             /* PAIR clock.pulse */
  bool sleeps = echo__load(&clock->pulse, seq_cst) >= deadline; /* PAIR clock.pulse */
  uv_mutex_unlock(&clock->mutex);
  if (sleeps) echo__word_wait(&clock->alarm, seen, deadline);
  uv_mutex_lock(&clock->mutex);
  echo__store(&clock->wakes_at, 0, relaxed);
}

static void keep_time(void *argument) {
  echo__clock *clock = argument;
  name_thread(clock);
  echo__thread_be_punctual();
  uv_mutex_lock(&clock->mutex);
  while (!clock->closed) {
    if (give_pulse(clock)) continue;
    uint64_t deadline = earliest(clock);
    if (deadline == ECHO__FOREVER || deadline > echo__now()) {
      sleep_until(clock, deadline);
      continue;
    }
    fire_first(clock);
    uv_mutex_unlock(&clock->mutex);
    uv_mutex_lock(&clock->mutex);
  }
  uv_mutex_unlock(&clock->mutex);
}

/* Changes NONE to `next`; what it was instead, if it was not NONE. Waits while somebody starts it.
 */
static uint32_t leave_none(echo__clock *clock, uint32_t next) {
  for (;;) {
    uint32_t is = echo__load(&clock->thread_is, acquire); /* PAIR clock.thread */
    if (is >= ECHO__THREAD_RUNS) return is;
    if (is == ECHO__THREAD_NONE && echo__cas(&clock->thread_is, &is, next, relaxed)) return is;
    if (is == ECHO__THREAD_STARTING) sched_yield();
  }
}

static int start_thread(echo__clock *clock) {
  uint32_t is = echo__load(&clock->thread_is, relaxed);
  if (is < ECHO__THREAD_RUNS) is = leave_none(clock, ECHO__THREAD_STARTING);
  if (is != ECHO__THREAD_NONE) return is == ECHO__THREAD_RUNS ? ECHO_OK : ECHO_STOPPED;
  int status = echo__thread_start(&clock->thread, keep_time, clock);
  is = status == ECHO_OK ? ECHO__THREAD_RUNS : ECHO__THREAD_NONE;
  echo__store(&clock->thread_is, is, release); /* PAIR clock.thread */
  return status;
}

void echo__clock_calls(echo__clock *clock, void (*on_pulse)(void *), void *argument) {
  clock->on_pulse = on_pulse;
  clock->argument = argument;
}

bool echo__clock_runs(echo__clock *clock) {
  return start_thread(clock) == ECHO_OK;
}

void echo__clock_pulse(echo__clock *clock, uint64_t moment) {
  if (!echo__clock_runs(clock)) return;
  uint64_t wanted = echo__load(&clock->pulse, seq_cst); /* PAIR clock.pulse */
  do {
    if (wanted <= moment) return;
  } while (!echo__cas_weak(&clock->pulse, &wanted, moment, seq_cst)); /* PAIR clock.pulse */
  if (echo__load(&clock->wakes_at, seq_cst) <= moment) return;        /* PAIR clock.pulse */
  echo__add(&clock->alarm, 1, relaxed);
  echo__word_wake_one(&clock->alarm);
}

void echo__clock_stop(echo__clock *clock) {
  uv_mutex_lock(&clock->mutex);
  clock->closed = true;
  echo__add(&clock->alarm, 1, relaxed);
  uv_mutex_unlock(&clock->mutex);
  if (leave_none(clock, ECHO__THREAD_UNWANTED) != ECHO__THREAD_RUNS) return;
  echo__word_wake_one(&clock->alarm);
  uv_thread_join(&clock->thread);
}

/* What waits in the heap fires with the next timer's thread. */
void echo__clock_forget(echo__clock *clock, bool stopped) {
  if (stopped) clock->closed = true;
  echo__store(&clock->thread_is, stopped ? ECHO__THREAD_UNWANTED : ECHO__THREAD_NONE, relaxed);
}

/* A call-back has the mutex already. Only its own thread finds itself in `firing`. */
static bool is_firing(const echo__clock *clock) {
  return echo__load(&clock->firing, relaxed) == &echo__this_thread;
}

static void lock(echo__clock *clock) {
  if (!is_firing(clock)) uv_mutex_lock(&clock->mutex);
}

static void unlock(echo__clock *clock) {
  if (!is_firing(clock)) uv_mutex_unlock(&clock->mutex);
}

/* -- timers ----------------------------------------------------------------------------------- */

static int prepare(echo__clock *clock) {
  if (clock->closed) return ECHO_STOPPED;
  int status = echo__heap_reserve(&clock->heap);
  return status == ECHO_OK ? start_thread(clock) : status;
}

/* True if the thread has to be woken for it. */
static bool put(echo__clock *clock, echo_timer *timer, uint64_t deadline) {
  echo__heap_put(&clock->heap, timer, deadline);
  if (deadline >= echo__load(&clock->wakes_at, relaxed)) return false;
  echo__store(&clock->wakes_at, 0, relaxed);
  echo__add(&clock->alarm, 1, relaxed);
  return true;
}

int echo_timer_start(echo_scheduler *s, echo_timer *timer, double seconds, void (*fire)(void *),
                     void *argument) {
  if (fire == NULL) return ECHO_INVALID;
  echo__clock *clock = &s->clock;
  uint64_t deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  lock(clock);
  bool wake = false;
  int status = prepare(clock);
  if (status == ECHO_OK) {
    *timer = (echo_timer){.fire = fire, .argument = argument};
    wake = put(clock, timer, deadline);
  }
  unlock(clock);
  if (wake) echo__word_wake_one(&clock->alarm);
  return status;
}

bool echo_timer_cancel(echo_scheduler *s, echo_timer *timer) {
  echo__clock *clock = &s->clock;
  lock(clock);
  bool waits = timer->place != 0;
  if (waits) echo__heap_take(&clock->heap, timer);
  unlock(clock);
  return waits;
}
