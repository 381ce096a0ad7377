#include "lua/luv.h"

#include <dlfcn.h>
#include <lauxlib.h>
#include <string.h>
#include <uv.h>

#include "lua/coroutine.h"
#include "lua/interrupt.h"
#include "lua/report.h"
#include "lua/state.h"

/* -- call-backs ------------------------------------------------------------------------------- */

/* In place of luv's own, which ends the program with an error. The function and its arguments lie
 * on top of L; none of luv's call-backs on a loop has results. */
static int call_back(lua_State *L, int arguments, int results, int flags) {
  (void)flags;
  echo__worker_state *state = echo__state_of(L);
  if (state->closing) {
    lua_pop(L, arguments + 1);
  } else {
    echo__fiber *fiber = state->fiber;
    echo__level *level = state->level;
    state->fiber = NULL;
    state->level = NULL;
    state->calls_back++;
    echo__call_reported(L, state->host, arguments, "a call-back of luv");
    state->calls_back--;
    state->fiber = fiber;
    echo__level_publish(state, level);
  }
  for (int i = 0; i < results; i++)
    lua_pushnil(L);
  return results > 0 ? results : 0;
}

/* -- what luv must not do here ---------------------------------------------------------------- */

static int refuse_run(lua_State *L) {
  return luaL_error(L, "uv.run is not for tasks: the worker runs its loop by itself, whenever its "
                       "tasks wait; wait with echo.await");
}

static int refuse_walk(lua_State *L) {
  return luaL_error(L, "uv.walk is not for tasks: the handles of other tasks are on the worker's "
                       "loop, too");
}

static int refuse_close(lua_State *L) {
  return luaL_error(L, "uv.loop_close is not for tasks: the loop is the worker's");
}

/* -- loading ---------------------------------------------------------------------------------- */

typedef int (*luv_call)(lua_State *L, int arguments, int results, int flags);

/* What is taken from the library. */
typedef struct library {
  lua_CFunction open;
  void (*set_loop)(lua_State *L, uv_loop_t *loop);
  void (*set_callback)(lua_State *L, luv_call call);
  int (*run)(uv_loop_t *loop, uv_run_mode mode);
  uv_loop_t *loop;
} library;

/* dlsym gives a pointer to an object, which C does not turn into one to a function. */
static void find(void *handle, const char *name, void *function) {
  void *address = handle != NULL ? dlsym(handle, name) : NULL;
  memcpy(function, &address, sizeof address);
}

static const char *file_of(int (*run)(uv_loop_t *loop, uv_run_mode mode)) {
  Dl_info info;
  void *address;
  memcpy(&address, &run, sizeof address);
  return address != NULL && dladdr(address, &info) != 0 ? info.dli_fname : "itself";
}

static void check_libuv(lua_State *L, const char *path, const library *luv) {
  if (luv->run == uv_run) return;
  luaL_error(L,
             "luv ('%s') has another libuv than Echo, and cannot use the loop of a worker: its own "
             "is in %s, Echo's in %s. Take a luv that is linked with the shared libuv, as "
             "distributions have it",
             path, file_of(luv->run), file_of(uv_run));
}

/* The library takes Lua's functions from whoever shows them to it. In a program that keeps its own
 * Lua to itself that would be another one, for which the state is rubbish. */
static void check_lua(lua_State *L, const char *path, void *handle) {
  void *theirs = dlsym(RTLD_DEFAULT, "lua_newthread"), *ours;
  lua_State *(*function)(lua_State *) = lua_newthread;
  memcpy(&ours, &function, sizeof ours);
  if (theirs == NULL) theirs = dlsym(handle, "lua_newthread");
  if (theirs != NULL && theirs != ours)
    luaL_error(L, "luv ('%s') would use another copy of Lua than the one that runs here", path);
}

static void load(lua_State *L, const char *path, library *luv) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) luaL_error(L, "%s", dlerror());
  find(handle, "luaopen_luv", &luv->open);
  find(handle, "luv_set_loop", &luv->set_loop);
  find(handle, "luv_set_callback", &luv->set_callback);
  find(handle, "uv_run", &luv->run);
  if (luv->open == NULL || luv->set_loop == NULL || luv->set_callback == NULL) {
    luaL_error(L, "'%s' is not luv 1.30 or newer: luv_set_loop or luv_set_callback is missing",
               path);
  }
  check_libuv(L, path, luv);
  check_lua(L, path, handle);
}

/* (library, name, path), on the main thread: luv keeps the thread that it is opened on. */
static int open_library(lua_State *L) {
  static const luaL_Reg refused[] = {
      {"run", refuse_run}, {"walk", refuse_walk}, {"loop_close", refuse_close}, {NULL, NULL}};
  const library *luv = lua_touserdata(L, 1);
  luv->set_loop(L, luv->loop);
  luv->set_callback(L, call_back);
  lua_pushcfunction(L, luv->open);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_call(L, 2, 1);
  luaL_setfuncs(L, refused, 0);
  return 1;
}

/* Calls it there; the module, or the error, comes to L. */
static int open_on_main_thread(lua_State *L, echo__worker_state *state, library *luv) {
  lua_State *main = state->L;
  luaL_checkstack(main, LUA_MINSTACK, NULL);
  lua_pushcfunction(main, open_library);
  lua_pushlightuserdata(main, luv);
  lua_pushstring(main, lua_tostring(L, 1));
  lua_pushstring(main, lua_tostring(L, 2));
  int status = lua_pcall(main, 3, 1, 0);
  lua_xmove(main, L, 1);
  return status;
}

/* (name, path) */
static int open_luv(lua_State *L) {
  static const char key; /* its address names the place of the module in the registry */
  echo__worker_state *state = echo__state_of(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) != LUA_TNIL) return 1;
  library luv;
  load(L, luaL_checkstring(L, 2), &luv);
  int status = echo_worker_loop(&luv.loop);
  if (status != ECHO_OK) return luaL_error(L, "luv has no loop: %s", echo_strerror(status));
  if (open_on_main_thread(L, state, &luv) != LUA_OK) return lua_error(L);
  state->loops = true;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  return 1;
}

/* (name): a searcher, see package.searchers. The one for C libraries says where it is not. */
static int search(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (strcmp(name, "luv") != 0 && strcmp(name, "uv") != 0) return 0;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_getfield(L, -1, "searchpath");
  lua_pushvalue(L, 1);
  lua_getfield(L, 2, "cpath");
  lua_call(L, 2, 1);
  if (lua_isnil(L, -1)) return 0;
  lua_pushcfunction(L, open_luv);
  lua_insert(L, -2);
  return 2;
}

void echo__luv_install(lua_State *L, echo__worker_state *state) {
  enum { PLACE = 3 }; /* behind those for package.preload and for Lua */
  state->loops = false;
  if (lua_getglobal(L, "package") != LUA_TTABLE) { /* a program's openlibs left it out */
    lua_pop(L, 1);
    return;
  }
  luaL_getsubtable(L, -1, "searchers");
  for (lua_Integer last = luaL_len(L, -1); last >= PLACE; last--) {
    lua_rawgeti(L, -1, last);
    lua_rawseti(L, -2, last + 1);
  }
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, search, 1);
  lua_rawseti(L, -2, PLACE);
  lua_pop(L, 2);
}

/* -- closing ---------------------------------------------------------------------------------- */

void echo__luv_close(echo__worker_state *state) {
  if (!state->loops) return;
  state->closing = true;
  echo_worker_loop_clear();
}

void echo__luv_closed(echo__worker_state *state) {
  if (!state->loops) return;
  echo_worker_loop_clear();
  state->loops = false;
  state->closing = false;
}
