/*
 * The hooks that a task sets for itself, with debug.sethook.
 *
 * Lua has one hook a coroutine, and an interruption needs it, too. So worker states carry a
 * debug.sethook and debug.gethook of their own, which keep in a record what the task has set; the
 * hook that Lua knows is always Echo's, which calls the task's function for the events it asked
 * for (interrupt.c). The task's hooks neither get lost nor see anything of ours, and its count goes
 * on where it was, however often the task is interrupted.
 *
 * A coroutine finds its record by its extra space, a fiber's by the fiber; one without has the
 * state's `no_hook`. Lua copies the extra space of the main coroutine to each new one, hence the
 * check of whose it is.
 * Records are kept by a table with weak keys, as long as their coroutine lives.
 *
 * The thread of the worker; the handler of a signal reads `mask`.
 */
#ifndef ECHO_LUA_OWN_HOOK_H
#define ECHO_LUA_OWN_HOOK_H

#include "lua/fiber.h"

static inline echo__own_hook *echo__own_hook_of(lua_State *L) {
  const echo__fiber *fiber = echo__fiber_of(L);
  if (fiber != NULL) return fiber->own_hook != NULL ? fiber->own_hook : &fiber->state->no_hook;
  echo__own_hook *own = *(echo__own_hook **)lua_getextraspace(L);
  return own->L == L ? own : &own->state->no_hook;
}

/* True if Echo's hook is called often enough by itself, for the task's sake. */
static inline bool echo__own_hook_reacts(const echo__own_hook *own) {
  return own->mask & (LUA_MASKLINE | LUA_MASKCOUNT);
}

/* For a state's main coroutine, before it runs anything; and once its libraries are there: replaces
 * the functions in its `debug`. The latter may raise memory errors. */
void echo__own_hook_init(echo__worker_state *state);
void echo__own_hook_install(lua_State *L);

/* Echo's hook was called: calls the task's function if it asked for that. It may raise, and may set
 * other hooks. */
void echo__own_hook_event(lua_State *L, echo__own_hook *own, const lua_Debug *event);

/* Forgets what was set for this coroutine. */
void echo__own_hook_forget(lua_State *L);

#endif
