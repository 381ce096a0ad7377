/*
 * What Echo asks the system for beside memory (threads, loops, descriptors, locks), refused at
 * will: the n-th request of one kind, once or from then on. Whoever uses this is linked with --wrap
 * for these functions (REFUSABLE in spec/CMakeLists.txt); what the libraries ask for themselves is
 * not concerned.
 */
#ifndef SPEC_SUPPORT_REFUSALS_H
#define SPEC_SUPPORT_REFUSALS_H

#include <stdatomic.h>
#include <stdbool.h>

typedef enum spec_request {
  SPEC_THREAD,     /* uv_thread_create */
  SPEC_DESCRIPTOR, /* eventfd or pipe, and dup */
  SPEC_FLAGS,      /* fcntl */
  SPEC_LOOP,       /* uv_loop_init */
  SPEC_LOCK,       /* uv_mutex_init */
  SPEC_REQUESTS
} spec_request;

/* Refuses the n-th request of this kind from now on, counted from 0; with `for_good` all that
 * follow it, too. Any thread may ask. */
void spec_refuse(spec_request kind, long n, bool for_good);

/* Refuses nothing any more; true if something was refused. */
bool spec_grant(void);

#endif
