/*
 * A Lua interpreter that is built with the same sanitizer as the module: the plain one cannot load
 * a module that was built with one. It runs a script as `lua5.4 SCRIPT ARGUMENT...` does, with
 * `arg` set likewise and Ctrl-C answered, and closes its state at the end.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static lua_State *volatile interruptible;

static void stop(lua_State *L, lua_Debug *event) {
  (void)event;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted!");
}

static void interrupt(int number) {
  signal(number, SIG_DFL);
  lua_sethook(interruptible, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

static void *nothing(void *argument) {
  return argument;
}

/* The thread sanitizer starts one of its own with the first, which specs that count would count. */
static void start_a_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, nothing, NULL) == 0) pthread_join(thread, NULL);
}

static int traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

static void set_arguments(lua_State *L, int count, char **arguments) {
  lua_createtable(L, count, 2);
  for (int i = 0; i < count; i++) {
    lua_pushstring(L, arguments[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
}

static int run(lua_State *L, int count, char **arguments) {
  lua_pushcfunction(L, traceback);
  int status = luaL_loadfile(L, arguments[1]);
  if (status == LUA_OK) {
    luaL_checkstack(L, count, "too many arguments");
    for (int i = 2; i < count; i++)
      lua_pushstring(L, arguments[i]);
    interruptible = L;
    signal(SIGINT, interrupt);
    status = lua_pcall(L, count - 2, 0, 1);
    signal(SIGINT, SIG_DFL);
  }
  if (status != LUA_OK) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  return status == LUA_OK ? 0 : 1;
}

int main(int count, char **arguments) {
  if (count < 2) {
    fprintf(stderr, "usage: %s SCRIPT [ARGUMENT...]\n", arguments[0]);
    return 2;
  }
  start_a_thread();
  lua_State *L = luaL_newstate();
  if (L == NULL) return 1;
  luaL_openlibs(L);
  set_arguments(L, count, arguments);
  int code = run(L, count, arguments);
  lua_close(L);
  return code;
}
