/* codec.c - see codec.h. */
#include "lua/codec.h"

#include "lua/parcel.h"
#include "lua/stack.h"

#include <lauxlib.h>
#include <string.h>

/* Its address is the registry key. */
static const char codec_key = 0;

/* Other finalizers of a closing state may run after this one and still use the codec, so it is left
 * in order, only empty. Its memory goes after all of them. */
static int close_codec(lua_State *L) {
  echo__codec *codec = lua_touserdata(L, 1);
  codec->closed = 1;
  echo__pointer_map_release(&codec->met);
  echo__code_cache_close(&codec->codes);
  echo__names_close(&codec->names);
  echo__registered_close(&codec->registered);
  echo__message_release(&codec->paths);
  echo__parcel_destroy(codec->parcel);
  codec->parcel = NULL;
  return 0;
}

echo__codec *echo__codec_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &codec_key);
  echo__codec *codec = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return codec;
}

/* From here on the collector closes it, also if one of the next steps fails. */
static echo__codec *push_codec(lua_State *L) {
  echo__codec *codec = lua_newuserdatauv(L, sizeof *codec, 0);
  memset(codec, 0, sizeof *codec);
  codec->environment = LUA_NOREF;
  echo__pointer_map_init(&codec->met);
  echo__pointer_map_init(&codec->registered.metatables);
  echo__message_init(&codec->paths);
  echo__names_open(&codec->names);
  echo__code_loaded_open(&codec->loaded);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, close_codec);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return codec;
}

echo__codec *echo__codec_open(lua_State *L) {
  echo__stack_need(L, 8);
  echo__codec *codec = echo__codec_of(L);
  if (codec) return codec;
  codec = push_codec(L);
  echo__code_cache_open(L, &codec->codes);
  lua_newtable(L);
  codec->later = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  codec->keys = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  codec->found = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushliteral(L, ECHO__HOOK);
  codec->hook = luaL_ref(L, LUA_REGISTRYINDEX);
  echo__registered_open(L, &codec->registered);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &codec_key);
  return codec;
}
