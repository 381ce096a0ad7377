/*
 * What several Lua states hold at once: a counted object outside all of them, and in each state
 * userdata that stand for it.
 *
 *   shared   the object. It begins with an echo__shared: a count of references, and a record that
 *            says what it is. States, messages on their way and C code hold references; the last
 *            one to let go destroys it, on whatever thread that is.
 *   handle   a full userdata that begins with an echo__handle. It holds one reference, or none:
 *            before it was given one, and after its __gc. So the userdata is made first, inert, and
 *            nothing is lost if Lua raises an error before the object is there.
 *
 * Which userdata are handles is written in their metatable (echo__shared_mark), where a script
 * cannot reach it. The codec sends any handle: the message holds a reference meanwhile, and the
 * receiving state makes a handle of its own. What else the object guards itself against, being used
 * by several threads, is its own affair.
 */
#ifndef ECHO_LUA_SHARED_H
#define ECHO_LUA_SHARED_H

#include "base/atomic.h"
#include "lua/host.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct echo__shared echo__shared;

typedef struct echo__shared_type {
  const char *name; /* for people: "echo.buffer" */
  echo__type type;  /* the metatable that its handles have in each state */
  void (*destroy)(echo__shared *shared);

  /* Pushes a handle, which takes a reference of its own; the caller keeps his. NULL means
   * echo__handle_push(). The thread that runs the state; may raise Lua errors, for memory above
   * all, and then has taken nothing. */
  void (*push)(lua_State *L, const echo__host *host, echo__shared *shared);

  /* A handle of it is about to be sent: what it needs to live on without the sender's state. NULL
   * means nothing. The thread that runs the sender. */
  void (*travels)(echo__shared *shared);
} echo__shared_type;

struct echo__shared {
  const echo__shared_type *type;
  echo__atomic(size_t) count;
};

typedef struct echo__handle {
  echo__shared *shared; /* NULL: inert */
} echo__handle;

/* -- references: any thread ------------------------------------------------------------------- */

/* Begins with one reference, the caller's. */
void echo__shared_init(echo__shared *shared, const echo__shared_type *type);

/* Adds a reference to an object that the caller has one to. */
void echo__shared_retain(echo__shared *shared);

/* Drops a reference; the last one destroys the object. NULL is allowed. */
void echo__shared_release(echo__shared *shared);

/* Drops a reference; true if it was the last: the caller then destroys the object. */
bool echo__shared_drop(echo__shared *shared);

/* -- handles: the thread that runs the state -------------------------------------------------- */

/* Says that whatever has the metatable on top of the stack is a handle of that type. */
void echo__shared_mark(lua_State *L, const echo__shared_type *type);

/* The handle at `index` of whatever type, or NULL if the value is none. Creates no Lua object. */
const echo__handle *echo__handle_at(lua_State *L, int index, const echo__shared_type **type);

/* Pushes an inert handle. The caller sets `shared` to a reference that the handle is to own. Raises
 * for want of memory. */
echo__handle *echo__handle_new(lua_State *L, const echo__host *host, const echo__shared_type *type);

/* Pushes a handle that takes a reference of its own. Raises for want of memory. */
void echo__handle_push(lua_State *L, const echo__host *host, echo__shared *shared);

/* Pushes a handle the way its type wants it. */
void echo__shared_push(lua_State *L, const echo__host *host, echo__shared *shared);

/* The object of the handle at argument `index`, or an argument error: not that type, or inert. */
echo__shared *echo__handle_check(lua_State *L, const echo__host *host, int index,
                                 const echo__shared_type *type);

/* A __eq: whether two handles of the same type stand for one object. */
int echo__handle_equal(lua_State *L);

/* A __gc: drops the reference; idempotent. For handles of any type. */
int echo__handle_gc(lua_State *L);

#endif
