/*
 * A parcel: a message that goes from hand to hand by itself. It is packed at one state, carried by
 * a channel, and unpacked at another, and then carries the next one: each state keeps an empty
 * parcel at hand (in its codec), and what carries them keeps more, so that none is allocated in the
 * steady state.
 *
 * Whoever has a parcel has it alone.
 */
#ifndef ECHO_LUA_PARCEL_H
#define ECHO_LUA_PARCEL_H

#include "lua/host.h"
#include "lua/message.h"

typedef struct echo__parcel {
  struct echo__parcel *next; /* the carrier's, and */
  uint64_t number;           /* so is this */
  echo__message message;
} echo__parcel;

/* An empty one, or NULL without memory. Any thread. */
echo__parcel *echo__parcel_create(void);

/* Frees it with what is in it; NULL is allowed. Any thread. */
void echo__parcel_destroy(echo__parcel *parcel);

/* A parcel with `count` values from stack index `first` on, which is the caller's. Raises kind
 * "transfer", where the arguments are counted from the first of these, or memory errors, and then
 * nothing is left behind. May run Lua code (__echo_transfer), which may pack and unpack others. */
echo__parcel *echo__parcel_pack(lua_State *L, const echo__host *host, int first, int count);

/* True if these values are packed without running any code: packing them twice is packing them
 * once. */
bool echo__parcel_is_simple(lua_State *L, int first, int count);

/* Puts a parcel at hand, emptied, to be packed next. If there is one already, it is freed. NULL is
 * allowed. */
void echo__parcel_give(const echo__host *host, echo__parcel *parcel);

enum {
  ECHO__UNPACK_REFUSED = -1, /* a sentence on top of the stack says why */
  ECHO__UNPACK_FAILED = -2   /* an error was raised, and lies on top of the stack */
};

/* Pushes the values and returns how many they are, or one of the above. Never raises; the parcel
 * stays the caller's, as it is. May run Lua code, as a pack. */
int echo__parcel_unpack(lua_State *L, const echo__host *host, echo__parcel *parcel);

#endif
