/*
 * The error object that scripts get: a table with kind, message, value, traceback, task and
 * others (a list of further error objects), whose tostring is the message and the traceback.
 */
#ifndef ECHO_LUA_ERROR_H
#define ECHO_LUA_ERROR_H

#include "lua/host.h"
#include "lua/job.h"

/* The text of a kind ("transfer"). */
const char *echo__kind_text(echo__kind kind);

/* The kind that a status of the C side is for scripts. */
echo__kind echo__kind_of_status(int status);

/* Makes the sentence on top of the stack an error object about the running call: the sentence is
 * its message, the traceback is the caller's. */
void echo__error_push_here(lua_State *L, const echo__host *host, echo__kind kind);

/* The same, and raises it. */
int echo__error_raise(lua_State *L, const echo__host *host, echo__kind kind);

/* Pushes an error object about a task, without a traceback. */
void echo__error_push(lua_State *L, const echo__host *host, echo__kind kind, const char *message,
                      const char *task);

/* Puts an error object in place of the value on top, unless it is one. */
void echo__error_of_value(lua_State *L, const echo__host *host);

/* Pushes the error of a job that was cancelled, or is to end: its kind and reason. */
void echo__error_push_cancelled(lua_State *L, const echo__host *host, const echo__job *job);

/* Pushes what a failed task left in `output`. */
void echo__error_push_failure(lua_State *L, const echo__host *host, echo__kind kind,
                              const echo__message *output);

/* The __tostring of error objects. */
int echo__error_tostring(lua_State *L);

#endif
