/*
 * How an error leaves a worker's state: as an ordinary message of five values, message, traceback,
 * task name, the value that was raised, if it can travel, else nil, and a list of errors that go
 * with it, or nil (relay.h).
 *
 * An error that is caught and raised again has lost the stack it came from. What catches errors to
 * raise them again notes the stack: the error's traceback is then the one that was noted.
 */
#ifndef ECHO_LUA_FAILURE_H
#define ECHO_LUA_FAILURE_H

#include "lua/fiber.h"

/* Puts into the fiber's output what its coroutine failed with: the error value is on top of its
 * stack, and popped; the traceback is that of the stack from `level` on. Where that is an error
 * object its kind becomes the fiber's. Never raises; if even this fails for want of memory the
 * output is empty. The thread that runs the state. */
void echo__failure_report(echo__fiber *fiber, int level);

/* Pushes a message handler that notes the stack. */
void echo__failure_push_noter(lua_State *L, echo__host *host);

/* The value on top is raised in place of the one at `index`, which may have been noted. */
void echo__failure_note_instead(lua_State *L, const echo__host *host, int index);

/* Forgets what was noted for a fiber. */
void echo__failure_forget(echo__fiber *fiber);

/* Replaces a function on top by where it was defined, or by the library function's name. */
void echo__failure_push_place(lua_State *L, echo__codec *codec);

/* Pushes the name of the fiber's task: what it was given, or where its function was defined. */
void echo__failure_push_name(lua_State *L, const echo__fiber *fiber);

/* Pushes the task's function; false if it is not there, and then it may have pushed something else.
 */
bool echo__failure_push_function(lua_State *L, lua_State *coroutine);

/* Puts into `output` the error value on top of L's own stack, which is popped; `prefix` goes before
 * its text. */
void echo__failure_report_here(lua_State *L, const char *prefix, echo__codec *codec,
                               const char *name, echo__message *output);

#endif
