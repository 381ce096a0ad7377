#include "lua/map.h"

#include <stdlib.h>

#include "lua/charge.h"
#include "lua/recording.h"
#include "lua/run.h"
#include "lua/span.h"
#include "lua/terms.h"

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

static void runner_init(echo__runner *runner, echo__job *job) {
  echo__run_init(&runner->run, job);
  runner->chunk = NULL;
  runner->held = NULL;
  echo__store(&runner->worker, -1, relaxed);
}

/* As many runners as can be of use; an empty list ends like any other. */
static bool init_runners(echo__map *map, echo__job *job, unsigned workers) {
  unsigned count = workers < map->chunk_count ? workers : (unsigned)map->chunk_count;
  map->runner_count = count > 0 ? count : 1;
  map->runners = malloc(map->runner_count * sizeof *map->runners);
  if (map->runners == NULL) return false;
  for (unsigned i = 0; i < map->runner_count; i++)
    runner_init(&map->runners[i], job);
  return true;
}

echo__map *echo__map_create(echo__job *job, lua_Integer length, unsigned workers) {
  lua_Integer size = chunk_length(length, workers);
  size_t count = (size_t)(length / size + (length % size != 0));
  echo__map *map = malloc(sizeof *map + count * sizeof map->chunks[0]);
  if (map == NULL) return NULL;
  map->chunk_count = count;
  if (!init_runners(map, job, workers)) {
    free(map);
    return NULL;
  }
  map->id = echo__add(&last_id, 1, relaxed) + 1;
  map->length = length;
  echo__message_init(&map->function);
  echo__store(&map->next, 0, relaxed);
  echo__store(&map->done, 0, relaxed);
  echo__store(&map->left, 0, relaxed);
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
  echo__message_release(&map->function);
  free(map->runners);
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

/* Goes on with the chunk it is at, or takes the next one; false if there is none. */
static bool has_chunk(echo__map *map, echo__runner *runner) {
  if (runner->chunk == NULL) runner->chunk = echo__map_take(map);
  return runner->chunk != NULL;
}

static void finish_chunk(echo__map *map, echo__runner *runner) {
  echo__add(&map->done, 1, relaxed);
  if (runner->chunk->failed || echo__job_is_cancelling(runner->run.job)) echo__map_cut_short(map);
  runner->chunk = NULL;
}

void echo__map_run(void *argument) {
  echo__runner *runner = argument;
  echo__job *job = runner->run.job;
  echo__map *map = echo__job_extra(job)->map;
  int worker = echo_worker_index(job->runtime->scheduler);
  if (echo__job_begin(job, worker))
    echo__span_begins(job);
  else if (echo__job_get_state(job) != ECHO__JOB_RUNNING)
    return;
  bool failed = false;
  while (has_chunk(map, runner)) {
    if (echo__run_chunk(runner) == ECHO__SUSPENDED) return;
    failed = runner->chunk->failed;
    finish_chunk(map, runner);
    if (echo_task_should_yield()) {
      echo_task_again();
      return;
    }
  }
  echo__run_ends(&runner->run);
  if (failed) echo_trace_task_ends(ECHO_TRACE_FAILED, NULL);
}

static echo__job_state end_state(const echo__map *map) {
  if (echo__map_failure(map) != NULL) return ECHO__JOB_FAILED;
  bool complete = echo__load(&map->done, relaxed) == map->chunk_count;
  return complete ? ECHO__JOB_DONE : ECHO__JOB_CANCELLED;
}

void echo__map_on_end(void *argument, int status) {
  echo__run *run = &((echo__runner *)argument)->run;
  echo__job *job = run->job;
  const echo__extra *extra = echo__job_extra(job);
  if (status != ECHO_OK) echo__run_stopped(run);
  /* PAIR map.left with itself: the last one sees what the others have done */
  if (echo__sub(&extra->map->left, 1, acq_rel) != 1) return;
  if (echo__job_get_state(job) == ECHO__JOB_RUNNING) {
    echo__recording_ends(job, true);
    echo__job_end(job, end_state(extra->map));
  } else {
    echo__job_abandon(job);
  }
  if (extra->terms != NULL) echo__terms_end(job);
  echo__charge_end(job);
  echo__job_drop_anywhere(job);
}
