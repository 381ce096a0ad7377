/* What Lite XL's program has for native modules, as a module for the specs: `load` opens one as
 * system.load_native_plugin does, with a resolver; and an SDL_PushEvent that counts, which others
 * see if this is loaded by package.loadlib(path, "*"). */
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static atomic_int pushed;

int SDL_PushEvent(uint32_t *event) {
  if (*event == 0x8000) atomic_fetch_add(&pushed, 1);
  return 1;
}

static const char *denied = ""; /* a function that the resolver does not know */

static void *resolve(const char *name) {
  return strcmp(name, denied) == 0 ? NULL : dlsym(RTLD_DEFAULT, name);
}

/* load(name, path, [denied]) */
static int load(lua_State *L) {
  char entry[100];
  int (*open)(lua_State * L, void *(*resolve)(const char *name)) = NULL;
  void *module = dlopen(luaL_checkstring(L, 2), RTLD_NOW);
  if (module == NULL) return luaL_error(L, "%s", dlerror());
  denied = luaL_optstring(L, 3, "");
  snprintf(entry, sizeof entry, "luaopen_lite_xl_%s", luaL_checkstring(L, 1));
  *(void **)&open = dlsym(module, entry);
  if (open == NULL) return luaL_error(L, "no %s", entry);
  int results = open(L, resolve);
  return results > 0 ? results : luaL_error(L, "entrypoint must return a value");
}

static int events(lua_State *L) {
  lua_pushinteger(L, pushed);
  return 1;
}

int luaopen_host(lua_State *L) {
  static const luaL_Reg functions[] = {{"load", load}, {"events", events}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
