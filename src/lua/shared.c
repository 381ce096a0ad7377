/* shared.c - see shared.h. */
#include "lua/shared.h"

#include <lauxlib.h>

#include "lua/argument.h"

/* Its address is the key under which a metatable has the type of its handles. */
static const char mark_key = 0;

void echo__shared_init(echo__shared *shared, const echo__shared_type *type) {
  shared->type = type;
  echo__store(&shared->count, 1, relaxed);
}

void echo__shared_retain(echo__shared *shared) {
  echo__add(&shared->count, 1, relaxed);
}

bool echo__shared_drop(echo__shared *shared) {
  /* Whatever each holder did to the object comes before its end. A load and not a fence, because
   * thread sanitizers do not understand fences. */
  if (echo__sub(&shared->count, 1, release) != 1) return false; /* PAIR shared.count */
  (void)echo__load(&shared->count, acquire);                    /* PAIR shared.count */
  return true;
}

void echo__shared_release(echo__shared *shared) {
  if (shared && echo__shared_drop(shared)) shared->type->destroy(shared);
}

void echo__shared_mark(lua_State *L, const echo__shared_type *type) {
  lua_pushlightuserdata(L, (void *)type);
  lua_rawsetp(L, -2, &mark_key);
}

const echo__handle *echo__handle_at(lua_State *L, int index, const echo__shared_type **type) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return NULL;
  lua_rawgetp(L, -1, &mark_key);
  *type = lua_touserdata(L, -1);
  lua_pop(L, 2);
  return *type ? lua_touserdata(L, index) : NULL;
}

echo__handle *echo__handle_new(lua_State *L, const echo__host *host,
                               const echo__shared_type *type) {
  echo__handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
  handle->shared = NULL;
  echo__host_bless(L, host, type->type);
  return handle;
}

void echo__handle_push(lua_State *L, const echo__host *host, echo__shared *shared) {
  echo__handle *handle = echo__handle_new(L, host, shared->type);
  echo__shared_retain(shared);
  handle->shared = shared;
}

void echo__shared_push(lua_State *L, const echo__host *host, echo__shared *shared) {
  if (shared->type->push)
    shared->type->push(L, host, shared);
  else
    echo__handle_push(L, host, shared);
}

echo__shared *echo__handle_check(lua_State *L, const echo__host *host, int index,
                                 const echo__shared_type *type) {
  echo__handle *handle = echo__host_check(L, host, index, type->type);
  if (!handle->shared)
    echo__argument_error(L, index,
                         lua_pushfstring(L, "this %s was closed with its state", type->name));
  return handle->shared;
}

int echo__handle_gc(lua_State *L) {
  echo__handle *handle = lua_touserdata(L, 1);
  echo__shared *shared = handle->shared;
  handle->shared = NULL;
  echo__shared_release(shared);
  return 0;
}

int echo__handle_equal(lua_State *L) {
  const echo__shared_type *types[2] = {NULL, NULL};
  const echo__handle *a = echo__handle_at(L, 1, &types[0]);
  const echo__handle *b = echo__handle_at(L, 2, &types[1]);
  lua_pushboolean(L, a && b && types[0] == types[1] && a->shared == b->shared);
  return 1;
}
