/*
 * The sentence that says why a value cannot travel, and where it is:
 *
 *   argument 2: field "rows"[3].handle: userdata FILE* cannot travel
 *   upvalue "cfg".handle: userdata FILE* cannot travel
 *   argument 1: ... field "next".data: thread cannot travel     (below what was put off)
 *
 * It is put together in a buffer of its own, because it is wanted while the values are still on the
 * stack and no finalizer may run. Long paths and long keys are cut. One thread's; owns nothing.
 */
#ifndef ECHO_LUA_REFUSAL_H
#define ECHO_LUA_REFUSAL_H

#include <lua.h>
#include <stddef.h>

/* What the values of a message are to the user. The function that a task runs is argument 0; so is
 * that of a setup. */
typedef enum echo__root {
  ECHO__ROOT_ARGUMENT,
  ECHO__ROOT_SETUP,
  ECHO__ROOT_RESULT,
  ECHO__ROOT_ITEM
} echo__root;

typedef struct echo__refusal {
  size_t size;
  const char *joint; /* what sets the first part of the path off from what is before it */
  int keyed;         /* that first part is there already */
  char text[1024];
} echo__refusal;

/* Begins with the root: "argument 2"; nothing for argument 0. */
void echo__refusal_begin(echo__refusal *refusal, echo__root root, int number);

/* Begins with a path that was made before. */
void echo__refusal_begin_at(echo__refusal *refusal, const char *path);

/* Begins with a value that the hook of the object at `path` has given: 0 is the function. */
void echo__refusal_begin_given(echo__refusal *refusal, const char *path, int number);

/* Says that the way to the following part is not known. */
void echo__refusal_skip(echo__refusal *refusal);

/* Adds the table key at `index`. */
void echo__refusal_add_key(echo__refusal *refusal, lua_State *L, int index);

/* Says that it is the key itself that cannot travel. */
void echo__refusal_add_own_key(echo__refusal *refusal);

/* Adds an upvalue. */
void echo__refusal_add_upvalue(echo__refusal *refusal, const char *name);

/* Ends with the reason. */
void echo__refusal_end(echo__refusal *refusal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a user calls the userdata at `index`: its metatable's __name, or NULL. Creates no Lua
 * object; the string lives as long as the metatable. */
const char *echo__refusal_name_of(lua_State *L, int index);

#endif
