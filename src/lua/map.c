#include "lua/map.h"

#include <stdlib.h>

#include "lua/run.h"

/* A runner's share is cut small enough to balance uneven items, and a chunk stays small enough to
 * make way soon and to lie on a Lua stack. */
enum { CHUNKS_PER_WORKER = 32, LARGEST_CHUNK = 2048 };

static echo__atomic(uint64_t) last_id;

static lua_Integer chunk_length(lua_Integer length, unsigned workers) {
  lua_Integer chunks = (lua_Integer)workers * CHUNKS_PER_WORKER;
  lua_Integer size = length / chunks + (length % chunks != 0);
  if (size > LARGEST_CHUNK) return LARGEST_CHUNK;
  return size > 0 ? size : 1;
}

static void chunk_init(echo__chunk *chunk, lua_Integer first, lua_Integer count) {
  chunk->first = first;
  chunk->count = (int)count;
  chunk->failed = false;
  chunk->kind = ECHO__KIND_ERROR;
  echo__message_init(&chunk->input);
  echo__message_init(&chunk->output);
}

echo__map *echo__map_create(lua_Integer length, unsigned workers) {
  lua_Integer size = chunk_length(length, workers);
  size_t count = (size_t)(length / size + (length % size != 0));
  echo__map *map = malloc(sizeof *map + count * sizeof map->chunks[0]);
  if (map == NULL) return NULL;
  map->id = echo__add(&last_id, 1, relaxed) + 1;
  map->length = length;
  map->chunk_count = count;
  echo__store(&map->next, 0, relaxed);
  echo__store(&map->done, 0, relaxed);
  echo__store(&map->runners, 0, relaxed);
  for (size_t i = 0; i < count; i++) {
    lua_Integer first = (lua_Integer)i * size + 1;
    lua_Integer left = length - first + 1;
    chunk_init(&map->chunks[i], first, left < size ? left : size);
  }
  return map;
}

void echo__map_destroy(echo__map *map) {
  if (map == NULL) return;
  for (size_t i = 0; i < map->chunk_count; i++) {
    echo__message_release(&map->chunks[i].input);
    echo__message_release(&map->chunks[i].output);
  }
  free(map);
}

echo__chunk *echo__map_take(echo__map *map) {
  if (echo__load(&map->next, relaxed) >= map->chunk_count) return NULL;
  size_t index = echo__add(&map->next, 1, relaxed);
  return index < map->chunk_count ? &map->chunks[index] : NULL;
}

void echo__map_cut_short(echo__map *map) {
  echo__store(&map->next, map->chunk_count, relaxed);
}

const echo__chunk *echo__map_failure(const echo__map *map) {
  for (size_t i = 0; i < map->chunk_count; i++) {
    if (map->chunks[i].failed) return &map->chunks[i];
  }
  return NULL;
}

void echo__map_run(void *argument) {
  echo__job *job = argument;
  if (!echo__job_begin(job) && echo__job_get_state(job) != ECHO__JOB_RUNNING) return;
  for (echo__chunk *chunk; (chunk = echo__map_take(job->map)) != NULL;) {
    echo__run_chunk(job, chunk);
    echo__add(&job->map->done, 1, relaxed);
    if (chunk->failed) echo__map_cut_short(job->map);
    if (echo_task_should_yield()) {
      echo_task_again();
      return;
    }
  }
}

static echo__job_state end_state(const echo__map *map) {
  if (echo__map_failure(map) != NULL) return ECHO__JOB_FAILED;
  bool complete = echo__load(&map->done, relaxed) == map->chunk_count;
  return complete ? ECHO__JOB_DONE : ECHO__JOB_CANCELLED;
}

void echo__map_on_end(void *argument, int status) {
  echo__job *job = argument;
  echo__map *map = job->map;
  if (status != ECHO_OK) echo__job_cancel(job);
  /* PAIR map.runners with itself: the last one sees what the others have done */
  if (echo__sub(&map->runners, 1, acq_rel) != 1) return;
  if (echo__job_get_state(job) == ECHO__JOB_RUNNING) echo__job_end(job, end_state(map));
  echo__job_drop_anywhere(job);
}
