#include "base/fork.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <uv.h>

static uv_once_t once = UV_ONCE_INIT;
static bool usable;
static uv_mutex_t mutex; /* guards the list; held from before a fork until after it */
static echo__forkable *first;

static void let_go_until(const echo__forkable *end) {
  for (echo__forkable *f = first; f != end; f = f->next)
    if (f->let_go != NULL) f->let_go(f);
}

static bool hold_all(void) {
  for (echo__forkable *f = first; f != NULL; f = f->next) {
    if (f->hold == NULL || f->hold(f)) continue;
    let_go_until(f);
    return false;
  }
  return true;
}

/* Whoever has what could not be held may be about to enter or leave something. */
static void before(void) {
  uv_mutex_lock(&mutex);
  while (!hold_all()) {
    uv_mutex_unlock(&mutex);
    sched_yield();
    uv_mutex_lock(&mutex);
  }
}

static void after_in_parent(void) {
  let_go_until(NULL);
  uv_mutex_unlock(&mutex);
}

static void after_in_child(void) {
  let_go_until(NULL);
  uv_mutex_unlock(&mutex);
  for (echo__forkable *f = first; f != NULL; f = f->next)
    if (f->in_child != NULL) f->in_child(f);
}

static void begin(void) {
  if (uv_mutex_init(&mutex) != 0) return;
  usable = pthread_atfork(before, after_in_parent, after_in_child) == 0;
}

void echo__fork_enter(echo__forkable *forkable) {
  uv_once(&once, begin);
  if (!usable) return;
  uv_mutex_lock(&mutex);
  forkable->next = first;
  forkable->link = &first;
  if (first != NULL) first->link = &forkable->next;
  first = forkable;
  uv_mutex_unlock(&mutex);
}

/* Those beside it may be leaving, too, and write its link: so even to look at that takes the mutex.
 */
void echo__fork_leave(echo__forkable *forkable) {
  uv_once(&once, begin);
  if (!usable) return;
  uv_mutex_lock(&mutex);
  if (forkable->link != NULL) {
    *forkable->link = forkable->next;
    if (forkable->next != NULL) forkable->next->link = forkable->link;
    forkable->link = NULL;
  }
  uv_mutex_unlock(&mutex);
}
