#include "lua/scope.h"

#include "lua/coroutine.h"
#include "lua/error.h"

/* -- call-backs: any thread, with the group's mutex held -------------------------------------- */

/* The body is woken where it waits, or interrupted where it runs. */
static void fail(echo__scope *scope) {
  if (echo__load(&scope->failing, relaxed)) return;
  echo__store(&scope->failing, true, release); /* PAIR scope.failing */
  if (scope->body != NULL) echo__seat_wake(scope->body);
  echo__store(&scope->state->tend, true, seq_cst); /* PAIR state.tend */
  echo_worker_interrupt(scope->scheduler, scope->worker);
}

static bool has_failed(const echo__job *job) {
  switch (echo__job_get_state(job)) {
  case ECHO__JOB_FAILED: return true;
  case ECHO__JOB_CANCELLED: return job->cancel_kind != ECHO__KIND_CANCELLED;
  default: return false;
  }
}

static void on_ended(echo__group *group, const echo__job *job) {
  if (has_failed(job)) fail((echo__scope *)(void *)group);
}

/* On the thread that keeps time. */
static void time_is_up(void *argument) {
  echo__scope *scope = argument;
  uv_mutex_lock(&scope->group.mutex);
  if (!echo__load(&scope->failing, relaxed)) scope->timed_out = true;
  fail(scope);
  if (scope->group.seat != NULL) echo__seat_wake(scope->group.seat);
  uv_mutex_unlock(&scope->group.mutex);
}

/* -- beginning and ending --------------------------------------------------------------------- */

static void link_in(echo__scope *scope) {
  echo__fiber *fiber = scope->fiber;
  if (fiber->scopes == NULL) echo__or(&fiber->run->word, ECHO__RUN_SCOPED, relaxed);
  scope->outer = fiber->scopes;
  fiber->scopes = scope;
  scope->link = &scope->state->scopes;
  scope->next = *scope->link;
  if (scope->next != NULL) scope->next->link = &scope->next;
  *scope->link = scope;
}

static void unlink_one(echo__scope *scope) {
  echo__fiber *fiber = scope->fiber;
  echo__scope **link = &fiber->scopes;
  while (*link != scope)
    link = &(*link)->outer;
  *link = scope->outer;
  if (fiber->scopes == NULL) echo__and(&fiber->run->word, ~(uint32_t)ECHO__RUN_SCOPED, relaxed);
  *scope->link = scope->next;
  if (scope->next != NULL) scope->next->link = scope->link;
}

echo__scope *echo__scope_open(echo__fiber *fiber, lua_State *coroutine) {
  echo__scope *scope = (echo__scope *)(void *)echo__group_create(fiber->state->host, sizeof *scope);
  if (scope == NULL) return NULL;
  scope->group.references = 2;
  scope->group.on_ended = on_ended;
  scope->state = fiber->state;
  scope->scheduler = fiber->run->job->runtime->scheduler;
  scope->worker = (unsigned)echo_worker_index(scope->scheduler);
  scope->coroutine = coroutine;
  scope->last_failure = &scope->failures;
  scope->fiber = fiber;
  scope->within = echo__scope_here(scope->state->host);
  if (scope->within != NULL) scope->within->group.references++;
  link_in(scope);
  return scope;
}

int echo__scope_limit(echo__scope *scope, double seconds) {
  scope->limit = seconds;
  int status = echo_timer_start(scope->scheduler, &scope->timer, seconds, time_is_up, scope);
  scope->timed = status == ECHO_OK;
  return status;
}

static void free_failures(echo__scope *scope) {
  while (scope->failures != NULL) {
    echo__member *member = scope->failures;
    scope->failures = member->next_ended;
    echo__member_free(member);
  }
}

void echo__scope_close_body(echo__scope *scope) {
  if (scope->left) return;
  uv_mutex_lock(&scope->group.mutex);
  scope->left = true;
  scope->late = echo__load(&scope->failing, relaxed);
  scope->body = NULL;
  uv_mutex_unlock(&scope->group.mutex);
  if (scope->late && scope->fiber != NULL) scope->fiber->raised = 0;
}

void echo__scope_push_error(lua_State *L, const echo__host *host, const echo__scope *scope) {
  if (!scope->timed_out) {
    echo__error_push(L, host, ECHO__KIND_CANCELLED, "a task of this scope failed", NULL);
    return;
  }
  lua_pushfstring(L, "the time of %f s ran out", scope->limit);
  echo__error_push(L, host, ECHO__KIND_TIMEOUT, lua_tostring(L, -1), NULL);
  lua_remove(L, -2);
}

void echo__scope_settle(echo__scope *scope) {
  if (scope->timed) echo_timer_cancel(scope->scheduler, &scope->timer);
  scope->timed = false;
}

void echo__scope_end(echo__scope *scope) {
  if (scope->fiber == NULL) return;
  unlink_one(scope);
  scope->fiber = NULL;
  echo__scope_settle(scope);
  if (scope->within != NULL) echo__scope_drop(scope->within);
  echo__scope_drop(scope);
}

void echo__scope_drop(echo__scope *scope) {
  if (scope->group.references == 1) free_failures(scope);
  echo__group_drop(&scope->group);
}

/* -- which ones are in force ------------------------------------------------------------------ */

static bool is_in_force(const echo__scope *scope, const echo__worker_state *state) {
  const echo__level *level = state->level;
  while (level != NULL && level->coroutine != scope->coroutine)
    level = level->outer;
  return level != NULL;
}

static bool is_open(const echo__scope *scope, const echo__worker_state *state) {
  return !scope->left && is_in_force(scope, state);
}

/* The innermost level that has one decides: within a coroutine the list is in order. */
echo__scope *echo__scope_here(const echo__host *host) {
  const echo__worker_state *state = host->worker;
  if (state == NULL || state->fiber == NULL || state->fiber->scopes == NULL) return NULL;
  for (const echo__level *level = state->level; level != NULL; level = level->outer) {
    for (echo__scope *scope = state->fiber->scopes; scope != NULL; scope = scope->outer) {
      if (scope->coroutine == level->coroutine && !scope->left) return scope;
    }
  }
  return NULL;
}

bool echo__scope_fails(const echo__fiber *fiber) {
  const echo__scope *scope = fiber->scopes;
  while (scope != NULL && (scope->left || !echo__load(&scope->failing, relaxed)))
    scope = scope->outer;
  return scope != NULL;
}

echo__scope *echo__scope_failing(const echo__worker_state *state) {
  echo__scope *scope = state->fiber->scopes;
  /* PAIR scope.failing */
  while (scope != NULL && !(echo__load(&scope->failing, acquire) && is_open(scope, state)))
    scope = scope->outer;
  return scope;
}

bool echo__scope_enroll(const echo__worker_state *state, echo__seat *seat) {
  for (echo__scope *scope = state->fiber->scopes; scope != NULL; scope = scope->outer) {
    if (!is_open(scope, state)) continue;
    uv_mutex_lock(&scope->group.mutex);
    bool failing = echo__load(&scope->failing, relaxed);
    scope->body = seat;
    uv_mutex_unlock(&scope->group.mutex);
    if (failing) return false;
  }
  return true;
}

void echo__scope_leave(const echo__fiber *fiber, const echo__seat *seat) {
  for (echo__scope *scope = fiber->scopes; scope != NULL; scope = scope->outer) {
    if (scope->body != seat) continue;
    uv_mutex_lock(&scope->group.mutex);
    scope->body = NULL;
    uv_mutex_unlock(&scope->group.mutex);
  }
}

/* -- its tasks -------------------------------------------------------------------------------- */

static const char reason[] = "the scope that it belongs to ended";

void echo__scope_cancel(echo__scope *scope) {
  if (scope->cancelled) return;
  scope->cancelled = true;
  for (echo__member *member = scope->group.members; member != NULL; member = member->next)
    echo__job_cancel(member->job, ECHO__KIND_CANCELLED, reason);
}

bool echo__scope_is_to_end(const echo__scope *scope) {
  if (echo__job_is_cancelling(scope->fiber->run->job)) return true;
  for (; scope != NULL; scope = scope->within) {
    if (echo__load(&scope->failing, relaxed)) return true;
  }
  return false;
}

/* PAIR state.tend */
void echo__scope_tend(echo__worker_state *state) {
  if (!echo__exchange(&state->tend, false, seq_cst)) return;
  for (echo__scope *scope = state->scopes; scope != NULL; scope = scope->next) {
    if (echo__scope_is_to_end(scope)) echo__scope_cancel(scope);
  }
}

void echo__scope_adopt(echo__scope *scope, echo__job *job) {
  echo__group_add(&scope->group, job, 0);
  if (scope->cancelled || echo__load(&scope->failing, relaxed)) {
    echo__job_cancel(job, ECHO__KIND_CANCELLED, reason);
  }
}

void echo__scope_collect(echo__scope *scope) {
  echo__member *member;
  while ((member = echo__group_pop(&scope->group)) != NULL) {
    echo__group_take_out(member);
    if (!has_failed(member->job)) {
      echo__member_free(member);
      continue;
    }
    member->next_ended = NULL;
    *scope->last_failure = member;
    scope->last_failure = &member->next_ended;
  }
}
