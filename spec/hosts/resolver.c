/* A host with a static Lua that exports nothing, as Lite XL is: it opens the module by
 * luaopen_lite_xl_echo and hands a resolver over. Its own functions are used and no others: a
 * second Lua that something has loaded for everybody to see is left alone, and turned away. */
#include <dlfcn.h>
#include <stdatomic.h>

#include "host.h"
#include "lua/api.h"

static const char *hidden;    /* a function that the resolver denies */
static atomic_int new_states; /* that were made by the Lua of this program */

static lua_State *counted_newstate(lua_Alloc allocate, void *data) {
  atomic_fetch_add(&new_states, 1);
  return lua_newstate(allocate, data);
}

static void *resolve(const char *name) {
  static const struct {
    const char *name;
    void (*address)(void);
  } known[] = {
#define KNOWN(function) {#function, (void (*)(void))function},
      ECHO__API_MAP(KNOWN)
#undef KNOWN
  };
  if (hidden != NULL && strcmp(hidden, name) == 0) return NULL;
  lua_State *(*counted)(lua_Alloc, void *) = counted_newstate;
  if (strcmp(name, "lua_newstate") == 0) return *(void **)&counted;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].name, name) == 0) return *(void **)&known[i].address;
  return NULL;
}

static void *module;

/* As Lite XL's system.load_native_plugin. */
static int load(lua_State *L) {
  int (*open)(lua_State * L, void *(*resolve)(const char *name));
  *(void **)&open = dlsym(module, "luaopen_lite_xl_echo");
  CHECK(open != NULL);
  return open(L, resolve);
}

static lua_State *open_state(const char *folder) {
  lua_State *L = host_open(folder);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, load);
  lua_setfield(L, -2, "echo");
  lua_settop(L, 0);
  return L;
}

/* What is missing is named, and the module can still be opened. */
static void lack_functions(const char *folder) {
  static const char *const lacking[] = {"lua_newstate", "lua_toclose", "luaL_len"};
  for (int i = 0; i < 3; i++) {
    lua_State *L = open_state(folder);
    hidden = lacking[i];
    lua_pushfstring(L,
                    "local ok, err = pcall(require, 'echo')\n"
                    "assert(not ok and err:find('needs Lua\\'s function %s', 1, true), err)",
                    hidden);
    host_run(L, lua_tostring(L, -1));
    hidden = NULL;
    lua_close(L);
  }
}

/* Without the resolver there is no Lua to be found: nothing is opened, and nothing crashes. */
static void open_without(const char *folder) {
  lua_State *L = host_open(folder);
  host_run(L, "assert(require('echo') == true)");
  lua_close(L);
}

/* Where the machine has a luv: it would find the other Lua, so no task gets it. */
static void try_luv(const char *folder) {
  lua_State *L = open_state(folder);
  host_run(L,
           "package.cpath = '/usr/lib/x86_64-linux-gnu/lua/5.4/?.so;/usr/lib/lua/5.4/?.so;'\n"
           "  .. '/usr/local/lib/lua/5.4/?.so'\n"
           "local s <close> = require 'echo'.builder():with_worker_count(1):build()\n"
           "if package.searchpath('luv', package.cpath) then\n"
           "  local ok, err = s:submit(function() return require 'luv' ~= nil end):pwait()\n"
           "  assert(not ok and err.message:find('another copy of Lua', 1, true), tostring(err))\n"
           "end");
  lua_close(L);
}

/* The other Lua in this process asks for the module, too: it is refused by its own error. */
static void open_from_other(const char *library, const char *folder) {
  void *other = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
  CHECK(other != NULL);
  lua_State *(*make)(void);
  void (*open)(lua_State *);
  int (*load_string)(lua_State *, const char *);
  int (*call)(lua_State *, int, int, int, lua_KContext, lua_KFunction);
  const char *(*text)(lua_State *, int, size_t *);
  const char *(*push)(lua_State *, const char *, ...);
  *(void **)&make = dlsym(other, "luaL_newstate");
  *(void **)&open = dlsym(other, "luaL_openlibs");
  *(void **)&load_string = dlsym(other, "luaL_loadstring");
  *(void **)&call = dlsym(other, "lua_pcallk");
  *(void **)&text = dlsym(other, "lua_tolstring");
  *(void **)&push = dlsym(other, "lua_pushfstring");
  CHECK(make && make != luaL_newstate);
  lua_State *L = make();
  open(L);
  CHECK(load_string(L, push(L, "package.cpath = '%s/?.so'; require 'echo'", folder)) == LUA_OK);
  CHECK(call(L, 0, 0, 0, 0, NULL) == LUA_ERRRUN);
  const char *error = text(L, -1, NULL);
  CHECK(strstr(error, "in use by another copy of Lua") != NULL);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  char path[4096];
  CHECK(dlsym(RTLD_DEFAULT, "lua_gettop") == NULL);
  snprintf(path, sizeof path, "%s/echo.so", arguments[1]);
  module = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* as SDL_LoadObject does */
  if (module == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(module != NULL);
  open_without(arguments[1]);
  lack_functions(arguments[1]);
  CHECK(dlopen(arguments[2], RTLD_NOW | RTLD_GLOBAL) != NULL);
  open_without(arguments[1]);
  for (int i = 1; i <= 3; i++) { /* Lite XL closes its state and makes another when it restarts */
    lua_State *L = open_state(arguments[1]);
    host_run(L, host_work);
    lua_close(L);
    CHECK(atomic_load(&new_states) >= i);
  }
  try_luv(arguments[1]);
  open_from_other(arguments[2], arguments[1]);
  return 0;
}
