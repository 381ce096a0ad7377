/* Stands in for a luv that brings a libuv of its own; with OLD, for one that is too old to be given
 * a loop. It must never be opened. */
#include <stdlib.h>

#define SHOWN __attribute__((visibility("default")))

struct lua_State;

SHOWN int luaopen_luv(struct lua_State *L);
SHOWN int luaopen_luv(struct lua_State *L) {
  (void)L;
  abort();
}

#ifndef OLD
SHOWN void luv_set_loop(struct lua_State *L, void *loop);
SHOWN void luv_set_loop(struct lua_State *L, void *loop) {
  (void)L, (void)loop;
  abort();
}

SHOWN void luv_set_callback(struct lua_State *L, void *call);
SHOWN void luv_set_callback(struct lua_State *L, void *call) {
  (void)L, (void)call;
  abort();
}

SHOWN int uv_run(void *loop, int mode);
SHOWN int uv_run(void *loop, int mode) {
  (void)loop, (void)mode;
  abort();
}
#endif
