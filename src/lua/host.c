#include "lua/host.h"

#include <lauxlib.h>

#include "lua/argument.h"
#include "lua/check.h"
#include "lua/late.h"
#include "lua/mailbox.h"

static const char *const names[ECHO__TYPES] = {"echo.builder",   "echo.scheduler", "echo.task",
                                               "echo.error",     "echo.operation", "echo.buffer",
                                               "echo.group",     "echo.scope",     "echo.channel",
                                               "echo.semaphore", "echo.callback"};

echo__host *echo__host_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

bool echo__host_is(lua_State *L, const echo__host *host, int index, echo__type type) {
  if (!lua_getmetatable(L, index)) return false;
  bool same = lua_topointer(L, -1) == host->metatables[type];
  lua_pop(L, 1);
  return same;
}

void *echo__host_check(lua_State *L, const echo__host *host, int index, echo__type type) {
  if (echo__host_is(L, host, index, type)) return lua_touserdata(L, index);
  if (index != 1) echo__type_error(L, index, names[type]);
  echo__self_error(L, host->references[type], names[type]);
  return NULL;
}

void echo__host_bless(lua_State *L, const echo__host *host, echo__type type) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->references[type]);
  lua_setmetatable(L, -2);
  echo__late_note(L);
}

echo__mailbox *echo__host_try_mailbox(echo__host *host) {
  if (host->mailbox != NULL || host->worker != NULL || host->closed) return host->mailbox;
  host->mailbox = echo__mailbox_create();
  return host->mailbox;
}

echo__mailbox *echo__host_mailbox(lua_State *L, echo__host *host, const char *name) {
  echo__mailbox *mailbox = echo__host_try_mailbox(host);
  if (host->worker != NULL) {
    luaL_error(L, "%s is for the program outside: a task awaits with echo.await instead", name);
  }
  if (host->closed) luaL_error(L, "%s: this Lua state is closing", name);
  if (mailbox == NULL) echo__fail_for_memory(L);
  return mailbox;
}

int echo__host_gc(lua_State *L) {
  echo__host *host = lua_touserdata(L, 1);
  echo__late_close(L);
  echo__mailbox *mailbox = host->mailbox;
  host->closed = true;
  host->mailbox = NULL;
  if (mailbox == NULL) return 0;
  echo__mailbox_close(mailbox);
  echo__mailbox_release(mailbox);
  return 0;
}
