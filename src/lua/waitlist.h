/*
 * Those who wait at a channel or a semaphore, in the order in which they came.
 *
 * A waiter is embedded in the operation that waits (operation.h). All of it is guarded by the lock
 * of what it waits at. It is served by noting what it gets, taking it off the list, and waking its
 * seat, in one section under that lock; so nobody who comes later can be served before it, and its
 * seat is there when it is woken, because `leave` takes the same lock.
 */
#ifndef ECHO_LUA_WAITLIST_H
#define ECHO_LUA_WAITLIST_H

#include "lua/operation.h"

typedef enum echo__waiting {
  ECHO__WAITING_NOT, /* not in the list, and nothing was given */
  ECHO__WAITING,     /* in the list */
  ECHO__WAITING_OVER /* was served, and has not looked yet */
} echo__waiting;

typedef struct echo__waiter {
  struct echo__waiter *next, *previous;
  echo__seat *seat;
  echo__waiting waiting;
} echo__waiter;

typedef struct echo__waitlist {
  echo__waiter *first, *last;
} echo__waitlist;

/* In the child of a fork: takes off who is not there any more, which are tasks and threads that
 * sleep, and returns how many. Who waits in a coroutine of a host is a letter of its state's, and
 * stays. */
unsigned echo__waitlist_forget_lost(echo__waitlist *list);

static inline void echo__waitlist_add(echo__waitlist *list, echo__waiter *waiter) {
  waiter->next = NULL;
  waiter->previous = list->last;
  if (list->last != NULL)
    list->last->next = waiter;
  else
    list->first = waiter;
  list->last = waiter;
  waiter->waiting = ECHO__WAITING;
}

static inline void echo__waitlist_remove(echo__waitlist *list, echo__waiter *waiter) {
  if (waiter->previous != NULL)
    waiter->previous->next = waiter->next;
  else
    list->first = waiter->next;
  if (waiter->next != NULL)
    waiter->next->previous = waiter->previous;
  else
    list->last = waiter->previous;
  waiter->waiting = ECHO__WAITING_NOT;
}

/* Takes the first one off, which now is `waiting` so, and wakes it. There is one, and what it gets
 * is noted. */
static inline void echo__waitlist_serve(echo__waitlist *list, echo__waiting waiting) {
  echo__waiter *waiter = list->first;
  echo__waitlist_remove(list, waiter);
  waiter->waiting = waiting;
  echo__seat_wake(waiter->seat);
}

#endif
