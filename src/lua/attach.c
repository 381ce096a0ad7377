#include "lua/attach.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "lua/argument.h"
#include "lua/deliver.h"
#include "lua/mailbox.h"

/* Calls a method of the handle on top, with `arguments` above it, and pops these. */
static void call_method(lua_State *L, const char *name, int arguments, int results) {
  int handle = lua_gettop(L) - arguments;
  lua_getfield(L, handle, name);
  lua_insert(L, handle + 1);
  lua_pushvalue(L, handle);
  lua_insert(L, handle + 2);
  lua_call(L, arguments + 1, results);
}

/* -- holding the loop ------------------------------------------------------------------------- */

/* (reference, hold) */
static int hold(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, (int)lua_tointeger(L, 1));
  call_method(L, lua_toboolean(L, 2) ? "ref" : "unref", 0, 0);
  return 0;
}

/* A handle that its program has closed cannot be held any more. */
void echo__attach_refresh(lua_State *L, echo__host *host) {
  if (host->watcher == LUA_NOREF || host->mailbox == NULL) return;
  bool expects = host->mailbox->count > 0;
  if (expects == host->held || !lua_checkstack(L, LUA_MINSTACK)) return;
  host->held = expects;
  lua_pushcfunction(L, hold);
  lua_pushinteger(L, host->watcher);
  lua_pushboolean(L, expects);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) lua_pop(L, 1);
}

/* -- attaching -------------------------------------------------------------------------------- */

static int on_readable(lua_State *L) {
  echo__deliver(L, echo__host_of(L), 0);
  return 0;
}

static void check_luv(lua_State *L, int argument) {
  bool fits = lua_istable(L, argument) && lua_getfield(L, argument, "new_poll") == LUA_TFUNCTION;
  if (!fits) echo__type_error(L, argument, "luv (a table with new_poll)");
  lua_pop(L, 1);
}

/* Pushes what a call of luv's returned, or raises what luv returns for an error: nil, text. */
static void check_result(lua_State *L) {
  if (lua_toboolean(L, -2)) {
    lua_pop(L, 1);
    return;
  }
  const char *why = lua_tostring(L, -1);
  luaL_error(L, "attach: luv cannot watch the descriptor: %s", why != NULL ? why : "unknown error");
}

/* (handle) */
static int start(lua_State *L) {
  lua_pushliteral(L, "r");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, on_readable, 1);
  call_method(L, "start", 2, 2);
  check_result(L);
  lua_pop(L, 1);
  return 0;
}

/* (luv, descriptor): returns a new handle that polls. */
static int make_watcher(lua_State *L) {
  lua_getfield(L, 1, "new_poll");
  lua_pushvalue(L, 2);
  lua_call(L, 1, 2);
  check_result(L);
  start(L);
  return 1;
}

/* Collecting the handle closes it. A state that ends before its loop has turned once more after a
 * close crashes in luv. */
static int stop_watcher(lua_State *L) {
  call_method(L, "is_closing", 0, 1);
  bool closes = lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (!closes) call_method(L, "stop", 0, 0);
  return 0;
}

/* Calls one of these with the handle, if there is one. */
static void tell_watcher(lua_State *L, const echo__host *host, lua_CFunction what) {
  if (host->watcher == LUA_NOREF) return;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, what, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->watcher);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}

static void replace_watcher(lua_State *L, echo__host *host, int watcher) {
  luaL_unref(L, LUA_REGISTRYINDEX, host->watcher);
  host->watcher = watcher;
  host->mailbox->attached = watcher != LUA_NOREF;
  host->held = true;
  echo__attach_refresh(L, host);
}

static int open_descriptor(lua_State *L, echo__mailbox *mailbox) {
  int descriptor = echo__mailbox_descriptor(mailbox);
  if (descriptor < 0) luaL_error(L, "attach: no descriptor could be made: %s", strerror(errno));
  return descriptor;
}

/* A loop watches a descriptor once, so what there is has to stop first; it goes on if nothing can
 * take its place. */
static void attach_to(lua_State *L, echo__host *host, int descriptor) {
  tell_watcher(L, host, stop_watcher);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, make_watcher, 1);
  lua_pushvalue(L, 2);
  lua_pushinteger(L, descriptor);
  if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
    tell_watcher(L, host, start);
    lua_error(L);
  }
  replace_watcher(L, host, luaL_ref(L, LUA_REGISTRYINDEX));
}

int echo__attach(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__host_check(L, host, 1, ECHO__TYPE_SCHEDULER);
  echo__mailbox *mailbox = echo__host_mailbox(L, host, "attach");
  lua_settop(L, 2);
  if (!lua_isnil(L, 2)) {
    check_luv(L, 2);
    attach_to(L, host, open_descriptor(L, mailbox));
  } else {
    tell_watcher(L, host, stop_watcher);
    replace_watcher(L, host, LUA_NOREF);
  }
  lua_settop(L, 1);
  return 1;
}
