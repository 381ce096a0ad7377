#include "lua/outcome.h"

#include "lua/decode.h"
#include "lua/error.h"
#include "lua/map.h"

bool echo__job_is_lost(const echo__job *job) {
  if (!echo__load(&job->runtime->abandoned, acquire)) return false; /* PAIR runtime.abandoned */
  return !echo__job_has_ended(job);
}

/* Results that cannot be had here (a module is missing, a name is not registered) are an error too.
 */
static int decode(lua_State *L, const echo__host *host, const echo__message *output) {
  int count = echo__decode(L, host->codec, output);
  if (count >= 0) return count;
  echo__error_push_here(L, host, ECHO__KIND_TRANSFER);
  return -1;
}

/* Pushes one list of all the chunks' results. */
static int push_list(lua_State *L, const echo__host *host, const echo__map *map) {
  lua_createtable(L, (int)map->length, 0);
  int list = lua_gettop(L);
  for (size_t i = 0; i < map->chunk_count; i++) {
    const echo__chunk *chunk = &map->chunks[i];
    int count = decode(L, host, &chunk->output);
    if (count < 0) return -1;
    for (; count > 0; count--)
      lua_rawseti(L, list, chunk->first + count - 1);
  }
  return 1;
}

static int push_results(lua_State *L, const echo__host *host, const echo__job *job) {
  const echo__map *map = echo__job_extra(job)->map;
  if (map != NULL) return push_list(L, host, map);
  return decode(L, host, &job->message);
}

static void push_failure(lua_State *L, const echo__host *host, const echo__job *job) {
  const echo__map *map = echo__job_extra(job)->map;
  const echo__chunk *chunk = map != NULL ? echo__map_failure(map) : NULL;
  if (chunk != NULL)
    echo__error_push_failure(L, host, chunk->kind, &chunk->output);
  else
    echo__error_push_failure(L, host, (echo__kind)job->kind, &job->message);
}

static void push_unfinished(lua_State *L, const echo__host *host, const echo__job *job) {
  if (echo__job_is_lost(job)) {
    bool forked = echo__load(&job->runtime->forked, relaxed);
    echo__error_push(L, host, ECHO__KIND_LOST,
                     forked ? "the task had not ended when the process was forked off"
                            : "the task still ran when the scheduler's stop ran out of time",
                     echo__job_name(job));
  } else {
    echo__error_push(L, host, ECHO__KIND_TIMEOUT, "the wait ran out of time; the task goes on",
                     echo__job_name(job));
  }
}

int echo__outcome_push(lua_State *L, const echo__host *host, const echo__job *job) {
  switch (echo__job_get_state(job)) {
  case ECHO__JOB_DONE: return push_results(L, host, job);
  case ECHO__JOB_FAILED: push_failure(L, host, job); break;
  case ECHO__JOB_CANCELLED: echo__error_push_cancelled(L, host, job); break;
  default: push_unfinished(L, host, job);
  }
  return -1;
}

int echo__outcome_protect(lua_State *L, int count) {
  bool well = count >= 0;
  int results = well ? count : 1;
  lua_pushboolean(L, well);
  lua_insert(L, -1 - results);
  return results + 1;
}

int echo__outcome_return(lua_State *L, const echo__host *host, const echo__job *job,
                         bool protects) {
  int count = echo__outcome_push(L, host, job);
  if (protects) return echo__outcome_protect(L, count);
  return count >= 0 ? count : lua_error(L);
}
