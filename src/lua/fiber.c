#include "lua/fiber.h"

#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

#include "lua/failure.h"
#include "lua/interrupt.h"
#include "lua/isolation.h"
#include "lua/scope.h"

enum { FIBER = 1 }; /* in the address */

echo__fiber *echo__fiber_of(lua_State *L) {
  uintptr_t owner = *(uintptr_t *)lua_getextraspace(L);
  return owner & FIBER ? (echo__fiber *)(owner - FIBER) : NULL;
}

/* (fiber) */
static int make_coroutine(lua_State *L) {
  echo__fiber *fiber = lua_touserdata(L, 1);
  lua_State *coroutine = lua_newthread(L);
  fiber->reference = luaL_ref(L, LUA_REGISTRYINDEX);
  fiber->coroutine = coroutine;
  *(uintptr_t *)lua_getextraspace(coroutine) = (uintptr_t)fiber | FIBER;
  return 0;
}

static void free_fiber(echo__fiber *fiber) {
  echo__alloc_give(&fiber->state->alloc, fiber, sizeof *fiber);
}

static echo__fiber *make(echo__worker_state *state) {
  echo__fiber *fiber = echo__alloc_take(&state->alloc, sizeof *fiber);
  if (fiber == NULL) return NULL;
  memset(fiber, 0, sizeof *fiber);
  fiber->state = state;
  fiber->operation.seat.sitter = ECHO__SITS_TASK;
  fiber->environment = LUA_NOREF;
  lua_pushcfunction(state->L, make_coroutine);
  lua_pushlightuserdata(state->L, fiber);
  if (lua_pcall(state->L, 1, 0, 0) != LUA_OK) {
    lua_pop(state->L, 1);
    free_fiber(fiber);
    return NULL;
  }
  fiber->next = state->fibers;
  if (fiber->next != NULL) fiber->next->link = &fiber->next;
  fiber->link = &state->fibers;
  state->fibers = fiber;
  return fiber;
}

echo__fiber *echo__fiber_take(echo__worker_state *state) {
  echo__fiber *fiber = state->spare;
  if (fiber != NULL) {
    state->spare = fiber->at.next_spare;
    fiber->at.end = NULL;
  } else {
    fiber = make(state);
  }
  state->fibers_out += fiber != NULL;
  return fiber;
}

static void forget(echo__fiber *fiber) {
  *fiber->link = fiber->next;
  if (fiber->next != NULL) fiber->next->link = fiber->link;
  lua_settop(fiber->coroutine, 0);
  *(echo__own_hook **)lua_getextraspace(fiber->coroutine) =
      fiber->own_hook != NULL ? fiber->own_hook : &fiber->state->no_hook;
  luaL_unref(fiber->state->L, LUA_REGISTRYINDEX, fiber->reference);
  free_fiber(fiber);
}

/* A task that has stopped the collector would have all later ones fill the memory. */
static void collect_again(const echo__worker_state *state) {
  if (state->collects && !lua_gc(state->L, LUA_GCISRUNNING)) lua_gc(state->L, LUA_GCRESTART);
}

void echo__fiber_give(echo__fiber *fiber, bool well) {
  echo__operation_close(&fiber->operation);
  collect_again(fiber->state);
  fiber->state->fibers_out--;
  echo__failure_forget(fiber);
  echo__isolation_end(fiber);
  if (fiber->at.end != NULL) *fiber->at.end = (echo__fiber_end){true, well};
  if (fiber->spent || fiber->known) {
    forget(fiber);
    return;
  }
  lua_settop(fiber->coroutine, 0);
  echo__interrupts_clear(fiber->coroutine);
  fiber->run = NULL;
  fiber->at.next_spare = fiber->state->spare;
  fiber->state->spare = fiber;
}

echo__job *echo__fiber_job(const echo__host *host) {
  const echo__worker_state *state = host->worker;
  return state != NULL && state->fiber != NULL ? state->fiber->run->job : NULL;
}

void echo__fibers_close(echo__worker_state *state) {
  while (state->fibers != NULL) {
    echo__fiber *fiber = state->fibers;
    state->fibers = fiber->next;
    echo__operation_close(&fiber->operation);
    while (fiber->scopes != NULL)
      echo__scope_end(fiber->scopes);
    free_fiber(fiber);
  }
  state->spare = NULL;
  state->fibers_out = 0;
}
