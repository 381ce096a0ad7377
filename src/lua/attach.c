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

/* Pushes a new handle that polls. */
static void push_watcher(lua_State *L, int uv, int descriptor) {
  lua_getfield(L, uv, "new_poll");
  lua_pushinteger(L, descriptor);
  lua_call(L, 1, 2);
  check_result(L);
  lua_pushliteral(L, "r");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, on_readable, 1);
  call_method(L, "start", 2, 2);
  check_result(L);
  lua_pop(L, 1);
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

static void detach(lua_State *L, echo__host *host) {
  if (host->watcher == LUA_NOREF) return;
  lua_pushcfunction(L, stop_watcher);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->watcher);
  luaL_unref(L, LUA_REGISTRYINDEX, host->watcher);
  host->watcher = LUA_NOREF;
  host->mailbox->attached = false;
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
}

static int open_descriptor(lua_State *L, echo__mailbox *mailbox) {
  int descriptor = echo__mailbox_descriptor(mailbox);
  if (descriptor < 0) luaL_error(L, "attach: no descriptor could be made: %s", strerror(errno));
  return descriptor;
}

int echo__attach(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__host_check(L, host, 1, ECHO__TYPE_SCHEDULER);
  echo__mailbox *mailbox = echo__host_mailbox(L, host, "attach");
  lua_settop(L, 2);
  if (!lua_isnil(L, 2)) check_luv(L, 2);
  detach(L, host); /* first: a loop watches a descriptor once */
  if (!lua_isnil(L, 2)) {
    push_watcher(L, 2, open_descriptor(L, mailbox));
    host->watcher = luaL_ref(L, LUA_REGISTRYINDEX);
    host->held = true;
    mailbox->attached = true;
    echo__attach_refresh(L, host);
  }
  lua_settop(L, 1);
  return 1;
}
