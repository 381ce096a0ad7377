/* Stands in for src/base/signal.h: what is sent to a worker waits until the model delivers it. */
#ifndef ECHO_BASE_SIGNAL_H
#define ECHO_BASE_SIGNAL_H

#include "memory.hpp"

typedef struct echo__gate {
  unsigned pending; /* a step of its own sets and takes it */
} echo__gate;

/* The model has them. */
bool echo__signal_open(void (*receive)(void));
bool echo__signal_works(void);
int echo__gate_init(echo__gate *gate);
void echo__gate_destroy(echo__gate *gate);
void echo__gate_open(echo__gate *gate);
void echo__gate_shut(echo__gate *gate);
bool echo__gate_send(echo__gate *gate);

#endif
