/*
 * The file of a recording: a JSON array to which lines are added, and which is valid JSON at every
 * moment, also if the process is killed while it writes.
 *
 * The closing bracket stands behind a stretch of blanks, and what is added goes into the blanks.
 * A write that a kill breaks off is broken off between two pages; so no line lies across the border
 * of one, and wherever a write ends there are whole lines, then blanks, then the bracket. The
 * bracket has to move only when the blanks are used up, which are a quarter of the file each time:
 * then there is none for a moment of two system calls. That is so rare that a kill in this moment
 * is not to be met; it cannot be had without, since no file system changes two pages at once.
 *
 * Blanks are written before the bracket moves behind them. So a disk is full when the file is to
 * grow and not when a line is to be written; the file then stays as it is, whole.
 *
 * Lines are kept, or provisional: what is written next then takes their place. Where that leaves
 * off, blanks follow in the same write up to the border of the page, behind which there are whole
 * lines again.
 *
 * One thread at a time. After a failure nothing is written any more, and `error` has its errno.
 */
#ifndef ECHO_SCHEDULER_TRACE_FILE_H
#define ECHO_SCHEDULER_TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  ECHO__TRACE_PAGE = 4096,   /* divides what any system calls a page */
  ECHO__TRACE_LINE = 2048,   /* the longest line */
  ECHO__TRACE_BUFFER = 65536 /* bytes that are written at once */
};

typedef struct echo__trace_file {
  int descriptor; /* -1: not open */
  int error;
  uint64_t written; /* the buffer's place in the file: behind the last line that is kept */
  uint64_t used_to; /* from there to here the file has provisional lines */
  uint64_t bracket; /* where the closing bracket is */
  size_t kept;      /* bytes of the buffer that hold kept lines, */
  size_t filled;    /* and those with provisional ones behind them */
  bool provisional; /* what is added now */
  char buffer[ECHO__TRACE_BUFFER];
  char blanks[ECHO__TRACE_BUFFER];
} echo__trace_file;

/* Makes the file, or empties it, with one line in it. 0 or an errno, after which it is not open. */
int echo__trace_file_open(echo__trace_file *file, const char *path, const char *line,
                          size_t length);

/* Room for one more line of at most ECHO__TRACE_LINE bytes: write it there, without the end of the
 * line, then tell its length. Kept lines before it may go to the disk; for a provisional one there
 * may be no room: NULL. */
char *echo__trace_file_line(echo__trace_file *file);
void echo__trace_file_add(echo__trace_file *file, size_t length);

/* From here to the next flush lines are provisional. */
void echo__trace_file_be_provisional(echo__trace_file *file);

/* Writes what was added. */
void echo__trace_file_flush(echo__trace_file *file);

/* Flushes, cuts the blanks off and closes; `error` stays. Nothing if it is not open. */
void echo__trace_file_close(echo__trace_file *file);

#endif
