/*
 * How an error leaves a worker's state: as an ordinary message of four values, message, traceback,
 * task name, and the value that was raised, if it can travel, else nil.
 */
#ifndef ECHO_LUA_FAILURE_H
#define ECHO_LUA_FAILURE_H

#include "lua/job.h"

/* Puts into `output` what the coroutine failed with: the error value is on top of its stack, which
 * is not unwound yet. `name` may be NULL. Never raises; if even this fails for want of memory the
 * output is empty. The thread that runs the state. */
void echo__failure_report(lua_State *L, lua_State *coroutine, echo__codec *codec, const char *name,
                          echo__message *output);

/* The same for the error value on top of L's own stack, which is popped; `prefix` goes before its
 * text. */
void echo__failure_report_here(lua_State *L, const char *prefix, echo__codec *codec,
                               const char *name, echo__message *output);

#endif
