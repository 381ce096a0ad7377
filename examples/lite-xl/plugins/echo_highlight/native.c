/*
 * The native part of the plugin: what Lua code can do neither in Lite XL nor in a worker's state.
 *
 * - In the editor: gives the addresses of C functions of the editor's own libraries, which other
 *   states cannot reach by a name; and lets results wake the editor's event loop, which sleeps
 *   without a limit when its window has no focus.
 * - In a worker: makes functions of these addresses. They have no upvalues, so one address is the
 *   function in every state.
 *
 * Lite XL exports none of Lua's functions; it hands over a resolver. It is opened in the editor
 * before any worker opens it, so the table is written once before it is read.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
#define LUA(X) \
  X(luaL_checkinteger) X(luaL_checklstring) X(luaL_error) X(lua_createtable) X(lua_getupvalue) \
  X(lua_pushcclosure) X(lua_pushinteger) X(lua_pushstring) X(lua_setfield) X(lua_tocfunction)
/* clang-format on */

static struct {
#define MEMBER(function) __typeof__(function) *function##_;
  LUA(MEMBER)
} lua;

/* -- functions by their address -------------------------------------------------------------- */

static int address(lua_State *L) {
  lua_CFunction function = lua.lua_tocfunction_(L, 1);
  if (function == NULL || lua.lua_getupvalue_(L, 1, 1) != NULL)
    return lua.luaL_error_(L, "a C function without upvalues expected");
  lua.lua_pushinteger_(L, (lua_Integer)(intptr_t)function);
  return 1;
}

static int at(lua_State *L) {
  intptr_t function = (intptr_t)lua.luaL_checkinteger_(L, 1);
  lua.lua_pushcclosure_(L, (lua_CFunction)function, 0);
  return 1;
}

/* -- waking the editor ----------------------------------------------------------------------- */

static int (*push_sdl_event)(void *event); /* SDL_PushEvent, of SDL 2 or 3 */
static int touched = -1;                   /* a descriptor of the file that is written to */

static void push_event(void *data) {
  union {
    uint32_t type; /* both versions' SDL_Event begins with it, and is smaller than this */
    unsigned char bytes[256];
  } event = {.type = 0x8000}; /* SDL_USEREVENT, SDL_EVENT_USER: Lite XL ignores it */
  (void)data;
  push_sdl_event(&event);
}

static void touch(void *data) {
  (void)data;
  if (pwrite(touched, ".", 1, 0) < 0)
    return; /* a disk that is full: the editor wakes up at the next input */
}

static int open_touched(const char *path) {
  if (touched >= 0) close(touched); /* of a state that the editor has closed in order to restart */
  touched = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  return touched;
}

/* wake(path of echo.so, path of a file) -> "event" or "file". From now on the editor's loop goes
 * round when there is something to poll. In a program that has SDL as a part of itself it cannot be
 * called from outside; there that file is written to, and the editor is to watch it. */
static int wake(lua_State *L) {
  const char *echo = lua.luaL_checklstring_(L, 1, NULL);
  const char *path = lua.luaL_checklstring_(L, 2, NULL);
  void *library = dlopen(echo, RTLD_NOW | RTLD_NOLOAD);
  int (*set_wakeup)(lua_State *, void (*)(void *), void *) = NULL;
  if (library != NULL) *(void **)&set_wakeup = dlsym(library, "echo_lua_set_wakeup");
  if (set_wakeup == NULL) return lua.luaL_error_(L, "%s is not the Echo that was loaded", echo);
  *(void **)&push_sdl_event = dlsym(RTLD_DEFAULT, "SDL_PushEvent");
  if (push_sdl_event == NULL && open_touched(path) < 0)
    return lua.luaL_error_(L, "cannot open %s", path);
  set_wakeup(L, push_sdl_event != NULL ? push_event : touch, NULL);
  dlclose(library);
  lua.lua_pushstring_(L, push_sdl_event != NULL ? "event" : "file");
  return 1;
}

/* -- opening ----------------------------------------------------------------------------------- */

static void add(lua_State *L, const char *name, lua_CFunction function) {
  lua.lua_pushcclosure_(L, function, 0);
  lua.lua_setfield_(L, -2, name);
}

/* In a worker, by package.loadlib. */
int luaopen_echo_highlight_worker(lua_State *L) {
  lua.lua_createtable_(L, 0, 1);
  add(L, "at", at);
  return 1;
}

/* In the editor, which opens plugins.echo_highlight.native by this name. */
int luaopen_lite_xl_native(lua_State *L, void *(*resolve)(const char *name)) {
#define RESOLVE(function)                                                                          \
  *(void **)&lua.function##_ = resolve(#function);                                                 \
  if (lua.function##_ == NULL) return 0;
  LUA(RESOLVE)
  lua.lua_createtable_(L, 0, 2);
  add(L, "address", address);
  add(L, "wake", wake);
  return 1;
}
