/* semaphore_methods.c - see semaphore_methods.h. */
#include "lua/semaphore_methods.h"

#include <stdint.h>

#include "lua/check.h"
#include "lua/error.h"
#include "lua/interrupt.h"
#include "lua/operation.h"

static const lua_Integer most = INT32_MAX;

int echo__semaphore_make(lua_State *L) {
  const echo__host *host = echo__host_of(L);
  lua_Integer permits = echo__check_integer(L, 1, "permits", 1, most);
  echo__handle *handle = echo__handle_new(L, host, &echo__semaphore_type);
  echo__semaphore *semaphore = echo__semaphore_create((uint32_t)permits);
  if (semaphore == NULL) return echo__fail_for_memory(L);
  handle->shared = &semaphore->shared;
  return 1;
}

static echo__semaphore *check(lua_State *L, const echo__host *host) {
  return (echo__semaphore *)echo__handle_check(L, host, 1, &echo__semaphore_type);
}

/* -- acquiring -------------------------------------------------------------------------------- */

static echo__semaphore_waiter *waiter_of(echo__operation *operation) {
  return operation->own;
}

/* The semaphore itself is what is returned: its end as a to-be-closed variable is a release. */
static int attempt(lua_State *L, const echo__host *host, echo__operation *operation) {
  if (!echo__semaphore_attempt(waiter_of(operation))) return ECHO__WAITS;
  echo__interrupts_spare(host);
  lua_pushvalue(L, 1);
  return 1;
}

static bool enroll(echo__operation *operation) {
  return echo__semaphore_enroll(waiter_of(operation));
}

static void leave(echo__operation *operation) {
  echo__semaphore_leave(waiter_of(operation));
}

static int expire(lua_State *L, const echo__host *host, echo__operation *operation) {
  (void)operation;
  lua_pushliteral(L, "the wait ran out of time: no permit was released");
  echo__error_push_here(L, host, ECHO__KIND_TIMEOUT);
  return ECHO__RAISES;
}

static const echo__operation_type type = {
    "semaphore:acquire", attempt, enroll, leave, expire, sizeof(echo__semaphore_waiter), false};

static int acquire(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__semaphore *semaphore = check(L, host);
  double seconds = echo__check_seconds(L, 2);
  lua_settop(L, 1);
  if (echo__semaphore_try(semaphore)) {
    echo__interrupts_spare(host);
    return 1;
  }
  echo__operation *operation = echo__operation_open(L, host, &type);
  waiter_of(operation)->waiter.seat = &operation->seat;
  waiter_of(operation)->semaphore = semaphore;
  return echo__operation_run(L, operation, seconds);
}

static int try_acquire(lua_State *L) {
  lua_pushboolean(L, echo__semaphore_try(check(L, echo__host_of(L))));
  return 1;
}

/* -- releasing -------------------------------------------------------------------------------- */

static int release(lua_State *L) {
  if (echo__semaphore_release(check(L, echo__host_of(L)))) return 0;
  return luaL_error(L, "the semaphore was released more often than it was acquired");
}

static int with_called(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L) - 1;
}

/* From here on Lua sees to the release, whichever way the call ends. */
static int with_acquired(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  lua_toclose(L, 1);
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, with_called);
  return with_called(L, LUA_OK, 0);
}

/* (semaphore, function, arguments...) */
static int with(lua_State *L) {
  echo__semaphore *semaphore = check(L, echo__host_of(L));
  echo__check_function(L, 2);
  if (!echo__semaphore_try(semaphore)) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, acquire, 1);
    lua_pushvalue(L, 1);
    lua_callk(L, 1, 0, 0, with_acquired);
  }
  return with_acquired(L, LUA_OK, 0);
}

const luaL_Reg echo__semaphore_methods[] = {{"acquire", acquire},
                                            {"try_acquire", try_acquire},
                                            {"release", release},
                                            {"with", with},
                                            {NULL, NULL}};

const luaL_Reg echo__semaphore_metamethods[] = {
    {"__close", release}, {"__eq", echo__handle_equal}, {"__gc", echo__handle_gc}, {NULL, NULL}};
