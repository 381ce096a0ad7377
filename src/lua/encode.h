/*
 * Lua values to bytes. See wire.h for the bytes and docs for what travels.
 *
 * Tables are read raw: no metamethod is called but __echo_transfer, and that one only when all the
 * values have been looked through. Tables and functions nest to any depth; neither the C stack nor
 * the Lua stack grows with the values.
 */
#ifndef ECHO_LUA_ENCODE_H
#define ECHO_LUA_ENCODE_H

#include "lua/codec.h"
#include "lua/message.h"
#include "lua/refusal.h"

#include <lua.h>

/* Encodes the `count` values from the absolute stack index `first` on into the message, which is
 * emptied first. The values stay on the stack. In error messages value i is named "`root`
 * number+i"; a call is encoded as function and arguments with ECHO__ROOT_ARGUMENT and number 0.
 *
 * The thread that runs the state, which must also have the message to itself; the caller's object
 * owns the message and all it holds. Returns ECHO_OK, or ECHO_TRANSFER or ECHO_MEMORY with the
 * message emptied and a sentence pushed onto the stack. May raise Lua memory errors; the message
 * then is good for release or reset. Where a value has __echo_transfer, Lua code runs. */
int echo__encode(lua_State *L, echo__codec *codec, int first, int count, echo__root root,
                 int number, echo__message *message);

#endif
