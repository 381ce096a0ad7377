/*
 * Loans: how a long string (of ECHO__BLOCK bytes or more) passes from state to state with as few
 * copies as can be.
 *
 * A worker's string lies in a block of its own (alloc.h): the message becomes a holder of that, and
 * nothing is copied. The string may be collected and the state closed meanwhile: the block stays as
 * long as anybody holds it. Other states' texts are copied into a block that the message holds.
 *
 * A worker that reads a message for the last time, where the message is the block's only holder, so
 * that it is nobody's string, makes the new string where the text is. Otherwise, and in other
 * states, it is copied.
 *
 * So what a host sends to a task is copied once, and so is what the task returns; two tasks on two
 * workers pass a text with one copy, and what a task passes on as it was given is copied no more.
 *
 * Nothing is owed to anybody: no sender waits for a receiver, or is told when one is done, on
 * whatever threads they are. A block counts for the memory limit of the state that has the string,
 * as long as it has it; what a message holds besides counts for nobody's, as ever.
 *
 * The message has the block among its attachments; the bytes say which one, where in it the text
 * is, and how long it is (wire.h).
 */
#ifndef ECHO_LUA_LOAN_H
#define ECHO_LUA_LOAN_H

#include "base/block.h"
#include "lua/message.h"
#include "lua/wire_put.h"

#include <lua.h>
#include <stdbool.h>

/* Writes a string of the state's that is long enough. ECHO_OK or ECHO_MEMORY. Makes no Lua object.
 * The thread that runs the state and writes the message. */
int echo__loan_put(lua_State *L, const char *text, size_t size, echo__message *message);

/* Any string of the state's, likewise. */
static inline int echo__put_text(lua_State *L, const char *text, size_t size,
                                 echo__message *message) {
  return size < ECHO__BLOCK ? echo__put_string(message, text, size)
                            : echo__loan_put(L, text, size, message);
}

/* Pushes the string that the block has at `at`, which is in it; `last`: the caller alone has the
 * message, and reads it for the last time unless it is refused. The thread that runs the state. May
 * raise memory errors. */
void echo__loan_push(lua_State *L, echo__block *block, size_t at, size_t size, bool last);

#endif
