/*
 * Interrupting Lua code that runs, at no cost while nobody asks.
 *
 * Whoever wants a worker to look up (a more urgent task waits, its task is cancelled) has the core
 * call echo__interrupt on the worker's own thread, in a signal handler. That sets `interrupted` and
 * a count hook, as lua.c does at Ctrl-C, on the coroutine that runs. The hook then makes way (the
 * task is suspended where it stands, and goes on later) or raises the error of a cancelled task.
 *
 * The handler can come between any two instructions of the thread. It finds the running coroutine
 * by `level`; whoever changes `level` looks at `interrupted` afterwards and sets the hook itself.
 * So either the handler sees the new level, or the changer sees the flag.
 *
 * An error can be caught. While a task is to end, `interrupted` stays set, so each coroutine that
 * comes to run is hooked again: the first error leaves the task time to clean up, each further one
 * less. A task that has caught them all is left where it stands: it yields and is never resumed,
 * only its <close> variables are closed. (Raising an error at each instruction would do in the end,
 * too; but Lua looks through the whole stack at each error that is caught, which takes seconds for
 * one that has nested deep.) Where no yield passes, there is an error at each instruction.
 *
 * An error that a hook raises and that leaves a coroutine takes its hooks along: nothing would
 * interrupt what then closes its variables. So where no pcall can catch it anyhow, the hook yields
 * instead, with `ends` set, and coroutine.c closes the coroutine and raises the error behind it.
 *
 * The handler may also be called for no reason, or for another one, while a task cleans up.
 * `called` tells a hook that was set by the handler from one whose instructions are over: only the
 * latter raises a further error.
 *
 * Hooks of the task's own, which it sets by debug.sethook, are called by ours (own_hook.h). One
 * that C code sets is put by while ours stands in its place, and put back when ours has been
 * called.
 *
 * Where signals are not to be had a coroutine keeps a count hook all the time, which looks up by
 * itself every `period` instructions; or else nothing that runs is interrupted (`interrupts_by`).
 */
#ifndef ECHO_LUA_INTERRUPT_H
#define ECHO_LUA_INTERRUPT_H

#include "lua/fiber.h"

/* The core's interrupt call-back; `runtime` is the echo__runtime. Async-signal-safe. */
void echo__interrupt(void *runtime, unsigned worker);

/* Before and after a fiber is resumed. */
void echo__interrupts_begin(echo__fiber *fiber);
void echo__interrupts_end(echo__fiber *fiber);

/* An operation raises the error of a task that is to end: it has time to clean up, if that is the
 * first one. */
void echo__interrupts_told(lua_State *L, echo__fiber *fiber);

/* Pushes the error of a task that is to end. */
void echo__interrupts_push_reason(lua_State *L, const echo__fiber *fiber);

/* Makes the innermost level known, or the one that is left; see above. */
void echo__level_publish(echo__worker_state *state, struct echo__level *level);

/* What the task has set for this coroutine has changed: sets the hook that is called for it. */
void echo__interrupts_set(lua_State *L);

/* True if C code has set a hook of its own. */
bool echo__interrupts_foreign(lua_State *L);

/* Takes back whatever hook a coroutine has, for the next task in it. */
void echo__interrupts_clear(lua_State *L);

/* The task that runs here, if one does, was just given what it has to give back: it is not told to
 * end before its next instruction, which may be the one that makes that a variable to be closed. */
void echo__interrupts_spare(const echo__host *host);

#endif
