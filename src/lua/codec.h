/*
 * What one lua_State needs to send and receive values: scratch memory, caches, and the registry
 * places of their Lua tables.
 *
 * A full userdata kept in the registry, so it ends with its state. Used by whichever thread runs
 * the state, never by two at once. A pass of an encode runs no Lua code and no finalizer and so
 * never nests; between its passes (encode_hook.c) and while decoding both may run. So all that
 * lasts longer than a pass is on the encode's or decode's own C and Lua stack, and an encode or
 * decode in the midst of it does no harm.
 */
#ifndef ECHO_LUA_CODEC_H
#define ECHO_LUA_CODEC_H

#include "lua/code.h"
#include "lua/message.h"
#include "lua/names.h"
#include "lua/pointer_map.h"
#include "lua/registered.h"

#include <lua.h>

/* The field of a metatable that says how its objects travel. */
#define ECHO__HOOK "__echo_transfer"

typedef struct echo__codec {
  echo__pointer_map met;    /* while encoding: objects, cells, keys and codes met so far */
  echo__code_cache codes;   /* sender: closure -> code */
  echo__code_loaded loaded; /* receiver: code -> function */
  echo__names names;        /* sender: library value -> name */
  echo__registered registered;
  echo__message paths; /* sender: where the objects in `found` are; see encode_hook.c */
  int found;           /* registry reference: objects with a hook that a pass has met */
  int hook;            /* registry reference: the string "__echo_transfer" */
  int later;           /* registry reference: the queue of objects an encode put off */
  size_t later_count;  /* entries in that queue; more than 0 between calls after an error */
  int environment;     /* registry reference: what stands for the globals; see isolation.h */
  int keys;            /* registry reference: a decode's dictionary, false while one has it */
  struct echo__parcel *parcel; /* the empty one at hand, or NULL; see parcel.h */
  int closed;                  /* the state is closing: nothing may be encoded any more */
} echo__codec;

/* The codec of this state, made at the first call. Any coroutine of the state. The state owns it,
 * and it lives until the state is closed. Lua memory errors are raised. */
echo__codec *echo__codec_open(lua_State *L);

/* The codec of this state, or NULL if none was opened. A registry look-up: keep what it returns. */
echo__codec *echo__codec_of(lua_State *L);

#endif
