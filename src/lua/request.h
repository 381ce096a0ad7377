/* What a submit asks for: the options table and the function, checked. */
#ifndef ECHO_LUA_REQUEST_H
#define ECHO_LUA_REQUEST_H

#include "lua/scope.h"
#include "lua/terms.h"

typedef struct echo__request {
  int options;  /* stack index */
  int function; /* stack index */
  int task;     /* stack index of the task, once it has been pushed */
  echo_task_options core;
  const char *name; /* or NULL; in the options table, which stays on the stack, then the job's */
  const char *key;  /* or NULL; in the options table until the job has a copy */
  echo__conflict conflict;
  double timeout, delay; /* negative: none */
  unsigned retries;
  bool waits;         /* for room, if the queue is full */
  echo__scope *scope; /* that it is to belong to, or NULL */
} echo__request;

/* Reads ([options,] function, ...) from argument `first` on; a table that can be called is the
 * function. `priority` is what it is if the options do not say. Raises if something is wrong with
 * an argument. */
void echo__request_parse(lua_State *L, echo__scope *scope, echo_priority priority, int first,
                         echo__request *request);

#endif
