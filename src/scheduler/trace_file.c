#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "scheduler/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/tuning.h"

static const char end[] = "\n]\n";
enum { END = sizeof end - 1, SEPARATOR = 2 /* bytes before a line: a comma and the line's end */ };

/* All of it, at this place. False: `error` says why not. */
static bool write_at(echo__trace_file *file, const char *bytes, size_t size, uint64_t place) {
  while (size > 0 && file->error == 0) {
    ssize_t wrote = pwrite(file->descriptor, bytes, size, (off_t)place);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      file->error = wrote < 0 ? errno : EIO;
      break;
    }
    bytes += wrote;
    place += (uint64_t)wrote;
    size -= (size_t)wrote;
  }
  return file->error == 0;
}

static bool write_blanks(echo__trace_file *file, uint64_t from, uint64_t to) {
  while (from < to) {
    uint64_t size = to - from < sizeof file->blanks ? to - from : sizeof file->blanks;
    if (!write_at(file, file->blanks, (size_t)size, from)) return false;
    from += size;
  }
  return true;
}

/* Takes what is behind back, after a failure: false. */
static bool shorten(echo__trace_file *file, uint64_t length) {
  if (ftruncate(file->descriptor, (off_t)length) == 0) file->bracket = length - END;
  return false;
}

/* Moves the bracket so far that there are blanks up to this place, and some more. */
static bool grow(echo__trace_file *file, uint64_t to) {
  uint64_t more = to / 4;
  if (more < ECHO__TRACE_GROWS) more = ECHO__TRACE_GROWS;
  if (more > ECHO__TRACE_GROWS_MOST) more = ECHO__TRACE_GROWS_MOST;
  uint64_t from = file->bracket;
  uint64_t bracket = (to + more) / ECHO__TRACE_PAGE * ECHO__TRACE_PAGE + ECHO__TRACE_PAGE - END;
  if (!write_blanks(file, from + END, bracket)) return false;
  /* The new one first: it is what may fail. */
  if (!write_at(file, end, END, bracket)) return false;
  file->bracket = bracket;
  return write_at(file, "   ", END, from) || shorten(file, from + END);
}

int echo__trace_file_open(echo__trace_file *file, const char *path, const char *line,
                          size_t length) {
  file->error = 0;
  memset(file->blanks, ' ', sizeof file->blanks);
  file->kept = file->filled = 0;
  /* Not to wait for a reader, if it is a pipe: that cannot be written anywhere, and is refused. */
  file->descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file->descriptor < 0) return errno;
  char *text = file->buffer;
  memcpy(text, "[\n", 2);
  memcpy(text + 2, line, length);
  memcpy(text + 2 + length, end, END);
  file->bracket = file->written = file->used_to = 2 + length;
  if (write_at(file, text, 2 + length + END, 0)) return 0;
  close(file->descriptor);
  file->descriptor = -1;
  return file->error;
}

/* What a line may take: it may have to move behind the border of a page; and what blanks may take
 * behind it. */
enum { NEEDED = SEPARATOR + ECHO__TRACE_LINE + 2 * ECHO__TRACE_PAGE };

char *echo__trace_file_line(echo__trace_file *file) {
  if (file->filled + NEEDED > sizeof file->buffer) {
    if (file->provisional) return NULL;
    echo__trace_file_flush(file);
  }
  return file->buffer + file->filled + SEPARATOR;
}

static size_t left_of_page(uint64_t place) {
  return ECHO__TRACE_PAGE - (size_t)(place % ECHO__TRACE_PAGE);
}

void echo__trace_file_add(echo__trace_file *file, size_t length) {
  char *line = file->buffer + file->filled;
  size_t left = left_of_page(file->written + file->filled);
  if (SEPARATOR + length > left) {
    memmove(line + left + SEPARATOR, line + SEPARATOR, length);
    memset(line, ' ', left);
    line += left;
    file->filled += left;
  }
  line[0] = ',';
  line[1] = '\n';
  file->filled += SEPARATOR + length;
  if (!file->provisional) file->kept = file->filled;
}

void echo__trace_file_be_provisional(echo__trace_file *file) {
  echo__trace_file_flush(file);
  file->provisional = true;
}

/* Blanks behind what is written, so far as there were provisional lines in its last page. */
static size_t blank_page(echo__trace_file *file, uint64_t to) {
  if (to >= file->used_to) return 0;
  size_t left = left_of_page(to);
  size_t size = file->used_to - to < left ? (size_t)(file->used_to - to) : left;
  memset(file->buffer + file->filled, ' ', size);
  return size;
}

static void write_buffer(echo__trace_file *file) {
  uint64_t to = file->written + file->filled;
  if (to > file->bracket && !grow(file, to)) return;
  size_t blanks = blank_page(file, to);
  if (!write_at(file, file->buffer, file->filled + blanks, file->written)) return;
  if (!write_blanks(file, to + blanks, file->used_to)) return;
  file->written += file->kept;
  file->used_to = to;
}

void echo__trace_file_flush(echo__trace_file *file) {
  if (file->error == 0 && (file->filled > 0 || file->used_to > file->written)) write_buffer(file);
  file->kept = file->filled = 0;
  file->provisional = false;
}

/* What is no file of blocks (/dev/null) cannot be cut, and need not be. */
void echo__trace_file_close(echo__trace_file *file) {
  if (file->descriptor < 0) return;
  echo__trace_file_flush(file);
  if (file->error == 0 && write_at(file, end, END, file->used_to)) {
    if (ftruncate(file->descriptor, (off_t)(file->used_to + END)) != 0 && errno != EINVAL)
      file->error = errno;
  }
  if (close(file->descriptor) != 0 && file->error == 0) file->error = errno;
  file->descriptor = -1;
}
