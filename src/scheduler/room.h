/*
 * The bound on tasks that are queued and have not begun, and those who watch for a free place.
 *
 * A place is taken before a task is made and given back by the thread that begins the task or
 * cancels it unbegun; ECHO__PLACED in the task's word says that it still holds one, so a task that
 * is queued again does not count. Without a bound none of this is touched.
 *
 * Each place that is given back tells one watcher, the first of the highest priority that is
 * there; what it does with the news is its own affair. So whenever a place is free and somebody
 * watches, somebody else has been told and has not yet answered: by a submit, which takes the place
 * or finds that another was faster (whose place then tells the next in turn), or by
 * echo_scheduler_unwatch_room, which passes the news on.
 *
 * No news is lost: a watcher enters its line and then looks at `taken`, whoever gives a place back
 * changes `taken` and then looks at `watching`, all of it sequentially consistent (PAIR room.look).
 */
#ifndef ECHO_SCHEDULER_ROOM_H
#define ECHO_SCHEDULER_ROOM_H

#include <echo/scheduler.h>
#include <uv.h>

#include "base/atomic.h"

/* Those who watch with one priority, in their order. */
typedef struct echo__room_line {
  echo_room *first, **last;
} echo__room_line;

typedef struct echo__rooms {
  uint64_t capacity; /* 0: no bound */
  uv_mutex_t mutex;
  echo__room_line lines[ECHO_PRIORITIES]; /* under the mutex; the least urgent first */
  bool closed; /* under the mutex: no submit is accepted any more, wherever from */
  ECHO__ALIGNED echo__atomic(uint64_t) taken;
  echo__atomic(uint64_t) watching; /* how many are in the lines */
} echo__rooms;

/* ECHO_OK or ECHO_MEMORY. */
int echo__rooms_init(echo__rooms *rooms, uint64_t capacity);
void echo__rooms_close(echo__rooms *rooms);

/* Takes a place; false if there is none. Any thread. */
bool echo__rooms_take(echo__rooms *rooms);

/* Gives a place back. Any thread. */
void echo__rooms_give(echo__rooms *rooms);

/* Tells all watchers, since submits are refused now; `closed` says that those from inside of tasks
 * are, too. Any thread. */
void echo__rooms_tell_all(echo__rooms *rooms, bool closed);

#endif
