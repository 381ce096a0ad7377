#include "lua/run.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/decode.h"
#include "lua/encode.h"
#include "lua/failure.h"
#include "lua/state.h"

/* What runs inside the coroutine is told by one pointer. */
typedef struct run {
  echo__worker_state *state;
  echo__job *job;
  echo__chunk *chunk; /* or NULL */
  int item;           /* of the chunk, from 0 on */
  echo__message *output;
  echo__kind kind; /* of an error raised at this moment */
} run;

static void encode_results(lua_State *L, run *r, int first, int count, echo__root root,
                           lua_Integer number) {
  r->kind = ECHO__KIND_TRANSFER;
  int status = echo__encode(L, r->state->codec, first, count, root, (int)number, r->output);
  if (status == ECHO_MEMORY) r->kind = ECHO__KIND_MEMORY;
  if (status != ECHO_OK) lua_error(L);
}

static int decode_values(lua_State *L, run *r, const echo__message *message) {
  r->kind = ECHO__KIND_TRANSFER;
  int count = echo__decode(L, r->state->codec, message);
  if (count < 0) lua_error(L);
  r->kind = ECHO__KIND_ERROR;
  return count;
}

/* A task can yield, so an error that it catches throws away the C stack below it: what comes after
 * its call is a continuation. That it yielded to the scheduler is for fail() to say. */
static int finish_task(lua_State *L, int status, lua_KContext context) {
  (void)status;
  encode_results(L, (run *)context, 2, lua_gettop(L) - 1, ECHO__ROOT_RESULT, 1);
  return 0;
}

/* (run): the whole life of a task inside the coroutine. Its function stays in the first place,
 * where failure.c looks for it. */
static int task_main(lua_State *L) {
  run *r = lua_touserdata(L, 1);
  int count = decode_values(L, r, &r->job->input);
  lua_copy(L, 2, 1);
  lua_callk(L, count - 1, LUA_MULTRET, (lua_KContext)r, finish_task);
  return finish_task(L, LUA_OK, (lua_KContext)r);
}

/* Pushes the map's function, which a worker decodes once and keeps while it works on that map. */
static void push_map_function(lua_State *L, run *r) {
  static const char key; /* its address names the place in the registry */
  if (r->state->map != r->job->map->id) {
    r->state->map = 0;
    decode_values(L, r, &r->job->input);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
    r->state->map = r->job->map->id;
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
}

static int finish_item(lua_State *L, int status, lua_KContext context);

/* Calls the function on the items from r->item on; each makes place for its result. */
static int call_items(lua_State *L, run *r) {
  for (; r->item < r->chunk->count; r->item++) {
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3 + r->item);
    lua_pushinteger(L, r->chunk->first + r->item);
    lua_callk(L, 2, 1, (lua_KContext)r, finish_item);
    lua_replace(L, 3 + r->item);
  }
  encode_results(L, r, 3, r->chunk->count, ECHO__ROOT_ITEM, r->chunk->first);
  return 0;
}

static int finish_item(lua_State *L, int status, lua_KContext context) {
  (void)status;
  run *r = (run *)context;
  lua_replace(L, 3 + r->item++);
  return call_items(L, r);
}

/* (run): the function stays in the first place, as above, and goes to the second for the calls; the
 * items follow. */
static int chunk_main(lua_State *L) {
  run *r = lua_touserdata(L, 1);
  push_map_function(L, r);
  lua_copy(L, 2, 1);
  decode_values(L, r, &r->chunk->input);
  luaL_checkstack(L, 8, NULL);
  return call_items(L, r);
}

static const char not_here[] =
    "a task cannot coroutine.yield() to the scheduler: only inside a coroutine of its own";

/* Lua's libraries raise this as a plain string where a buffer cannot grow. */
static bool is_memory_error(lua_State *coroutine, int status) {
  if (status == LUA_ERRMEM) return true;
  return lua_type(coroutine, -1) == LUA_TSTRING &&
         strcmp(lua_tostring(coroutine, -1), "not enough memory") == 0;
}

/* Reports, unwinds and makes the coroutine ready for the next task. */
static void fail(run *r, int status) {
  echo__worker_state *state = r->state;
  lua_State *coroutine = state->coroutine;
  if (status == LUA_YIELD) {
    r->kind = ECHO__KIND_ERROR;
    lua_settop(coroutine, 0);
    lua_pushstring(coroutine, not_here);
  } else if (is_memory_error(coroutine, status)) {
    r->kind = ECHO__KIND_MEMORY;
  }
  echo__failure_report(state->L, coroutine, state->codec, r->job->name, r->output);
  lua_resetthread(coroutine);
}

static bool resume(run *r, lua_CFunction main) {
  echo__worker_state *state = r->state;
  lua_State *coroutine = state->coroutine;
  int results;
  lua_pushcfunction(coroutine, main);
  lua_pushlightuserdata(coroutine, r);
  int status = lua_resume(coroutine, state->L, 1, &results);
  bool well = status == LUA_OK;
  if (!well) fail(r, status);
  if (lua_gethookmask(coroutine) != 0) lua_sethook(coroutine, NULL, 0, 0);
  lua_settop(coroutine, 0);
  return well;
}

static bool ensure_ready(run *r) {
  echo__worker_state *state = r->state;
  if (echo__state_ensure_ready(r->job->runtime, state)) return true;
  if (state->L == NULL || state->codec == NULL) {
    r->kind = ECHO__KIND_MEMORY;
  } else {
    r->kind = ECHO__KIND_ERROR;
    echo__failure_report_here(state->L, "the worker's setup failed: ", state->codec, r->job->name,
                              r->output);
  }
  return false;
}

void echo__run_job(void *argument) {
  echo__job *job = argument;
  if (!echo__job_begin(job)) return;
  run r = {echo__state_here(job->runtime), job, NULL, 0, &job->output, ECHO__KIND_ERROR};
  bool well = ensure_ready(&r) && resume(&r, task_main);
  echo__message_release(&job->input); /* the handle may live long, and the arguments be large */
  job->kind = r.kind;
  echo__job_end(job, well ? ECHO__JOB_DONE : ECHO__JOB_FAILED);
}

void echo__run_chunk(echo__job *job, echo__chunk *chunk) {
  run r = {echo__state_here(job->runtime), job, chunk, 0, &chunk->output, ECHO__KIND_ERROR};
  chunk->failed = !(ensure_ready(&r) && resume(&r, chunk_main));
  echo__message_release(&chunk->input);
  chunk->kind = r.kind;
}
