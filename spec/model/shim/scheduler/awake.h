/* Stands in for src/scheduler/awake.h: the models have no time. */
#ifndef ECHO_SCHEDULER_AWAKE_H
#define ECHO_SCHEDULER_AWAKE_H

typedef struct echo__awake {
} echo__awake;

inline void echo__awake_begins(echo__awake *) {
}
inline void echo__awake_ends(echo__awake *) {
}

#endif
