/* Stands in for src/lua/host.h: the models have no Lua. */
#ifndef ECHO_LUA_HOST_H
#define ECHO_LUA_HOST_H

#include "lauxlib.h"

typedef enum echo__type { ECHO__TYPE_CHANNEL } echo__type;

typedef struct echo__host {
} echo__host;

inline void echo__host_bless(lua_State *, const echo__host *, echo__type) {
}
inline void *echo__host_check(lua_State *, const echo__host *, int, echo__type) {
  return NULL;
}

#endif
