/* Arguments and options: checked strictly, with errors that name the argument and what it should
 * be. All of these raise; the thread that runs the state. */
#ifndef ECHO_LUA_CHECK_H
#define ECHO_LUA_CHECK_H

#include <echo/queue.h>
#include <lua.h>
#include <stdbool.h>

/* An integer within bounds; a float is accepted if it is one. */
lua_Integer echo__check_integer(lua_State *L, int argument, const char *what, lua_Integer least,
                                lua_Integer most);

/* A string without zero bytes. */
const char *echo__check_text(lua_State *L, int argument, const char *what);

/* A function, or a value with __call. */
void echo__check_function(lua_State *L, int argument);

/* True if the value can be called. */
bool echo__is_callable(lua_State *L, int index);

/* Seconds: a number that is not negative. Absent: -1, which means for ever. */
double echo__check_seconds(lua_State *L, int argument);

/* The same for a value on top of the stack that is the option `name` of the table at `argument`;
 * pops it. */
double echo__check_seconds_option(lua_State *L, int argument, const char *name);

/* "low", "normal" or "high". */
const char *echo__priority_name(echo_priority priority);

/* A priority on top of the stack that is argument `argument`, or an option of the table there (with
 * its name); not popped. */
echo_priority echo__check_priority(lua_State *L, int argument, const char *option);

/* Every key of the table at `argument` must be one of the strings in `known`. Returns which of them
 * it may have, bit i for known[i], so that the others need not be looked for: all, if a metatable
 * might give them. */
unsigned echo__check_options(lua_State *L, int argument, const char *const *known);

/* Raises "not enough memory", letter for letter as Lua itself does: without a position. */
int echo__fail_for_memory(lua_State *L);

/* Raises: option `name` of `argument` is not `expected`; what it is lies on top of the stack. */
int echo__fail_option(lua_State *L, int argument, const char *name, const char *expected);

#endif
