/*
 * The machine that decodes, shared by decode.c (values, frames, the whole), decode_object.c
 * (references, tables and functions) and decode_name.c (what this state has under a name, and what
 * is made by a call). Nobody else includes this.
 *
 * The mirror of encode_machine.h: a frame is a table or function being filled, its object is on the
 * Lua stack at `at`, and a value that has been read is on top, to be delivered to the frame. What
 * reads a value pushes it and returns ECHO__DECODE_READ, or ECHO__DECODE_OPENED if a frame is there
 * to fill it, or ECHO_TRANSFER.
 *
 * An object that has a metatable has it below it on the stack, and gets it when it is full: a
 * finalizer sees no half of an object, whatever becomes of the message.
 *
 * A decode may meet another one half-way (a module it requires, a finalizer): all its state is in
 * `echo__decoder` and on its own part of the Lua stack.
 */
#ifndef ECHO_LUA_DECODE_MACHINE_H
#define ECHO_LUA_DECODE_MACHINE_H

#include "echo/status.h"
#include "lua/codec.h"
#include "lua/message.h"
#include "lua/wire.h"

#include <stdbool.h>
#include <string.h>

enum { ECHO__DECODE_READ = 0, ECHO__DECODE_OPENED = 1 };

/* Places on the Lua stack, above `base`. */
enum {
  ECHO__PLACE_KEYS = 1,   /* the dictionary: number + 1 -> string */
  ECHO__PLACE_SHARED = 2, /* offset of the tag -> object */
  ECHO__PLACE_LATER = 3,  /* the queue of objects whose body comes later; metatables at -index */
  ECHO__PLACES = 3
};

typedef enum echo__decode_next {
  ECHO__NEXT_ITEM,
  ECHO__NEXT_KEY,
  ECHO__NEXT_VALUE,
  ECHO__NEXT_UPVALUE
} echo__decode_next;

typedef struct echo__decode_frame {
  int at;
  echo__decode_next next; /* what the next value is to the object */
  int upvalues;
  int has_metatable; /* it is at `at` - 1 */
  lua_Integer index; /* of the item or upvalue that comes next, from 1 */
  uint32_t items;
  uint32_t pairs; /* still to come */
} echo__decode_frame;

typedef struct echo__decoder {
  lua_State *L;
  echo__codec *codec;
  const echo__message *message;
  const unsigned char *at;
  const unsigned char *end;
  const char *error; /* NULL: it is on top of the Lua stack */
  size_t budget;     /* table entries that may still be allocated beforehand */
  size_t keys;       /* in the dictionary */
  size_t later_count;
  size_t later_done;
  bool last; /* see echo__decode_last */
  int base;
  int depth;
  echo__decode_frame frames[ECHO__DEPTH];
} echo__decoder;

static inline int echo__decode_fail(echo__decoder *d, const char *error) {
  d->error = error;
  return ECHO_TRANSFER;
}

static inline int echo__decode_cut_off(echo__decoder *d) {
  return echo__decode_fail(d, "malformed message: it ends too early");
}

static inline size_t echo__decode_left(const echo__decoder *d) {
  return (size_t)(d->end - d->at);
}

static inline int echo__decode_varint(echo__decoder *d, uint64_t *number) {
  const unsigned char *next = echo__wire_get_varint(d->at, d->end, number);
  if (!next) return echo__decode_fail(d, "malformed message: bad number");
  d->at = next;
  return ECHO__DECODE_READ;
}

static inline int echo__decode_u32(echo__decoder *d, uint32_t *number) {
  if (echo__decode_left(d) < sizeof *number) return echo__decode_cut_off(d);
  memcpy(number, d->at, sizeof *number);
  d->at += sizeof *number;
  return ECHO__DECODE_READ;
}

static inline int echo__decode_byte(echo__decoder *d, int *number) {
  if (d->at == d->end) return echo__decode_cut_off(d);
  *number = *d->at++;
  return ECHO__DECODE_READ;
}

/* Pushes one value; ECHO__DECODE_OPENED means that a frame is there to fill it. */
int echo__decode_value(echo__decoder *d);

/* Pushes what stands for the globals. */
void echo__decode_globals(echo__decoder *d);

/* Pushes a string, or fails: something else is there. */
int echo__decode_string(echo__decoder *d);

/* Pushes one value, complete with what was put off. */
int echo__decode_root(echo__decoder *d);

/* Notes that the object on top is the one whose tag is at `tag`. */
int echo__decode_share(echo__decoder *d, const unsigned char *tag);

/* Push what the tag just read stands for. */
int echo__decode_reference(echo__decoder *d);
int echo__decode_named(echo__decoder *d);
int echo__decode_registered(echo__decoder *d);

/* Calls the function that the tag just read asks for, and shares what it returns. */
int echo__decode_rebuilt(echo__decoder *d);

int echo__decode_object(echo__decoder *d, unsigned tag);
int echo__decode_text(echo__decoder *d);

/* Opens a frame for the table on top, which may have its metatable below it, and for the function
 * on top. */
int echo__decode_open_table(echo__decoder *d, uint32_t items, uint32_t pairs, int has_metatable);
int echo__decode_open_function(echo__decoder *d, int upvalues);

/* Reads a cell: lets the frame's function share that of another function's upvalue. */
int echo__decode_cell(echo__decoder *d, echo__decode_frame *f);

#endif
