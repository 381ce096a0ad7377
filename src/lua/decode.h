/*
 * Bytes to Lua values. The bytes are not trusted: whatever they say, the worst that comes of it is
 * an error, or a call of a function that the state has or that is attached. Attachments are
 * trusted; only echo__message_attach() adds them.
 */
#ifndef ECHO_LUA_DECODE_H
#define ECHO_LUA_DECODE_H

#include "lua/codec.h"
#include "lua/message.h"

#include <lua.h>

/* Pushes the values of the message and returns how many there are, or ECHO_TRANSFER with a sentence
 * pushed instead. The message is only read and may be decoded again.
 *
 * The thread that runs the state. To be called where Lua errors are caught: it may raise Lua memory
 * errors. A message that names a module which is not loaded runs that module, and one with values
 * that had __echo_transfer runs the functions that make them anew. */
int echo__decode(lua_State *L, echo__codec *codec, const echo__message *message);

/* The same, for who has the message alone and is going to release it: long strings may be made of
 * what it holds (loan.h). If it fails the message may be decoded again nevertheless. */
int echo__decode_last(lua_State *L, echo__codec *codec, echo__message *message);

#endif
