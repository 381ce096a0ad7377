/* Stands in for src/scheduler/census.h: the models do not look at these counts. */
#ifndef ECHO_SCHEDULER_CENSUS_H
#define ECHO_SCHEDULER_CENSUS_H

typedef struct echo__census {
} echo__census;
typedef struct echo__running {
} echo__running;

inline unsigned echo__rank_of(int) {
  return 0;
}
inline void echo__census_came(echo__census *, unsigned) {
}
inline void echo__census_left(echo__census *, unsigned) {
}
inline uint64_t echo__running_enter(echo__running *, int) {
  return 0;
}
inline void echo__running_leave(echo__running *, uint64_t) {
}

#endif
