/*
 * A map: one function over a list, as one job.
 *
 * The list is cut into chunks of items, each a message of its own, encoded by the host before
 * anything starts. As many core tasks as there are workers ("runners") share the job; each takes
 * the next chunk, calls the function on its items, and takes another, until none is left. Between
 * chunks a runner makes way for other tasks of its priority or a higher one.
 *
 * `next` hands out the chunks in order. When an item fails nothing more is handed out, and of the
 * chunks under way the failed one that comes first in the list is reported: the same one whatever
 * the workers' timing, since all before it were handed out before.
 */
#ifndef ECHO_LUA_MAP_H
#define ECHO_LUA_MAP_H

#include "lua/job.h"

typedef struct echo__chunk {
  lua_Integer first; /* index of the first item in the list */
  int count;
  bool failed;
  echo__kind kind;      /* if it failed */
  echo__message input;  /* the items */
  echo__message output; /* their results, or as a failed job's */
} echo__chunk;

typedef struct echo__runner {
  echo__run run;                /* first */
  echo__chunk *chunk;           /* the one it is at, or NULL */
  int item;                     /* of the chunk, from 0 on */
  echo__atomic(int32_t) worker; /* where it began, or -1 */
  echo_task *held;              /* the core task's handle, while it is held (terms.h) */
} echo__runner;

/* A map's run is a runner's. */
static inline echo__runner *echo__runner_of(echo__run *run) {
  return (echo__runner *)(void *)run;
}

typedef struct echo__map {
  uint64_t id; /* never given again: tells a worker whether it has this map's function */
  lua_Integer length;
  echo__message function; /* the job's input */
  size_t chunk_count;
  echo__atomic(size_t) next;   /* the next chunk to hand out */
  echo__atomic(size_t) done;   /* chunks that were worked through */
  echo__atomic(unsigned) left; /* runners that have not ended */
  unsigned runner_count;
  echo__runner *runners;
  echo__chunk chunks[];
} echo__map;

/* A map of the job's over `length` items for so many workers, all chunks empty; NULL without
 * memory.
 */
echo__map *echo__map_create(echo__job *job, lua_Integer length, unsigned workers);

/* Frees it with its messages; NULL is allowed. */
void echo__map_destroy(echo__map *map);

/* The next chunk to work on, or NULL. Any thread. */
echo__chunk *echo__map_take(echo__map *map);

/* Hands out nothing more. Any thread. */
void echo__map_cut_short(echo__map *map);

/* The first failed chunk, or NULL. After all runners have ended. */
const echo__chunk *echo__map_failure(const echo__map *map);

/* The core tasks' function and on_end; the argument is the runner. */
void echo__map_run(void *runner);
void echo__map_on_end(void *runner, int status);

#endif
