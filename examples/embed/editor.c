#include "editor.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "frames.h"
#include "listing.h"

enum { WORKERS = 2, WORKER_BYTES = 64 << 20 };

/* What tasks find: no os, no debug, no package; and list, which the program brings. */
static void open_libraries(lua_State *L, unsigned worker, void *data) {
  static const luaL_Reg libraries[] = {
      {LUA_GNAME, luaopen_base},          {LUA_IOLIBNAME, luaopen_io},
      {LUA_STRLIBNAME, luaopen_string},   {LUA_TABLIBNAME, luaopen_table},
      {LUA_COLIBNAME, luaopen_coroutine}, {NULL, NULL}};
  (void)worker, (void)data;
  for (const luaL_Reg *library = libraries; library->name != NULL; library++) {
    luaL_requiref(L, library->name, library->func, 1);
    lua_pop(L, 1);
  }
  echo_lua_push_callback(L, "list", listing_list, NULL);
  lua_setglobal(L, "list");
}

static bool build_scheduler(editor *e) {
  echo_builder *builder;
  echo_lua_config config = {.memory_limit = WORKER_BYTES, .openlibs = open_libraries};
  if (echo_builder_create(&builder) != ECHO_OK) return false;
  echo_builder_with_worker_count(builder, WORKERS);
  int status = echo_builder_with_name(builder, "editor");
  if (status == ECHO_OK) status = echo_lua_build(builder, &config, &e->scheduler);
  echo_builder_destroy(builder);
  if (status != ECHO_OK) fprintf(stderr, "embed: %s\n", echo_strerror(status));
  return status == ECHO_OK;
}

/* status(text): what the bottom line shows. */
static int set_status(lua_State *L) {
  editor *e = lua_touserdata(L, lua_upvalueindex(1));
  snprintf(e->status, sizeof e->status, "%s", luaL_checkstring(L, 1));
  return 0;
}

static int set_done(lua_State *L) {
  editor *e = lua_touserdata(L, lua_upvalueindex(1));
  e->done = true;
  return 0;
}

/* (editor) */
static int open_script_world(lua_State *L) {
  editor *e = lua_touserdata(L, 1);
  static const luaL_Reg functions[] = {{"status", set_status}, {"done", set_done}, {NULL, NULL}};
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 1);
  echo_lua_push_scheduler(L, e->scheduler);
  lua_setglobal(L, "scheduler");
  echo_lua_push_callback(L, "list", listing_list, NULL);
  lua_setglobal(L, "list");
  lua_pushglobaltable(L);
  lua_pushlightuserdata(L, e);
  luaL_setfuncs(L, functions, 1);
  return 0;
}

static int add_traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

/* Calls the function below so many arguments, which are on top. */
static bool call(lua_State *L, int arguments) {
  int base = lua_gettop(L) - arguments;
  lua_pushcfunction(L, add_traceback);
  lua_insert(L, base);
  bool well = lua_pcall(L, arguments, 0, base) == LUA_OK;
  if (!well) fprintf(stderr, "embed: %s\n", lua_tostring(L, -1));
  lua_settop(L, base - 1);
  return well;
}

bool editor_open(editor *e, const char *script, const char *tree, bool inline_work) {
  memset(e, 0, sizeof *e);
  if (!build_scheduler(e)) return false;
  e->L = luaL_newstate();
  if (e->L == NULL) return false;
  lua_pushcfunction(e->L, open_script_world);
  lua_pushlightuserdata(e->L, e);
  if (!call(e->L, 1)) return false;
  if (luaL_loadfile(e->L, script) != LUA_OK) {
    fprintf(stderr, "embed: %s\n", lua_tostring(e->L, -1));
    return false;
  }
  lua_pushstring(e->L, tree);
  lua_pushboolean(e->L, inline_work);
  return call(e->L, 2);
}

bool editor_key(editor *e, char key) {
  lua_getglobal(e->L, "on_key");
  lua_pushlstring(e->L, &key, 1);
  return call(e->L, 1);
}

bool editor_frame(editor *e) {
  lua_getglobal(e->L, "on_frame");
  return call(e->L, 0);
}

/* A pump with a number of seconds waits so long for the first result. With hardly any it delivers
 * one, if there is one, and does not wait. */
void editor_pump(editor *e, double seconds) {
  double end = frames_now() + seconds;
  while (echo_lua_pump(e->L, 1e-9) > 0 && frames_now() < end)
    continue;
}

/* The scheduler is stopped first: what still runs is told to end, and has a second for it. */
void editor_close(editor *e) {
  if (e->scheduler != NULL) echo_scheduler_stop(e->scheduler, ECHO_STOP_CANCEL, 1.0, NULL);
  if (e->L != NULL) lua_close(e->L);
  echo_scheduler_release(e->scheduler);
}
