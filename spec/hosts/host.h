/* What the hosts of this folder have in common: each is a program of a page that has a Lua state,
 * opens the module in its own way, and exits with 0 if all went well. The module's folder is the
 * first argument. */
#ifndef SPEC_HOSTS_HOST_H
#define SPEC_HOSTS_HOST_H

#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) host_fail(__FILE__, __LINE__, #condition);                                   \
  } while (0)

/* Ends a loop of Lua that never ends by itself. The thread sanitizer keeps a signal back until the
 * thread calls a function of libc. */
#if defined(__SANITIZE_THREAD__)
#define HOST_FOR_EVER "local _ = tostring(1.5) end"
#else
#define HOST_FOR_EVER "end"
#endif

static inline void host_fail(const char *file, int line, const char *text) {
  fprintf(stderr, "%s:%d: %s\n", file, line, text);
  fflush(NULL);
  _Exit(1);
}

/* Runs the code, which must not fail. */
static inline void host_run(lua_State *L, const char *code) {
  if (luaL_dostring(L, code) == LUA_OK) return;
  host_fail("script", 0, luaL_tolstring(L, -1, NULL));
}

/* A state with the libraries, where require finds the module. */
static inline lua_State *host_open(const char *folder) {
  lua_State *L = luaL_newstate();
  CHECK(L != NULL);
  luaL_openlibs(L);
  lua_pushfstring(L, "package.cpath = '%s/?.so'", folder);
  host_run(L, lua_tostring(L, -1));
  lua_pop(L, 1);
  return L;
}

static inline int host_count(const char *folder) {
  DIR *entries = opendir(folder);
  int count = 0;
  if (entries == NULL) return 0;
  while (readdir(entries) != NULL)
    count++;
  closedir(entries);
  return count;
}

static inline void host_nap(void) {
  nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* The threads of this process; waits, but not for ever, until there are so many. */
static inline int host_threads(int expected) {
  int count = 0, own = 2; /* "." and ".." */
#if defined(__SANITIZE_THREAD__)
  own++; /* the sanitizer's thread */
#endif
  for (int i = 0; i < 30000; i++, host_nap()) {
    count = host_count("/proc/self/task") - own;
    if (count == expected) return count;
  }
  fprintf(stderr, "%d threads\n", count);
  return count;
}

/* What every host lets its script do: tasks, children, results by call-back. */
static const char host_work[] =
    "local echo = require 'echo'\n"
    "local s <close> = echo.builder():with_worker_count(2):build()\n"
    "local function sum(n) local x = 0 for i = 1, n do x = x + i end return x end\n"
    "assert(s:submit(sum, 100):wait() == 5050)\n"
    "assert(s:submit(function()\n"
    "  local task = echo.submit(sum, 10)\n"
    "  echo.sleep(0.001)\n"
    "  return echo.await(task), select(2, ('a,b'):gsub(',', ';'))\n"
    "end):wait() == 55)\n"
    "local told\n"
    "s:submit(sum, 2):on_complete(function(t) told = t:wait() end)\n"
    "repeat s:poll(10) until told\n"
    "assert(told == 3)\n"
    "local ok, err = s:submit(error, 'as it should'):pwait()\n"
    "assert(not ok and tostring(err):find('as it should', 1, true))\n";

#endif
