/*
 * Lua's functions for the module, which links none: where it gets them from when it is opened.
 *
 * luaopen_echo is called by the Lua that runs the state. The shared object, or program, that its
 * caller's code is in has that Lua, and only what that very object exports is taken: a liblua that
 * something else has loaded may be found by the same names, and would ruin the state. Who exports
 * nothing hands a resolver over instead (luaopen_lite_xl_echo).
 *
 * The first who opens the module decides for the whole process, since all states share this code;
 * another copy of Lua is turned away. So that the table stays good, the object is never unloaded.
 *
 * Until then the table has what the dynamic linker found, for programs that use echo/lua.h without
 * having opened the module.
 */
#define ECHO__API_ITSELF
#include "lua/api.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <echo/lua.h>

#include "lua/module.h"

#define WEAK(function) __typeof__(function) function __attribute__((weak));
ECHO__API_MAP(WEAK)

#define LINKED(function) .function##_ = function,
echo__api echo__lua_api = {ECHO__API_MAP(LINKED)};

/* Where functions are looked up. */
typedef struct source {
  void *(*resolve)(const char *name); /* a program's; or, if it is NULL: */
  void *handle, *base;                /* of an object: what lies elsewhere does not count */
} source;

static void *base_of(const void *address, const char **file) {
  Dl_info info;
  if (address == NULL || dladdr(address, &info) == 0) return NULL;
  if (file != NULL) *file = info.dli_fname;
  return info.dli_fbase;
}

/* The main program cannot be opened by its name. */
static source source_of(const void *caller) {
  const char *file = NULL;
  source from = {.base = base_of(caller, &file)};
  if (from.base == NULL) return from;
  from.handle = dlopen(file, RTLD_LAZY | RTLD_NOLOAD);
  if (from.handle == NULL) from.handle = dlopen(NULL, RTLD_LAZY);
  return from;
}

static void *look_up(const source *from, const char *name) {
  if (from->resolve != NULL) return from->resolve(name);
  void *address = from->handle != NULL ? dlsym(from->handle, name) : NULL;
  return address != NULL && base_of(address, NULL) == from->base ? address : NULL;
}

/* Fills the table; the name of the first function that is missing, or NULL. */
static const char *fill(const source *from, echo__api *api) {
  static const char *const names[] = {
#define NAME(function) #function,
      ECHO__API_MAP(NAME)
#undef NAME
  };
  void **entries = (void **)(void *)api;
  const char *missing = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    entries[i] = look_up(from, names[i]);
    if (entries[i] == NULL && missing == NULL) missing = names[i];
  }
  return missing;
}

/* -- refusing --------------------------------------------------------------------------------- */

/* Without a function to raise an error with there is only this; require then returns true. */
static int refuse_silently(void) {
  fputs("echo: this program has a Lua of its own and lets no library use it. It must export Lua's "
        "functions (link it with -Wl,-E), or open the module by luaopen_lite_xl_echo\n",
        stderr);
  return 0;
}

/* "Lua 5.3.6", as Lua itself says: "$LuaVersion: Lua 5.3.6  Copyright ...". */
static void find_version(const source *from, char *version, size_t size) {
  const char *ident = look_up(from, "lua_ident");
  const char *found = ident != NULL ? strstr(ident, "Lua 5") : NULL;
  if (found == NULL)
    snprintf(version, size, "another Lua");
  else
    snprintf(version, size, "Lua %.*s", (int)strcspn(found + 4, " "), found + 4);
}

static int refuse(lua_State *L, const source *from, const echo__api *api, const char *missing) {
  char version[64];
  if (api->luaL_error_ == NULL) return refuse_silently();
  find_version(from, version, sizeof version);
  if (from->resolve == NULL && (api->lua_newuserdatauv_ == NULL || api->lua_toclose_ == NULL))
    return api->luaL_error_(L, "echo is built for " LUA_VERSION ", and this program runs %s",
                            version);
  return api->luaL_error_(L, "echo needs Lua's function %s, which this program does not offer",
                          missing);
}

static int refuse_second(lua_State *L, const echo__api *api) {
  return api->luaL_error_(L, "echo is in use by another copy of Lua in this process: a library and "
                             "its program, for example, that each bring their own");
}

/* -- opening ---------------------------------------------------------------------------------- */

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t mutex; /* guards `decided` and the table's being written */
static bool decided, usable;

static void make_mutex(void) {
  usable = uv_mutex_init(&mutex) == 0;
}

/* False if it is decided otherwise. */
static bool decide(const echo__api *api) {
  uv_once(&once, make_mutex);
  if (!usable) return false;
  uv_mutex_lock(&mutex);
  bool same = memcmp(&echo__lua_api, api, sizeof *api) == 0;
  if (!decided && !same) echo__lua_api = *api;
  same = same || !decided;
  decided = true;
  uv_mutex_unlock(&mutex);
  return same;
}

static int open_from(lua_State *L, const source *from) {
  echo__api api;
  const char *missing = fill(from, &api);
  if (missing != NULL) return refuse(L, from, &api, missing);
  lua_Number version = api.lua_version_(L);
  if (version != LUA_VERSION_NUM)
    return api.luaL_error_(L, "echo is built for " LUA_VERSION ", and this program runs Lua %d.%d",
                           (int)version / 100, (int)version % 100);
  if (!decide(&api)) return refuse_second(L, &api);
  return echo__module_open(L);
}

int luaopen_echo(lua_State *L) {
  source from = source_of(__builtin_extract_return_addr(__builtin_return_address(0)));
  return open_from(L, &from);
}

int luaopen_lite_xl_echo(lua_State *L, void *(*resolve)(const char *name)) {
  source from = {.resolve = resolve};
  return open_from(L, &from);
}
