/*
 * Reads what a recording wrote: a strict parser of JSON, which fails the test for anything that the
 * grammar does not allow, and the events with those of their members that specs look at.
 */
#ifndef SPEC_SUPPORT_EVENTS_H
#define SPEC_SUPPORT_EVENTS_H

#include "support/spec.h"

enum { SPEC_EVENT_TEXT = 160 };

typedef struct spec_event {
  char phase;
  long tid, id;               /* 0: none */
  long long at, length;       /* nanoseconds; -1: none */
  char name[SPEC_EVENT_TEXT]; /* as it stands in the file, escapes and all */
  char category[SPEC_EVENT_TEXT], ended[SPEC_EVENT_TEXT], queue[SPEC_EVENT_TEXT];
  char label[SPEC_EVENT_TEXT];             /* args.name */
  long events, waiting, high, normal, low; /* of counters; -1: none */
} spec_event;

typedef struct spec_events {
  size_t count;
  spec_event *all;
} spec_events;

/* True if the text is one JSON value and nothing else. */
bool spec_json_is_valid(const char *text, size_t size);

/* The events of a file, which must be a valid array of objects; to be freed. */
spec_events spec_events_read(const char *path);
void spec_events_free(spec_events *events);

/* How many have this phase and name (NULL: any). */
size_t spec_events_count(const spec_events *events, char phase, const char *name);

/* The next of them from place `from` on; NULL if there is none. */
const spec_event *spec_events_find(const spec_events *events, char phase, const char *name,
                                   size_t from);

/* Fails unless what docs/trace.md promises of every recording holds: one beginning of a "start" a
 * number, at most one end, of the first of the slices with that number, which ends the task at most
 * once; slices of a lane lie inside of each other or apart; every lane has a name. */
void spec_events_check(const spec_events *events);

/* What the counter of dropped events said last. */
long spec_events_dropped(const spec_events *events);

#endif
