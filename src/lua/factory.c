/*
 * factory.c - see factory.h. A dump, as Lua 5.4 writes it:
 *
 *   header  byte(upvalues)  function
 *   function = string(source) size(line) size(line) byte(parameters) byte(vararg) byte(registers)
 *              size(n) n instructions
 *              size(n) n constants
 *              size(n) n times {byte(in the outer function's registers) byte(index) byte(kind)}
 *              size(n) n functions
 *              size(n) n bytes   size(n) n times {size size}         lines
 *              size(n) n times {string size size}                    variables
 *              size(n) n strings                                     names of upvalues
 *   size     = groups of seven bits, the highest first; the last one has the eighth bit
 *   string   = size(0) for none, or size(length + 1) bytes
 */
#include "lua/factory.h"
#include "lua/stack.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum {
  HEADER = 31, /* bytes */
  INSTRUCTION = 4,
  MOST_UPVALUES = 190, /* a function has 200 local variables at most */
  DEEPEST = 200        /* functions inside functions that Lua compiles */
};

/* Tags of constants. */
enum {
  IS_NIL = 0x00,
  IS_FALSE = 0x01,
  IS_INTEGER = 0x03,
  IS_SHORT_STRING = 0x04,
  IS_TRUE = 0x11,
  IS_FLOAT = 0x13,
  IS_LONG_STRING = 0x14
};

/* `at` becomes NULL at the first thing that is not as expected. */
typedef struct reader {
  const unsigned char *at;
  const unsigned char *end;
} reader;

/* Where the parts of a function are. */
typedef struct parts {
  const unsigned char *upvalues; /* three bytes each */
  size_t upvalue_count;
  const unsigned char *inner; /* the functions in it */
  size_t inner_count;
} parts;

static void skip(reader *r, size_t size) {
  if (r->at && (size_t)(r->end - r->at) >= size)
    r->at += size;
  else
    r->at = NULL;
}

static int get_byte(reader *r) {
  skip(r, 1);
  return r->at ? r->at[-1] : -1;
}

static size_t get_size(reader *r) {
  size_t size = 0;
  for (;;) {
    int byte = get_byte(r);
    if (byte < 0 || size > PTRDIFF_MAX >> 7) break;
    size = size << 7 | (size_t)(byte & 0x7F);
    if (byte & 0x80) return size;
  }
  r->at = NULL;
  return 0;
}

static void skip_many(reader *r, size_t each) {
  size_t count = get_size(r);
  if (r->at && count > (size_t)(r->end - r->at) / each) r->at = NULL;
  skip(r, count * each);
}

static void skip_string(reader *r) {
  size_t size = get_size(r);
  if (size > 0) skip(r, size - 1);
}

static void skip_constant(reader *r) {
  switch (get_byte(r)) {
  case IS_NIL:
  case IS_FALSE:
  case IS_TRUE: break;
  case IS_INTEGER: skip(r, sizeof(lua_Integer)); break;
  case IS_FLOAT: skip(r, sizeof(lua_Number)); break;
  case IS_SHORT_STRING:
  case IS_LONG_STRING: skip_string(r); break;
  default: r->at = NULL;
  }
}

static void skip_head(reader *r) {
  skip_string(r);
  get_size(r);
  get_size(r);
  skip(r, 3);
  skip_many(r, INSTRUCTION);
  for (size_t count = get_size(r); r->at && count > 0; count--)
    skip_constant(r);
}

static void skip_debug(reader *r) {
  skip_many(r, 1);
  for (size_t count = get_size(r); r->at && count > 0; count--) {
    get_size(r);
    get_size(r);
  }
  for (size_t count = get_size(r); r->at && count > 0; count--) {
    skip_string(r);
    get_size(r);
    get_size(r);
  }
  for (size_t count = get_size(r); r->at && count > 0; count--)
    skip_string(r);
}

static void read_function(reader *r, parts *found, int depth) {
  parts ignored;
  if (depth == DEEPEST) r->at = NULL;
  skip_head(r);
  found->upvalue_count = get_size(r);
  found->upvalues = r->at;
  if (found->upvalue_count > 255) r->at = NULL;
  skip(r, found->upvalue_count * 3);
  found->inner_count = get_size(r);
  found->inner = r->at;
  for (size_t i = 0; r->at && i < found->inner_count; i++)
    read_function(r, &ignored, depth + 1);
  skip_debug(r);
}

/* Finds the parts of the function in a dump; false if it is not one of `upvalues`. */
static int read_dump(const unsigned char *bytes, size_t size, size_t upvalues, parts *found) {
  reader r = {bytes, bytes + size};
  skip(&r, HEADER + 1);
  read_function(&r, found, 0);
  return r.at == r.end && found->upvalue_count == upvalues;
}

/* Pushes the text of the outer function. */
static void push_text(lua_State *L, int upvalues) {
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  for (int round = 0; round < 2; round++) {
    luaL_addstring(&text, round == 0 ? "local " : " return function() return ");
    for (int i = 0; i < upvalues; i++) {
      char name[8];
      snprintf(name, sizeof name, i > 0 ? ",v%d" : "v%d", i);
      luaL_addstring(&text, name);
    }
  }
  luaL_addstring(&text, " end");
  luaL_pushresult(&text);
}

/* The dump of the outer function: some bytes for each upvalue, and not many beside them. */
typedef struct outer {
  size_t size;
  unsigned char bytes[64 * (MOST_UPVALUES + 8)];
} outer;

static int add_bytes(lua_State *L, const void *bytes, size_t size, void *argument) {
  outer *o = argument;
  (void)L;
  if (size > sizeof o->bytes - o->size) return 1;
  memcpy(o->bytes + o->size, bytes, size);
  o->size += size;
  return 0;
}

/* Without names, of which it needs none: so that the inner one's source is what that says itself.
 */
static int dump_outer(lua_State *L, int upvalues, outer *o) {
  size_t size;
  push_text(L, upvalues);
  const char *text = lua_tolstring(L, -1, &size);
  int status = luaL_loadbufferx(L, text, size, "=echo", "t");
  if (status == LUA_ERRMEM) lua_error(L);
  o->size = 0;
  int failed = status != LUA_OK || lua_dump(L, add_bytes, o, 1);
  lua_pop(L, 2);
  return !failed;
}

/* Pushes the code in the place of the outer function's inner one; false if that cannot be. */
static int push_joined(lua_State *L, const echo__code *code, const outer *o, size_t *size) {
  parts own, around, ignored;
  reader inner = {NULL, o->bytes + o->size};
  if (code->size <= HEADER + 1 || memcmp(code->bytes, o->bytes, HEADER) != 0 ||
      !read_dump(code->bytes, code->size, (size_t)code->upvalue_count, &own) ||
      !read_dump(o->bytes, o->size, 1, &around) || around.inner_count != 1)
    return 0;
  inner.at = around.inner;
  read_function(&inner, &ignored, 0);
  size_t before = (size_t)(around.inner - o->bytes), after = (size_t)(inner.end - inner.at);
  size_t middle = code->size - (HEADER + 1);
  *size = before + middle + after;
  unsigned char *to = lua_newuserdatauv(L, *size, 0);
  memcpy(to, o->bytes, before);
  memcpy(to + before, code->bytes + HEADER + 1, middle);
  memcpy(to + before + middle, inner.at, after);
  to += before + (size_t)(own.upvalues - (code->bytes + HEADER + 1));
  for (int i = 0; i < code->upvalue_count; i++) {
    to[3 * i] = 1;
    to[3 * i + 1] = (unsigned char)i;
  }
  return 1;
}

/* Whether the function on top makes what it should. */
static int is_sound(lua_State *L, const echo__code *code) {
  lua_Debug about;
  lua_pushvalue(L, -1);
  lua_call(L, 0, 1);
  if (!lua_isfunction(L, -1)) {
    lua_pop(L, 1);
    return 0;
  }
  lua_getinfo(L, ">u", &about);
  return about.nups == code->upvalue_count;
}

/* Pushes the loaded function; false if there can be none. */
static int push_factory(lua_State *L, const echo__code *code) {
  outer o;
  size_t size;
  if (code->upvalue_count < 1 || code->upvalue_count > MOST_UPVALUES) return 0;
  if (!dump_outer(L, code->upvalue_count, &o) || !push_joined(L, code, &o, &size)) return 0;
  int status = luaL_loadbufferx(L, lua_touserdata(L, -1), size, "=echo", "b");
  if (status == LUA_ERRMEM) lua_error(L);
  return status == LUA_OK && is_sound(L, code);
}

void echo__factory_push(lua_State *L, const echo__code *code) {
  int top = lua_gettop(L);
  echo__stack_need(L, 12);
  if (!push_factory(L, code)) lua_pushnil(L);
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
}
