/*
 * What is said of a wrong argument: as Lua's own functions say it, and better where Lua does not
 * know what the running function is called, since C called it: pcall(scheduler.trace, scheduler,
 * 7). Then it is found among the methods of the first argument, and the arguments are counted as
 * where methods are called, without that one. All of these raise, nothing but errors; the thread
 * that runs the state.
 */
#ifndef ECHO_LUA_ARGUMENT_H
#define ECHO_LUA_ARGUMENT_H

#include <lua.h>

/* "bad argument #1 to 'trace' (message)". */
int echo__argument_error(lua_State *L, int argument, const char *message);

/* The same, of a value of another type than `expected`. */
int echo__type_error(lua_State *L, int argument, const char *expected);

/* The first argument is not `expected`, whose metatable the registry has under that reference. */
int echo__self_error(lua_State *L, int reference, const char *expected);

/* The argument has to be of that type. */
void echo__check_type(lua_State *L, int argument, int type);

/* What Lua takes for an integer; the usual one if it is absent. */
lua_Integer echo__argument_integer(lua_State *L, int argument);
lua_Integer echo__optional_integer(lua_State *L, int argument, lua_Integer usual);

/* What Lua takes for a string. */
const char *echo__argument_string(lua_State *L, int argument, size_t *size);

#endif
