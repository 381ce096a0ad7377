/*
 * A doorbell: a descriptor that is readable while it is rung. An event counter on Linux, else a
 * pipe.
 *
 * It is used in one of two ways. Either one thread at a time rings and quiets it, which its owner
 * sees to, and a bell that is rung already costs no system call. Or any thread knocks, and one
 * answers.
 */
#ifndef ECHO_BASE_DOORBELL_H
#define ECHO_BASE_DOORBELL_H

#include <stdbool.h>

typedef struct echo__doorbell {
  int reads, writes; /* the same descriptor, or a pipe's two ends; -1: not made */
  bool rung;
} echo__doorbell;

void echo__doorbell_init(echo__doorbell *bell);

/* Makes the descriptors, closed on exec and not blocking; 0 or what errno says. */
int echo__doorbell_open(echo__doorbell *bell);

/* Makes it readable, or not readable any more. Both idempotent; nothing if it was not made. */
void echo__doorbell_ring(echo__doorbell *bell);
void echo__doorbell_quiet(echo__doorbell *bell);

/* Makes it readable; nothing if it was not made. Any thread, also in a handler of signals. */
void echo__doorbell_knock(const echo__doorbell *bell);

/* Makes it not readable any more, unless somebody knocks again. One thread. */
void echo__doorbell_answer(const echo__doorbell *bell);

/* In the child of a fork, which shares it with its parent: makes it one of its own, with the same
 * numbers, not readable. If the system refuses it is closed. */
void echo__doorbell_renew(echo__doorbell *bell);

void echo__doorbell_close(echo__doorbell *bell);

#endif
