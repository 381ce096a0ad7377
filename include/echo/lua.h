/*
 * echo/lua.h - Echo in a Lua 5.4 state.
 */
#ifndef ECHO_LUA_H
#define ECHO_LUA_H

#include <echo/buffer.h>
#include <echo/scheduler.h>
#include <echo/status.h>
#include <lua.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the module and leaves its table on the stack: the lua_CFunction for require, and for hosts
 * that link Echo (luaL_requiref(L, "echo", luaopen_echo, 0)). The thread that runs L. Raises a Lua
 * error if L is of another version of Lua than the module was built for. */
ECHO_API int luaopen_echo(lua_State *L);

/* Pushes a buffer, which the new value takes a reference to; the caller keeps his. The state need
 * not have opened the module. The thread that runs L. Raises Lua memory errors, and then has taken
 * nothing. */
ECHO_API void echo_lua_push_buffer(lua_State *L, echo_buffer *buffer);

/* The buffer at `index`, or NULL if the value is none. The value has the reference: to keep the
 * buffer longer than the value, retain it. The thread that runs L; raises nothing. */
ECHO_API echo_buffer *echo_lua_to_buffer(lua_State *L, int index);

/* Pushes a handle of a scheduler that a script has built, for another state of the program, on
 * whatever thread that runs: its scripts submit to it and get their own results. They cannot stop
 * it; the state that built it does. If L is closed, its tasks that have not ended are cancelled,
 * and others' are not. The handle keeps the scheduler's memory, not its threads.
 *
 * ECHO_OK, or ECHO_INVALID for a scheduler whose workers have no Lua state: nothing is pushed then.
 * The scheduler must not have been given up by its owner meanwhile. The thread that runs L. Raises
 * Lua memory errors. */
ECHO_API int echo_lua_push_scheduler(lua_State *L, echo_scheduler *scheduler);

/* The scheduler at `index`, or NULL if the value is none. It is borrowed: good as long as the value
 * is, and not to be released. The thread that runs L; raises nothing. */
ECHO_API echo_scheduler *echo_lua_to_scheduler(lua_State *L, int index);

/* For programs with an event loop of their own: what s:poll does for scripts. Calls the call-backs
 * of on_complete for tasks of this state that have ended, and resumes coroutines that await, as
 * many as wait at the moment. Waits up to `seconds` for the first one and begins no further one
 * when they have passed; 0 does not wait, and delivers all; a negative number waits as long as it
 * takes. Errors of what is called are reported (s:on_error).
 *
 * Returns the number delivered, or ECHO_INVALID in a worker's state and in one that is closing.
 * Raises, as lua_call does, memory errors and what a hook raises. The thread that runs L, which may
 * be any coroutine of its state. */
ECHO_API int echo_lua_pump(lua_State *L, double seconds);

/* Sets what is called when there is something to pump; NULL: nothing. wakeup(data) is called from
 * worker threads, or the one that submits, stops or pumps, never from two at once, and once only
 * until the next pump. It runs with locks held: it must be short (post an event, write to a pipe),
 * must not block, and must call neither Lua nor Echo. When this function returns the former
 * call-back is not running any more; nor is any when the state is closed.
 *
 * ECHO_OK or ECHO_INVALID, as above. Raises memory errors. The thread that runs L. */
ECHO_API int echo_lua_set_wakeup(lua_State *L, void (*wakeup)(void *data), void *data);

#ifdef __cplusplus
}
#endif

#endif
