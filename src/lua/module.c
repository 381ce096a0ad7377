/* The module's table and the types behind it. */
#include <echo/lua.h>
#include <lauxlib.h>
#include <string.h>

#include "base/wait.h"
#include "lua/await.h"
#include "lua/buffer.h"
#include "lua/buffer_methods.h"
#include "lua/builder.h"
#include "lua/channel_methods.h"
#include "lua/error.h"
#include "lua/here.h"
#include "lua/iter.h"
#include "lua/lazy.h"
#include "lua/module.h"
#include "lua/native.h"
#include "lua/operation.h"
#include "lua/prelude.h"
#include "lua/progress.h"
#include "lua/registered.h"
#include "lua/scheduler.h"
#include "lua/scope_call.h"
#include "lua/semaphore_methods.h"
#include "lua/stack.h"
#include "lua/task.h"
#include "lua/timeout.h"

static int now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)echo__now() / 1e9);
  return 1;
}

/* Registers the functions, with the host (at index `host`) as upvalue, in the table on top. */
static void set_functions(lua_State *L, int host, const luaL_Reg *functions) {
  lua_pushvalue(L, host);
  luaL_setfuncs(L, functions, 1);
}

/* Unless an earlier attempt, which ended in a memory error further on, has made it. */
static void make_type(lua_State *L, int host_index, echo__type type, const char *name,
                      const luaL_Reg *metamethods, const luaL_Reg *methods) {
  echo__host *host = lua_touserdata(L, host_index);
  if (host->references[type] != 0) return;
  lua_newtable(L);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable"); /* the metamethods trust their argument: keep it so */
  set_functions(L, host_index, metamethods);
  if (methods != NULL) {
    lua_newtable(L);
    set_functions(L, host_index, methods);
    lua_setfield(L, -2, "__index");
  }
  host->metatables[type] = lua_topointer(L, -1);
  host->references[type] = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void mark_handles(lua_State *L, int host_index, const echo__shared_type *type) {
  const echo__host *host = lua_touserdata(L, host_index);
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->references[type->type]);
  echo__shared_mark(L, type);
  lua_pop(L, 1);
}

/* Error objects travel as themselves. */
static void register_errors(lua_State *L, const echo__host *host, echo__codec *codec) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->references[ECHO__TYPE_ERROR]);
  echo__registered_add(L, &codec->registered, "echo.error");
}

static void make_types(lua_State *L, int host) {
  static const luaL_Reg builder[] = {{"__gc", echo__builder_gc}, {NULL, NULL}};
  static const luaL_Reg scheduler[] = {{"__gc", echo__scheduler_gc},
                                       {"__close", echo__scheduler_close},
                                       {"__eq", echo__handle_equal},
                                       {NULL, NULL}};
  static const luaL_Reg task[] = {
      {"__gc", echo__task_gc}, {"__eq", echo__handle_equal}, {NULL, NULL}};
  static const luaL_Reg error[] = {{"__tostring", echo__error_tostring}, {NULL, NULL}};
  static const luaL_Reg operation[] = {{"__gc", echo__operation_gc}, {NULL, NULL}};
  static const luaL_Reg group[] = {
      {"__gc", echo__iter_gc}, {"__close", echo__iter_gc}, {NULL, NULL}};
  static const luaL_Reg scope[] = {
      {"__gc", echo__scope_gc}, {"__close", echo__scope_close}, {NULL, NULL}};
  make_type(L, host, ECHO__TYPE_BUILDER, "echo.builder", builder, echo__builder_methods);
  make_type(L, host, ECHO__TYPE_SCHEDULER, "echo.scheduler", scheduler, echo__scheduler_methods);
  make_type(L, host, ECHO__TYPE_TASK, "echo.task", task, echo__task_methods);
  make_type(L, host, ECHO__TYPE_ERROR, "echo.error", error, NULL);
  make_type(L, host, ECHO__TYPE_OPERATION, "echo.operation", operation, NULL);
  make_type(L, host, ECHO__TYPE_GROUP, "echo.group", group, NULL);
  make_type(L, host, ECHO__TYPE_SCOPE, "echo.scope", scope, echo__scope_methods);
  make_type(L, host, ECHO__TYPE_BUFFER, "echo.buffer", echo__buffer_metamethods,
            echo__buffer_methods);
  mark_handles(L, host, &echo__buffer_type);
  mark_handles(L, host, &echo__runtime_type);
  mark_handles(L, host, &echo__job_type);
  make_type(L, host, ECHO__TYPE_CHANNEL, "echo.channel", echo__channel_metamethods,
            echo__channel_methods);
  mark_handles(L, host, &echo__channel_type);
  make_type(L, host, ECHO__TYPE_SEMAPHORE, "echo.semaphore", echo__semaphore_metamethods,
            echo__semaphore_methods);
  mark_handles(L, host, &echo__semaphore_type);
  make_type(L, host, ECHO__TYPE_CALLBACK, "echo.callback", echo__native_metamethods, NULL);
  mark_handles(L, host, &echo__native_type);
}

/* Its address is the registry key. */
static const char host_key = 0;

/* Pushes the state's host, which may lack types yet. */
static echo__host *push_host(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &host_key) == LUA_TUSERDATA) return lua_touserdata(L, -1);
  lua_pop(L, 1);
  echo__host *host = lua_newuserdatauv(L, sizeof *host, 0);
  memset(host, 0, sizeof *host);
  host->on_error = host->watcher = LUA_NOREF;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, echo__host_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &host_key);
  return host;
}

/* Pushes the host with all that belongs to it. */
static echo__host *push_whole_host(lua_State *L) {
  echo__stack_need(L, LUA_MINSTACK);
  echo__host *host = push_host(L);
  if (!host->codec) {
    make_types(L, lua_gettop(L));
    echo__codec *codec = echo__codec_open(L);
    register_errors(L, host, codec);
    host->codec = codec;
  }
  return host;
}

echo__host *echo__module_host(lua_State *L) {
  echo__host *host = push_whole_host(L);
  lua_pop(L, 1);
  return host;
}

int echo__module_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"buffer", echo__buffer_make},
                                       {"builder", echo__builder_new},
                                       {"channel", echo__channel_make},
                                       {"now", now},
                                       {"register", echo__register},
                                       {"semaphore", echo__semaphore_make},
                                       {NULL, NULL}};
  luaL_checkversion(L);
  lua_settop(L, 0);
  push_whole_host(L);
  lua_newtable(L);
  set_functions(L, 1, functions);
  set_functions(L, 1, echo__await_functions);
  set_functions(L, 1, echo__here_functions);
  set_functions(L, 1, echo__iter_functions);
  set_functions(L, 1, echo__lazy_functions);
  set_functions(L, 1, echo__prelude_functions);
  set_functions(L, 1, echo__progress_functions);
  set_functions(L, 1, echo__scope_functions);
  set_functions(L, 1, echo__timeout_functions);
  lua_pushliteral(L, "Echo " ECHO_VERSION);
  lua_setfield(L, -2, "_VERSION");
  return 1;
}
