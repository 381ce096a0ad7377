/*
 * What a thread knows of itself: the worker it is, if it is one, its number, and how many tasks it
 * submits before it times one.
 *
 * Reached on every submit, so with glibc it is placed where one instruction finds it. That space is
 * scarce in libraries that are loaded at run time, and other C libraries refuse it there; two words
 * are within what glibc keeps for the purpose.
 */
#ifndef ECHO_SCHEDULER_HERE_H
#define ECHO_SCHEDULER_HERE_H

struct echo__worker;

typedef struct echo__here {
  struct echo__worker *worker; /* NULL outside */
  unsigned number;             /* from 1 on; 0 is not yet numbered */
  unsigned untimed;            /* see timing.h */
} echo__here;

#if defined(__GLIBC__)
#define ECHO__NEAR __attribute__((tls_model("initial-exec")))
#else
#define ECHO__NEAR
#endif

extern ECHO__NEAR _Thread_local echo__here echo__this_thread;

#endif
