/* decode_object.c - references, tables, functions and handles, see decode_machine.h. */
#include "lua/decode_machine.h"

#include "lua/loan.h"
#include "lua/module.h"
#include "lua/shared.h"
#include "lua/stack.h"

#include <lauxlib.h>
#include <limits.h>

static int remember(echo__decoder *d, int place, lua_Integer index) {
  if (lua_isnil(d->L, d->base + place)) {
    lua_newtable(d->L);
    lua_replace(d->L, d->base + place);
  }
  lua_pushvalue(d->L, -1);
  lua_rawseti(d->L, d->base + place, index);
  return ECHO__DECODE_READ;
}

static lua_Integer offset_of(const echo__decoder *d, const unsigned char *at) {
  return at - d->message->bytes;
}

/* Pushes the shared object `distance` before `from`, or nil. */
static int push_shared(echo__decoder *d, const unsigned char *from, uint64_t distance) {
  if (distance > (uint64_t)offset_of(d, from) || lua_isnil(d->L, d->base + ECHO__PLACE_SHARED))
    return LUA_TNIL;
  return lua_rawgeti(d->L, d->base + ECHO__PLACE_SHARED,
                     offset_of(d, from) - (lua_Integer)distance);
}

int echo__decode_reference(echo__decoder *d) {
  uint64_t distance;
  const unsigned char *tag = d->at - 1;
  if (echo__decode_varint(d, &distance) < 0) return ECHO_TRANSFER;
  return push_shared(d, tag, distance) == LUA_TNIL
             ? echo__decode_fail(d, "malformed message: bad reference")
             : ECHO__DECODE_READ;
}

/* Every entry that is announced takes bytes of its own, so honest counts never add up to more than
 * the message's size; what lies gets small tables. */
static int allowance(echo__decoder *d, uint32_t count) {
  size_t allowed = count < d->budget ? count : d->budget;
  if (allowed > INT_MAX) allowed = INT_MAX;
  d->budget -= allowed;
  return (int)allowed;
}

static echo__decode_frame *open_frame(echo__decoder *d) {
  if (d->depth == ECHO__DEPTH) {
    echo__decode_fail(d, "malformed message: nested too deep");
    return NULL;
  }
  echo__stack_need(d->L, 12);
  echo__decode_frame *f = &d->frames[d->depth++];
  f->at = lua_gettop(d->L);
  f->index = 1;
  return f;
}

int echo__decode_open_table(echo__decoder *d, uint32_t items, uint32_t pairs, int has_metatable) {
  echo__decode_frame *f = open_frame(d);
  if (!f) return ECHO_TRANSFER;
  f->items = items;
  f->pairs = pairs;
  f->has_metatable = has_metatable;
  f->next = items > 0 ? ECHO__NEXT_ITEM : ECHO__NEXT_KEY;
  return ECHO__DECODE_OPENED;
}

int echo__decode_open_function(echo__decoder *d, int upvalues) {
  echo__decode_frame *f = open_frame(d);
  if (!f) return ECHO_TRANSFER;
  f->upvalues = upvalues;
  f->has_metatable = 0;
  f->next = ECHO__NEXT_UPVALUE;
  return ECHO__DECODE_OPENED;
}

int echo__decode_share(echo__decoder *d, const unsigned char *tag) {
  return remember(d, ECHO__PLACE_SHARED, offset_of(d, tag));
}

/* Notes the new object on top where its tag says so. */
static void note_object(echo__decoder *d, unsigned tag, const unsigned char *origin) {
  if (tag & ECHO__WIRE_SHARED) echo__decode_share(d, origin);
}

/* The table on top has its metatable above it if it is an object; that is taken off. */
static int put_off_table(echo__decoder *d, int is_object) {
  lua_Integer index = (lua_Integer)++d->later_count;
  if (is_object) {
    remember(d, ECHO__PLACE_LATER, -index);
    lua_pop(d->L, 1);
  }
  return remember(d, ECHO__PLACE_LATER, index);
}

static int push_table(echo__decoder *d, unsigned tag) {
  const unsigned char *origin = d->at - 1;
  uint32_t items, pairs;
  if (echo__decode_u32(d, &items) < 0 || echo__decode_u32(d, &pairs) < 0) return ECHO_TRANSFER;
  int item_room = allowance(d, items);
  lua_createtable(d->L, item_room, allowance(d, pairs));
  note_object(d, tag, origin);
  int is_object = (tag & ~3u) == ECHO__WIRE_OBJECT;
  if (is_object && echo__decode_registered(d) < 0) return ECHO_TRANSFER;
  if (tag & ECHO__WIRE_LATER) return put_off_table(d, is_object);
  if (is_object) lua_insert(d->L, -2);
  return echo__decode_open_table(d, items, pairs, is_object);
}

/* The attachment that is named next, which must be of that kind; otherwise NULL and the error. */
static void *read_attachment(echo__decoder *d, echo__attachment_kind kind, const char *error) {
  uint64_t index;
  if (echo__decode_varint(d, &index) < 0) return NULL;
  if (index < d->message->attachment_count && d->message->attachments[index].kind == kind)
    return d->message->attachments[index].pointer;
  echo__decode_fail(d, error);
  return NULL;
}

static const echo__code *read_code(echo__decoder *d) {
  return read_attachment(d, ECHO__ATTACHMENT_CODE, "malformed message: no such code");
}

/* What lua_load said: an error of memory is Lua's own affair. */
static int check_load(echo__decoder *d, int status) {
  if (status == LUA_ERRMEM) lua_error(d->L);
  return status == LUA_OK ? ECHO__DECODE_READ : echo__decode_fail(d, NULL);
}

void echo__decode_globals(echo__decoder *d) {
  int environment = d->codec->environment;
  lua_rawgeti(d->L, LUA_REGISTRYINDEX, environment == LUA_NOREF ? LUA_RIDX_GLOBALS : environment);
}

/* One that is kept for all has the globals. */
static int load_isolated(echo__decoder *d, const echo__code *code) {
  int status = echo__code_load_new(d->L, &d->codec->loaded, code);
  if (status != LUA_OK) return status;
  echo__decode_globals(d);
  lua_setupvalue(d->L, -2, 1);
  return status;
}

static int load_plain(echo__decoder *d, const echo__code *code) {
  if (code->upvalue_count == 0 || d->codec->environment == LUA_NOREF)
    return echo__code_load_plain(d->L, &d->codec->loaded, code);
  return load_isolated(d, code);
}

static int push_plain(echo__decoder *d, unsigned tag) {
  const unsigned char *origin = d->at - 1;
  const echo__code *code = read_code(d);
  if (!code) return ECHO_TRANSFER;
  if (code->upvalue_count > 1)
    return echo__decode_fail(d, "malformed message: function without its upvalues");
  if (check_load(d, load_plain(d, code)) < 0) return ECHO_TRANSFER;
  note_object(d, tag, origin);
  return ECHO__DECODE_READ;
}

static int push_function(echo__decoder *d, unsigned tag) {
  const unsigned char *origin = d->at - 1;
  const echo__code *code = read_code(d);
  if (!code || check_load(d, echo__code_load_new(d->L, &d->codec->loaded, code)) < 0)
    return ECHO_TRANSFER;
  note_object(d, tag, origin);
  if (tag & ECHO__WIRE_LATER) return remember(d, ECHO__PLACE_LATER, (lua_Integer)++d->later_count);
  return echo__decode_open_function(d, code->upvalue_count);
}

static int push_handle(echo__decoder *d, unsigned tag) {
  const unsigned char *origin = d->at - 1;
  echo__shared *shared =
      read_attachment(d, ECHO__ATTACHMENT_SHARED, "malformed message: no such handle");
  if (!shared) return ECHO_TRANSFER;
  echo__shared_push(d->L, echo__module_host(d->L), shared);
  note_object(d, tag, origin);
  return ECHO__DECODE_READ;
}

int echo__decode_text(echo__decoder *d) {
  uint64_t at, size;
  echo__block *block = read_attachment(d, ECHO__ATTACHMENT_TEXT, "malformed message: no such text");
  if (!block || echo__decode_varint(d, &at) < 0 || echo__decode_varint(d, &size) < 0)
    return ECHO_TRANSFER;
  if (at >= block->capacity || size >= block->capacity - at)
    return echo__decode_fail(d, "malformed message: the text ends too early");
  echo__loan_push(d->L, block, (size_t)at, (size_t)size, d->last);
  return ECHO__DECODE_READ;
}

int echo__decode_object(echo__decoder *d, unsigned tag) {
  if ((tag & ~1u) == ECHO__WIRE_HANDLE) return push_handle(d, tag);
  switch (tag & ~3u) {
  case ECHO__WIRE_TABLE:
  case ECHO__WIRE_OBJECT: return push_table(d, tag);
  case ECHO__WIRE_FUNCTION: return push_function(d, tag);
  case ECHO__WIRE_PLAIN: return push_plain(d, tag);
  default: return echo__decode_fail(d, "malformed message: unknown kind of value");
  }
}

int echo__decode_cell(echo__decoder *d, echo__decode_frame *f) {
  uint64_t distance;
  int upvalue;
  const unsigned char *tag = d->at++;
  if (echo__decode_varint(d, &distance) < 0 || echo__decode_byte(d, &upvalue) < 0)
    return ECHO_TRANSFER;
  if (push_shared(d, tag, distance) != LUA_TFUNCTION || lua_iscfunction(d->L, -1) ||
      !lua_getupvalue(d->L, -1, upvalue) || !lua_getupvalue(d->L, f->at, (int)f->index))
    return echo__decode_fail(d, "malformed message: bad upvalue");
  lua_pop(d->L, 2);
  lua_upvaluejoin(d->L, f->at, (int)f->index++, -1, upvalue);
  lua_pop(d->L, 1);
  return ECHO__DECODE_READ;
}
