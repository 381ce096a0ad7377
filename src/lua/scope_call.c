#include "lua/scope_call.h"

#include "lua/check.h"
#include "lua/coroutine.h"
#include "lua/error.h"
#include "lua/failure.h"
#include "lua/here.h"
#include "lua/outcome.h"
#include "lua/prelude.h"
#include "lua/ring.h"
#include "lua/stack.h"
#include "lua/submit.h"
#include "lua/task.h"
#include "lua/urgency.h"

/* What scripts hold: userdata echo.scope. */
typedef struct handle {
  echo__scope *scope; /* NULL until acquired */
} handle;

/* -- the operation: waiting for a scope's tasks ----------------------------------------------- */

enum { RESULTS_OF_WAIT = 3 };

typedef struct waiting {
  echo__scope *scope; /* with a reference */
  echo__ring_place place;
} waiting;

static waiting *waiting_of(echo__operation *operation) {
  return operation->own;
}

static void enter_ring(waiting *w, echo__job *job) {
  if (echo__ring_enter_group(&w->place, job, &w->scope->group) || w->scope->cancelled) return;
  w->scope->in_ring = true;
  echo__scope_cancel(w->scope);
}

static void append(lua_State *L, int *count) {
  lua_rawseti(L, -2, ++*count);
}

/* Why its tasks were cancelled, if that came from outside. */
static bool push_outer_reason(lua_State *L, const echo__host *host) {
  const echo__job *job = echo__fiber_job(host);
  const echo__scope *outer = echo__scope_failing(host->worker);
  if (echo__job_is_cancelling(job)) {
    echo__error_push_cancelled(L, host, job);
  } else if (outer != NULL) {
    echo__scope_push_error(L, host, outer);
  } else {
    return false;
  }
  return true;
}

/* Pushes the list of what went wrong, in order, or nil. */
static void push_errors(lua_State *L, const echo__host *host, const echo__scope *scope) {
  int count = 0;
  lua_newtable(L);
  if (scope->timed_out) echo__scope_push_error(L, host, scope), append(L, &count);
  for (const echo__member *member = scope->failures; member; member = member->next_ended) {
    echo__outcome_push(L, host, member->job);
    append(L, &count);
  }
  if (scope->in_ring) {
    echo__error_push(L, host, ECHO__KIND_ERROR, echo__ring_sentence(false), NULL);
    append(L, &count);
  }
  if (push_outer_reason(L, host)) append(L, &count);
  if (count == 0) lua_pushnil(L);
}

/* It ends last: values of errors are made by functions that may wait as well, which closes the
 * task's operation, and the fiber's reference keeps the scope meanwhile. */
static int give_results(lua_State *L, const echo__host *host, echo__scope *scope) {
  echo__scope_settle(scope);
  push_errors(L, host, scope);
  lua_pushboolean(L, scope->well);
  lua_pushboolean(L, scope->late);
  echo__scope_end(scope);
  return RESULTS_OF_WAIT;
}

static int attempt(lua_State *L, const echo__host *host, echo__operation *operation) {
  waiting *w = waiting_of(operation);
  echo__ring_leave(&w->place);
  echo__scope_collect(w->scope);
  if (operation->seat.knows || echo__scope_is_to_end(w->scope)) echo__scope_cancel(w->scope);
  if (w->scope->group.members != NULL) {
    enter_ring(w, echo__fiber_job(host));
    return ECHO__WAITS;
  }
  return give_results(L, host, w->scope);
}

static bool enroll(echo__operation *operation) {
  return echo__group_enroll(&waiting_of(operation)->scope->group, &operation->seat);
}

static void leave(echo__operation *operation) {
  waiting *w = waiting_of(operation);
  echo__ring_leave(&w->place);
  echo__group_leave(&w->scope->group, &operation->seat);
  echo__scope_drop(w->scope);
}

static const echo__operation_type type = {"echo.scope", attempt,         enroll, leave,
                                          NULL,         sizeof(waiting), true};

static void lend_priority(echo__job *job, const echo__group *group) {
  for (const echo__member *member = group->members; member != NULL; member = member->next)
    echo__job_lend(job, member->job);
}

/* (scope as light userdata): returns the list of what went wrong, or nil; whether the body went
 * well, and whether it was late. The scope may be gone then. */
static int wait(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__scope *scope = lua_touserdata(L, 1);
  lend_priority(echo__fiber_job(host), &scope->group);
  echo__operation *operation = echo__operation_open(L, host, &type);
  waiting_of(operation)->scope = scope;
  scope->group.references++;
  return echo__operation_run(L, operation, -1);
}

/* Calls `wait` and goes on with `next`, which finds its results on top. */
static int wait_then(lua_State *L, const echo__host *host, echo__scope *scope, lua_KFunction next,
                     lua_KContext context) {
  echo__stack_need(L, 4);
  lua_pushlightuserdata(L, (void *)host);
  lua_pushcclosure(L, wait, 1);
  lua_pushlightuserdata(L, scope);
  lua_callk(L, 1, RESULTS_OF_WAIT, context, next);
  return next(L, LUA_OK, context);
}

/* -- the call --------------------------------------------------------------------------------- */

enum { HANDLE = 1, HANDLER, RESULTS }; /* stack indices while the body runs */

/* The results of `wait` are on top. */
static int conclude(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  echo__host *host = echo__host_of(L);
  bool well = lua_toboolean(L, -2), late = lua_toboolean(L, -1);
  lua_pop(L, 2);
  if (well && lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return lua_gettop(L) - HANDLER;
  }
  lua_replace(L, HANDLER);
  lua_settop(L, RESULTS);
  echo__stack_need(L, LUA_MINSTACK);
  if (lua_isnil(L, HANDLER)) lua_newtable(L), lua_replace(L, HANDLER);
  echo__prelude_push(L, host, "join");
  lua_pushvalue(L, HANDLER);
  lua_pushboolean(L, well);
  lua_pushboolean(L, late);
  lua_pushvalue(L, RESULTS);
  lua_call(L, 4, 1);
  if (!well) echo__failure_note_instead(L, host, RESULTS);
  return lua_error(L);
}

static int after_body(lua_State *L, int status, lua_KContext context) {
  echo__scope *scope = (echo__scope *)context;
  scope->well = status == LUA_OK || status == LUA_YIELD;
  echo__scope_close_body(scope);
  if (!scope->well) echo__scope_cancel(scope);
  return wait_then(L, echo__host_of(L), scope, conclude, context);
}

static echo__scope *push_handle(lua_State *L, echo__host *host) {
  handle *h = lua_newuserdatauv(L, sizeof *h, 0);
  h->scope = NULL;
  echo__host_bless(L, host, ECHO__TYPE_SCOPE);
  h->scope = echo__scope_open(host->worker->fiber, L);
  if (h->scope == NULL) luaL_error(L, "not enough memory");
  return h->scope;
}

/* (fn, ...), of which `given` says whether the handle is given to fn. */
static int call(lua_State *L, double limit, bool given) {
  echo__host *host = echo__host_of(L);
  int arguments = lua_gettop(L) - 1;
  echo__scope *scope = push_handle(L, host);
  lua_insert(L, HANDLE);
  lua_toclose(L, HANDLE);
  echo__failure_push_noter(L, host);
  lua_insert(L, HANDLER);
  if (given) lua_pushvalue(L, HANDLE), lua_insert(L, RESULTS + 1);
  int status = limit < 0 ? ECHO_OK : echo__scope_limit(scope, limit);
  if (status == ECHO_MEMORY) return echo__fail_for_memory(L);
  if (status != ECHO_OK) return luaL_error(L, "%s", echo_strerror(status));
  status = lua_pcallk(L, arguments + given, LUA_MULTRET, HANDLER, (lua_KContext)scope, after_body);
  return after_body(L, status, (lua_KContext)scope);
}

static int scope(lua_State *L) {
  echo__host_of_task(L, "echo.scope");
  echo__check_function(L, 1);
  return call(L, -1, true);
}

int echo__scope_call_within(lua_State *L, double seconds) {
  return call(L, seconds, false);
}

/* -- scopes that could not wait --------------------------------------------------------------- */

/* A handle that goes while its scope is open, for want of a proper end. */
int echo__scope_close(lua_State *L) {
  echo__scope *s = ((handle *)lua_touserdata(L, 1))->scope;
  if (s == NULL || s->fiber == NULL) return 0;
  echo__scope_close_body(s);
  echo__scope_cancel(s);
  return 0;
}

int echo__scope_gc(lua_State *L) {
  handle *h = lua_touserdata(L, 1);
  if (h->scope != NULL) echo__scope_drop(h->scope);
  h->scope = NULL;
  return 0;
}

static int finish_next(lua_State *L, int status, lua_KContext context) {
  (void)status;
  const echo__host *host = (const echo__host *)context;
  echo__scope *s = host->worker->fiber->scopes;
  lua_settop(L, 0);
  if (s == NULL) return 0;
  echo__scope_close_body(s);
  echo__scope_cancel(s);
  return wait_then(L, host, s, finish_next, context);
}

int echo__scope_finish_task(lua_State *L) {
  return finish_next(L, LUA_OK, (lua_KContext)lua_touserdata(L, 1));
}

static echo__scope *find_in_coroutine(const echo__host *host, const lua_State *coroutine) {
  if (host->worker->fiber == NULL) return NULL;
  echo__scope *s = host->worker->fiber->scopes;
  while (s != NULL && s->coroutine != coroutine)
    s = s->outer;
  return s;
}

/* Only what is suspended, or has failed, has variables to be closed; of others Lua's own says what
 * is wrong. */
static int close_now(lua_State *L) {
  echo__worker_state *state = echo__host_of(L)->worker;
  lua_State *coroutine = lua_tothread(L, 1);
  lua_settop(L, 1);
  if (lua_status(coroutine) != LUA_OK) {
    if (echo__level_too_deep(state)) return luaL_error(L, "C stack overflow");
    bool well = echo__level_close(state, coroutine) == LUA_OK;
    lua_pushboolean(L, well);
    if (!well) lua_xmove(coroutine, L, 1);
    return well ? 1 : 2;
  }
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* The coroutine is at index 1. */
static int close_next(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  const echo__host *host = echo__host_of(L);
  lua_settop(L, 1);
  echo__scope *s = find_in_coroutine(host, lua_tothread(L, 1));
  if (s != NULL && echo__can_suspend(host->worker, L)) {
    echo__scope_close_body(s);
    echo__scope_cancel(s);
    return wait_then(L, host, s, close_next, 0);
  }
  return close_now(L);
}

/* Only one that is suspended is closed; of others Lua says what is wrong. */
int echo__scope_close_coroutine(lua_State *L) {
  lua_State *coroutine = lua_tothread(L, 1);
  luaL_argexpected(L, coroutine != NULL, 1, "thread");
  if (lua_status(coroutine) != LUA_YIELD) return close_now(L);
  if (echo__fiber_of(coroutine) != NULL)
    return luaL_argerror(L, 1, "a task's coroutine cannot be closed: cancel the task instead");
  return close_next(L, LUA_OK, 0);
}

/* -- methods ---------------------------------------------------------------------------------- */

static echo__scope *check_open(lua_State *L, const echo__host *host) {
  handle *h = echo__host_check(L, host, 1, ECHO__TYPE_SCOPE);
  if (h->scope == NULL || h->scope->fiber == NULL || h->scope->left)
    luaL_argerror(L, 1, "this scope has ended");
  return h->scope;
}

static int submit(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__scope *s = check_open(L, host);
  return echo__submit(L, host, &host->worker->client, s, 2);
}

/* One that has ended stays: what it came to is the scope's. */
static bool take_out(echo__member *member) {
  echo__job_unwatch(member->job, &member->watch);
  if (member->queued) return false; /* nobody else can change that any more */
  echo__group_take_out(member);
  echo__member_free(member);
  return true;
}

static int detach(lua_State *L) {
  const echo__host *host = echo__host_of(L);
  const echo__scope *s = check_open(L, host);
  const echo__job *job = echo__task_check(L, host, 2);
  echo__member *member = s->group.members;
  while (member != NULL && member->job != job)
    member = member->next;
  lua_pushboolean(L, member != NULL && take_out(member));
  return 1;
}

/* The body goes on, and the scope ends well if the body does. */
static int cancel(lua_State *L) {
  echo__scope_cancel(check_open(L, echo__host_of(L)));
  return 0;
}

const luaL_Reg echo__scope_functions[] = {{"scope", scope}, {NULL, NULL}};
const luaL_Reg echo__scope_methods[] = {
    {"submit", submit}, {"detach", detach}, {"cancel", cancel}, {NULL, NULL}};
