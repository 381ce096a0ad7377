/*
 * Files that tasks read, and the rest of the program.
 *
 * C's standard library has a lock in every stream, which whoever reads holds, also while he waits
 * for a pipe; and io.popen, before it starts a process, flushes all streams, for which it takes all
 * locks. So a task that waits for a FIFO would hold up a popen of the host's. But what a task has
 * opened belongs to one state, and so to one thread: a stream that is only read needs no lock. The
 * functions of `io` that open files say so of those that they open. (A stream that is written keeps
 * its lock: a flush by others must not meet a write. So does stdin, which is everybody's.)
 */
#ifndef ECHO_LUA_FILES_H
#define ECHO_LUA_FILES_H

#include <lua.h>

/* Puts such functions in the place of those of `io`, if that is there. For a worker's new state. */
void echo__files_install(lua_State *L);

#endif
