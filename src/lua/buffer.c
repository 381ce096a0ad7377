/* buffer.c - see buffer.h. */
#include "lua/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* With room for `extra` bytes of its own behind it. */
static echo_buffer *create(const void *bytes, size_t size, size_t extra) {
  if (extra > PTRDIFF_MAX - sizeof(echo_buffer)) return NULL;
  echo_buffer *buffer = malloc(sizeof *buffer + extra);
  if (!buffer) return NULL;
  echo__shared_init(&buffer->shared, &echo__buffer_type);
  buffer->bytes = bytes ? bytes : ""; /* an address to count from, however few there are */
  buffer->size = size;
  buffer->whole = NULL;
  buffer->free_callback = NULL;
  buffer->data = NULL;
  echo__store(&buffer->untold, 2, relaxed);
  return buffer;
}

int echo_buffer_create(const void *bytes, size_t size,
                       void (*free_callback)(void *bytes, size_t size, void *data), void *data,
                       echo_buffer **out) {
  if (!out || (!bytes && size > 0) || size > PTRDIFF_MAX) return ECHO_INVALID;
  echo_buffer *buffer = create(bytes, size, 0);
  if (!buffer) return ECHO_MEMORY;
  buffer->free_callback = free_callback;
  buffer->data = data;
  *out = buffer;
  return ECHO_OK;
}

void echo_buffer_retain(echo_buffer *buffer) {
  echo__shared_retain(&buffer->shared);
}

void echo_buffer_release(echo_buffer *buffer) {
  if (buffer) echo__shared_release(&buffer->shared);
}

const void *echo_buffer_bytes(const echo_buffer *buffer) {
  return buffer->bytes;
}

size_t echo_buffer_size(const echo_buffer *buffer) {
  return buffer->size;
}

void echo__buffer_destroy(echo__shared *shared) {
  echo_buffer *buffer = (echo_buffer *)shared;
  if (buffer->free_callback)
    buffer->free_callback((void *)buffer->bytes, buffer->size, buffer->data);
  echo_buffer_release(buffer->whole);
  free(buffer);
}

echo_buffer *echo__buffer_copy(const void *bytes, size_t size) {
  echo_buffer *buffer = create(NULL, size, size);
  if (!buffer) return NULL;
  buffer->bytes = memcpy(buffer + 1, bytes, size);
  return buffer;
}

echo_buffer *echo__buffer_slice(echo_buffer *buffer, size_t offset, size_t size) {
  echo_buffer *slice = create(buffer->bytes + offset, size, 0);
  if (!slice) return NULL;
  slice->whole = buffer->whole ? buffer->whole : buffer;
  echo_buffer_retain(slice->whole);
  return slice;
}

size_t echo__buffer_take_weight(echo_buffer *buffer) {
  if (buffer->whole) buffer = buffer->whole;
  if (echo__load(&buffer->untold, relaxed) <= 0) return 0;
  return echo__sub(&buffer->untold, 1, relaxed) > 0 ? buffer->size : 0;
}

/* -- files ------------------------------------------------------------------------------------ */

static void unmap(void *bytes, size_t size, void *data) {
  (void)data;
  munmap(bytes, size);
}

/* What the kernel makes up when it is read has a size of 0 too, but is not empty. */
static int map_nothing(int file, echo_buffer **out) {
  char byte;
  ssize_t count = read(file, &byte, 1);
  if (count < 0) return ECHO_MISSING;
  return count > 0 ? ECHO_INVALID : echo_buffer_create(NULL, 0, NULL, NULL, out);
}

static int map_bytes(int file, size_t size, echo_buffer **out) {
  void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED) return ECHO_MISSING;
  int status = echo_buffer_create(bytes, size, unmap, NULL, out);
  if (status != ECHO_OK) {
    munmap(bytes, size);
    return status;
  }
  echo__store(&(*out)->untold, 0, relaxed);
  return ECHO_OK;
}

static int map_open(int file, echo_buffer **out) {
  struct stat status;
  if (fstat(file, &status) != 0) return ECHO_MISSING;
  if (!S_ISREG(status.st_mode)) return ECHO_INVALID;
  if (status.st_size == 0) return map_nothing(file, out);
  if ((uintmax_t)status.st_size > PTRDIFF_MAX) {
    errno = EFBIG;
    return ECHO_MISSING;
  }
  return map_bytes(file, (size_t)status.st_size, out);
}

int echo__buffer_map(const char *path, echo_buffer **out) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* opening a FIFO must not wait */
  if (file < 0) return ECHO_MISSING;
  int status = map_open(file, out);
  int reason = errno;
  close(file);
  errno = reason;
  return status;
}
