/*
 * The text of a recording's events: JSON, put together by hand, since there are a hundred thousand
 * of them a second.
 *
 * A line is written into room that the caller has (ECHO__TRACE_LINE bytes suffice for all of them)
 * and moves on as it grows; names are cut. Plain functions, no state; any thread.
 */
#ifndef ECHO_SCHEDULER_TRACE_LINE_H
#define ECHO_SCHEDULER_TRACE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ECHO__TRACE_NAME = 127 /* bytes of a name that are kept */ };

typedef struct echo__trace_line {
  char *first, *next;
} echo__trace_line;

/* A text of the program's own, as it is. */
#define echo__line_put(line, literal) echo__line_put_bytes((line), (literal), sizeof(literal) - 1)

static inline void echo__line_put_bytes(echo__trace_line *line, const char *bytes, size_t size) {
  memcpy(line->next, bytes, size);
  line->next += size;
}

static inline void echo__line_put_text(echo__trace_line *line, const char *text) {
  echo__line_put_bytes(line, text, strlen(text));
}

void echo__line_put_number(echo__trace_line *line, uint64_t number);

/* Nanoseconds as microseconds with three decimals. */
void echo__line_put_time(echo__trace_line *line, uint64_t nanoseconds);

/* A name in quotes: what JSON does not allow is escaped, and what is not UTF-8 becomes U+FFFD, as
 * does what a cut has left of a character. At most ECHO__TRACE_NAME bytes of it. */
void echo__line_put_name(echo__trace_line *line, const char *name, size_t length);

#endif
