/*
 * A scheduler in the child of a fork. The workers stayed behind, and what they and others held may
 * stand as it was in the middle of a step. One that has not started is as good as new. One that has
 * counts as stopped without having come to an end: everything that looks at the phase leaves it
 * alone, everything that waits finds its task lost, and its memory stays.
 */
#include "scheduler/fork.h"

#include <stddef.h>

static echo_scheduler *scheduler_of(echo__forkable *forkable) {
  return (echo_scheduler *)(void *)((char *)forkable - offsetof(echo_scheduler, forkable));
}

static bool hold(echo__forkable *forkable) {
  return uv_mutex_trylock(&scheduler_of(forkable)->waiters.mutex) == 0;
}

static void let_go(echo__forkable *forkable) {
  uv_mutex_unlock(&scheduler_of(forkable)->waiters.mutex);
}

/* `life` may be held for as long as a stop takes, so nobody waits for it before a fork: here it is
 * made anew, and who had it is not here; nor is who was in a lane. */
static void in_child(echo__forkable *forkable) {
  echo_scheduler *s = scheduler_of(forkable);
  uv_mutex_init(&s->life);
  echo__lanes_clear(s->lanes);
  echo__trace_forget(&s->trace);
  uint32_t phase = echo__load(&s->phase, relaxed);
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
