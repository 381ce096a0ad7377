/*
 * What one Lua state knows of Echo: made when the module is opened there or when the first handle
 * arrives (echo__module_host), and upvalue 1 of every function of the module. Metatables are
 * compared by address, which costs less than a look-up by name on every call; the registry keeps
 * them alive as long as the state.
 */
#ifndef ECHO_LUA_HOST_H
#define ECHO_LUA_HOST_H

#include <lua.h>
#include <stdbool.h>

#include "lua/codec.h"

typedef enum echo__type {
  ECHO__TYPE_BUILDER,
  ECHO__TYPE_SCHEDULER,
  ECHO__TYPE_TASK,
  ECHO__TYPE_ERROR,
  ECHO__TYPE_OPERATION,
  ECHO__TYPE_BUFFER,
  ECHO__TYPE_GROUP,
  ECHO__TYPE_SCOPE,
  ECHO__TYPE_CHANNEL,
  ECHO__TYPE_SEMAPHORE,
  ECHO__TYPE_CALLBACK,
  ECHO__TYPES
} echo__type;

struct echo__client;
struct echo__mailbox;
struct echo__worker_state;

typedef struct echo__host {
  echo__codec *codec;
  struct echo__worker_state *worker;   /* in a worker's state, else NULL */
  struct echo__client *clients;        /* of other schedulers than the worker's own */
  struct echo__mailbox *mailbox;       /* made when it is first asked for; see mailbox.h */
  bool closed;                         /* with its state: it gets no mailbox any more */
  bool held;                           /* the loop is, see attach.h */
  int on_error, watcher;               /* registry references; see report.h, attach.h */
  bool soon;                           /* its thread's last sleep was short, see operation.c */
  const void *metatables[ECHO__TYPES]; /* addresses */
  int references[ECHO__TYPES];         /* registry references to the same; 0: not made yet */
} echo__host;

/* The host's __gc. Values of its types are finalized before it, as the collector goes backward from
 * the newest; so it sees to what they have left, such as what finalizers began when the state was
 * closing already. */
int echo__host_gc(lua_State *L);

/* The host's mailbox, made at the first call; NULL in a worker's state, in one that closes and
 * without memory. */
struct echo__mailbox *echo__host_try_mailbox(echo__host *host);

/* The same for a function that cannot do without: raises instead, naming the function. */
struct echo__mailbox *echo__host_mailbox(lua_State *L, echo__host *host, const char *name);

/* The calling function's host. */
echo__host *echo__host_of(lua_State *L);

/* True if the value at `index` is of that type. */
bool echo__host_is(lua_State *L, const echo__host *host, int index, echo__type type);

/* The userdata at argument `index`, or an argument error. */
void *echo__host_check(lua_State *L, const echo__host *host, int index, echo__type type);

/* Gives the value on top its metatable. */
void echo__host_bless(lua_State *L, const echo__host *host, echo__type type);

#endif
