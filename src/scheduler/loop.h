/*
 * The event loop of a worker: a libuv loop for what is on it (timers, sockets, children), made when
 * a task first asks for it, run by the worker's thread alone.
 *
 * The worker runs it, without waiting, between tasks: after so many of them or so long, and always
 * before it goes to sleep. While something is alive on the loop the worker sleeps in poll(), on two
 * descriptors: the loop's own and a bell, on which others wake it. It sleeps on its token else, as
 * a worker without a loop.
 *
 * Call-backs run inside of echo__loop_turn, while the worker is neither parked nor searching: it
 * is at work, as with a task. A call-back may take its time, and run tasks itself. The loop is not
 * run again from inside of it.
 *
 * The bell outlives the thread: somebody who saw the worker asleep may knock late. It goes with the
 * scheduler, when nobody can.
 *
 * Rejected: sleeping in uv_run(ONCE) with the bell as a handle on the loop. Call-backs would run
 * while the worker counts as parked or, claimed, as one that searches, and nobody else would be
 * woken meanwhile; and scripts would come across the bell (uv.walk) and close it. uv_async_send for
 * the bell: 16 to 25 us, and up to 12 ms, with libuv before 1.45. A thread for all loops: each
 * event would cross threads twice.
 */
#ifndef ECHO_SCHEDULER_LOOP_H
#define ECHO_SCHEDULER_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/doorbell.h"

typedef struct echo__loop {
  uv_loop_t uv;
  bool open;
  bool runs; /* somewhere below on this stack */
  unsigned tasks;
  uint64_t turned_at; /* `tasks` have run since */
  echo__doorbell bell;
} echo__loop;

/* A loop that is not open; NULL without memory. */
echo__loop *echo__loop_create(void);

/* ECHO_OK, also if it is open; ECHO_DESCRIPTOR or ECHO_MEMORY. */
int echo__loop_open(echo__loop *loop);

/* Runs what is due, if it does not run already. */
void echo__loop_turn(echo__loop *loop);

/* A task has run: a turn, if it is time for one. */
void echo__loop_tick(echo__loop *loop);

/* True if the worker is to sleep in it: something is alive there, and it does not run. */
bool echo__loop_is_awaited(const echo__loop *loop);

/* Sleeps until something is due, somebody knocks, the deadline passes or a signal came. Does not
 * sleep while nothing is alive there. */
void echo__loop_sleep(echo__loop *loop, uint64_t deadline);

/* Ends a sleep, or the next one. Any thread, until the loop is destroyed. */
void echo__loop_knock(const echo__loop *loop);

/* Closes all handles, and runs it until nothing is left; not from inside of a call-back. */
void echo__loop_clear(echo__loop *loop);

/* The same, and frees what the system has given but for the bell. */
void echo__loop_close(echo__loop *loop);

/* Frees one that is closed; NULL is allowed. Nobody may know of it any more. Any thread. */
void echo__loop_destroy(echo__loop *loop);

#endif
