/* buffer_methods.c - see buffer_methods.h. Positions count as in Lua's string library. */
#include "lua/buffer_methods.h"

#include <echo/lua.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lua/argument.h"
#include "lua/buffer.h"
#include "lua/check.h"
#include "lua/module.h"

/* -- handles ---------------------------------------------------------------------------------- */

static void tell_collector(lua_State *L, echo_buffer *buffer) {
  size_t kilobytes = echo__buffer_take_weight(buffer) / 1024;
  if (kilobytes == 0 || lua_gc(L, LUA_GCISRUNNING) != 1) return;
  lua_gc(L, LUA_GCSTEP, kilobytes < INT_MAX ? (int)kilobytes : INT_MAX);
}

static void push_received(lua_State *L, const echo__host *host, echo__shared *shared) {
  echo__handle_push(L, host, shared);
  tell_collector(L, (echo_buffer *)shared);
}

const echo__shared_type echo__buffer_type = {
    .name = "echo.buffer",
    .type = ECHO__TYPE_BUFFER,
    .destroy = echo__buffer_destroy,
    .push = push_received,
};

void echo_lua_push_buffer(lua_State *L, echo_buffer *buffer) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  echo__shared_push(L, echo__module_host(L), &buffer->shared);
}

echo_buffer *echo_lua_to_buffer(lua_State *L, int index) {
  const echo__shared_type *type;
  const echo__handle *handle = echo__handle_at(L, index, &type);
  return handle && type == &echo__buffer_type ? (echo_buffer *)handle->shared : NULL;
}

static echo_buffer *check(lua_State *L) {
  return (echo_buffer *)echo__handle_check(L, echo__host_of(L), 1, &echo__buffer_type);
}

/* Gives the inert handle on top its buffer; NULL: there was no memory. The error is word for word
 * that of Lua's libraries, by which a task that fails for want of memory is known. */
static int adopt(lua_State *L, echo__handle *handle, echo_buffer *buffer) {
  if (!buffer) {
    lua_pushliteral(L, "not enough memory");
    return lua_error(L);
  }
  handle->shared = &buffer->shared;
  return 1;
}

/* -- making ----------------------------------------------------------------------------------- */

static int from_text(lua_State *L) {
  size_t size;
  const char *text = lua_tolstring(L, 1, &size);
  echo__handle *handle = echo__handle_new(L, echo__host_of(L), &echo__buffer_type);
  echo_buffer *buffer = echo__buffer_copy(text, size);
  adopt(L, handle, buffer);
  tell_collector(L, buffer);
  return 1;
}

/* Like io.open: what the system refuses is for the caller to look at. */
static int from_file(lua_State *L, const char *path) {
  echo__handle *handle = echo__handle_new(L, echo__host_of(L), &echo__buffer_type);
  echo_buffer *buffer = NULL;
  int status = echo__buffer_map(path, &buffer);
  if (status == ECHO_MISSING) return luaL_fileresult(L, 0, path);
  if (status != ECHO_INVALID) return adopt(L, handle, buffer);
  lua_pushnil(L);
  lua_pushfstring(L, "%s: only a regular file whose size is known can be mapped", path);
  lua_pushinteger(L, EINVAL);
  return 3;
}

/* The string stays on the stack. */
static const char *check_file_option(lua_State *L) {
  static const char *const known[] = {"file", NULL};
  size_t size = 0;
  echo__check_options(L, 1, known);
  lua_getfield(L, 1, "file");
  const char *path = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
  if (!path) echo__fail_option(L, 1, "file", "a string");
  if (strlen(path) != size) echo__fail_option(L, 1, "file", "a string without zero bytes");
  return path;
}

int echo__buffer_make(lua_State *L) {
  switch (lua_type(L, 1)) {
  case LUA_TSTRING: return from_text(L);
  case LUA_TTABLE: return from_file(L, check_file_option(L));
  default: return echo__type_error(L, 1, "string or { file = path }");
  }
}

/* -- positions -------------------------------------------------------------------------------- */

/* From 1 on; a negative position counts from the end. */
static size_t first_position(lua_Integer position, size_t size) {
  if (position > 0) return (size_t)position;
  if (position == 0 || position < -(lua_Integer)size) return 1;
  return size + 1 - (size_t)-position;
}

static size_t last_position(lua_Integer position, size_t size) {
  if (position > (lua_Integer)size) return size;
  if (position >= 0) return (size_t)position;
  return position < -(lua_Integer)size ? 0 : size + 1 - (size_t)-position;
}

typedef struct range {
  size_t offset;
  size_t size;
} range;

static range range_between(const echo_buffer *buffer, lua_Integer i, lua_Integer j) {
  size_t first = first_position(i, buffer->size);
  size_t last = last_position(j, buffer->size);
  return first > last ? (range){0, 0} : (range){first - 1, last - first + 1};
}

/* Of the arguments i and j; j may be missing. */
static range check_range(lua_State *L, const echo_buffer *buffer) {
  lua_Integer first = echo__argument_integer(L, 2);
  return range_between(buffer, first, echo__optional_integer(L, 3, -1));
}

/* -- methods ---------------------------------------------------------------------------------- */

static int sub(lua_State *L) {
  const echo_buffer *buffer = check(L);
  range r = check_range(L, buffer);
  lua_pushlstring(L, buffer->bytes + r.offset, r.size);
  return 1;
}

static int slice(lua_State *L) {
  echo_buffer *buffer = check(L);
  range r = check_range(L, buffer);
  echo__handle *handle = echo__handle_new(L, echo__host_of(L), &echo__buffer_type);
  return adopt(L, handle, echo__buffer_slice(buffer, r.offset, r.size));
}

static int byte(lua_State *L) {
  const echo_buffer *buffer = check(L);
  lua_Integer first = echo__optional_integer(L, 2, 1);
  range r = range_between(buffer, first, echo__optional_integer(L, 3, first));
  if (r.size >= INT_MAX) return luaL_error(L, "buffer slice too long");
  luaL_checkstack(L, (int)r.size, "buffer slice too long");
  for (size_t i = 0; i < r.size; i++)
    lua_pushinteger(L, (unsigned char)buffer->bytes[r.offset + i]);
  return (int)r.size;
}

static int find(lua_State *L) {
  const echo_buffer *buffer = check(L);
  size_t size;
  const char *text = echo__argument_string(L, 2, &size);
  size_t offset = first_position(echo__optional_integer(L, 3, 1), buffer->size) - 1;
  const char *found = NULL;
  if (offset <= buffer->size)
    found = memmem(buffer->bytes + offset, buffer->size - offset, text, size);
  if (!found) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, found - buffer->bytes + 1);
  lua_pushinteger(L, found - buffer->bytes + (lua_Integer)size);
  return 2;
}

const luaL_Reg echo__buffer_methods[] = {
    {"sub", sub}, {"byte", byte}, {"find", find}, {"slice", slice}, {NULL, NULL}};

/* -- metamethods ------------------------------------------------------------------------------ */

static int length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check(L)->size);
  return 1;
}

static int to_string(lua_State *L) {
  const echo_buffer *buffer = check(L);
  lua_pushlstring(L, buffer->bytes, buffer->size);
  return 1;
}

static int equal(lua_State *L) {
  const echo_buffer *a = echo_lua_to_buffer(L, 1);
  const echo_buffer *b = echo_lua_to_buffer(L, 2);
  bool alike = a && b && a->size == b->size;
  lua_pushboolean(L, alike && (a->bytes == b->bytes || memcmp(a->bytes, b->bytes, a->size) == 0));
  return 1;
}

const luaL_Reg echo__buffer_metamethods[] = {{"__len", length},
                                             {"__tostring", to_string},
                                             {"__eq", equal},
                                             {"__gc", echo__handle_gc},
                                             {NULL, NULL}};
