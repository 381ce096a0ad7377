/*
 * The allocator of worker states: free lists by size for what Lua asks for all the time (up to 768
 * bytes; a new coroutine's stack has 720), the system's for the rest. A state belongs to one
 * thread, so there is no lock, and Lua says how large a freed block was, so there is no header.
 *
 * What Lua asks for is counted, which is also how a state is kept below a limit: what would pass it
 * fails, as if the system had no more, and Lua then collects its garbage and tries once more.
 *
 * A program may bring an allocator of its own: then that one has the blocks, and this one counts.
 */
#ifndef ECHO_LUA_ALLOC_H
#define ECHO_LUA_ALLOC_H

#include <lua.h>
#include <stddef.h>

#include "base/atomic.h"

enum {
  ECHO__ALLOC_STEP = 16,
  ECHO__ALLOC_CLASSES = 48,
  ECHO__ALLOC_LARGEST = ECHO__ALLOC_STEP * ECHO__ALLOC_CLASSES
};

typedef struct echo__alloc {
  void *free[ECHO__ALLOC_CLASSES]; /* free[i]: blocks of (i + 1) * ECHO__ALLOC_STEP bytes */
  void *chunks;                    /* what the blocks are cut from, linked */
  char *fresh;                     /* the part of the newest chunk that was never used */
  size_t fresh_left;
  /* Bytes that Lua may have, and may still ask for: written by the state's thread, read by any. */
  echo__atomic(size_t) limit, left;
  void *(*own)(void *data, void *block, size_t old_size, size_t new_size); /* the program's */
  void *own_data;
} echo__alloc;

/* Nothing is allocated before it is asked for. A limit of 0 is none. The thread that will run the
 * state. */
void echo__alloc_open(echo__alloc *alloc, size_t limit);

/* Leaves the blocks to the allocator that the state has, of which it has so many bytes already. The
 * thread that runs the state, before anything was asked for here. */
void echo__alloc_adopt(echo__alloc *alloc, lua_State *L);

/* A block for what goes with the state and is not Lua's, of up to ECHO__ALLOC_LARGEST bytes: it is
 * not counted. NULL without memory. Giving it back says how large it is. The state's thread, and
 * once the state is closed whoever closed it. */
void *echo__alloc_take(echo__alloc *alloc, size_t size);
void echo__alloc_give(echo__alloc *alloc, void *block, size_t size);

/* Bytes that Lua has at this moment. Any thread. */
static inline size_t echo__alloc_used(const echo__alloc *alloc) {
  return echo__load(&alloc->limit, relaxed) - echo__load(&alloc->left, relaxed);
}

/* Frees all; the state must be closed. */
void echo__alloc_close(echo__alloc *alloc);

/* The lua_Alloc; `data` is the echo__alloc. */
void *echo__alloc_realloc(void *data, void *block, size_t old_size, size_t new_size);

#endif
