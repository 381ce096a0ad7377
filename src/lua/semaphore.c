#include "lua/semaphore.h"

#include <stddef.h>
#include <stdlib.h>

/* -- forks ------------------------------------------------------------------------------------ */

static echo__semaphore *semaphore_of(echo__forkable *forkable) {
  return (echo__semaphore *)(void *)((char *)forkable - offsetof(echo__semaphore, forkable));
}

static bool hold(echo__forkable *forkable) {
  return echo__lock_try(&semaphore_of(forkable)->lock);
}

static void let_go_again(echo__forkable *forkable) {
  echo__lock_give(&semaphore_of(forkable)->lock);
}

static void in_child(echo__forkable *forkable) {
  echo__semaphore *semaphore = semaphore_of(forkable);
  semaphore->holding -= echo__waitlist_forget_lost(&semaphore->waiters);
}

/* -- the beginning and the end ---------------------------------------------------------------- */

static void dispose(echo__semaphore *semaphore) {
  echo__fork_leave(&semaphore->forkable);
  free(semaphore);
}

static void destroy(echo__shared *shared) {
  echo__semaphore *semaphore = (echo__semaphore *)shared;
  echo__lock_take(&semaphore->lock);
  semaphore->orphaned = true;
  bool held = semaphore->holding > 0;
  echo__lock_give(&semaphore->lock);
  if (!held) dispose(semaphore);
}

const echo__shared_type echo__semaphore_type = {
    .name = "echo.semaphore",
    .type = ECHO__TYPE_SEMAPHORE,
    .destroy = destroy,
};

echo__semaphore *echo__semaphore_create(uint32_t permits) {
  echo__semaphore *semaphore = calloc(1, sizeof *semaphore);
  if (semaphore == NULL) return NULL;
  echo__shared_init(&semaphore->shared, &echo__semaphore_type);
  echo__lock_init(&semaphore->lock);
  semaphore->permits = semaphore->free = permits;
  semaphore->forkable =
      (echo__forkable){.hold = hold, .let_go = let_go_again, .in_child = in_child};
  echo__fork_enter(&semaphore->forkable);
  return semaphore;
}

/* -- under the lock --------------------------------------------------------------------------- */

static bool take(echo__semaphore *semaphore) {
  if (semaphore->free == 0) return false;
  semaphore->free--;
  return true;
}

static bool give(echo__semaphore *semaphore) {
  if (semaphore->free == semaphore->permits) return false;
  if (semaphore->waiters.first != NULL)
    echo__waitlist_serve(&semaphore->waiters, ECHO__WAITING_OVER);
  else
    semaphore->free++;
  return true;
}

/* -- without waiting -------------------------------------------------------------------------- */

bool echo__semaphore_try(echo__semaphore *semaphore) {
  echo__lock_take(&semaphore->lock);
  bool taken = take(semaphore);
  echo__lock_give(&semaphore->lock);
  return taken;
}

bool echo__semaphore_release(echo__semaphore *semaphore) {
  echo__lock_take(&semaphore->lock);
  bool given = give(semaphore);
  echo__lock_give(&semaphore->lock);
  return given;
}

/* -- waiting ---------------------------------------------------------------------------------- */

/* The end of a waiter's last section. */
static void let_go(echo__semaphore_waiter *waiter) {
  echo__semaphore *semaphore = waiter->semaphore;
  waiter->holds = false;
  bool last = --semaphore->holding == 0 && semaphore->orphaned;
  echo__lock_give(&semaphore->lock);
  if (last) dispose(semaphore);
}

bool echo__semaphore_attempt(echo__semaphore_waiter *waiter) {
  echo__semaphore *semaphore = waiter->semaphore;
  if (!waiter->holds) return echo__semaphore_try(semaphore);
  echo__lock_take(&semaphore->lock);
  if (waiter->waiter.waiting == ECHO__WAITING) {
    echo__lock_give(&semaphore->lock);
    return false;
  }
  let_go(waiter);
  return true;
}

bool echo__semaphore_enroll(echo__semaphore_waiter *waiter) {
  echo__semaphore *semaphore = waiter->semaphore;
  echo__lock_take(&semaphore->lock);
  if (!waiter->holds && semaphore->free == 0) {
    echo__waitlist_add(&semaphore->waiters, &waiter->waiter);
    semaphore->holding++;
    waiter->holds = true;
  }
  bool waits = waiter->holds && waiter->waiter.waiting == ECHO__WAITING;
  echo__lock_give(&semaphore->lock);
  return waits;
}

void echo__semaphore_leave(echo__semaphore_waiter *waiter) {
  if (!waiter->holds) return;
  echo__lock_take(&waiter->semaphore->lock);
  if (waiter->waiter.waiting == ECHO__WAITING)
    echo__waitlist_remove(&waiter->semaphore->waiters, &waiter->waiter);
  else
    give(waiter->semaphore);
  let_go(waiter);
}
