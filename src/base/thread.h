/* Threads as Echo needs them: named, deaf to the host's signals, and possible to leave behind. */
#ifndef ECHO_BASE_THREAD_H
#define ECHO_BASE_THREAD_H

#include <uv.h>

/* Starts a thread with every signal blocked, so that the host's handlers run on the host's own
 * threads. Returns ECHO_OK or
 * ECHO_THREAD, after which nothing has started. */
int echo__thread_start(uv_thread_t *thread, void (*run)(void *), void *argument);

/* Names the calling thread, for debuggers and `top`. */
void echo__thread_name(const char *name);

/* Asks the system to wake the calling thread at its deadlines and not, to save power, a little
 * later. */
void echo__thread_be_punctual(void);

/* Gives up joining: the thread frees its own resources when it ends. */
void echo__thread_leave_behind(uv_thread_t *thread);

/* Keeps the calling thread on one processor: the one at place `index`, counted round, of those that
 * it may use. Has no effect where the system has no such thing. */
void echo__thread_pin(unsigned index);

/* What a thread takes over from the one that makes it, as far as the system has such things and
 * lets it be changed: the processors it may use, how it is scheduled, and how nice it is. */
typedef struct echo__manner {
  void *processors; /* NULL: not known */
  int count, policy, priority, nice;
} echo__manner;

/* Notes what a thread has that the calling thread makes, in `manner`, which is all zero or was
 * noted before. */
void echo__manner_note(echo__manner *manner);

/* Gives the calling thread what was noted, whoever has made it. */
void echo__manner_adopt(const echo__manner *manner);
void echo__manner_forget(echo__manner *manner);

/* The processors this process may use; at least 1. */
unsigned echo__processors(void);

#endif
