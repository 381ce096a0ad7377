#include "lua/native.h"

#include <stdlib.h>
#include <string.h>

#include "lua/call.h"
#include "lua/check.h"
#include "lua/error.h"
#include "lua/module.h"

static void destroy(echo__shared *shared) {
  free(shared);
}

const echo__shared_type echo__native_type = {
    .name = "echo.callback", .type = ECHO__TYPE_CALLBACK, .destroy = destroy};

static echo__native *create(const char *name, echo_lua_callback function, void *data) {
  size_t bytes = strlen(name) + 1;
  echo__native *native = malloc(sizeof *native + bytes);
  if (native == NULL) return NULL;
  echo__shared_init(&native->shared, &echo__native_type);
  native->function = function;
  native->data = data;
  memcpy(native->name, name, bytes);
  return native;
}

int echo_lua_push_callback(lua_State *L, const char *name, echo_lua_callback function, void *data) {
  if (name == NULL || function == NULL) return ECHO_INVALID;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  echo__handle *handle = echo__handle_new(L, echo__module_host(L), &echo__native_type);
  echo__native *native = create(name, function, data);
  if (native == NULL) echo__fail_for_memory(L);
  handle->shared = &native->shared;
  return ECHO_OK;
}

const echo__native *echo__native_at(lua_State *L, int index) {
  const echo__shared_type *type;
  const echo__handle *handle = echo__handle_at(L, index, &type);
  return handle != NULL && type == &echo__native_type ? (echo__native *)handle->shared : NULL;
}

void echo__native_check_arguments(lua_State *L, const echo__host *host, const echo__native *native,
                                  int first, int last) {
  for (int i = first; i <= last; i++) {
    if (echo__call_takes(L, i)) continue;
    lua_pushfstring(L, "argument %d: %s cannot be given to the call-back '%s', which takes %s",
                    i - first + 1, luaL_typename(L, i), native->name, ECHO__CALL_TAKES);
    echo__error_raise(L, host, ECHO__KIND_TRANSFER);
  }
}

/* (callback, arguments...): the handle stays on the stack, so the native stays too. */
static int call(lua_State *L) {
  const echo__host *host = echo__host_of(L);
  const echo__native *native =
      (const echo__native *)echo__handle_check(L, host, 1, &echo__native_type);
  return echo__call(L, host, native);
}

static int to_string(lua_State *L) {
  const echo__native *native = echo__native_at(L, 1);
  lua_pushfstring(L, "echo.callback: %s", native != NULL ? native->name : "(closed)");
  return 1;
}

const luaL_Reg echo__native_metamethods[] = {{"__call", call},
                                             {"__tostring", to_string},
                                             {"__eq", echo__handle_equal},
                                             {"__gc", echo__handle_gc},
                                             {NULL, NULL}};
