/* list(path): a C function for scripts, which Lua's own libraries lack. */
#ifndef LISTING_H
#define LISTING_H

#include <echo/lua.h>

/* The call-back: given a folder, returns the names of its files and those of its folders, one a
 * line, as two strings. Runs on any thread. */
int listing_list(echo_lua_call *call, void *unused);

#endif
