/*
 * How an operation waits in a coroutine of a host: the coroutine yields, with nothing, and when the
 * operation is woken its letter is posted, and poll resumes the coroutine.
 *
 * The registry keeps a coroutine that waits here, as nobody else need. Its program may resume it
 * too; that is a wake-up for no reason, as any (operation.h). It may also close it or let it yield
 * elsewhere: what tells that a coroutine still waits here is that the operation's userdata lies
 * where it was put, on the stack of the C function that yielded.
 */
#ifndef ECHO_LUA_HOST_WAIT_H
#define ECHO_LUA_HOST_WAIT_H

#include "lua/mailbox.h"
#include "lua/operation.h"

typedef struct echo__host_wait {
  echo__operation operation;
  echo__letter letter;
  echo__host *host;
  echo__runtime *clock; /* whose timer runs, if one does; with a reference */
  int reference;        /* in the registry, of the coroutine; or LUA_NOREF */
  int index;            /* where this userdata lies on the coroutine's stack */
} echo__host_wait;

/* True if an operation that is called in L waits like this. */
bool echo__host_can_yield(lua_State *L, echo__host *host);

/* Completes the operation that begins the userdata on top of the stack; the host has its mailbox.
 */
void echo__host_wait_init(lua_State *L, echo__host_wait *wait, echo__host *host);

/* Waits, if the operation still has to; to be returned by the calling C function, which is
 * continued by `next` with the operation for its context. ECHO__WOKEN_MEANWHILE: it need not. */
int echo__host_wait_begin(lua_State *L, echo__operation *operation, lua_KFunction next);

enum { ECHO__WOKEN_MEANWHILE = -3 };

/* To be called first by `next`: the coroutine was resumed. Raises if the state is closing. */
void echo__host_wait_goes_on(lua_State *L, echo__operation *operation);

/* Takes the letter and the timer back. Idempotent. */
void echo__host_wait_close(echo__operation *operation);

/* For the collector: gives up what the registry keeps. */
void echo__host_wait_forget(lua_State *L, echo__operation *operation);

#endif
