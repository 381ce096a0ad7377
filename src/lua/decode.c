/* decode.c - see decode.h, and decode_machine.h for how it works. */
#include "lua/decode.h"

#include "lua/decode_machine.h"
#include "lua/stack.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>

/* ---- scalars ---- */

static int push_string(echo__decoder *d, uint64_t size) {
  if (size > echo__decode_left(d)) return echo__decode_cut_off(d);
  lua_pushlstring(d->L, (const char *)d->at, (size_t)size);
  d->at += size;
  return ECHO__DECODE_READ;
}

static int push_long_string(echo__decoder *d) {
  uint64_t size;
  return echo__decode_varint(d, &size) < 0 ? ECHO_TRANSFER : push_string(d, size);
}

static int push_integer(echo__decoder *d) {
  uint64_t number;
  if (echo__decode_varint(d, &number) < 0) return ECHO_TRANSFER;
  lua_pushinteger(d->L, (lua_Integer)echo__wire_unzigzag(number));
  return ECHO__DECODE_READ;
}

static int push_float(echo__decoder *d) {
  lua_Number number;
  if (echo__decode_left(d) < sizeof number) return echo__decode_cut_off(d);
  memcpy(&number, d->at, sizeof number);
  d->at += sizeof number;
  lua_pushnumber(d->L, number);
  return ECHO__DECODE_READ;
}

/* ---- the dictionary ---- */

/* The state's table is reused from decode to decode, which saves making one each time. It is taken
 * out of the registry meanwhile, so that a decode inside this one finds none and makes its own; so
 * does the next one when this one ends in a Lua error. */
static void take_keys(echo__decoder *d) {
  if (lua_rawgeti(d->L, LUA_REGISTRYINDEX, d->codec->keys) != LUA_TTABLE) {
    lua_pop(d->L, 1);
    lua_newtable(d->L);
  }
  lua_replace(d->L, d->base + ECHO__PLACE_KEYS);
  lua_pushboolean(d->L, 0);
  lua_rawseti(d->L, LUA_REGISTRYINDEX, d->codec->keys);
}

static void give_back_keys(echo__decoder *d) {
  lua_pushvalue(d->L, d->base + ECHO__PLACE_KEYS);
  lua_rawseti(d->L, LUA_REGISTRYINDEX, d->codec->keys);
}

static int push_new_key(echo__decoder *d) {
  int size;
  if (d->keys == ECHO__WIRE_DICTIONARY)
    return echo__decode_fail(d, "malformed message: too many keys");
  if (echo__decode_byte(d, &size) < 0 || push_string(d, (uint64_t)size) < 0) return ECHO_TRANSFER;
  if (d->keys == 0) take_keys(d);
  lua_pushvalue(d->L, -1);
  lua_rawseti(d->L, d->base + ECHO__PLACE_KEYS, (lua_Integer)++d->keys);
  return ECHO__DECODE_READ;
}

static int push_known_key(echo__decoder *d, uint64_t number) {
  if (number >= d->keys) return echo__decode_fail(d, "malformed message: unknown key");
  lua_rawgeti(d->L, d->base + ECHO__PLACE_KEYS, (lua_Integer)number + 1);
  return ECHO__DECODE_READ;
}

static int push_numbered_key(echo__decoder *d) {
  uint64_t number;
  return echo__decode_varint(d, &number) < 0 ? ECHO_TRANSFER : push_known_key(d, number);
}

/* ---- values ---- */

int echo__decode_value(echo__decoder *d) {
  if (d->at == d->end) return echo__decode_cut_off(d);
  unsigned tag = *d->at++;
  if (tag >= ECHO__WIRE_SMALL) {
    lua_pushinteger(d->L, (int)tag - ECHO__WIRE_SMALL + ECHO__WIRE_SMALLEST);
    return ECHO__DECODE_READ;
  }
  if (tag >= ECHO__WIRE_SHORT_KEY) return push_known_key(d, tag - ECHO__WIRE_SHORT_KEY);
  if (tag >= ECHO__WIRE_SHORT_STRING) return push_string(d, tag - ECHO__WIRE_SHORT_STRING);
  switch (tag) {
  case ECHO__WIRE_NIL: lua_pushnil(d->L); return ECHO__DECODE_READ;
  case ECHO__WIRE_FALSE: lua_pushboolean(d->L, 0); return ECHO__DECODE_READ;
  case ECHO__WIRE_TRUE: lua_pushboolean(d->L, 1); return ECHO__DECODE_READ;
  case ECHO__WIRE_INTEGER: return push_integer(d);
  case ECHO__WIRE_FLOAT: return push_float(d);
  case ECHO__WIRE_STRING: return push_long_string(d);
  case ECHO__WIRE_KEY: return push_new_key(d);
  case ECHO__WIRE_KNOWN_KEY: return push_numbered_key(d);
  case ECHO__WIRE_REFERENCE: return echo__decode_reference(d);
  case ECHO__WIRE_NAMED: return echo__decode_named(d);
  case ECHO__WIRE_REGISTERED: return echo__decode_registered(d);
  case ECHO__WIRE_TEXT: return echo__decode_text(d);
  case ECHO__WIRE_GLOBALS: echo__decode_globals(d); return ECHO__DECODE_READ;
  case ECHO__WIRE_NULL: lua_pushlightuserdata(d->L, NULL); return ECHO__DECODE_READ;
  default: return echo__decode_object(d, tag);
  }
}

/* Nothing but a string is read, so that a name whose name is an object does not take C stack. */
int echo__decode_string(echo__decoder *d) {
  unsigned tag = d->at == d->end ? ECHO__WIRE_NIL : *d->at;
  bool is_string = tag == ECHO__WIRE_STRING || tag == ECHO__WIRE_KEY ||
                   tag == ECHO__WIRE_KNOWN_KEY || tag == ECHO__WIRE_TEXT ||
                   (tag >= ECHO__WIRE_SHORT_STRING && tag < ECHO__WIRE_SMALL);
  return is_string ? echo__decode_value(d) : echo__decode_fail(d, "malformed message: bad name");
}

/* ---- frames ---- */

/* A key that lua_rawset would raise an error for. */
static int is_bad_key(lua_State *L) {
  if (lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1)) return lua_isnil(L, -1);
  lua_Number number = lua_tonumber(L, -1);
  return number != number;
}

/* Takes the value on top into the frame's object. A key stays on top, for its value to come. */
static int deliver(echo__decoder *d, echo__decode_frame *f) {
  switch (f->next) {
  case ECHO__NEXT_ITEM:
    lua_rawseti(d->L, f->at, f->index++);
    if (--f->items == 0) f->next = ECHO__NEXT_KEY;
    return ECHO__DECODE_READ;
  case ECHO__NEXT_KEY:
    if (is_bad_key(d->L)) return echo__decode_fail(d, "malformed message: bad table key");
    f->next = ECHO__NEXT_VALUE;
    return ECHO__DECODE_READ;
  case ECHO__NEXT_VALUE:
    lua_rawset(d->L, f->at);
    f->pairs--;
    f->next = ECHO__NEXT_KEY;
    return ECHO__DECODE_READ;
  case ECHO__NEXT_UPVALUE:
  default:
    if (!lua_setupvalue(d->L, f->at, (int)f->index++))
      return echo__decode_fail(d, "malformed message: too many upvalues");
    return ECHO__DECODE_READ;
  }
}

static int is_full(const echo__decode_frame *f) {
  if (f->next == ECHO__NEXT_UPVALUE) return f->index > f->upvalues;
  return f->next == ECHO__NEXT_KEY && f->pairs == 0;
}

/* Reads into the frame until it is full (ECHO__DECODE_READ) or another one has been opened. */
static int fill_frame(echo__decoder *d, echo__decode_frame *f) {
  int status = ECHO__DECODE_READ;
  while (status == ECHO__DECODE_READ && !is_full(f)) {
    if (f->next == ECHO__NEXT_UPVALUE && d->at != d->end && *d->at == ECHO__WIRE_CELL) {
      status = echo__decode_cell(d, f);
      continue;
    }
    status = echo__decode_value(d);
    if (status == ECHO__DECODE_READ) status = deliver(d, f);
  }
  return status;
}

/* Gives the full object on top the metatable below it, if there is one, which it takes away. */
static void close_frame(echo__decoder *d, const echo__decode_frame *f) {
  if (!f->has_metatable) return;
  lua_pushvalue(d->L, f->at - 1);
  lua_setmetatable(d->L, f->at);
  lua_remove(d->L, f->at - 1);
}

/* Fills the open frames; the object of the first one is on top then. */
static int fill(echo__decoder *d) {
  while (d->depth > 0) {
    int status = fill_frame(d, &d->frames[d->depth - 1]);
    if (status == ECHO__DECODE_OPENED) continue;
    if (status != ECHO__DECODE_READ) return status;
    close_frame(d, &d->frames[--d->depth]);
    if (d->depth > 0 && deliver(d, &d->frames[d->depth - 1]) < 0) return ECHO_TRANSFER;
  }
  return ECHO__DECODE_READ;
}

/* ---- messages ---- */

/* Puts the metatable of the table on top, which is the body read now, below it if it has one. */
static int insert_metatable(echo__decoder *d) {
  if (lua_rawgeti(d->L, d->base + ECHO__PLACE_LATER, -(lua_Integer)d->later_done) != LUA_TTABLE) {
    lua_pop(d->L, 1);
    return 0;
  }
  lua_insert(d->L, -2);
  return 1;
}

static int open_body(echo__decoder *d) {
  uint32_t items, pairs;
  int upvalues;
  if (!lua_istable(d->L, -1))
    return echo__decode_byte(d, &upvalues) < 0 ? ECHO_TRANSFER
                                               : echo__decode_open_function(d, upvalues);
  if (echo__decode_u32(d, &items) < 0 || echo__decode_u32(d, &pairs) < 0) return ECHO_TRANSFER;
  return echo__decode_open_table(d, items, pairs, insert_metatable(d));
}

/* Fills what the last value put off, and what that put off in turn. */
static int read_bodies(echo__decoder *d) {
  while (d->later_done < d->later_count) {
    lua_rawgeti(d->L, d->base + ECHO__PLACE_LATER, (lua_Integer)++d->later_done);
    lua_pushnil(d->L);
    lua_rawseti(d->L, d->base + ECHO__PLACE_LATER, (lua_Integer)d->later_done);
    int status = open_body(d);
    if (status == ECHO__DECODE_OPENED) status = fill(d);
    if (status < 0) return status;
    lua_pop(d->L, 1);
  }
  return ECHO__DECODE_READ;
}

int echo__decode_root(echo__decoder *d) {
  int status = echo__decode_value(d);
  if (status == ECHO__DECODE_OPENED) status = fill(d);
  if (status == ECHO__DECODE_READ && d->later_done < d->later_count) status = read_bodies(d);
  return status;
}

/* What was rebuilt comes before the values; there, the tag is one of an unknown value. */
static int read_rebuilt(echo__decoder *d) {
  while (d->at != d->end && *d->at == ECHO__WIRE_REBUILT) {
    d->at++;
    if (echo__decode_rebuilt(d) < 0) return ECHO_TRANSFER;
  }
  return ECHO__DECODE_READ;
}

static int read_all(echo__decoder *d) {
  uint64_t count;
  if (echo__decode_varint(d, &count) < 0) return ECHO_TRANSFER;
  if (count > echo__decode_left(d)) return echo__decode_cut_off(d);
  if (!echo__stack_fits(d->L, count, 12))
    return echo__decode_fail(d, "too many values for the stack");
  if (read_rebuilt(d) < 0) return ECHO_TRANSFER;
  for (uint64_t i = 0; i < count; i++)
    if (echo__decode_root(d) < 0) return ECHO_TRANSFER;
  if (d->at != d->end) return echo__decode_fail(d, "malformed message: more bytes than values");
  return (int)count;
}

/* Leaves the error sentence alone on top of what was there before. */
static int finish_with_error(echo__decoder *d) {
  if (d->error) {
    lua_settop(d->L, d->base + 1);
    lua_pushstring(d->L, d->error);
  }
  lua_replace(d->L, d->base + 1);
  lua_settop(d->L, d->base + 1);
  return ECHO_TRANSFER;
}

static int decode(lua_State *L, echo__codec *codec, const echo__message *message, bool last) {
  echo__decoder d;
  echo__stack_need(L, ECHO__PLACES + 12);
  d.L = L;
  d.codec = codec;
  d.message = message;
  d.at = message->bytes;
  d.end = message->bytes + message->size;
  d.error = NULL;
  d.last = last;
  d.budget = message->size;
  d.keys = d.later_count = d.later_done = 0;
  d.base = lua_gettop(L);
  d.depth = 0;
  lua_settop(L, d.base + ECHO__PLACES);
  int count = read_all(&d);
  if (d.keys > 0) give_back_keys(&d);
  if (count < 0) return finish_with_error(&d);
  lua_rotate(L, d.base + 1, -ECHO__PLACES);
  lua_settop(L, d.base + count);
  return count;
}

int echo__decode(lua_State *L, echo__codec *codec, const echo__message *message) {
  return decode(L, codec, message, false);
}

int echo__decode_last(lua_State *L, echo__codec *codec, echo__message *message) {
  return decode(L, codec, message, true);
}
