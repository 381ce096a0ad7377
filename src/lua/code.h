/*
 * The code of Lua functions, shared between states.
 *
 * An echo__code is a function dumped once, with its debug information, so that errors in another
 * state still name file and line. It never changes after it was made; any number of messages and
 * states hold references to it, and the last one frees it. Its id is never given again.
 *
 * The sender (echo__code_cache) remembers which closure has which code, and which bytes it has seen
 * before: closures made again and again from one prototype share one code. The receiver
 * (echo__code_loaded) remembers functions it has loaded. Both have a fixed size, and an entry that
 * is in the way is replaced: forgetting costs a dump or a load, never correctness.
 *
 * A cache belongs to one lua_State and to whichever thread runs that state.
 */
#ifndef ECHO_LUA_CODE_H
#define ECHO_LUA_CODE_H

#include "base/atomic.h"
#include "base/tuning.h"

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

/* Every message that carries the code writes `count`; the rest is only read, so it keeps off the
 * counter's cache line. */
typedef struct echo__code {
  ECHO__ALIGNED echo__atomic(size_t) count;
  ECHO__ALIGNED uint64_t id;
  uint64_t hash;
  size_t size;
  int upvalue_count;
  unsigned char bytes[];
} echo__code;

/* Adds `references` to a code that the caller has a reference to. Any thread. */
void echo__code_retain(echo__code *code, size_t references);

/* Drops `references`; the last one frees the code. NULL is allowed. Any thread. */
void echo__code_release(echo__code *code, size_t references);

/* What one slot knows. It owns 1 + credits references: the sender draws references for its
 * messages from the credits, so that a submit does not touch the counter which the workers that
 * release those messages keep pulling away. */
typedef struct echo__code_slot {
  const void *closure;
  echo__code *code;
  size_t credits;
} echo__code_slot;

typedef struct echo__code_cache {
  echo__code_slot slots[ECHO__CODE_SLOTS]; /* by the closure's address */
  echo__code *contents[ECHO__CODE_SLOTS];  /* by the hash of the bytes; owns a reference */
  unsigned char *dump;                     /* where a function is dumped to */
  size_t dump_size;
  size_t dump_capacity;
  int closures; /* registry reference: weak array, closures[slot + 1] is the slot's closure */
} echo__code_cache;

/* Makes an empty cache and its Lua table. Lua memory errors are raised. */
void echo__code_cache_open(lua_State *L, echo__code_cache *cache);

/* Drops every reference and frees the memory; idempotent. The Lua table goes with the state. */
void echo__code_cache_close(echo__code_cache *cache);

/* The slot that knows the code of the Lua function on top of the stack; dumps it at need. Creates
 * no Lua object, so no finalizer runs. The slot is good until the next call. NULL: out of memory.
 */
echo__code_slot *echo__code_cache_find(lua_State *L, echo__code_cache *cache);

/* A reference to the slot's code for the caller to own. */
echo__code *echo__code_take(echo__code_slot *slot);

typedef struct echo__code_loaded {
  uint64_t ids[ECHO__CODE_LOADED];  /* 0: nothing there */
  uint64_t seen[ECHO__CODE_LOADED]; /* the same for functions with upvalues */
  int functions; /* registry reference: functions[slot + 1], factories at -(slot + 1): nil before it
                  * is wanted, false if there is none. LUA_NOREF at first */
} echo__code_loaded;

void echo__code_loaded_open(echo__code_loaded *loaded);

/* Pushes a new function with fresh upvalues, of which the first, if any, holds the globals. Returns
 * LUA_OK, or another status of lua_load with the error on the stack instead. */
int echo__code_load(lua_State *L, const echo__code *code);

/* Pushes a new function with fresh upvalues, to be set by the caller. From the second time on that
 * costs the same for code of any length. Returns as echo__code_load(). Lua memory errors are
 * raised. */
int echo__code_load_new(lua_State *L, echo__code_loaded *loaded, const echo__code *code);

/* Pushes a function that others may have been given too, for code with no upvalue but _ENV. Returns
 * as echo__code_load(). Lua memory errors are raised. */
int echo__code_load_plain(lua_State *L, echo__code_loaded *loaded, const echo__code *code);

#endif
