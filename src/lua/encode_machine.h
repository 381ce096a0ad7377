/*
 * The machine that encodes, shared by encode.c (values, frames, the whole) and encode_object.c
 * (tables and functions). Nobody else includes this.
 *
 * It has a stack of its own. A frame is a table or function being written; its object is on the Lua
 * stack at `at`, and a table has the key it has come to above it. What writes "the value on top"
 * leaves it there and returns ECHO__DONE, or ECHO__OPENED if a frame for it has to be run first, or
 * ECHO__AGAIN if the whole has to begin anew, or ECHO_TRANSFER (the sentence is in `refusal`) or
 * ECHO_MEMORY.
 *
 * Nothing here makes a Lua object (echo__names_build() does, with the collector stopped). So the
 * collector does not run, no finalizer can change a table under our hands, and an address stands
 * for one object throughout.
 */
#ifndef ECHO_LUA_ENCODE_MACHINE_H
#define ECHO_LUA_ENCODE_MACHINE_H

#include "lua/codec.h"
#include "lua/message.h"
#include "lua/refusal.h"

enum { ECHO__DONE = 0, ECHO__OPENED = 1, ECHO__AGAIN = 2 };

typedef struct echo__encode_frame {
  int at;
  int is_function;
  int in_key;     /* table: the key itself is being written, its value waits below */
  int upvalue;    /* function: the one being written */
  int upvalues;   /* function: how many there are */
  size_t counts;  /* table: where its counts are */
  size_t hint;    /* table: where they stand once more, or 0 */
  size_t origin;  /* function: where its tag is */
  uint64_t items; /* table: consecutive integer keys written so far */
  uint64_t pairs;
} echo__encode_frame;

typedef struct echo__encoder {
  lua_State *L;
  echo__codec *codec;
  echo__message *message;
  const void *globals; /* NULL: not looked up yet */
  echo__root root;
  int number;
  size_t later_done; /* bodies written */
  unsigned keys;     /* in the dictionary */
  int names_checked; /* the names were compared with package.loaded */
  int names_rebuilt;
  int put_off; /* what is being written was put off */
  int depth;
  echo__refusal *refusal;
  echo__encode_frame frames[ECHO__DEPTH];
} echo__encoder;

/* Begins the sentence with the path to what is being written; the caller ends it. */
echo__refusal *echo__encode_refuse(echo__encoder *e);

/* Writes the value, table or function on top. */
int echo__write_value(echo__encoder *e);
int echo__write_table(echo__encoder *e);
int echo__write_function(echo__encoder *e);

/* Opens a frame for the table on top, whose counts come next; `hint` is where they stand once more,
 * or 0. */
int echo__encode_open_table(echo__encoder *e, size_t hint);

/* Opens a frame for the function on top, whose tag is at `origin`. */
int echo__encode_open_function(echo__encoder *e, size_t origin, int upvalues);

/* Begins anew if package.loaded has changed since the names were built. Asked at the first sight of
 * what a module is made of (a function in a table) or known by (a table without a name, in an
 * upvalue): plain data never pays for it. */
int echo__check_names(echo__encoder *e);

/* Whether an upvalue of that name can be _ENV: a stripped function has lost the names. */
int echo__may_be_environment(const char *name);

/* The address of the globals, looked up when it is first wanted. */
static inline const void *echo__encode_globals(echo__encoder *e) {
  if (!e->globals) {
    lua_rawgeti(e->L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    e->globals = lua_topointer(e->L, -1);
    lua_pop(e->L, 1);
  }
  return e->globals;
}

#endif
