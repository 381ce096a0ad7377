/*
 * The allocator of worker states: free lists by size for what Lua asks for all the time (up to 768
 * bytes; a new coroutine's stack has 720), a block (base/block.h) for what is large, and the
 * system's for what is between. A state belongs to one thread, so there is no lock, and Lua says
 * how large what it frees was, so there is no header but the blocks'.
 *
 * Since a long string has a block to itself, it can outlive the string in Lua: whoever else reads
 * it becomes a holder. And since Lua asks for the memory of a string and then copies the text into
 * it, a string can be made of a text that is in a block already: the block is offered, and Lua
 * copies the text onto itself, which the C library sees and leaves. That takes knowing where in its
 * memory a string has its text; a state measures that, and if it is not as expected nothing is
 * lent or offered. See loan.h.
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
#include "base/block.h"

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
  size_t text_at; /* where a string's memory has its text, or 0: not known, or not in blocks */
  void *probed;   /* while that is measured: what Lua got, and */
  size_t probed_size;
  echo__block *offered; /* for the next string of so many bytes, a holder; or NULL */
  size_t offered_size;
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

/* The state's, or NULL if it has another allocator, or had another when it was new. Makes no Lua
 * object. The thread that runs the state, as all that follows. */
echo__alloc *echo__alloc_of(lua_State *L);

/* Finds out where a string has its text. May raise a memory error. */
void echo__alloc_measure(lua_State *L);

/* The block that a string of this state lies in, if it is long enough to have one, and is known to.
 * NULL if not. */
echo__block *echo__alloc_block_of(lua_State *L, const char *text, size_t size);

/* True if the next string may be made of the block, which has a text of so many bytes where Lua
 * will look for it. Lua becomes a holder then: when it makes the string, which must be next; after
 * that the rest of the offer is withdrawn. If there is no memory left for it that is done here. */
bool echo__alloc_offer(lua_State *L, echo__block *block, size_t at, size_t size);
void echo__alloc_withdraw(lua_State *L);

/* Bytes that Lua has at this moment. Any thread. */
static inline size_t echo__alloc_used(const echo__alloc *alloc) {
  return echo__load(&alloc->limit, relaxed) - echo__load(&alloc->left, relaxed);
}

/* Frees all; the state must be closed. */
void echo__alloc_close(echo__alloc *alloc);

/* The lua_Alloc; `data` is the echo__alloc. */
void *echo__alloc_realloc(void *data, void *block, size_t old_size, size_t new_size);

#endif
