#include "lua/state.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include <echo/lua.h>

#include "lua/decode.h"
#include "lua/encode.h"
#include "lua/failure.h"

echo__worker_state *echo__worker_state_here(echo__runtime *runtime) {
  return &runtime->states[echo_worker_index(runtime->scheduler)];
}

/* -- making ----------------------------------------------------------------------------------- */

static int refuse_exit(lua_State *L) {
  return luaL_error(L, "os.exit is not for tasks: it would end the whole program; return or raise "
                       "an error instead");
}

/* The locale is the whole process's, the host's included: a task may ask for it, not set it. */
static int refuse_setlocale(lua_State *L) {
  if (!lua_isnoneornil(L, 1)) {
    return luaL_error(L, "os.setlocale is not for tasks: it would change the whole program");
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static void guard_os(lua_State *L) {
  lua_getglobal(L, "os");
  lua_pushcfunction(L, refuse_exit);
  lua_setfield(L, -2, "exit");
  lua_getfield(L, -1, "setlocale");
  lua_pushcclosure(L, refuse_setlocale, 1);
  lua_setfield(L, -2, "setlocale");
  lua_pop(L, 1);
}

static void set_paths(lua_State *L, const echo__recipe *recipe) {
  lua_getglobal(L, "package");
  lua_pushstring(L, recipe->path);
  lua_setfield(L, -2, "path");
  lua_pushstring(L, recipe->cpath);
  lua_setfield(L, -2, "cpath");
  /* The module is there already: a task need not find it, and gets the same one. */
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_echo);
  lua_setfield(L, -2, "echo");
  lua_pop(L, 2);
}

static void run_setups(lua_State *L, echo__codec *codec, const echo__setup *setup) {
  for (; setup != NULL; setup = setup->next) {
    int count = echo__decode(L, codec, &setup->call);
    if (count < 0) lua_error(L);
    lua_call(L, count - 1, 0);
  }
}

/* (runtime, state) */
static int prepare(lua_State *L) {
  echo__runtime *runtime = lua_touserdata(L, 1);
  echo__worker_state *state = lua_touserdata(L, 2);
  luaL_openlibs(L);
  guard_os(L);
  set_paths(L, &runtime->recipe);
  state->codec = echo__codec_open(L);
  state->coroutine = lua_newthread(L);
  luaL_ref(L, LUA_REGISTRYINDEX);
  run_setups(L, state->codec, runtime->recipe.setups);
  return 0;
}

static void discard(echo__worker_state *state) {
  if (state->L != NULL) lua_close(state->L);
  echo__alloc_close(&state->alloc);
  echo__alloc_open(&state->alloc);
  state->L = NULL;
  state->codec = NULL;
  state->coroutine = NULL;
  state->map = 0;
}

/* False with state->L left open and the error on its stack, or NULL without memory. */
static bool open_state(echo__runtime *runtime, echo__worker_state *state) {
  state->L = lua_newstate(echo__alloc_realloc, &state->alloc);
  if (state->L == NULL) return false;
  lua_pushcfunction(state->L, prepare);
  lua_pushlightuserdata(state->L, runtime);
  lua_pushlightuserdata(state->L, state);
  state->ready = lua_pcall(state->L, 2, 0, 0) == LUA_OK;
  return state->ready;
}

void echo__state_open(void *argument, unsigned worker) {
  echo__runtime *runtime = argument;
  echo__worker_state *state = &runtime->states[worker];
  echo__alloc_open(&state->alloc);
  open_state(runtime, state);
}

void echo__state_close(void *argument, unsigned worker) {
  echo__runtime *runtime = argument;
  discard(&runtime->states[worker]);
}

/* -- running ---------------------------------------------------------------------------------- */

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

/* A state whose making failed is made anew for the next task, which then has the same luck or
 * better. */
static bool ensure_ready(run *r) {
  echo__worker_state *state = r->state;
  if (state->ready) return true;
  discard(state);
  if (open_state(r->job->runtime, state)) return true;
  if (state->L == NULL || state->codec == NULL) {
    r->kind = ECHO__KIND_MEMORY;
  } else {
    r->kind = ECHO__KIND_ERROR;
    echo__failure_report_here(state->L, "the worker's setup failed: ", state->codec, r->job->name,
                              r->output);
  }
  return false;
}

void echo__state_run(void *argument) {
  echo__job *job = argument;
  if (!echo__job_begin(job)) return;
  run r = {echo__worker_state_here(job->runtime), job, NULL, 0, &job->output, ECHO__KIND_ERROR};
  bool well = ensure_ready(&r) && resume(&r, task_main);
  echo__message_release(&job->input); /* the handle may live long, and the arguments be large */
  job->kind = r.kind;
  echo__job_end(job, well ? ECHO__JOB_DONE : ECHO__JOB_FAILED);
}

void echo__state_run_chunk(echo__worker_state *state, echo__job *job, echo__chunk *chunk) {
  run r = {state, job, chunk, 0, &chunk->output, ECHO__KIND_ERROR};
  chunk->failed = !(ensure_ready(&r) && resume(&r, chunk_main));
  echo__message_release(&chunk->input);
  chunk->kind = r.kind;
}
