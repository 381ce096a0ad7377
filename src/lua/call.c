#include "lua/call.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/check.h"
#include "lua/fiber.h"

enum { HANDLE = 1, FEW = 4 };

struct echo_lua_call {
  lua_State *L;
  const echo__host *host;
  const echo__native *native;
  unsigned count; /* arguments */
  size_t result_count, capacity;
  echo_lua_value *results; /* `few`, or allocated; strings are copies, buffers retained */
  echo_lua_value few[FEW];
  char *sentence;    /* allocated, or NULL */
  bool out_of_words; /* there was one, and no memory for it */
};

/* -- arguments -------------------------------------------------------------------------------- */

bool echo__call_takes(lua_State *L, int index) {
  switch (lua_type(L, index)) {
  case LUA_TNIL:
  case LUA_TBOOLEAN:
  case LUA_TNUMBER:
  case LUA_TSTRING: return true;
  default: return echo_lua_to_buffer(L, index) != NULL;
  }
}

unsigned echo_lua_call_count(const echo_lua_call *call) {
  return call->count;
}

static echo_lua_value number_at(lua_State *L, int place) {
  if (lua_isinteger(L, place))
    return (echo_lua_value){ECHO_LUA_INTEGER, {.integer = lua_tointeger(L, place)}};
  return (echo_lua_value){ECHO_LUA_NUMBER, {.number = lua_tonumber(L, place)}};
}

static echo_lua_value string_at(lua_State *L, int place) {
  echo_lua_value value = {.type = ECHO_LUA_STRING};
  value.as.string.bytes = lua_tolstring(L, place, &value.as.string.size);
  return value;
}

echo_lua_value echo_lua_call_argument(const echo_lua_call *call, unsigned index) {
  lua_State *L = call->L;
  if (index < 1 || index > call->count) return (echo_lua_value){.type = ECHO_LUA_NIL};
  int place = HANDLE + (int)index;
  switch (lua_type(L, place)) {
  case LUA_TBOOLEAN:
    return (echo_lua_value){ECHO_LUA_BOOLEAN, {.boolean = lua_toboolean(L, place)}};
  case LUA_TNUMBER: return number_at(L, place);
  case LUA_TSTRING: return string_at(L, place);
  case LUA_TUSERDATA:
    return (echo_lua_value){ECHO_LUA_BUFFER, {.buffer = echo_lua_to_buffer(L, place)}};
  default: return (echo_lua_value){.type = ECHO_LUA_NIL};
  }
}

static const char *type_name(const echo_lua_call *call, unsigned index) {
  static const char *const names[] = {"nil", "boolean", "integer", "number", "string", "buffer"};
  if (index < 1 || index > call->count) return "no value";
  return names[echo_lua_call_argument(call, index).type];
}

static int expected(echo_lua_call *call, unsigned index, const char *what) {
  return echo_lua_call_fail(call, "bad argument #%u to '%s' (%s expected, got %s)", index,
                            call->native->name, what, type_name(call, index));
}

int echo_lua_call_get_boolean(echo_lua_call *call, unsigned index, bool *value) {
  echo_lua_value argument = echo_lua_call_argument(call, index);
  if (argument.type != ECHO_LUA_BOOLEAN) return expected(call, index, "boolean");
  *value = argument.as.boolean;
  return ECHO_OK;
}

int echo_lua_call_get_integer(echo_lua_call *call, unsigned index, lua_Integer *value) {
  echo_lua_type type = echo_lua_call_argument(call, index).type;
  int exact = 0;
  lua_Integer integer = 0;
  if (type == ECHO_LUA_INTEGER || type == ECHO_LUA_NUMBER)
    integer = lua_tointegerx(call->L, HANDLE + (int)index, &exact);
  if (!exact) return expected(call, index, "integer");
  *value = integer;
  return ECHO_OK;
}

int echo_lua_call_get_number(echo_lua_call *call, unsigned index, lua_Number *value) {
  echo_lua_type type = echo_lua_call_argument(call, index).type;
  if (type != ECHO_LUA_INTEGER && type != ECHO_LUA_NUMBER) return expected(call, index, "number");
  *value = lua_tonumber(call->L, HANDLE + (int)index);
  return ECHO_OK;
}

static int get_text(echo_lua_call *call, unsigned index, echo_lua_value argument,
                    const char **bytes) {
  if (argument.type != ECHO_LUA_STRING) return expected(call, index, "string");
  if (strlen(argument.as.string.bytes) != argument.as.string.size)
    return expected(call, index, "string without zero bytes");
  *bytes = argument.as.string.bytes;
  return ECHO_OK;
}

int echo_lua_call_get_string(echo_lua_call *call, unsigned index, const char **bytes,
                             size_t *size) {
  echo_lua_value argument = echo_lua_call_argument(call, index);
  if (size == NULL) return get_text(call, index, argument, bytes);
  if (argument.type == ECHO_LUA_BUFFER) {
    *bytes = echo_buffer_bytes(argument.as.buffer);
    *size = echo_buffer_size(argument.as.buffer);
    return ECHO_OK;
  }
  if (argument.type != ECHO_LUA_STRING) return expected(call, index, "string");
  *bytes = argument.as.string.bytes;
  *size = argument.as.string.size;
  return ECHO_OK;
}

int echo_lua_call_get_buffer(echo_lua_call *call, unsigned index, echo_buffer **buffer) {
  echo_lua_value argument = echo_lua_call_argument(call, index);
  if (argument.type != ECHO_LUA_BUFFER) return expected(call, index, "buffer");
  *buffer = argument.as.buffer;
  return ECHO_OK;
}

/* -- results ---------------------------------------------------------------------------------- */

static bool make_room(echo_lua_call *call) {
  if (call->result_count < call->capacity) return true;
  size_t bytes = 2 * call->capacity * sizeof *call->results;
  bool few = call->results == call->few;
  echo_lua_value *more = realloc(few ? NULL : call->results, bytes);
  if (more == NULL) return false;
  if (few) memcpy(more, call->few, sizeof call->few);
  call->results = more;
  call->capacity *= 2;
  return true;
}

static int copy_string(echo_lua_value *value) {
  size_t size = value->as.string.size;
  if (value->as.string.bytes == NULL && size > 0) return ECHO_INVALID;
  if (size == SIZE_MAX) return ECHO_MEMORY;
  char *copy = malloc(size + 1);
  if (copy == NULL) return ECHO_MEMORY;
  if (size > 0) memcpy(copy, value->as.string.bytes, size);
  copy[size] = 0;
  value->as.string.bytes = copy;
  return ECHO_OK;
}

int echo_lua_call_return(echo_lua_call *call, echo_lua_value value) {
  int status = ECHO_OK;
  if (value.type > ECHO_LUA_BUFFER) return ECHO_INVALID;
  if (value.type == ECHO_LUA_BUFFER && value.as.buffer == NULL) return ECHO_INVALID;
  if (!make_room(call)) return ECHO_MEMORY;
  if (value.type == ECHO_LUA_STRING) status = copy_string(&value);
  if (status != ECHO_OK) return status;
  if (value.type == ECHO_LUA_BUFFER) echo_buffer_retain(value.as.buffer);
  call->results[call->result_count++] = value;
  return ECHO_OK;
}

int echo_lua_call_return_nil(echo_lua_call *call) {
  return echo_lua_call_return(call, (echo_lua_value){.type = ECHO_LUA_NIL});
}

int echo_lua_call_return_boolean(echo_lua_call *call, bool value) {
  return echo_lua_call_return(call, (echo_lua_value){ECHO_LUA_BOOLEAN, {.boolean = value}});
}

int echo_lua_call_return_integer(echo_lua_call *call, lua_Integer value) {
  return echo_lua_call_return(call, (echo_lua_value){ECHO_LUA_INTEGER, {.integer = value}});
}

int echo_lua_call_return_number(echo_lua_call *call, lua_Number value) {
  return echo_lua_call_return(call, (echo_lua_value){ECHO_LUA_NUMBER, {.number = value}});
}

int echo_lua_call_return_string(echo_lua_call *call, const char *bytes, size_t size) {
  return echo_lua_call_return(call, (echo_lua_value){ECHO_LUA_STRING, {.string = {bytes, size}}});
}

int echo_lua_call_return_buffer(echo_lua_call *call, echo_buffer *buffer) {
  return echo_lua_call_return(call, (echo_lua_value){ECHO_LUA_BUFFER, {.buffer = buffer}});
}

int echo_lua_call_fail(echo_lua_call *call, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int size = vsnprintf(NULL, 0, format, arguments);
  char *sentence = size >= 0 ? malloc((size_t)size + 1) : NULL;
  if (sentence != NULL) vsnprintf(sentence, (size_t)size + 1, format, again);
  va_end(again);
  va_end(arguments);
  free(call->sentence);
  call->sentence = sentence;
  call->out_of_words = sentence == NULL;
  return ECHO_INVALID;
}

bool echo_lua_call_is_cancelled(const echo_lua_call *call) {
  const echo__job *job = echo__fiber_job(call->host);
  return job != NULL && (echo__job_is_cancelling(job) || echo_task_is_cancelled());
}

/* -- the call --------------------------------------------------------------------------------- */

static void push_value(lua_State *L, const echo_lua_value *value) {
  switch (value->type) {
  case ECHO_LUA_NIL: lua_pushnil(L); break;
  case ECHO_LUA_BOOLEAN: lua_pushboolean(L, value->as.boolean); break;
  case ECHO_LUA_INTEGER: lua_pushinteger(L, value->as.integer); break;
  case ECHO_LUA_NUMBER: lua_pushnumber(L, value->as.number); break;
  case ECHO_LUA_STRING: lua_pushlstring(L, value->as.string.bytes, value->as.string.size); break;
  case ECHO_LUA_BUFFER: echo_lua_push_buffer(L, value->as.buffer); break;
  }
}

/* (call) */
static int push_results(lua_State *L) {
  const echo_lua_call *call = lua_touserdata(L, 1);
  if (call->result_count > INT_MAX / 2) return luaL_error(L, "too many results");
  luaL_checkstack(L, (int)call->result_count + LUA_MINSTACK, "too many results");
  for (size_t i = 0; i < call->result_count; i++)
    push_value(L, &call->results[i]);
  return (int)call->result_count;
}

/* (call, status) */
static int raise_failure(lua_State *L) {
  const echo_lua_call *call = lua_touserdata(L, 1);
  int status = (int)lua_tointeger(L, 2);
  if (call->out_of_words || (call->sentence == NULL && status == ECHO_MEMORY))
    return echo__fail_for_memory(L);
  lua_pushstring(L, call->sentence != NULL ? call->sentence : echo_strerror(status));
  return lua_error(L);
}

static void close_call(echo_lua_call *call) {
  for (size_t i = 0; i < call->result_count; i++) {
    const echo_lua_value *value = &call->results[i];
    if (value->type == ECHO_LUA_STRING) free((char *)value->as.string.bytes);
    if (value->type == ECHO_LUA_BUFFER) echo_buffer_release(value->as.buffer);
  }
  if (call->results != call->few) free(call->results);
  free(call->sentence);
}

static void check_arguments(lua_State *L, const echo__native *native) {
  for (int i = HANDLE + 1; i <= lua_gettop(L); i++) {
    if (echo__call_takes(L, i)) continue;
    luaL_error(L, "bad argument #%d to '%s' (%s expected, got %s)", i - HANDLE, native->name,
               ECHO__CALL_TAKES, luaL_typename(L, i));
  }
}

int echo__call(lua_State *L, const echo__host *host, const echo__native *native) {
  check_arguments(L, native);
  int top = lua_gettop(L);
  echo_lua_call call = {
      .L = L, .host = host, .native = native, .count = (unsigned)(top - HANDLE), .capacity = FEW};
  call.results = call.few;
  int status = native->function(&call, native->data);
  lua_pushcfunction(L, status < 0 ? raise_failure : push_results);
  lua_pushlightuserdata(L, &call);
  lua_pushinteger(L, status);
  int outcome = lua_pcall(L, 2, LUA_MULTRET, 0);
  close_call(&call);
  return outcome == LUA_OK ? lua_gettop(L) - top : lua_error(L);
}
