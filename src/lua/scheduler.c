#include "lua/scheduler.h"

#include <string.h>

#include "base/wait.h"
#include "lua/argument.h"
#include "lua/attach.h"
#include "lua/check.h"
#include "lua/deliver.h"
#include "lua/job.h"
#include "lua/on_task_end.h"
#include "lua/operation.h"
#include "lua/recording.h"
#include "lua/report.h"
#include "lua/stats.h"
#include "lua/submit.h"

/* The handle's object is the runtime; the reference is the client's. */
typedef struct scheduler {
  echo__handle handle;
  echo__client *client; /* NULL until acquired and after it was given up */
} scheduler;

static scheduler *push_inert(lua_State *L, const echo__host *host) {
  scheduler *s = lua_newuserdatauv(L, sizeof *s, 0);
  s->handle.shared = NULL;
  s->client = NULL;
  echo__host_bless(L, host, ECHO__TYPE_SCHEDULER);
  return s;
}

echo__client *echo__scheduler_new(lua_State *L, echo__host *host) {
  scheduler *s = push_inert(L, host);
  s->client = echo__client_create(host);
  if (s->client == NULL) echo__fail_for_memory(L);
  return s->client;
}

void echo__scheduler_built(lua_State *L, echo__runtime *runtime) {
  scheduler *s = lua_touserdata(L, -1);
  echo__client_attach(s->client, runtime, true);
  s->handle.shared = &runtime->shared;
}

static void push(lua_State *L, const echo__host *host, echo__shared *shared) {
  scheduler *s = push_inert(L, host);
  s->client = echo__client_get((echo__host *)host, (echo__runtime *)shared);
  if (s->client == NULL) echo__fail_for_memory(L);
  s->handle.shared = shared;
}

const echo__shared_type echo__runtime_type = {.name = "echo.scheduler",
                                              .type = ECHO__TYPE_SCHEDULER,
                                              .destroy = echo__runtime_destroy,
                                              .push = push};

int echo__scheduler_gc(lua_State *L) {
  scheduler *s = lua_touserdata(L, 1);
  echo__client *client = s->client;
  s->handle.shared = NULL;
  s->client = NULL;
  if (client != NULL) echo__client_drop(client);
  return 0;
}

static echo__client *check_client(lua_State *L, const echo__host *host) {
  scheduler *s = echo__host_check(L, host, 1, ECHO__TYPE_SCHEDULER);
  if (s->client == NULL) echo__argument_error(L, 1, "this scheduler was closed with its state");
  return s->client;
}

static echo__client *check_owner(lua_State *L, const echo__host *host) {
  echo__client *client = check_client(L, host);
  if (client->owner) return client;
  luaL_error(L,
             client->runtime->recipe.embedded
                 ? "this scheduler is the host program's: scripts submit to it and cannot stop it"
                 : "only the state that built a scheduler can stop it");
  return client;
}

static int submit(lua_State *L) {
  echo__host *host = echo__host_of(L);
  return echo__submit(L, host, check_client(L, host), echo__scope_here(host), 2);
}

static int map(lua_State *L) {
  echo__host *host = echo__host_of(L);
  return echo__submit_map(L, host, check_client(L, host), echo__scope_here(host), 2);
}

/* -- stop ------------------------------------------------------------------------------------- */

/* A thread that waits for the end looks up this often (in seconds): for hooks that a signal handler
 * has set. If one raises, the stop has begun and another call goes on with it. */
static const double look_up = 0.1;

static double left_until(uint64_t deadline) {
  uint64_t now = echo__now();
  if (deadline == ECHO__FOREVER) return ECHO_FOREVER;
  return deadline > now ? (double)(deadline - now) / 1e9 : 0;
}

static void wait_for_the_end(lua_State *L, echo_scheduler *core, echo_stop_mode mode,
                             uint64_t deadline) {
  for (;;) {
    double left = left_until(deadline);
    double slice = left >= 0 && left < look_up ? left : look_up;
    if (left == 0 || echo_scheduler_begin_stop(core, mode, slice) != ECHO_TIMEOUT) return;
    echo__let_hooks_run(L);
  }
}

static int stop_core(lua_State *L, echo__client *client, echo_stop_mode mode, double seconds) {
  size_t abandoned = 0;
  echo_scheduler *core = client->runtime->scheduler;
  uint64_t deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  wait_for_the_end(L, core, mode, deadline);
  int status = echo_scheduler_stop(core, mode, left_until(deadline), &abandoned);
  if (status == ECHO_DEADLOCK) return luaL_error(L, "a task cannot stop its own scheduler");
  if (status == ECHO_OK) {
    lua_pushboolean(L, true);
    return 1;
  }
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
  echo__client *client = check_owner(L, echo__host_of(L));
  echo_stop_mode mode = ECHO_STOP_DRAIN;
  double seconds = -1;
  if (!lua_isnoneornil(L, 2)) {
    echo__check_type(L, 2, LUA_TTABLE);
    echo__check_options(L, 2, known);
    lua_getfield(L, 2, "mode");
    mode = check_mode(L, 2);
    lua_getfield(L, 2, "timeout");
    seconds = echo__check_seconds_option(L, 2, "timeout");
  }
  return stop_core(L, client, mode, seconds);
}

/* What another state built goes on when a block of this one is left. */
int echo__scheduler_close(lua_State *L) {
  echo__client *client = check_client(L, echo__host_of(L));
  if (client->owner) stop_core(L, client, ECHO_STOP_DRAIN, -1);
  return 0;
}

/* -- stats ------------------------------------------------------------------------------------ */

static int stats(lua_State *L) {
  echo__stats_push(L, check_client(L, echo__host_of(L))->runtime);
  return 1;
}

static int trace(lua_State *L) {
  echo__client *client = check_client(L, echo__host_of(L));
  return echo__recording_method(L, client->runtime->scheduler);
}

static int on_task_end(lua_State *L) {
  echo__host *host = echo__host_of(L);
  return echo__on_task_end(L, host, check_client(L, host));
}

/* A host may have taken the signal for itself meanwhile. */
static int interrupts(lua_State *L) {
  const echo__runtime *runtime = check_client(L, echo__host_of(L))->runtime;
  echo__interrupts_by by = runtime->recipe.interrupts_by;
  if (by == ECHO__BY_SIGNAL && !echo_scheduler_interrupts(runtime->scheduler)) by = ECHO__BY_NONE;
  lua_pushstring(L, echo__interrupts_names[by]);
  return 1;
}

const luaL_Reg echo__scheduler_methods[] = {{"submit", submit},
                                            {"map", map},
                                            {"stop", stop},
                                            {"stats", stats},
                                            {"interrupts", interrupts},
                                            {"poll", echo__poll},
                                            {"fd", echo__fd},
                                            {"attach", echo__attach},
                                            {"on_error", echo__on_error},
                                            {"on_task_end", on_task_end},
                                            {"trace", trace},
                                            {NULL, NULL}};
