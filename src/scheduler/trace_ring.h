/*
 * What one producer tells the recorder: a ring of marks of 32 bytes, each followed by what does not
 * fit (a name), in as many slots as that takes.
 *
 * One thread at a time puts marks in: a worker into its own ring, others into that of the lane they
 * are in, whose lock hands the ring on. The recorder's thread takes them out. Neither waits for the
 * other: what finds no room is dropped and counted. A slice that has begun has its end's slot set
 * aside, so that an end is never dropped alone.
 *
 * `head` is where the next mark goes, `tail` the first that was not taken; both only grow, modulo
 * 2^32. A mark is written before the head moves behind it and read behind a look at the head (PAIR
 * trace.head); it is read before the tail moves behind it and written over behind a look at the
 * tail (PAIR trace.tail).
 *
 * The ring outlives recordings. The first mark of each makes it new: what was set aside for slices
 * of the last one is free again, and the counters begin at 0. What is left in it, or comes late,
 * bears the number of its recording, and the recorder passes it over.
 */
#ifndef ECHO_SCHEDULER_TRACE_RING_H
#define ECHO_SCHEDULER_TRACE_RING_H

#include <echo/scheduler.h>
#include <string.h>

#include "base/atomic.h"
#include "base/tuning.h"

typedef enum echo__mark_kind {
  ECHO__MARK_SUBMIT,
  ECHO__MARK_BEGIN,
  ECHO__MARK_NAME, /* of the slice that began last */
  ECHO__MARK_END,
  ECHO__MARK_RESUME,
  ECHO__MARK_CANCEL, /* of what never ran */
  ECHO__MARK_STEAL,
  ECHO__MARK_PARK,
  ECHO__MARK_BRANCH,
  ECHO__MARK_COLLECT
} echo__mark_kind;

enum {
  ECHO__MARK_FIRST = 1,  /* of a BEGIN: it has not begun before */
  ECHO__MARK_RESUMED = 2 /* of a BEGIN: there is a RESUME to it */
};

typedef struct echo__mark {
  uint64_t at, since; /* nanoseconds; `since` of what has a length */
  uint32_t task;      /* its number in the recording; 0: it has none */
  uint16_t lane;      /* the number of the lane in the file */
  uint16_t queue;     /* the named queue's number, or 0 */
  uint8_t kind, how, flags;
  uint8_t recording;
  uint8_t length; /* bytes that follow in further slots */
  int8_t priority;
} echo__mark;

_Static_assert(sizeof(echo__mark) == 32, "a mark is one slot");

typedef struct echo__trace_ring {
  ECHO__ALIGNED echo__atomic(uint32_t) head;
  /* The producer's own. */
  uint32_t known_tail, set_aside;
  uint32_t next_task, tasks_left; /* numbers that it may give */
  echo_trace_result last;         /* of the slice that ended last; none: 0 */
  /* Written by the producer, read by anybody. */
  echo__atomic(uint32_t) recording;
  echo__atomic(uint64_t) dropped;
  echo__atomic(int64_t) queued[ECHO_PRIORITIES]; /* come here less left from here */
  ECHO__ALIGNED echo__atomic(uint32_t) tail;
  echo__mark slots[ECHO__TRACE_SLOTS];
} echo__trace_ring;

static inline uint32_t echo__mark_slots(size_t length) {
  return 1 + (uint32_t)((length + sizeof(echo__mark) - 1) / sizeof(echo__mark));
}

/* Slots in use. The producer only. */
static inline uint32_t echo__ring_used(const echo__trace_ring *ring) {
  return echo__load(&ring->head, relaxed) - ring->known_tail;
}

/* Whether there is room for so many slots beside what is set aside. The producer only. */
static inline bool echo__ring_has_room(echo__trace_ring *ring, uint32_t slots) {
  uint32_t needed = slots + ring->set_aside;
  if (echo__ring_used(ring) + needed <= ECHO__TRACE_SLOTS) return true;
  ring->known_tail = echo__load(&ring->tail, acquire); /* PAIR trace.tail */
  return echo__ring_used(ring) + needed <= ECHO__TRACE_SLOTS;
}

/* Puts a mark and what follows it into room that is there. The producer only. */
static inline void echo__ring_put(echo__trace_ring *ring, const echo__mark *mark,
                                  const char *text) {
  uint32_t head = echo__load(&ring->head, relaxed);
  ring->slots[head++ % ECHO__TRACE_SLOTS] = *mark;
  for (size_t done = 0; done < mark->length; done += sizeof(echo__mark)) {
    size_t size =
        mark->length - done < sizeof(echo__mark) ? mark->length - done : sizeof(echo__mark);
    memcpy(&ring->slots[head++ % ECHO__TRACE_SLOTS], text + done, size);
  }
  echo__store(&ring->head, head, release); /* PAIR trace.head */
}

/* The first mark, with what follows copied to `text` (of at least 256 bytes); false if there is
 * none. The recorder's thread only. */
static inline bool echo__ring_take(echo__trace_ring *ring, echo__mark *mark, char *text) {
  uint32_t tail = echo__load(&ring->tail, relaxed);
  if (tail == echo__load(&ring->head, acquire)) return false; /* PAIR trace.head */
  *mark = ring->slots[tail++ % ECHO__TRACE_SLOTS];
  for (size_t done = 0; done < mark->length; done += sizeof(echo__mark))
    memcpy(text + done, &ring->slots[tail++ % ECHO__TRACE_SLOTS], sizeof(echo__mark));
  echo__store(&ring->tail, tail, release); /* PAIR trace.tail */
  return true;
}

#endif
