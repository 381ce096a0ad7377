/*
 * A signal of Echo's own, with which a thread is called away from what it does.
 *
 * The process keeps what is its own: the signal is one whose disposition nobody has changed, SIGURG
 * first (by default it is ignored, so that not even a late one can do harm), then the real-time
 * ones. It is chosen once for the process, and its handler stays: the code is never unloaded. If a
 * host takes the signal for itself later it has it, and nothing is sent from then on.
 *
 * Only threads that opened a gate are ever sent one. One that comes from elsewhere (the kernel
 * sends SIGURG to who asked for it) counts as well, on any thread: the system leaves ours out if
 * that one still waits to be handled, and nobody could tell. So to be called for no reason has to
 * be harmless.
 */
#ifndef ECHO_BASE_SIGNAL_H
#define ECHO_BASE_SIGNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

/* Chooses the signal, if that was not done yet. `receive` is called in the handler, on whatever
 * thread a signal reaches; every call must give the same. False if no signal is free. Any
 * thread. */
bool echo__signal_open(void (*receive)(void));

/* True if signals can be sent: one was chosen and is still Echo's. Any thread. */
bool echo__signal_works(void);

/* What stands between those who send and a thread that ends: a thread that has ended may not be
 * sent anything, least of all one that was left behind. */
typedef struct echo__gate {
  uv_mutex_t mutex;
  pthread_t thread;
  bool open; /* `thread` has not ended */
} echo__gate;

/* ECHO_OK or ECHO_MEMORY. */
int echo__gate_init(echo__gate *gate);
void echo__gate_destroy(echo__gate *gate);

/* Lets the calling thread be sent signals, until it shuts the gate; it must before it ends. No
 * other signal is concerned. */
void echo__gate_open(echo__gate *gate);
void echo__gate_shut(echo__gate *gate);

/* Sends the signal to the thread behind the gate; false if there is none, or no signal. Any
 * thread, but not in a handler. */
bool echo__gate_send(echo__gate *gate);

#endif
