/*
 * The bytes of a message.
 *
 *   message  = varint(number of values) rebuilt... value...
 *   rebuilt  = REBUILT varint(length) path varint(number of values) function value...
 *   value    = a tag byte and what the tag asks for (below)
 *   table    = TABLE u32(items) u32(pairs) items... (key value)...
 *   function = FUNCTION varint(attachment) upvalue...      as many as the code has
 *   text     = TEXT varint(attachment) varint(offset) varint(length)           a long string
 *   plain    = PLAIN varint(attachment)                    no upvalue but the globals
 *   handle   = HANDLE varint(attachment)                   Echo's own, see shared.h
 *   object   = OBJECT u32(items) u32(pairs) name items... (key value)...   a table with a metatable
 *   name     = string value: what the metatable is registered as
 *   upvalue  = value | CELL varint(distance to its owner's tag) byte(upvalue of the owner)
 *
 * Sharing. The second time a table, function or handle is met, SHARED is set in the tag it was
 * written with and REFERENCE varint(distance back to that tag) is written. So the reader keeps note
 * of shared objects only, by the offset of their tag, and what is not shared costs it nothing.
 *
 * Each value of a message and of a `rebuilt` is followed by the bodies of what it put off. What was
 * rebuilt is shared by the REBUILT tag, and comes before all that refers to it.
 *
 * Depth. An object more than ECHO__DEPTH levels down has LATER in its tag; its contents follow as a
 * body after the value, in the order of the tags: u32(items) u32(pairs) and the entries, or
 * byte(upvalues) and the upvalues. The counts in the tag only say how large to make the table.
 *
 * Numbers are in the machine's own order: a message never leaves the process.
 */
#ifndef ECHO_LUA_WIRE_H
#define ECHO_LUA_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum {
  ECHO__WIRE_NIL = 0x00,
  ECHO__WIRE_FALSE = 0x01,
  ECHO__WIRE_TRUE = 0x02,
  ECHO__WIRE_INTEGER = 0x03,   /* zigzag varint */
  ECHO__WIRE_FLOAT = 0x04,     /* 8 bytes */
  ECHO__WIRE_STRING = 0x05,    /* varint(length) bytes */
  ECHO__WIRE_KEY = 0x06,       /* byte(length) bytes; takes the next number in the dictionary */
  ECHO__WIRE_KNOWN_KEY = 0x07, /* varint(number in the dictionary) */
  ECHO__WIRE_REFERENCE = 0x08, /* varint(distance back to a SHARED tag) */
  ECHO__WIRE_CELL = 0x09,
  ECHO__WIRE_NAMED = 0x0A,      /* varint(length) name, see names.h */
  ECHO__WIRE_GLOBALS = 0x0B,    /* the reader's own globals table */
  ECHO__WIRE_HANDLE = 0x0C,     /* and 0x0D with SHARED */
  ECHO__WIRE_REGISTERED = 0x0E, /* a name: the reader's own metatable */
  ECHO__WIRE_REBUILT = 0x0F,    /* before the values only */

  ECHO__WIRE_SHARED = 0x01, /* flags in the tags below, and always there in REBUILT; PLAIN and
                             * HANDLE are never LATER */
  ECHO__WIRE_LATER = 0x02,
  ECHO__WIRE_TABLE = 0x10,
  ECHO__WIRE_FUNCTION = 0x14,
  ECHO__WIRE_PLAIN = 0x18,
  ECHO__WIRE_TEXT = 0x1A, /* a PLAIN that is LATER, which there is not */
  ECHO__WIRE_NULL = 0x1B, /* a light userdata; likewise, and SHARED */
  ECHO__WIRE_OBJECT = 0x1C,

  ECHO__WIRE_SHORT_STRING = 0x20, /* 0x20..0x3F: the length in the tag */
  ECHO__WIRE_SHORT_KEY = 0x40,    /* 0x40..0x7F: the dictionary number in the tag */
  ECHO__WIRE_SMALL = 0x80,        /* 0x80..0xFF: integers from ECHO__WIRE_SMALLEST on */

  ECHO__WIRE_SMALLEST = -16,
  ECHO__WIRE_LARGEST_SMALL = 0xFF - ECHO__WIRE_SMALL + ECHO__WIRE_SMALLEST,
  ECHO__WIRE_COUNTS = 8,       /* bytes of a table's two counts */
  ECHO__WIRE_VARINT = 10,      /* bytes of the longest varint */
  ECHO__WIRE_KEY_LENGTH = 40,  /* Lua interns strings up to this length */
  ECHO__WIRE_DICTIONARY = 1024 /* keys that get a number; later ones are plain strings */
};

/* Writes a varint of at most ECHO__WIRE_VARINT bytes; returns what follows it. Any thread. */
static inline unsigned char *echo__wire_put_varint(unsigned char *to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = (unsigned char)(value | 0x80);
    value >>= 7;
  }
  *to++ = (unsigned char)value;
  return to;
}

/* Reads a varint; returns what follows it, or NULL when it is cut off or has more than 64 bits.
 * Any thread. */
static inline const unsigned char *
echo__wire_get_varint(const unsigned char *from, const unsigned char *end, uint64_t *value) {
  uint64_t result = 0;
  for (unsigned shift = 0; from != end && shift < 64; shift += 7) {
    unsigned char byte = *from++;
    if (shift == 63 && byte > 1) return NULL;
    result |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) {
      *value = result;
      return from;
    }
  }
  return NULL;
}

/* Maps small numbers of either sign to small unsigned ones, and back. */
static inline uint64_t echo__wire_zigzag(int64_t value) {
  return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t echo__wire_unzigzag(uint64_t value) {
  return (int64_t)((value >> 1) ^ (~(value & 1) + 1));
}

#endif
