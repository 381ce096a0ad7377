#include "lua/state.h"

#include <lauxlib.h>
#include <lualib.h>

#include "lua/coroutine.h"
#include "lua/decode.h"
#include "lua/fiber.h"
#include "lua/files.h"
#include "lua/interrupt.h"
#include "lua/luv.h"
#include "lua/module.h"
#include "lua/own_hook.h"
#include "lua/reporter.h"

echo__worker_state *echo__state_here(echo__runtime *runtime) {
  return &runtime->states[echo_worker_index(runtime->scheduler)];
}

echo__worker_state *echo__state_of(lua_State *L) {
  const echo__fiber *fiber = echo__fiber_of(L);
  return fiber != NULL ? fiber->state : (*(echo__own_hook **)lua_getextraspace(L))->state;
}

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

/* True if a library is there, which is on top of the stack then: a program's openlibs may have left
 * it out. */
static bool push_library(lua_State *L, const char *name) {
  if (lua_getglobal(L, name) == LUA_TTABLE) return true;
  lua_pop(L, 1);
  return false;
}

static void guard_os(lua_State *L) {
  if (!push_library(L, "os")) return;
  lua_pushcfunction(L, refuse_exit);
  lua_setfield(L, -2, "exit");
  lua_getfield(L, -1, "setlocale");
  lua_pushcclosure(L, refuse_setlocale, 1);
  lua_setfield(L, -2, "setlocale");
  lua_pop(L, 1);
}

static void set_text(lua_State *L, const char *field, const char *text) {
  if (text == NULL) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, field);
}

/* The module is there already: a task need not find it, and gets the same one. */
static void set_paths(lua_State *L, const echo__recipe *recipe) {
  if (!push_library(L, "package")) {
    luaL_requiref(L, "echo", echo__module_open, 0);
    lua_pop(L, 1);
    return;
  }
  set_text(L, "path", recipe->path);
  set_text(L, "cpath", recipe->cpath);
  luaL_getsubtable(L, -1, "preload");
  lua_pushcfunction(L, echo__module_open);
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

static unsigned index_of(const echo__runtime *runtime, const echo__worker_state *state) {
  return (unsigned)(state - runtime->states);
}

static void open_libraries(lua_State *L, echo__runtime *runtime, echo__worker_state *state) {
  const echo__callbacks *host = &runtime->recipe.host;
  if (host->openlibs == NULL) {
    luaL_openlibs(L);
    return;
  }
  int top = lua_gettop(L);
  host->openlibs(L, index_of(runtime, state), host->data);
  lua_settop(L, top);
}

/* (runtime, state) */
static int prepare(lua_State *L) {
  echo__runtime *runtime = lua_touserdata(L, 1);
  echo__worker_state *state = lua_touserdata(L, 2);
  echo__alloc_measure(L);
  state->host = echo__module_host(L);
  state->host->worker = state;
  state->codec = state->host->codec;
  open_libraries(L, runtime, state);
  echo__reporter_open(L, state);
  guard_os(L);
  echo__files_install(L);
  set_paths(L, &runtime->recipe);
  echo__coroutine_install(L, state);
  echo__luv_install(L, state);
  echo__own_hook_install(L);
  run_setups(L, state->codec, runtime->recipe.setups);
  echo__interrupts_clear(L);
  return 0;
}

/* (runtime, state) */
static int say_closing(lua_State *L) {
  echo__runtime *runtime = lua_touserdata(L, 1);
  const echo__worker_state *state = lua_touserdata(L, 2);
  runtime->recipe.host.closing(L, index_of(runtime, state), runtime->recipe.host.data);
  return 0;
}

/* Calls the function in protected mode; what it raises is on top of the stack then. */
static bool call_protected(lua_CFunction function, echo__runtime *runtime,
                           echo__worker_state *state) {
  lua_pushcfunction(state->L, function);
  lua_pushlightuserdata(state->L, runtime);
  lua_pushlightuserdata(state->L, state);
  return lua_pcall(state->L, 2, 0, 0) == LUA_OK;
}

static void close_state(echo__runtime *runtime, echo__worker_state *state) {
  const echo__callbacks *host = &runtime->recipe.host;
  if (state->L == NULL) return;
  if (host->closing != NULL) call_protected(say_closing, runtime, state);
  lua_close(state->L);
  if (host->closed != NULL) host->closed(index_of(runtime, state), host->data);
}

static void discard(echo__runtime *runtime, echo__worker_state *state) {
  state->ready = false;
  state->worn = false;
  echo__luv_close(state);
  close_state(runtime, state);
  echo__luv_closed(state);
  echo__fibers_close(state);
  echo__alloc_close(&state->alloc);
  echo__alloc_open(&state->alloc, runtime->recipe.memory_limit);
  state->L = NULL;
  state->codec = NULL;
  state->host = NULL;
  state->map = 0;
}

static lua_State *new_state(echo__runtime *runtime, echo__worker_state *state) {
  const echo__callbacks *host = &runtime->recipe.host;
  if (host->newstate == NULL) return lua_newstate(echo__alloc_realloc, &state->alloc);
  lua_State *L = host->newstate(index_of(runtime, state), host->data);
  if (L != NULL) echo__alloc_adopt(&state->alloc, L);
  return L;
}

/* False with state->L left open and the error on its stack, or NULL without memory. */
static bool open_state(echo__runtime *runtime, echo__worker_state *state) {
  state->L = new_state(runtime, state);
  if (state->L == NULL) return false;
  state->interrupts_by = runtime->recipe.interrupts_by;
  state->period = state->interrupts_by == ECHO__BY_COUNT ? runtime->recipe.period : 0;
  echo__own_hook_init(state);
  state->ready = call_protected(prepare, runtime, state);
  state->new_size = echo__alloc_used(&state->alloc);
  state->collects = lua_gc(state->L, LUA_GCISRUNNING);
  return state->ready;
}

/* What others have written may take long, and may count on each worker's having done it. */
static bool is_made_ahead(const echo__recipe *recipe) {
  return recipe->setups != NULL || recipe->embedded;
}

void echo__state_open(void *argument, unsigned worker) {
  echo__runtime *runtime = argument;
  echo__worker_state *state = &runtime->states[worker];
  echo__blocks_enter();
  echo__alloc_open(&state->alloc, runtime->recipe.memory_limit);
  if (is_made_ahead(&runtime->recipe)) open_state(runtime, state);
}

void echo__state_close(void *argument, unsigned worker) {
  echo__runtime *runtime = argument;
  discard(runtime, &runtime->states[worker]);
  echo__blocks_leave();
}

bool echo__state_ensure_ready(echo__runtime *runtime, echo__worker_state *state) {
  if (state->ready && !(state->worn && state->fibers_out == 0)) return true;
  discard(runtime, state);
  return open_state(runtime, state);
}

void echo__state_recover(echo__runtime *runtime, echo__worker_state *state) {
  size_t limit = runtime->recipe.memory_limit;
  lua_gc(state->L, LUA_GCCOLLECT, 0);
  size_t usual = 2 * state->new_size + limit / 16;
  state->worn = limit > 0 && echo__alloc_used(&state->alloc) > usual;
}
