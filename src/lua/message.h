/*
 * A message: Lua values as bytes, on their way from one state to another.
 *
 * Plain memory without a lock. One thread writes it, hands it over (whatever carries it across
 * synchronises), and another thread reads it; after that either may release it. It is embedded in
 * an object that something else owns, so nothing is lost when Lua raises an error half-way.
 *
 * A message points into itself: it must not be copied or moved after echo__message_init().
 *
 * Attachments are reference-counted things that the bytes name by index. The message owns one
 * reference to each.
 *
 * A short text of its owner's may lie behind the bytes that a message has in itself, which are so
 * many fewer then. It is there for as long as the message is memory, whatever becomes of the
 * values, and never changes: whoever may look at the owner may read it at any time.
 */
#ifndef ECHO_LUA_MESSAGE_H
#define ECHO_LUA_MESSAGE_H

#include "base/tuning.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum echo__attachment_kind {
  ECHO__ATTACHMENT_CODE,   /* echo__code */
  ECHO__ATTACHMENT_SHARED, /* echo__shared */
  ECHO__ATTACHMENT_TEXT,   /* echo__block, see loan.h */
  ECHO__ATTACHMENT_KINDS
} echo__attachment_kind;

typedef struct echo__attachment {
  echo__attachment_kind kind;
  void *pointer;
} echo__attachment;

typedef struct echo__message {
  unsigned char *bytes; /* inline_bytes, or allocated */
  size_t size;
  size_t capacity;
  echo__attachment *attachments; /* inline_attachments, or allocated */
  uint32_t attachment_count;
  uint8_t attachment_growth; /* there is room for 4 to this power */
  uint8_t kept;              /* bytes at the end of inline_bytes, a zero included, or 0 */
  echo__attachment inline_attachments[1]; /* most messages have one function */
  unsigned char inline_bytes[ECHO__MESSAGE_INLINE];
} echo__message;

/* Makes an empty message that owns nothing. Any thread; never fails. */
void echo__message_init(echo__message *message);

/* Drops the references and frees the memory; the message is as after init, and keeps its text.
 * Idempotent. Any thread that has the message to itself. */
void echo__message_release(echo__message *message);

/* Empties the message and keeps its memory for the next values. Any thread, as release. */
void echo__message_reset(echo__message *message);

/* Copies a text into the message; false if it is too long for that. Of a new message only, before
 * anybody else has it. */
bool echo__message_keep(echo__message *message, const char *text);

/* That text, or NULL. Any thread that may look at the message's owner. */
static inline const char *echo__message_kept(const echo__message *message) {
  if (message->kept == 0) return NULL;
  return (const char *)message->inline_bytes + ECHO__MESSAGE_INLINE - message->kept;
}

/* Adds an attachment and takes over one reference to it, which is dropped on failure too. Returns
 * its index or ECHO_MEMORY. The writing thread. */
int64_t echo__message_attach(echo__message *message, echo__attachment_kind kind, void *pointer);

/* Takes or drops one reference by kind. Any thread. */
void echo__attachment_retain(echo__attachment attachment);
void echo__attachment_release(echo__attachment attachment);

/* The bytes of the values, what is attached included as far as it is texts. */
size_t echo__message_weight(const echo__message *message);

/* Makes room for `more` bytes after the last one, or returns NULL and leaves the message alone. */
unsigned char *echo__message_grow(echo__message *message, size_t more);

/* Where the next byte goes, with room for `more`; NULL when memory ran out. The caller writes there
 * and then sets `size`. The writing thread. */
static inline unsigned char *echo__message_reserve(echo__message *message, size_t more) {
  if (message->capacity - message->size >= more) return message->bytes + message->size;
  return echo__message_grow(message, more);
}

#endif
