/*
 * A state that what a fuzzer made up may be decoded in.
 *
 * A message can name any function that its receiver has, and can have it called. So this receiver
 * has nothing that reaches out of it (files, processes, binary chunks, threads of Echo), nothing
 * that can take for ever inside C (patterns, string.rep of nothing), a bounded memory, and a bound
 * on the instructions that it runs. What it does have is enough to meet every kind of value.
 *
 * Attachments are trusted, in the real world too. They come from a pool that is the same in each
 * run, so that a file can name them by number.
 */
#ifndef SPEC_FUZZ_RECEIVER_H
#define SPEC_FUZZ_RECEIVER_H

#include "lua/codec.h"
#include "lua/message.h"

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

enum {
  FUZZ_ATTACHMENTS = 16, /* a file names at most so many */
  FUZZ_MEMORY = 32 << 20 /* what a state may have */
};

typedef struct fuzz_receiver {
  lua_State *L;
  echo__codec *codec;
  size_t memory;    /* in use */
  int instructions; /* hundreds that are left */
} fuzz_receiver;

/* Makes the state; aborts if there is no memory for it. */
void fuzz_receiver_open(fuzz_receiver *r);

/* Closes the state; aborts if any of its memory is still in use. */
void fuzz_receiver_close(fuzz_receiver *r);

/* Reads a file (a count of attachments, so many numbers of the pool, the bytes of the message) into
 * an empty message. */
void fuzz_file_read(const uint8_t *data, size_t size, echo__message *message);

/* Writes the message as such a file, into `to`, which has room for `room` bytes. Returns its size,
 * or 0 if it has an attachment that is not of the pool, or is too large. */
size_t fuzz_file_write(const echo__message *message, uint8_t *to, size_t room);

/* The Lua code that has the pool's functions as its locals, for what is to be sent with them. */
extern const char fuzz_prelude[];

/* Decodes as a worker does, where errors are caught; the values are left on top. Returns how many
 * there are, or ECHO_TRANSFER with the sentence pushed, or ECHO_MEMORY with nothing. */
int fuzz_decode(fuzz_receiver *r, const echo__message *message);

/* Encodes the values from `first` on, up to the top. Returns as echo__encode(), with nothing
 * pushed, and ECHO_MEMORY for a memory error of Lua too. */
int fuzz_encode(fuzz_receiver *r, int first, echo__message *message);

/* Ends the program with the sentence. */
_Noreturn void fuzz_fail(const char *sentence, const char *detail);

#endif
