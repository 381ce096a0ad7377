/*
 * Buffers, of which echo/buffer.h tells: where their bytes come from.
 *
 * A buffer never changes but for its count and who was told of it, so any thread may use it. A
 * slice has a reference to the buffer that has the bytes (never to another slice) and none of its
 * own bytes.
 */
#ifndef ECHO_LUA_BUFFER_H
#define ECHO_LUA_BUFFER_H

#include <echo/buffer.h>

#include "lua/shared.h"

struct echo_buffer {
  echo__shared shared;
  const char *bytes;
  size_t size;
  echo_buffer *whole; /* what this is a slice of, or NULL */
  void (*free_callback)(void *bytes, size_t size, void *data);
  void *data;
  echo__atomic(int) untold; /* see echo__buffer_take_weight() */
};

extern const echo__shared_type echo__buffer_type; /* buffer_methods.c */

/* The type's `destroy`. */
void echo__buffer_destroy(echo__shared *shared);

/* A buffer with a copy of the bytes; NULL without memory. */
echo_buffer *echo__buffer_copy(const void *bytes, size_t size);

/* Maps a file. ECHO_OK; ECHO_MEMORY; ECHO_MISSING, and then errno says what the system refused; or
 * ECHO_INVALID: it is no file of a known size (a directory, a pipe, something in /proc). */
int echo__buffer_map(const char *path, echo_buffer **out);

/* A buffer of `size` bytes from `offset` on, which must lie within; NULL without memory. */
echo_buffer *echo__buffer_slice(echo_buffer *buffer, size_t offset, size_t size);

/* How many bytes of memory a state's collector should be told that hang on the handle it gets. To a
 * collector a handle is some dozen bytes, so garbage could pile up unnoticed. The state that makes
 * a buffer and the first that receives it are told all of it, the others 0: a buffer that is sent
 * about costs nothing each time. So does a file: the system takes its pages back by itself. A slice
 * answers for the whole. */
size_t echo__buffer_take_weight(echo_buffer *buffer);

#endif
