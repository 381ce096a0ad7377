/*
 * Timers, and the thread that keeps time for a scheduler. It starts with the first timer or pulse
 * and sleeps until the earliest is due.
 *
 * The mutex guards everything, and the call-backs run under it: so a timer that was taken back is
 * not firing any more. A call-back that starts or cancels timers finds that it has the mutex. It is
 * let go of between two call-backs. Nothing else is done under it that could take long.
 *
 * The thread is woken only by a timer that is due before the thread would wake by itself. That
 * moment is not put off when the earliest timer is taken back: the thread then wakes once for
 * nothing, and starting and cancelling timers of like length (a limit on each of many tasks) costs
 * no system call each.
 *
 * Beside the timers there is the pulse: one call of the scheduler's own that may be asked for with
 * any lock held, inside of a timer's call too, since it takes none. Whoever asks changes `pulse`,
 * then looks when the thread wakes; the thread sets when it wakes, then looks at `pulse`; both
 * sequentially consistent (PAIR clock.pulse). For the same reason the thread is started under no
 * lock: who changes `thread_is` from NONE to STARTING does it, and whoever else needs the thread
 * waits for that, which takes as long as the system takes to start one.
 */
#ifndef ECHO_SCHEDULER_CLOCK_H
#define ECHO_SCHEDULER_CLOCK_H

#include <uv.h>

#include "base/wait.h"
#include "scheduler/heap.h"

/* UNWANTED: the clock has stopped without one. */
enum { ECHO__THREAD_NONE, ECHO__THREAD_STARTING, ECHO__THREAD_RUNS, ECHO__THREAD_UNWANTED };

typedef struct echo__clock {
  uv_mutex_t mutex;
  echo__heap heap;
  /* When the thread wakes by itself; 0 while it is awake or being woken. Under the mutex. */
  echo__atomic(uint64_t) wakes_at;
  echo__atomic(uint64_t) pulse; /* when it is wanted; ECHO__FOREVER: it is not */
  void (*on_pulse)(void *argument);
  void *argument;   /* of on_pulse */
  const char *name; /* the threads' prefix */
  bool closed;
  echo__word thread_is;
  uv_thread_t thread;
  echo__atomic(const void *) firing; /* what is only the thread's that calls back, or NULL */
  echo__word alarm;                  /* changes when the thread is to wake before its time */
} echo__clock;

/* The name is borrowed. ECHO_OK or ECHO_MEMORY. */
int echo__clock_init(echo__clock *clock, const char *name);

/* A pulse is to call on_pulse(argument), with no lock held. Before anybody uses the clock. */
void echo__clock_calls(echo__clock *clock, void (*on_pulse)(void *argument), void *argument);

/* True if the thread runs; starts it if need be. False if the system refuses it, which may be
 * better the next time, or if the clock has stopped without it. Any thread, with any lock held. */
bool echo__clock_runs(echo__clock *clock);

/* Wants a pulse at this moment, or earlier. There is none if the thread cannot be had, or once the
 * clock has stopped. Any thread. */
void echo__clock_pulse(echo__clock *clock, uint64_t moment);

/* Ends the thread; from now on no timer starts and none fires. Any thread but its own, once. */
void echo__clock_stop(echo__clock *clock);

/* In the child of a fork, where the thread is not: the next timer starts another, unless the clock
 * has `stopped` there. Before the fork the mutex was taken. */
void echo__clock_forget(echo__clock *clock, bool stopped);

/* Frees the memory of a clock that has stopped, or of one that never had a timer. */
void echo__clock_destroy(echo__clock *clock);

#endif
