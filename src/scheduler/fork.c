/*
 * A scheduler in the child of a fork. The workers stayed behind, and what they and others held may
 * stand as it was in the middle of a step. One that has not started is as good as new. One that has
 * counts as stopped without having come to an end: everything that looks at the phase leaves it
 * alone, everything that waits finds its task lost, and its memory stays.
 */
#include "scheduler/fork.h"

#include <stddef.h>

#include "scheduler/crew.h"

static echo_scheduler *scheduler_of(echo__forkable *forkable) {
  return (echo_scheduler *)(void *)((char *)forkable - offsetof(echo_scheduler, forkable));
}

enum { LOCKS = 5 };

static uv_mutex_t *lock_of(echo_scheduler *s, int number) {
  uv_mutex_t *locks[LOCKS] = {&s->waiters.mutex, &s->clock.mutex, &s->objects.plain.mutex,
                              &s->objects.timed.mutex, &s->rooms.mutex};
  return locks[number];
}

static void let_go_of(echo_scheduler *s, int count) {
  while (count > 0)
    uv_mutex_unlock(lock_of(s, --count));
}

static bool hold(echo__forkable *forkable) {
  echo_scheduler *s = scheduler_of(forkable);
  for (int i = 0; i < LOCKS; i++) {
    if (uv_mutex_trylock(lock_of(s, i)) == 0) continue;
    let_go_of(s, i);
    return false;
  }
  return true;
}

static void let_go(echo__forkable *forkable) {
  let_go_of(scheduler_of(forkable), LOCKS);
}

/* `life` may be held for as long as a stop takes, so nobody waits for it before a fork: here it is
 * made anew, and who had it is not here; nor is who was in a lane, or had begun to start a FRESH
 * one. */
static void in_child(echo__forkable *forkable) {
  echo_scheduler *s = scheduler_of(forkable);
  uv_mutex_init(&s->life);
  uv_mutex_init(&s->crew);
  echo__lanes_clear(s->lanes);
  echo__trace_forget(&s->trace);
  uint32_t phase = echo__load(&s->phase, relaxed);
  echo__clock_forget(&s->clock, phase != ECHO__FRESH);
  /* Another thread may have been at the first submit: workers that are not here sleep then. */
  if (phase == ECHO__FRESH) echo__workers_reset(s);
  if (phase == ECHO__FRESH || phase == ECHO__STOPPED) return;
  s->stop_abandoned = (size_t)echo__outstanding(s);
  s->stop_status = ECHO_FORKED;
  s->forked = true;
  echo__store(&s->abandoned, true, relaxed);
  echo__store(&s->phase, ECHO__STOPPED, relaxed);
  if (s->plan.ends.stopped != NULL) s->plan.ends.stopped(s->plan.ends.data, ECHO_FORKED);
}

void echo__fork_watch(echo_scheduler *s) {
  s->forkable.hold = hold;
  s->forkable.let_go = let_go;
  s->forkable.in_child = in_child;
  echo__fork_enter(&s->forkable);
}

void echo__fork_forget(echo_scheduler *s) {
  echo__fork_leave(&s->forkable);
}
