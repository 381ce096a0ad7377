#include "lua/here.h"

#include "lua/check.h"
#include "lua/failure.h"
#include "lua/fiber.h"
#include "lua/operation.h"
#include "lua/scope.h"
#include "lua/submit.h"
#include "lua/terms.h"

echo__host *echo__host_of_task(lua_State *L, const char *name) {
  echo__host *host = echo__host_of(L);
  if (host->worker == NULL || host->worker->fiber == NULL) {
    luaL_error(L, "%s is for tasks: nothing runs here that could wait", name);
  }
  return host;
}

/* -- sleep ------------------------------------------------------------------------------------ */

static int sleeps(lua_State *L, const echo__host *host, echo__operation *operation) {
  (void)L, (void)host, (void)operation;
  return ECHO__WAITS;
}

static bool nobody_wakes(echo__operation *operation) {
  (void)operation;
  return true;
}

static int wakes(lua_State *L, const echo__host *host, echo__operation *operation) {
  (void)L, (void)host, (void)operation;
  return 0;
}

static const echo__operation_type sleep_type = {"echo.sleep", sleeps, nobody_wakes, NULL,
                                                wakes,        0,      false};

static int sleep_(lua_State *L) {
  echo__host *host = echo__host_of_task(L, "echo.sleep");
  luaL_checkany(L, 1);
  double seconds = echo__check_seconds(L, 1);
  return echo__operation_run(L, echo__operation_open(L, host, &sleep_type), seconds);
}

/* -- checkpoint ------------------------------------------------------------------------------- */

/* Once round the queue, if somebody waits there. */
static int passes(lua_State *L, const echo__host *host, echo__operation *operation) {
  (void)L, (void)host;
  bool *been_round = operation->own;
  if (*been_round || !echo_task_should_yield()) return 0;
  *been_round = true;
  return ECHO__WAITS;
}

static bool at_once(echo__operation *operation) {
  (void)operation;
  return false;
}

static const echo__operation_type checkpoint_type = {"echo.checkpoint", passes, at_once, NULL, NULL,
                                                     sizeof(bool),      false};

static int checkpoint(lua_State *L) {
  echo__host *host = echo__host_of_task(L, "echo.checkpoint");
  return echo__operation_run(L, echo__operation_open(L, host, &checkpoint_type), -1);
}

/* -- current ---------------------------------------------------------------------------------- */

static void set_text(lua_State *L, const char *field, const char *text) {
  lua_pushstring(L, text); /* nil for NULL */
  lua_setfield(L, -2, field);
}

/* The deadline on the clock of echo.now. */
static void set_terms(lua_State *L, const echo__terms *terms) {
  lua_pushinteger(L, terms != NULL ? (lua_Integer)terms->attempt : 1);
  lua_setfield(L, -2, "attempt");
  if (terms == NULL || terms->deadline == ECHO__FOREVER) return;
  lua_pushnumber(L, (lua_Number)terms->deadline / 1e9);
  lua_setfield(L, -2, "deadline");
}

static int current(lua_State *L) {
  const echo__host *host = echo__host_of(L);
  const echo__job *job = echo__fiber_job(host);
  if (job == NULL) return 0;
  lua_createtable(L, 0, 6);
  echo__failure_push_name(L, host->worker->fiber);
  lua_setfield(L, -2, "name");
  set_text(L, "queue", echo__job_extra(job)->queue);
  set_text(L, "priority", echo__priority_name((echo_priority)echo__load(&job->priority, relaxed)));
  lua_pushinteger(L, echo_worker_index(job->runtime->scheduler) + 1);
  lua_setfield(L, -2, "worker");
  set_terms(L, echo__job_extra(job)->terms);
  return 1;
}

static int submit(lua_State *L) {
  echo__host *host = echo__host_of(L);
  bool called_back = host->worker != NULL && host->worker->calls_back > 0;
  if (!called_back && (host->worker == NULL || host->worker->fiber == NULL))
    return luaL_error(L,
                      "echo.submit is for tasks; elsewhere, submit on a scheduler: s:submit(...)");
  return echo__submit(L, host, &host->worker->client, echo__scope_here(host), 1);
}

const luaL_Reg echo__here_functions[] = {{"sleep", sleep_},
                                         {"checkpoint", checkpoint},
                                         {"current", current},
                                         {"submit", submit},
                                         {NULL, NULL}};
