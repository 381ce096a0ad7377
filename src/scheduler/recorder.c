#include "scheduler/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/thread.h"
#include "scheduler/scheduler.h"

static const uint64_t period = 10000000; /* nanoseconds between two looks */

/* -- made and freed --------------------------------------------------------------------------- */

static void *zeroed(size_t bytes) {
  size_t whole = (bytes + ECHO__LINE - 1) / ECHO__LINE * ECHO__LINE;
  void *memory = aligned_alloc(ECHO__LINE, whole);
  if (memory != NULL) memset(memory, 0, whole);
  return memory;
}

/* The slots are left as they come: memory that is never used is then never the process's. */
static echo__trace_ring *make_rings(unsigned count) {
  echo__trace_ring *rings = aligned_alloc(ECHO__LINE, count * sizeof *rings);
  if (rings == NULL) return NULL;
  for (unsigned i = 0; i < count; i++)
    memset(&rings[i], 0, offsetof(echo__trace_ring, slots));
  return rings;
}

echo__recorder *echo__recorder_create(echo_scheduler *s) {
  echo__recorder *r = zeroed(sizeof *r);
  if (r == NULL) return NULL;
  r->scheduler = s;
  r->workers = s->plan.workers;
  r->rings = r->workers + ECHO__LANES;
  r->ring = make_rings(r->rings);
  r->open = calloc(r->workers, sizeof *r->open);
  r->samples = calloc(2 + s->plan.queue_count, sizeof *r->samples);
  r->file.descriptor = -1;
  if (r->ring != NULL && r->open != NULL && r->samples != NULL) return r;
  echo__recorder_destroy(r);
  return NULL;
}

void echo__recorder_destroy(echo__recorder *r) {
  if (r == NULL) return;
  free(r->ring);
  free(r->open);
  free(r->samples);
  free(r);
}

/* -- the thread ------------------------------------------------------------------------------- */

static void take_from(echo__recorder *r, unsigned ring) {
  echo__mark mark;
  char name[256];
  while (r->file.error == 0 && echo__ring_take(&r->ring[ring], &mark, name)) {
    if (mark.recording == r->recording) echo__events_write(r, &mark, name, ring);
  }
}

/* The moment comes first, so that nothing which is written lies behind it. */
static void look(echo__recorder *r, bool last) {
  for (unsigned i = 0; i < r->rings; i++)
    take_from(r, i);
  uint64_t now = echo__now();
  echo__events_sample(r, now);
  if (!last) echo__trace_file_be_provisional(&r->file);
  echo__events_write_open(r, now);
  echo__trace_file_flush(&r->file);
}

/* After a failure there is nothing to do but to wait for the end. */
static void wait_until_next(echo__recorder *r, uint32_t seen) {
  bool broken = r->file.error != 0;
  if (broken) echo__store(&r->scheduler->trace.on, 0, relaxed);
  echo__word_wait(&r->bell, seen, broken ? ECHO__FOREVER : echo__now() + period);
}

static void name_thread(const echo__recorder *r) {
  char name[32];
  snprintf(name, sizeof name, "%.9s-trace", r->scheduler->plan.name);
  echo__thread_name(name);
}

static void record(void *argument) {
  echo__recorder *r = argument;
  name_thread(r);
  for (;;) {
    uint32_t seen = echo__load(&r->bell, acquire); /* PAIR recorder.ends */
    bool ends = echo__load(&r->ends, relaxed);
    look(r, ends);
    if (ends) break;
    wait_until_next(r, seen);
  }
  echo__trace_file_close(&r->file);
}

void echo__recorder_wake(echo__recorder *r) {
  echo__add(&r->bell, 1, release); /* PAIR recorder.ends */
  echo__word_wake_one(&r->bell);
}

/* -- begin and end ---------------------------------------------------------------------------- */

/* What is left of the last recording. */
static void forget_marks(echo__recorder *r) {
  for (unsigned i = 0; i < r->rings; i++) {
    uint32_t head = echo__load(&r->ring[i].head, acquire); /* PAIR trace.head */
    echo__store(&r->ring[i].tail, head, release);          /* PAIR trace.tail */
  }
  for (unsigned i = 0; i < r->workers; i++)
    r->open[i].count = 0;
  memset(r->seen, 0, sizeof r->seen);
  r->past_drops = 0;
  for (unsigned i = 0; i < 2 + r->scheduler->plan.queue_count; i++)
    r->samples[i] = (echo__sample){-1, -1, -1};
}

static int open_file(echo__recorder *r, const char *path) {
  char line[ECHO__TRACE_LINE];
  snprintf(r->pid, sizeof r->pid, "%ld", (long)getpid());
  int error = echo__trace_file_open(&r->file, path, line, echo__events_first(r, line));
  if (error == 0) return ECHO_OK;
  errno = error;
  return ECHO_FILE;
}

int echo__recorder_begin(echo__recorder *r, const char *path) {
  int status = open_file(r, path);
  if (status != ECHO_OK) return status;
  forget_marks(r);
  r->recording = r->recording % ECHO__RECORDINGS + 1;
  r->began = echo__now();
  echo__store(&r->next_task, 1, relaxed);
  echo__store(&r->ends, false, relaxed);
  echo__events_name_workers(r);
  /* Before the thread, which takes it back when it fails. */
  echo__atomic(uint32_t) *on = &r->scheduler->trace.on;
  echo__store(on, r->recording, release); /* PAIR trace.on */
  status = echo__thread_start(&r->thread, record, r);
  if (status == ECHO_OK) return ECHO_OK;
  echo__store(on, 0, relaxed);
  echo__trace_file_close(&r->file);
  return status;
}

int echo__recorder_end(echo__recorder *r) {
  echo__store(&r->ends, true, relaxed);
  echo__recorder_wake(r);
  uv_thread_join(&r->thread);
  return r->file.error;
}

void echo__recorder_forget(echo__recorder *r) {
  if (r->file.descriptor >= 0) close(r->file.descriptor);
  r->file.descriptor = -1;
}

uint64_t echo__recorder_dropped(const echo__recorder *r) {
  uint64_t sum = r->past_drops;
  for (unsigned i = 0; i < r->rings; i++) {
    const echo__trace_ring *ring = &r->ring[i];
    if (echo__load(&ring->recording, acquire) != r->recording) continue; /* PAIR ring.renewed */
    sum += echo__load(&ring->dropped, relaxed);
  }
  return sum;
}
