/* message.c - see message.h. */
#include "lua/message.h"

#include "base/block.h"
#include "echo/status.h"
#include "lua/code.h"
#include "lua/shared.h"

#include <stdlib.h>
#include <string.h>

static void retain_code(void *code) {
  echo__code_retain(code, 1);
}

static void release_code(void *code) {
  echo__code_release(code, 1);
}

static void retain_shared(void *shared) {
  echo__shared_retain(shared);
}

static void release_shared(void *shared) {
  echo__shared_release(shared);
}

static void retain_text(void *block) {
  echo__block_retain(block);
}

static void release_text(void *block) {
  echo__block_release(block);
}

/* One row for each echo__attachment_kind, in its order. */
static const struct {
  void (*retain)(void *);
  void (*release)(void *);
} kinds[ECHO__ATTACHMENT_KINDS] = {
    [ECHO__ATTACHMENT_CODE] = {retain_code, release_code},
    [ECHO__ATTACHMENT_SHARED] = {retain_shared, release_shared},
    [ECHO__ATTACHMENT_TEXT] = {retain_text, release_text},
};

void echo__attachment_retain(echo__attachment attachment) {
  kinds[attachment.kind].retain(attachment.pointer);
}

void echo__attachment_release(echo__attachment attachment) {
  kinds[attachment.kind].release(attachment.pointer);
}

enum { MOST_KEPT = ECHO__MESSAGE_INLINE * 2 / 3 };

_Static_assert(sizeof((echo__message *)0)->inline_attachments == sizeof(echo__attachment),
               "room for 4 to the power of 0");
_Static_assert(MOST_KEPT <= UINT8_MAX, "the length of what is kept is a byte");

/* What is kept is not touched: others may read it. */
static void begin_anew(echo__message *message) {
  message->bytes = message->inline_bytes;
  message->size = 0;
  message->capacity = sizeof message->inline_bytes - message->kept;
  message->attachments = message->inline_attachments;
  message->attachment_count = 0;
  message->attachment_growth = 0;
}

void echo__message_init(echo__message *message) {
  message->kept = 0;
  begin_anew(message);
}

bool echo__message_keep(echo__message *message, const char *text) {
  size_t bytes = strnlen(text, MOST_KEPT) + 1;
  if (bytes > MOST_KEPT) return false;
  message->kept = (uint8_t)bytes;
  message->capacity = sizeof message->inline_bytes - bytes;
  memcpy(message->inline_bytes + message->capacity, text, bytes);
  return true;
}

void echo__message_reset(echo__message *message) {
  message->size = 0;
  while (message->attachment_count > 0)
    echo__attachment_release(message->attachments[--message->attachment_count]);
}

void echo__message_release(echo__message *message) {
  echo__message_reset(message);
  if (message->bytes != message->inline_bytes) free(message->bytes);
  if (message->attachments != message->inline_attachments) free(message->attachments);
  begin_anew(message);
}

size_t echo__message_weight(const echo__message *message) {
  size_t weight = message->size;
  for (uint32_t i = 0; i < message->attachment_count; i++) {
    const echo__attachment *attachment = &message->attachments[i];
    if (attachment->kind == ECHO__ATTACHMENT_TEXT)
      weight += ((const echo__block *)attachment->pointer)->capacity;
  }
  return weight;
}

/* Like realloc for a block that starts out inside the message. */
static void *move_out(void *block, const void *inside, size_t used, size_t wanted) {
  if (block != inside) return realloc(block, wanted);
  void *moved = malloc(wanted);
  if (moved) memcpy(moved, block, used);
  return moved;
}

unsigned char *echo__message_grow(echo__message *message, size_t more) {
  if (more > PTRDIFF_MAX - message->size) return NULL;
  size_t wanted = message->size + more;
  size_t doubled = message->capacity <= PTRDIFF_MAX / 2 ? message->capacity * 2 : PTRDIFF_MAX;
  if (wanted < doubled) wanted = doubled;
  unsigned char *bytes = move_out(message->bytes, message->inline_bytes, message->size, wanted);
  if (!bytes) return NULL;
  message->bytes = bytes;
  message->capacity = wanted;
  return bytes + message->size;
}

static size_t attachment_capacity(const echo__message *message) {
  return (size_t)1 << (2 * message->attachment_growth);
}

static int grow_attachments(echo__message *message) {
  size_t wanted = attachment_capacity(message) * 4;
  if (wanted > UINT32_MAX) return 0;
  echo__attachment *attachments =
      move_out(message->attachments, message->inline_attachments,
               message->attachment_count * sizeof *attachments, wanted * sizeof *attachments);
  if (!attachments) return 0;
  message->attachments = attachments;
  message->attachment_growth++;
  return 1;
}

int64_t echo__message_attach(echo__message *message, echo__attachment_kind kind, void *pointer) {
  echo__attachment attachment = {kind, pointer};
  if (message->attachment_count == attachment_capacity(message) && !grow_attachments(message)) {
    echo__attachment_release(attachment);
    return ECHO_MEMORY;
  }
  message->attachments[message->attachment_count] = attachment;
  return (int64_t)message->attachment_count++;
}
