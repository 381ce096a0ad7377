/*
 * The machine that encodes, shared by encode.c (values, frames, the whole), encode_object.c (tables
 * and functions) and encode_hook.c (objects with __echo_transfer). Nobody else includes this.
 *
 * It has a stack of its own. A frame is a table or function being written; its object is on the Lua
 * stack at `at`, and a table has the key it has come to above it. What writes "the value on top"
 * leaves it there and returns ECHO__DONE, or ECHO__OPENED if a frame for it has to be run first, or
 * ECHO__AGAIN if the whole has to begin anew, or ECHO_TRANSFER (the sentence is in `refusal`) or
 * ECHO_MEMORY.
 *
 * A pass writes the values from the first to the last. It makes no Lua object (what it calls that
 * does, echo__names_build(), stops the collector). So the collector does not run, no finalizer can
 * change a table under our hands, and an address stands for one object throughout the pass. Hooks
 * are called between passes, and after each call everything may be different.
 */
#ifndef ECHO_LUA_ENCODE_MACHINE_H
#define ECHO_LUA_ENCODE_MACHINE_H

#include "lua/codec.h"
#include "lua/message.h"
#include "lua/refusal.h"
#include "lua/shared.h"

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
  const void *globals;     /* NULL: not looked up yet */
  const void *environment; /* of the task, see isolation.h */
  echo__root root;
  int number;
  size_t later_done; /* bodies written */
  unsigned keys;     /* in the dictionary */
  int names_checked; /* the names were compared with package.loaded */
  int names_rebuilt;
  int put_off; /* what is being written was put off */
  int depth;
  int first; /* the values: where on the stack, how many, and the first one's number */
  int count;
  int first_number;
  size_t found;    /* objects with a hook that this pass has met and could not refer to */
  int places;      /* stack index of what encode_hook.c keeps, or 0: no hook was met yet */
  int order_count; /* nodes that are ready to be written, see encode_hook.c */
  int stack_count;
  int open_count;
  const char *given_by; /* the path of the object whose given values are being written, or NULL */
  echo__refusal *refusal;
  echo__encode_frame frames[ECHO__DEPTH];
} echo__encoder;

/* Begins the sentence with the path to what is being written; the caller ends it. */
echo__refusal *echo__encode_refuse(echo__encoder *e);

/* Writes the value, table, function or handle on top. */
int echo__write_value(echo__encoder *e);
int echo__write_table(echo__encoder *e);
int echo__write_function(echo__encoder *e);
int echo__write_handle(echo__encoder *e, const echo__handle *handle, const echo__shared_type *type);

/* Leaves room for a table's counts; ECHO__DONE or ECHO_MEMORY. */
int echo__encode_leave_counts(echo__encoder *e);

/* Opens a frame for the table on top, whose counts belong at `counts`; `hint` is where they stand
 * once more, or 0. */
int echo__encode_open_table(echo__encoder *e, size_t counts, size_t hint);

/* Opens a frame for the function on top, whose tag is at `origin`. */
int echo__encode_open_function(echo__encoder *e, size_t origin, int upvalues);

/* Writes the string at `index` as a key: it gets a number in the dictionary. */
int echo__write_string_key(echo__encoder *e, int index);

/* Writes the value at `index`, and then what it put off. */
int echo__write_root(echo__encoder *e, int index);

/* Writes a count. */
int echo__write_count(echo__encoder *e, int count);

/* Runs a pass, again and again while it ends with ECHO__AGAIN: all of the message, or with a part
 * of it, what a hook gave. Leaves the stack as it was, but for `places`. */
int echo__encode_pass(echo__encoder *e, int (*write)(echo__encoder *e));
int echo__write_all(echo__encoder *e);

/* Whether the value whose metatable is on top has a hook. Takes nothing off. */
int echo__has_hook(echo__encoder *e);

/* Notes that the object on top, whose hook's values are not written yet, was met. */
int echo__write_hooked(echo__encoder *e);

/* Ends a pass that has met such objects: takes them over from the codec, or forgets them if the
 * pass has come to nothing. Returns the status, or ECHO_MEMORY. */
int echo__encode_end_found(echo__encoder *e, int status);

/* A second meeting: marks the tag of the first and points back to it. */
int echo__write_reference(echo__encoder *e, uint64_t origin);

/* Calls the hooks of what the last pass has met, and encodes anew. Runs Lua code. */
int echo__encode_with_hooks(echo__encoder *e);

/* Writes what was given for the objects, in the order in which it is needed. */
int echo__write_rebuilt(echo__encoder *e);

/* Begins anew if package.loaded has changed since the names were built. Asked at the first sight of
 * what a module is made of (a function in a table) or known by (a table without a name, in an
 * upvalue): plain data never pays for it. */
int echo__check_names(echo__encoder *e);

/* Whether an upvalue of that name can be _ENV: a stripped function has lost the names. */
int echo__may_be_environment(const char *name);

static inline const void *echo__address_of_registered(lua_State *L, int reference) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  const void *address = lua_topointer(L, -1);
  lua_pop(L, 1);
  return address;
}

/* Whether a table stands for the globals; these are looked up when they are first wanted. */
static inline int echo__encode_is_globals(echo__encoder *e, const void *table) {
  if (!e->globals) {
    int environment = e->codec->environment;
    e->globals = echo__address_of_registered(e->L, LUA_RIDX_GLOBALS);
    e->environment =
        environment == LUA_NOREF ? e->globals : echo__address_of_registered(e->L, environment);
  }
  return table == e->globals || table == e->environment;
}

#endif
