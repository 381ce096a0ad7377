/*
 * The recorder: the rings into which a scheduler's threads put marks, and the thread that makes a
 * file of them. It looks every few milliseconds, or when a ring is half full.
 *
 * Made with the scheduler's first recording, used for all of them one after the other, and freed
 * with the scheduler. The rings are for the threads to write (trace_ring.h); all else is the
 * recorder's thread's while a recording runs, and belongs to whoever begins and ends it (under
 * the trace's mutex) before and after.
 */
#ifndef ECHO_SCHEDULER_RECORDER_H
#define ECHO_SCHEDULER_RECORDER_H

#include <echo/scheduler.h>
#include <uv.h>

#include "base/wait.h"
#include "scheduler/trace_file.h"
#include "scheduler/trace_line.h"
#include "scheduler/trace_ring.h"

enum {
  ECHO__OUTSIDE_LANES = 1024, /* lanes in the file for threads from outside */
  ECHO__OPEN_SLICES = 16      /* tasks inside of each other on one worker that it follows */
};

/* A slice whose end has not come. */
typedef struct echo__open_slice {
  echo__mark mark;
  char name[ECHO__TRACE_NAME + 1];
} echo__open_slice;

/* What the recorder knows of one worker: the slices that are open, the outermost first. */
typedef struct echo__open_slices {
  unsigned count; /* those beyond the room are counted too */
  echo__open_slice slices[ECHO__OPEN_SLICES];
} echo__open_slices;

typedef struct echo__sample {
  int64_t first, second, third; /* numbers of a counter, as they were written last */
} echo__sample;

typedef struct echo__recorder {
  echo_scheduler *scheduler;
  unsigned rings, workers;
  echo__trace_ring *ring;  /* the workers', then the lanes' */
  echo__open_slices *open; /* one a worker */
  echo__sample *samples;   /* queued, dropped, then one a named queue */
  echo__trace_file file;
  uint32_t recording;                      /* the number of this one, or of the last */
  uint64_t began;                          /* the moment that is 0 in the file */
  uint64_t past_drops;                     /* of ends that had no slice to end */
  uint64_t seen[ECHO__OUTSIDE_LANES / 64]; /* lanes that have been named */
  char pid[24];
  ECHO__ALIGNED echo__atomic(uint32_t) next_task;
  echo__word bell; /* changes when the thread is to look before its time */
  echo__atomic(bool) ends;
  uv_thread_t thread;
} echo__recorder;

/* NULL without memory. */
echo__recorder *echo__recorder_create(echo_scheduler *scheduler);
void echo__recorder_destroy(echo__recorder *recorder);

/* Opens the file, starts the thread and says that something is recorded. ECHO_OK, ECHO_FILE (errno
 * says why) or ECHO_THREAD. */
int echo__recorder_begin(echo__recorder *recorder, const char *path);

/* Has the thread write what is there and end. The errno of what broke the recording off, or 0. */
int echo__recorder_end(echo__recorder *recorder);

/* In the child of a fork, where the thread is not. */
void echo__recorder_forget(echo__recorder *recorder);

/* Wakes the thread. Any thread. */
void echo__recorder_wake(echo__recorder *recorder);

/* Marks that were dropped in this recording. Any thread. */
uint64_t echo__recorder_dropped(const echo__recorder *recorder);

/* -- events.c: marks as lines; the recorder's thread -- */

/* The line that begins the file, without its end; the length. */
size_t echo__events_first(const echo__recorder *recorder, char *text);

/* The lanes of the workers. */
void echo__events_name_workers(echo__recorder *recorder);

/* The lines that a mark stands for. */
void echo__events_write(echo__recorder *recorder, const echo__mark *mark, const char *name,
                        unsigned ring);

/* The slices that are open, as if they ended now. */
void echo__events_write_open(echo__recorder *recorder, uint64_t now);

/* Counters, where they have changed. */
void echo__events_sample(echo__recorder *recorder, uint64_t now);

#endif
