#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "base/signal.h"

#include <echo/status.h>
#include <errno.h>
#include <signal.h>
#if defined(__SANITIZE_THREAD__)
#include <ucontext.h>
#endif
#include <uv.h>

#include "base/atomic.h"

typedef void (*receiver)(void);

static echo__atomic(receiver) receive_here;
static uv_once_t chosen = UV_ONCE_INIT;
static int number; /* 0: none is free */

#if defined(__SANITIZE_THREAD__)
/* The sanitizer calls a handler late, with every signal blocked, and keeps the thread's own mask in
 * one place. A further signal at the wrong moment makes it do so again from within the handler's
 * first atomic operation, and what it then keeps is that every one is blocked: the thread is never
 * interrupted again. (LLVM 21 has this right.) So the thread's own mask is set before. */
static void admit_again(const void *context) {
  pthread_sigmask(SIG_SETMASK, &((const ucontext_t *)context)->uc_sigmask, NULL);
}
#else
static void admit_again(const void *context) {
  (void)context;
}
#endif

/* It does not matter who sent it. While one waits to be handled a further one is left out, and it
 * is the first whose sender is told. */
static void handle(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)info;
  int saved = errno;
  admit_again(context);
  echo__load(&receive_here, relaxed)();
  errno = saved;
}

static bool is_untouched(const struct sigaction *action) {
  return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_DFL;
}

/* Takes the signal if it is free. A host may take it between the two looks: it gets it back. */
static bool take(int candidate) {
  struct sigaction before, own = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
  if (sigaction(candidate, NULL, &before) != 0 || !is_untouched(&before)) return false;
  own.sa_sigaction = handle;
  sigemptyset(&own.sa_mask);
  if (sigaction(candidate, &own, &before) != 0) return false;
  if (is_untouched(&before)) return true;
  sigaction(candidate, &before, NULL);
  return false;
}

static void choose(void) {
  if (take(SIGURG)) {
    number = SIGURG;
    return;
  }
#if defined(SIGRTMIN) && defined(SIGRTMAX)
  for (int candidate = SIGRTMIN; candidate <= SIGRTMAX && number == 0; candidate++) {
    if (take(candidate)) number = candidate;
  }
#endif
}

bool echo__signal_open(void (*receive)(void)) {
  echo__store(&receive_here, receive, relaxed);
  uv_once(&chosen, choose);
  return echo__signal_works();
}

bool echo__signal_works(void) {
  struct sigaction now;
  return number != 0 && sigaction(number, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
         now.sa_sigaction == handle;
}

static void admit(void) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}

int echo__gate_init(echo__gate *gate) {
  *gate = (echo__gate){0};
  return uv_mutex_init(&gate->mutex) == 0 ? ECHO_OK : ECHO_MEMORY;
}

void echo__gate_destroy(echo__gate *gate) {
  uv_mutex_destroy(&gate->mutex);
}

void echo__gate_open(echo__gate *gate) {
  if (number == 0) return;
  admit();
  uv_mutex_lock(&gate->mutex);
  gate->thread = pthread_self();
  gate->open = true;
  uv_mutex_unlock(&gate->mutex);
}

void echo__gate_shut(echo__gate *gate) {
  uv_mutex_lock(&gate->mutex);
  gate->open = false;
  uv_mutex_unlock(&gate->mutex);
}

bool echo__gate_send(echo__gate *gate) {
  uv_mutex_lock(&gate->mutex);
  bool sent = gate->open && echo__signal_works() && pthread_kill(gate->thread, number) == 0;
  uv_mutex_unlock(&gate->mutex);
  return sent;
}
