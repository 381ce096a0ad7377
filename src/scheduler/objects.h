/*
 * The memory of tasks. Those that are timed have stamps behind them, and a pool of their own: if
 * all tasks had the room, each would be half as large again and more for the sake of the few.
 *
 * Which pool a task is from stands in its word, so that of a ticket is put in order, too.
 */
#ifndef ECHO_SCHEDULER_OBJECTS_H
#define ECHO_SCHEDULER_OBJECTS_H

#include "base/pool.h"
#include "scheduler/timing.h"

typedef struct echo__objects {
  echo__pool plain, timed;
} echo__objects;

/* Serves one thread at a time. */
typedef struct echo__caches {
  echo__cache plain, timed;
} echo__caches;

/* For the tasks of `scheduler`, which echo__task_scheduler finds by it. ECHO_OK or ECHO_MEMORY. */
static inline int echo__objects_init(echo__objects *objects, echo_scheduler *scheduler) {
  if (echo__pool_init(&objects->plain, sizeof(echo_task), scheduler) != ECHO_OK) return ECHO_MEMORY;
  if (echo__pool_init(&objects->timed, ECHO__TIMED_SIZE, scheduler) == ECHO_OK) return ECHO_OK;
  echo__pool_close(&objects->plain);
  return ECHO_MEMORY;
}

static inline void echo__objects_close(echo__objects *objects) {
  echo__pool_close(&objects->timed);
  echo__pool_close(&objects->plain);
}

/* The rarer halves of take and give. */
echo_task *echo__object_take_timed(echo__objects *objects, echo__caches *caches);
void echo__object_give_timed(echo__objects *objects, echo__caches *caches, echo_task *task);

/* An object of undefined content, or NULL without memory. */
static inline echo_task *echo__object_take(echo__objects *objects, echo__caches *caches,
                                           bool timed) {
  if (timed) return echo__object_take_timed(objects, caches);
  return (echo_task *)echo__pool_take(&objects->plain, &caches->plain);
}

/* Gives one back by what its word says. */
static inline void echo__object_give(echo__objects *objects, echo__caches *caches,
                                     echo_task *task) {
  if (echo__task_is_timed(task))
    echo__object_give_timed(objects, caches, task);
  else
    echo__pool_give(&objects->plain, &caches->plain, task);
}

static inline void echo__caches_close(echo__objects *objects, echo__caches *caches) {
  echo__cache_close(&objects->plain, &caches->plain);
  echo__cache_close(&objects->timed, &caches->timed);
}

static inline bool echo__objects_swollen(const echo__objects *objects) {
  return echo__pool_swollen(&objects->plain) || echo__pool_swollen(&objects->timed);
}

static inline void echo__objects_trim(echo__objects *objects) {
  echo__pool_trim(&objects->plain);
  echo__pool_trim(&objects->timed);
}

static inline size_t echo__objects_bytes(echo__objects *objects) {
  return echo__pool_bytes(&objects->plain) + echo__pool_bytes(&objects->timed);
}

#endif
