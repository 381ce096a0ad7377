#include "lua/scheduler.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lua/check.h"
#include "lua/encode.h"
#include "lua/error.h"
#include "lua/map.h"
#include "lua/run.h"
#include "lua/task.h"

typedef struct scheduler {
  echo__client *client; /* NULL until acquired and after it was given up */
} scheduler;

echo__client *echo__scheduler_push(lua_State *L, const echo__host *host) {
  scheduler *s = lua_newuserdatauv(L, sizeof *s, 0);
  s->client = NULL;
  echo__host_bless(L, host, ECHO__TYPE_SCHEDULER);
  s->client = echo__client_create();
  if (s->client == NULL) luaL_error(L, "not enough memory");
  return s->client;
}

int echo__scheduler_gc(lua_State *L) {
  scheduler *s = lua_touserdata(L, 1);
  if (s->client != NULL) echo__client_drop(s->client);
  s->client = NULL;
  return 0;
}

static echo__client *check_client(lua_State *L, const echo__host *host) {
  scheduler *s = echo__host_check(L, host, 1, ECHO__TYPE_SCHEDULER);
  if (s->client == NULL) luaL_argerror(L, 1, "this scheduler was closed with its state");
  return s->client;
}

/* -- options of a submit ---------------------------------------------------------------------- */

typedef struct request {
  int function; /* stack index */
  echo_task_options core;
  const char *name; /* in the options table, or NULL */
} request;

static echo_priority check_priority(lua_State *L, int options) {
  static const char *const names[] = {"low", "normal", "high"};
  for (int i = 0; i < ECHO_PRIORITIES && lua_type(L, -1) == LUA_TSTRING; i++) {
    if (strcmp(lua_tostring(L, -1), names[i]) == 0) return (echo_priority)(i + ECHO_PRIORITY_LOW);
  }
  echo__fail_option(L, options, "priority", "'high', 'normal' or 'low'");
  return ECHO_PRIORITY_NORMAL;
}

/* The string stays in the options table, and the table on the stack, while the request is used. */
static const char *check_string(lua_State *L, int options, const char *name) {
  if (lua_isnil(L, -1)) return NULL;
  size_t length = 0;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
  if (text == NULL) echo__fail_option(L, options, name, "a string");
  if (strlen(text) != length) echo__fail_option(L, options, name, "a string without zero bytes");
  return text;
}

static void parse_options(lua_State *L, int options, request *r) {
  static const char *const known[] = {"priority", "queue", "name", NULL};
  echo__check_options(L, options, known);
  lua_getfield(L, options, "priority");
  if (!lua_isnil(L, -1)) r->core.priority = check_priority(L, options);
  lua_getfield(L, options, "queue");
  r->core.queue = check_string(L, options, "queue");
  lua_getfield(L, options, "name");
  r->name = check_string(L, options, "name");
  lua_pop(L, 3);
}

/* ([options,] function, ...) from argument 2 on. A table that can be called is the function. */
static void parse(lua_State *L, request *r) {
  memset(r, 0, sizeof *r);
  r->function = 2;
  if (lua_istable(L, 2) && !echo__is_callable(L, 2)) {
    parse_options(L, 2, r);
    r->function = 3;
  }
  echo__check_function(L, r->function);
}

static char *copy_name(lua_State *L, const char *name) {
  if (name == NULL) return NULL;
  size_t bytes = strlen(name) + 1;
  char *copy = malloc(bytes);
  if (copy == NULL) luaL_error(L, "not enough memory");
  return memcpy(copy, name, bytes);
}

/* -- submit ----------------------------------------------------------------------------------- */

static int refuse(lua_State *L, const echo__host *host, const request *r, int status) {
  if (status == ECHO_MISSING) {
    return luaL_argerror(
        L, 2, lua_pushfstring(L, "option 'queue': there is no queue named '%s'", r->core.queue));
  }
  lua_pushstring(L, echo_strerror(status));
  return echo__error_raise(L, host, echo__kind_of_status(status));
}

/* The job is the task userdata's from the first, so whatever raises leaves nothing behind. */
static void encode(lua_State *L, const echo__host *host, echo__job *job, int first, int count) {
  int status = echo__encode(L, host->codec, first, count, ECHO__ROOT_ARGUMENT, 0, &job->input);
  if (status != ECHO_OK) echo__error_raise(L, host, echo__kind_of_status(status));
}

static int submit(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__client *client = check_client(L, host);
  request r;
  parse(L, &r);
  int last = lua_gettop(L);
  echo__job *job = echo__task_push(L, host, client);
  job->name = copy_name(L, r.name);
  encode(L, host, job, r.function, last - r.function + 1);
  r.core.on_end = echo__job_on_end;
  echo__job_share(job);
  int status = echo_scheduler_submit(client->runtime->scheduler, &r.core, echo__run_job, job, NULL);
  if (status == ECHO_OK) return 1;
  echo__job_unshare(job);
  return refuse(L, host, &r, status);
}

/* -- map -------------------------------------------------------------------------------------- */

static void encode_chunk(lua_State *L, const echo__host *host, echo__chunk *chunk, int list) {
  int top = lua_gettop(L);
  luaL_checkstack(L, chunk->count + LUA_MINSTACK, "the list is too long");
  for (int i = 0; i < chunk->count; i++)
    lua_geti(L, list, chunk->first + i);
  int status = echo__encode(L, host->codec, top + 1, chunk->count, ECHO__ROOT_ITEM,
                            (int)chunk->first, &chunk->input);
  if (status != ECHO_OK) echo__error_raise(L, host, echo__kind_of_status(status));
  lua_settop(L, top);
}

/* Submits the runners: as many as can be of use. The map is the workers' once the first one is
 * accepted; if a later one is not, the others do its work. */
static int submit_runners(echo__client *client, echo__job *job, const request *r) {
  unsigned count = client->runtime->workers;
  if (count > job->map->chunk_count) count = (unsigned)job->map->chunk_count;
  if (count == 0) count = 1; /* an empty list ends like any other */
  echo__store(&job->map->runners, count, relaxed);
  for (unsigned i = 0; i < count; i++) {
    int status =
        echo_scheduler_submit(client->runtime->scheduler, &r->core, echo__map_run, job, NULL);
    if (status == ECHO_OK) continue;
    if (i == 0) return status;
    echo__map_on_end(job, ECHO_OK);
  }
  return ECHO_OK;
}

static int map(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__client *client = check_client(L, host);
  request r;
  parse(L, &r);
  int list = r.function + 1;
  luaL_checktype(L, list, LUA_TTABLE);
  lua_settop(L, list);
  lua_Integer length = luaL_len(L, list);
  if (length < 0 || length > INT_MAX) {
    return luaL_argerror(L, list, lua_pushfstring(L, "a list cannot have %I items", length));
  }
  echo__job *job = echo__task_push(L, host, client);
  job->name = copy_name(L, r.name);
  job->map = echo__map_create(length, client->runtime->workers);
  if (job->map == NULL) return luaL_error(L, "not enough memory");
  encode(L, host, job, r.function, 1);
  for (size_t i = 0; i < job->map->chunk_count; i++) {
    encode_chunk(L, host, &job->map->chunks[i], list);
  }
  r.core.on_end = echo__map_on_end;
  echo__job_share(job);
  int status = submit_runners(client, job, &r);
  if (status == ECHO_OK) return 1;
  echo__job_unshare(job);
  return refuse(L, host, &r, status);
}

/* -- stop ------------------------------------------------------------------------------------- */

static int stop_core(lua_State *L, echo__client *client, echo_stop_mode mode, double seconds) {
  size_t abandoned = 0;
  int status = echo_scheduler_stop(client->runtime->scheduler, mode, seconds, &abandoned);
  if (status == ECHO_DEADLOCK) return luaL_error(L, "a task cannot stop its own scheduler");
  if (status == ECHO_OK) {
    lua_pushboolean(L, true);
    return 1;
  }
  echo__store(&client->runtime->abandoned, true, release); /* PAIR runtime.abandoned */
  lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)abandoned);
  return 2;
}

static echo_stop_mode check_mode(lua_State *L, int options) {
  const char *mode = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  if (lua_isnil(L, -1) || strcmp(mode, "drain") == 0) return ECHO_STOP_DRAIN;
  if (strcmp(mode, "cancel") != 0) echo__fail_option(L, options, "mode", "'drain' or 'cancel'");
  return ECHO_STOP_CANCEL;
}

static int stop(lua_State *L) {
  static const char *const known[] = {"mode", "timeout", NULL};
  echo__client *client = check_client(L, echo__host_of(L));
  echo_stop_mode mode = ECHO_STOP_DRAIN;
  double seconds = -1;
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    echo__check_options(L, 2, known);
    lua_getfield(L, 2, "mode");
    mode = check_mode(L, 2);
    lua_getfield(L, 2, "timeout");
    seconds = echo__check_seconds_option(L, 2, "timeout");
  }
  return stop_core(L, client, mode, seconds);
}

int echo__scheduler_close(lua_State *L) {
  stop_core(L, check_client(L, echo__host_of(L)), ECHO_STOP_DRAIN, -1);
  return 0;
}

/* -- stats ------------------------------------------------------------------------------------ */

static void set_count(lua_State *L, const char *name, uint64_t value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, name);
}

static int stats(lua_State *L) {
  echo__client *client = check_client(L, echo__host_of(L));
  echo_stats s;
  echo_scheduler_stats(client->runtime->scheduler, &s);
  lua_createtable(L, 0, 6);
  set_count(L, "workers", s.workers);
  set_count(L, "submitted", s.submitted);
  set_count(L, "ended", s.ended);
  set_count(L, "stolen", s.stolen);
  set_count(L, "parked", s.parked);
  set_count(L, "task_bytes", s.task_bytes + echo__pool_bytes(&client->runtime->jobs));
  return 1;
}

const luaL_Reg echo__scheduler_methods[] = {
    {"submit", submit}, {"map", map}, {"stop", stop}, {"stats", stats}, {NULL, NULL}};
