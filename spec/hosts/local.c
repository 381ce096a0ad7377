/* A host that links no Lua: it loads liblua for itself alone (RTLD_LOCAL), as a plugin of something
 * larger does. What the dynamic linker finds by name for the module is nothing. */
#include <dlfcn.h>

#include "host.h"

static void *liblua;

static void *find(const char *name) {
  void *address = dlsym(liblua, name);
  CHECK(address != NULL);
  return address;
}

static void run(const char *folder) {
  lua_State *(*make)(void);
  void (*open)(lua_State *), (*end)(lua_State *);
  int (*load)(lua_State *, const char *);
  int (*call)(lua_State *, int, int, int, lua_KContext, lua_KFunction);
  const char *(*text)(lua_State *, int, size_t *);
  const char *(*push)(lua_State *, const char *, ...);
  *(void **)&make = find("luaL_newstate");
  *(void **)&open = find("luaL_openlibs");
  *(void **)&end = find("lua_close");
  *(void **)&load = find("luaL_loadstring");
  *(void **)&call = find("lua_pcallk");
  *(void **)&text = find("lua_tolstring");
  *(void **)&push = find("lua_pushfstring");
  lua_State *L = make();
  open(L);
  CHECK(load(L, push(L, "package.cpath = '%s/?.so'\n%s", folder, host_work)) == LUA_OK);
  if (call(L, 0, 0, 0, 0, NULL) != LUA_OK) host_fail("script", 0, text(L, -1, NULL));
  end(L);
}

/* The library's users may come and go: whoever has opened the module keeps it. */
int main(int count, char **arguments) {
  CHECK(count == 3);
  for (int i = 0; i < 3; i++) {
    liblua = dlopen(arguments[2], RTLD_NOW | RTLD_LOCAL);
    CHECK(liblua != NULL);
    CHECK(dlsym(RTLD_DEFAULT, "lua_gettop") == NULL);
    run(arguments[1]);
    CHECK(dlclose(liblua) == 0);
  }
  return 0;
}
