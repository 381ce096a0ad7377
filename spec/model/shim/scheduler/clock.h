/* Stands in for src/scheduler/clock.h: the models have no timers. */
#ifndef ECHO_SCHEDULER_CLOCK_H
#define ECHO_SCHEDULER_CLOCK_H

typedef struct echo__clock {
  int unused;
} echo__clock;

inline int echo__clock_init(echo__clock *, const char *) {
  return 0;
}
inline void echo__clock_calls(echo__clock *, void (*)(void *), void *) {
}
inline bool echo__clock_runs(echo__clock *) {
  return true;
}
inline void echo__clock_pulse(echo__clock *, unsigned long) {
}
inline void echo__clock_stop(echo__clock *) {
}
inline void echo__clock_destroy(echo__clock *) {
}

#endif
