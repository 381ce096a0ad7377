/* Stands in for src/scheduler/timing.h: the models time nothing. */
#ifndef ECHO_SCHEDULER_TIMING_H
#define ECHO_SCHEDULER_TIMING_H

#include "scheduler/task.h"

struct echo__plan;

typedef struct echo__report_hook {
} echo__report_hook;
typedef struct echo__timing {
} echo__timing;

inline int echo__timing_init(echo__timing *, const struct echo__plan *) {
  return 0;
}
inline void echo__timing_close(echo__timing *) {
}
enum { ECHO__TIMED_SIZE = 80 };

inline bool echo__task_is_timed(const echo_task *) {
  return false;
}
inline bool echo__timing_chooses(unsigned) {
  return false;
}
inline void echo__timing_stamp(echo_task *, unsigned) {
}
inline void echo__timing_queued(echo_task *) {
}
inline void echo__timing_call(const echo_task *, unsigned) {
}
inline void echo__timing_ended(const echo_task *, echo_task_state) {
}

#endif
