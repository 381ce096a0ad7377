#include "lua/loan.h"

#include "echo/status.h"
#include "lua/alloc.h"

#include <string.h>

/* A long string as Lua 5.4 has it: a text that is copied for a worker is put where its string will
 * look for it. A Lua that has it elsewhere copies it once more. */
typedef struct string_as_usual {
  void *next;
  unsigned char type, marked, extra, short_length;
  unsigned hash;
  union {
    size_t length;
    void *next;
  } u;
  char text[1];
} string_as_usual;

static echo__block *copy(const char *text, size_t size) {
  size_t at = offsetof(string_as_usual, text);
  if (size > PTRDIFF_MAX - at - 1) return NULL;
  echo__block *block = echo__block_take(at + size + 1);
  if (block != NULL) memcpy(block->bytes + at, text, size);
  return block;
}

static int put(echo__message *message, uint64_t index, uint64_t at, uint64_t size) {
  unsigned char *to = echo__message_reserve(message, 1 + 3 * ECHO__WIRE_VARINT);
  if (to == NULL) return ECHO_MEMORY;
  *to++ = ECHO__WIRE_TEXT;
  to = echo__wire_put_varint(to, index);
  to = echo__wire_put_varint(to, at);
  message->size = (size_t)(echo__wire_put_varint(to, size) - message->bytes);
  return ECHO_OK;
}

int echo__loan_put(lua_State *L, const char *text, size_t size, echo__message *message) {
  size_t at = offsetof(string_as_usual, text);
  echo__block *block = echo__alloc_block_of(L, text, size);
  if (block != NULL) {
    at = (size_t)(text - block->bytes);
    echo__block_retain(block);
  } else {
    block = copy(text, size);
  }
  if (block == NULL) return ECHO_MEMORY;
  int64_t index = echo__message_attach(message, ECHO__ATTACHMENT_TEXT, block);
  return index < 0 ? ECHO_MEMORY : put(message, (uint64_t)index, at, size);
}

/* Made of a block in place, a string has Lua copy the text onto itself, which C libraries allow. */
void echo__loan_push(lua_State *L, echo__block *block, size_t at, size_t size, bool last) {
  bool offered = last && echo__alloc_offer(L, block, at, size);
  lua_pushlstring(L, block->bytes + at, size);
  if (offered) echo__alloc_withdraw(L);
}
