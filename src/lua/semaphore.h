/*
 * A semaphore: a number of permits, and those who wait for one. Any thread may do anything here at
 * any time; one lock guards all of it. No Lua.
 *
 * If somebody waits, no permit is free: a permit that is released goes to whoever has waited
 * longest, and nobody who comes later can have it before. Who was served and leaves without having
 * looked (it was cancelled) passes the permit on.
 *
 * A waiter holds on to the semaphore as a channel's does, and the lock is held over a fork as a
 * channel's is, see channel.h. Permits of tasks that the child does not have do not come back
 * there.
 */
#ifndef ECHO_LUA_SEMAPHORE_H
#define ECHO_LUA_SEMAPHORE_H

#include "base/fork.h"
#include "base/lock.h"
#include "lua/shared.h"
#include "lua/waitlist.h"

typedef struct echo__semaphore {
  echo__shared shared;
  echo__lock lock;
  uint32_t permits; /* all of them */
  uint32_t free;
  bool orphaned;    /* nobody refers to it but waiters */
  unsigned holding; /* waiters */
  echo__waitlist waiters;
  echo__forkable forkable;
} echo__semaphore;

typedef struct echo__semaphore_waiter {
  echo__waiter waiter; /* begins as zeros, with a seat */
  echo__semaphore *semaphore;
  bool holds;
} echo__semaphore_waiter;

extern const echo__shared_type echo__semaphore_type;

/* With one reference, the caller's; NULL without memory. */
echo__semaphore *echo__semaphore_create(uint32_t permits);

/* Takes a permit if there is one. */
bool echo__semaphore_try(echo__semaphore *semaphore);

/* False if nobody has a permit who could release it. */
bool echo__semaphore_release(echo__semaphore *semaphore);

/* The steps of those who wait, in the sense of operation.h; the attempt says whether it got one. */
bool echo__semaphore_attempt(echo__semaphore_waiter *waiter);
bool echo__semaphore_enroll(echo__semaphore_waiter *waiter);
void echo__semaphore_leave(echo__semaphore_waiter *waiter);

#endif
