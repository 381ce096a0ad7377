/*
 * echo/buffer.h - bytes that do not change, shared by any number of threads and Lua states.
 *
 *   echo_buffer *buffer;
 *   int status = echo_buffer_create(pixels, size, free_pixels, NULL, &buffer);
 *   if (status == ECHO_OK) {
 *     echo_lua_push_buffer(L, buffer);     (echo/lua.h: a script may now send it to tasks)
 *     echo_buffer_release(buffer);
 *   }
 *
 * A buffer is counted: whoever creates or retains it holds a reference and releases it once. The
 * bytes stay where they are until the last holder, in C, in a Lua state or in a message between
 * two, has let go; then they are freed, on the thread on which that happens, which may be a
 * worker's.
 *
 * All of these may be called on any thread. This header needs no Lua, but the functions are the Lua
 * module's.
 */
#ifndef ECHO_BUFFER_H
#define ECHO_BUFFER_H

#include <echo/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct echo_buffer echo_buffer;

/* Makes a buffer of bytes that are the caller's, without copying them; the caller holds one
 * reference. From now on nobody may write there. `free_callback(bytes, size, data)` is called
 * exactly once, by whoever lets go last; it must neither block nor call Lua. NULL: the bytes
 * outlive every holder by other means.
 *
 * ECHO_OK. Otherwise ECHO_MEMORY, or ECHO_INVALID (no `out`, no `bytes` although `size` is not 0,
 * or a `size` that no memory has): the bytes are still the caller's, no call-back will come. */
ECHO_API int echo_buffer_create(const void *bytes, size_t size,
                                void (*free_callback)(void *bytes, size_t size, void *data),
                                void *data, echo_buffer **out);

/* Adds a reference to a buffer that the caller has one to, or that a Lua value keeps alive. */
ECHO_API void echo_buffer_retain(echo_buffer *buffer);

/* Drops a reference; NULL is allowed. */
ECHO_API void echo_buffer_release(echo_buffer *buffer);

/* The first byte (never NULL) and how many there are. They stay as long as the reference. */
ECHO_API const void *echo_buffer_bytes(const echo_buffer *buffer);
ECHO_API size_t echo_buffer_size(const echo_buffer *buffer);

#ifdef __cplusplus
}
#endif

#endif
