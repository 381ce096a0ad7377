/* Recordings are not part of what is checked: nothing is ever recorded. */
#ifndef ECHO_SCHEDULER_TRACE_H
#define ECHO_SCHEDULER_TRACE_H

#include <echo/scheduler.h>

struct echo__lane;
struct echo__worker;

enum { ECHO__STRETCH_SUSPENDED, ECHO__STRETCH_YIELDED };

struct echo__trace {};

#define echo__traces(scheduler) false

static inline int echo__trace_init(echo__trace *) {
  return ECHO_OK;
}
static inline void echo__trace_destroy(echo__trace *) {
}
static inline void echo__trace_stop(echo_scheduler *) {
}
static inline void echo__trace_submit(echo_scheduler *, echo_task *) {
}
static inline void echo__trace_begin(echo__worker *, echo_task *) {
}
static inline void echo__trace_leave(echo__worker *, echo_task *, int) {
}
static inline void echo__trace_end(echo_scheduler *, echo_task *, echo_task_state) {
}
static inline void echo__trace_resume(echo_scheduler *, echo__lane *, echo_task *) {
}
static inline void echo__trace_steal(echo__worker *) {
}
static inline void echo__trace_branch(echo__worker *, uint64_t, int) {
}
static inline void echo__trace_park(echo__worker *, uint64_t) {
}
#define echo__trace_clock(scheduler)                   0
#define echo_trace_wait_ends(scheduler, began, result) (void)0

#endif
