/*
 * Appends the parts of wire.h to a message. Each function returns ECHO_OK, or ECHO_MEMORY with the
 * message as it was. The thread that writes the message.
 */
#ifndef ECHO_LUA_WIRE_PUT_H
#define ECHO_LUA_WIRE_PUT_H

#include "echo/status.h"
#include "lua/message.h"
#include "lua/wire.h"

#include <string.h>

/* A tag, or a byte after one. */
static inline int echo__put_byte(echo__message *message, int byte) {
  unsigned char *to = echo__message_reserve(message, 1);
  if (!to) return ECHO_MEMORY;
  *to = (unsigned char)byte;
  message->size++;
  return ECHO_OK;
}

/* A tag with a varint. */
static inline int echo__put_tagged(echo__message *message, int tag, uint64_t number) {
  unsigned char *to = echo__message_reserve(message, 1 + ECHO__WIRE_VARINT);
  if (!to) return ECHO_MEMORY;
  *to++ = (unsigned char)tag;
  message->size = (size_t)(echo__wire_put_varint(to, number) - message->bytes);
  return ECHO_OK;
}

static inline int echo__put_integer(echo__message *message, int64_t number) {
  if (number >= ECHO__WIRE_SMALLEST && number <= ECHO__WIRE_LARGEST_SMALL)
    return echo__put_byte(message, (int)number - ECHO__WIRE_SMALLEST + ECHO__WIRE_SMALL);
  return echo__put_tagged(message, ECHO__WIRE_INTEGER, echo__wire_zigzag(number));
}

static inline int echo__put_float(echo__message *message, double number) {
  unsigned char *to = echo__message_reserve(message, 1 + sizeof number);
  if (!to) return ECHO_MEMORY;
  *to = ECHO__WIRE_FLOAT;
  memcpy(to + 1, &number, sizeof number);
  message->size += 1 + sizeof number;
  return ECHO_OK;
}

/* A tag and bytes. A short string has its length in the tag, a key's length fits a byte. */
static inline int echo__put_bytes(echo__message *message, int tag, const char *text, size_t size) {
  if (size > PTRDIFF_MAX - 1 - ECHO__WIRE_VARINT) return ECHO_MEMORY;
  unsigned char *to = echo__message_reserve(message, 1 + ECHO__WIRE_VARINT + size);
  if (!to) return ECHO_MEMORY;
  *to++ = (unsigned char)tag;
  if (tag < ECHO__WIRE_SHORT_STRING) to = echo__wire_put_varint(to, size);
  memcpy(to, text, size);
  message->size = (size_t)(to + size - message->bytes);
  return ECHO_OK;
}

static inline int echo__put_string(echo__message *message, const char *text, size_t size) {
  int tag = ECHO__WIRE_STRING;
  if (size < ECHO__WIRE_SHORT_KEY - ECHO__WIRE_SHORT_STRING)
    tag = ECHO__WIRE_SHORT_STRING + (int)size;
  return echo__put_bytes(message, tag, text, size);
}

#endif
