#include "lua/parcel.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "lua/check.h"
#include "lua/decode.h"
#include "lua/encode.h"
#include "lua/error.h"
#include "lua/loan.h"
#include "lua/stack.h"
#include "lua/wire_put.h"

/* An empty parcel keeps no more memory than this. */
enum { KEPT_BYTES = 4096 };

/* A count that fits into a byte is below. */
enum { MOST_SIMPLE = 128 };

echo__parcel *echo__parcel_create(void) {
  echo__parcel *parcel = malloc(sizeof *parcel);
  if (parcel != NULL) echo__message_init(&parcel->message);
  return parcel;
}

void echo__parcel_destroy(echo__parcel *parcel) {
  if (parcel == NULL) return;
  echo__message_release(&parcel->message);
  free(parcel);
}

void echo__parcel_give(const echo__host *host, echo__parcel *parcel) {
  if (parcel == NULL) return;
  if (host->codec->parcel != NULL || host->codec->closed) {
    echo__parcel_destroy(parcel);
    return;
  }
  if (parcel->message.capacity > KEPT_BYTES)
    echo__message_release(&parcel->message);
  else
    echo__message_reset(&parcel->message);
  host->codec->parcel = parcel;
}

/* -- packing ---------------------------------------------------------------------------------- */

static echo__parcel *take(const echo__host *host) {
  echo__parcel *parcel = host->codec->parcel;
  host->codec->parcel = NULL;
  return parcel != NULL ? parcel : echo__parcel_create();
}

/* Numbers, strings, booleans and nil, which most messages between tasks are made of: nothing can be
 * raised then, so nothing has to be caught. ECHO_TRANSFER if there is anything else. */
static int put_simply(lua_State *L, int index, echo__message *message) {
  size_t size;
  switch (lua_type(L, index)) {
  case LUA_TNIL: return echo__put_byte(message, ECHO__WIRE_NIL);
  case LUA_TBOOLEAN:
    return echo__put_byte(message, lua_toboolean(L, index) ? ECHO__WIRE_TRUE : ECHO__WIRE_FALSE);
  case LUA_TNUMBER:
    if (lua_isinteger(L, index)) return echo__put_integer(message, lua_tointeger(L, index));
    return echo__put_float(message, lua_tonumber(L, index));
  case LUA_TSTRING: {
    const char *text = lua_tolstring(L, index, &size);
    return echo__put_text(L, text, size, message);
  }
  default: return ECHO_TRANSFER;
  }
}

static int pack_simply(lua_State *L, int first, int count, echo__message *message) {
  int status = count < MOST_SIMPLE ? echo__put_byte(message, count) : ECHO_TRANSFER;
  for (int i = first; i < first + count && status == ECHO_OK; i++)
    status = put_simply(L, i, message);
  return status;
}

bool echo__parcel_is_simple(lua_State *L, int first, int count) {
  for (int i = first; i < first + count; i++) {
    int type = lua_type(L, i);
    if (type > LUA_TSTRING || type == LUA_TLIGHTUSERDATA) return false;
  }
  return count < MOST_SIMPLE;
}

typedef struct packing {
  const echo__host *host;
  echo__parcel *parcel;
  int status;
} packing;

/* (packing, values...): returns a sentence if they cannot be packed */
static int pack(lua_State *L) {
  packing *p = lua_touserdata(L, 1);
  p->status = echo__encode(L, p->host->codec, 2, lua_gettop(L) - 1, ECHO__ROOT_ARGUMENT, 1,
                           &p->parcel->message);
  return p->status == ECHO_OK ? 0 : 1;
}

static void pack_guarded(lua_State *L, packing *p, int first, int count) {
  lua_pushcfunction(L, pack);
  lua_pushlightuserdata(L, p);
  for (int i = first; i < first + count; i++)
    lua_pushvalue(L, i);
  int raised = lua_pcall(L, count + 1, 1, 0);
  if (raised == LUA_OK && p->status == ECHO_OK) {
    lua_pop(L, 1);
    return;
  }
  echo__parcel_give(p->host, p->parcel);
  if (raised != LUA_OK) lua_error(L);
  echo__error_raise(L, p->host, echo__kind_of_status(p->status));
}

echo__parcel *echo__parcel_pack(lua_State *L, const echo__host *host, int first, int count) {
  echo__stack_need(L, count + LUA_MINSTACK);
  packing p = {host, take(host), ECHO_OK};
  if (p.parcel == NULL) echo__fail_for_memory(L);
  if (pack_simply(L, first, count, &p.parcel->message) != ECHO_OK)
    pack_guarded(L, &p, first, count);
  return p.parcel;
}

/* -- unpacking -------------------------------------------------------------------------------- */

typedef struct unpacking {
  const echo__host *host;
  echo__parcel *parcel;
  bool refused;
} unpacking;

/* (unpacking) */
static int unpack(lua_State *L) {
  unpacking *u = lua_touserdata(L, 1);
  lua_settop(L, 0);
  int count = echo__decode_last(L, u->host->codec, &u->parcel->message);
  u->refused = count < 0;
  return u->refused ? 1 : count;
}

static int unpack_guarded(lua_State *L, const echo__host *host, echo__parcel *parcel) {
  unpacking u = {host, parcel, false};
  int top = lua_gettop(L);
  lua_pushcfunction(L, unpack);
  lua_pushlightuserdata(L, &u);
  if (lua_pcall(L, 1, LUA_MULTRET, 0) != LUA_OK) return ECHO__UNPACK_FAILED;
  return u.refused ? ECHO__UNPACK_REFUSED : lua_gettop(L) - top;
}

/* A number or a boolean alone: nothing can be raised here either. */
static bool unpack_simply(lua_State *L, const echo__message *message) {
  const unsigned char *at = message->bytes + 1, *end = message->bytes + message->size;
  uint64_t number;
  if (message->size < 2 || message->bytes[0] != 1) return false;
  unsigned tag = *at++;
  if (tag >= ECHO__WIRE_SMALL)
    lua_pushinteger(L, (int)tag - ECHO__WIRE_SMALL + ECHO__WIRE_SMALLEST);
  else if (tag == ECHO__WIRE_INTEGER && echo__wire_get_varint(at, end, &number) == end)
    lua_pushinteger(L, (lua_Integer)echo__wire_unzigzag(number));
  else if (tag == ECHO__WIRE_FALSE || tag == ECHO__WIRE_TRUE)
    lua_pushboolean(L, tag == ECHO__WIRE_TRUE);
  else
    return false;
  return true;
}

int echo__parcel_unpack(lua_State *L, const echo__host *host, echo__parcel *parcel) {
  if (unpack_simply(L, &parcel->message)) return 1;
  return unpack_guarded(L, host, parcel);
}
