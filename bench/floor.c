/*
 * A Lua module for the benchmarks: what two threads reach with nothing but a futex between them, to
 * be measured in the same process as what stands beside it.
 *
 *   require "floor".round_trips(n, pause)   a list of n times, in microseconds: one thread wakes
 * the other, which wakes it in turn; `pause` seconds between
 */
#include <lauxlib.h>
#include <lua.h>
#include <time.h>
#include <uv.h>

#include "base/wait.h"

typedef struct pair {
  echo__word there, back;
} pair;

static void wait_for(echo__word *word, uint32_t value) {
  uint32_t seen;
  while ((seen = echo__load(word, acquire)) != value)
    echo__word_wait(word, seen, ECHO__FOREVER);
}

static void pass(echo__word *word, uint32_t value) {
  echo__store(word, value, release);
  echo__word_wake_one(word);
}

enum { END = UINT32_MAX };

static void answer(void *argument) {
  pair *p = argument;
  for (uint32_t seen = 0;;) {
    echo__word_wait(&p->there, seen, ECHO__FOREVER);
    uint32_t value = echo__load(&p->there, acquire);
    if (value == (uint32_t)END) return;
    if (value == seen) continue;
    seen = value;
    pass(&p->back, value);
  }
}

static void rest(double seconds) {
  struct timespec pause = {.tv_sec = (time_t)seconds,
                           .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&pause, NULL);
}

static int round_trips(lua_State *L) {
  lua_Integer count = luaL_checkinteger(L, 1);
  double pause = luaL_checknumber(L, 2);
  pair p = {0};
  uv_thread_t thread;
  lua_createtable(L, (int)count, 0);
  if (uv_thread_create(&thread, answer, &p) != 0) return luaL_error(L, "no thread to be had");
  for (uint32_t i = 1; i <= count; i++) {
    rest(pause);
    uint64_t start = echo__now();
    pass(&p.there, i);
    wait_for(&p.back, i);
    lua_pushnumber(L, (lua_Number)(echo__now() - start) / 1e3);
    lua_rawseti(L, -2, i);
  }
  pass(&p.there, END);
  uv_thread_join(&thread);
  return 1;
}

static int pause_for(lua_State *L) {
  rest(luaL_checknumber(L, 1));
  return 0;
}

__attribute__((visibility("default"))) int luaopen_floor(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"round_trips", round_trips}, {"pause", pause_for}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
