#include "lua/recording.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "lua/argument.h"
#include "lua/check.h"
#include "lua/failure.h"
#include "lua/fiber.h"
#include "lua/map.h"
#include "lua/run.h"
#include "lua/urgency.h"

/* -- names ------------------------------------------------------------------------------------ */

static size_t copy(const char *name, char *text, size_t size) {
  size_t length = strlen(name);
  if (length > size) length = size;
  memcpy(text, name, length);
  return length;
}

enum { LINE_DIGITS = 12 }; /* and the colon */

/* By hand: snprintf would take as long as all else that a task costs a recording. */
static size_t put_number(unsigned number, char *text) {
  char digits[LINE_DIGITS];
  size_t count = 0;
  do
    digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  for (size_t i = 0; i < count; i++)
    text[i] = digits[count - 1 - i];
  return count;
}

/* "file.lua:12" for the Lua function on top, which is popped; else 0. */
static size_t place(lua_State *L, char *text, size_t size) {
  lua_Debug about;
  lua_getinfo(L, ">S", &about);
  if (strcmp(about.what, "C") == 0) return 0;
  size_t length = copy(about.short_src, text, size - LINE_DIGITS);
  text[length++] = ':';
  return length + put_number((unsigned)about.linedefined, text + length);
}

typedef struct naming {
  const echo__fiber *fiber;
  char *text;
  size_t size, length;
} naming;

/* (naming): of a function of a library it takes some doing, and memory. */
static int push_name(lua_State *L) {
  naming *n = lua_touserdata(L, 1);
  if (echo__failure_push_function(L, n->fiber->coroutine)) n->length = place(L, n->text, n->size);
  if (n->length > 0) return 0;
  echo__failure_push_name(L, n->fiber);
  const char *name = lua_tostring(L, -1);
  if (name != NULL) n->length = copy(name, n->text, n->size);
  return 0;
}

/* Of a task that goes on: its function lies in its coroutine. */
static size_t name_of_fiber(const echo__fiber *fiber, char *text, size_t size) {
  naming n = {fiber, text, size, 0};
  lua_State *L = fiber->state->L;
  if (!lua_checkstack(L, 2)) return 0;
  lua_pushcfunction(L, push_name);
  lua_pushlightuserdata(L, &n);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
  return n.length;
}

size_t echo__recording_name(void *runtime, echo_task_function function, void *argument, char *text,
                            size_t size) {
  (void)runtime;
  const echo__run *run = argument;
  if (function == echo__run_stand_in)
    run = &((const echo__stand_in *)argument)->job->run;
  else if (function != echo__run_job && function != echo__map_run)
    return 0; /* the program's own */
  const char *name = echo__job_name(run->job);
  if (name != NULL) return copy(name, text, size);
  return run->fiber != NULL ? name_of_fiber(run->fiber, text, size) : 0;
}

void echo__recording_names(lua_State *L, echo__job *job) {
  char text[128];
  if (echo__job_name(job) != NULL || !echo_scheduler_is_traced(job->runtime->scheduler)) return;
  lua_pushvalue(L, 1);
  size_t length = place(L, text, sizeof text);
  if (length == 0) {
    echo__failure_push_name(L, echo__fiber_of(L));
    const char *name = lua_tostring(L, -1);
    if (name != NULL) length = copy(name, text, sizeof text);
    lua_pop(L, 1);
  }
  echo_trace_task_name(text, length);
}

/* -- ends ------------------------------------------------------------------------------------- */

void echo__recording_ends(echo__job *job, bool well) {
  if (!echo_scheduler_is_traced(job->runtime->scheduler)) return;
  echo_trace_outcome outcome = well ? ECHO_TRACE_DONE : ECHO_TRACE_FAILED;
  if (echo__job_is_cancelling(job)) outcome = ECHO_TRACE_CANCELLED;
  echo__extra *extra = echo__job_extend(job); /* without memory the arrow is not drawn */
  echo_trace_task_ends(outcome, extra != NULL ? &extra->recorded : NULL);
}

void echo__recording_skips(echo__job *job) {
  bool cancelled = echo__job_get_state(job) == ECHO__JOB_CANCELLED;
  echo_trace_task_ends(cancelled ? ECHO_TRACE_CANCELLED : ECHO_TRACE_DONE, NULL);
}

void echo__recording_taken(const echo__job *job, uint64_t began) {
  if (echo__job_has_ended(job))
    echo_trace_wait_ends(job->runtime->scheduler, began, &echo__job_extra(job)->recorded);
}

/* -- the method ------------------------------------------------------------------------------- */

static int begin(lua_State *L, echo_scheduler *core) {
  const char *path = echo__check_text(L, 2, "path");
  int status = echo_scheduler_trace(core, path);
  if (status == ECHO_FILE)
    return luaL_error(L, "trace: cannot write '%s': %s", path, strerror(errno));
  if (status == ECHO_EXISTS)
    return luaL_error(L, "trace: a recording runs already; trace(false) ends it");
  if (status != ECHO_OK) return luaL_error(L, "trace: %s", echo_strerror(status));
  lua_pushboolean(L, true);
  return 1;
}

/* A recording that broke off is no error of whoever ends it. */
static int end(lua_State *L, echo_scheduler *core) {
  int status = echo_scheduler_trace(core, NULL);
  int error = errno;
  if (status == ECHO_FILE) {
    luaL_pushfail(L);
    lua_pushfstring(L, "the recording broke off: %s", strerror(error));
  } else {
    lua_pushboolean(L, status == ECHO_OK);
    lua_pushinteger(L, (lua_Integer)echo_scheduler_trace_dropped(core));
  }
  return 2;
}

int echo__recording_method(lua_State *L, echo_scheduler *core) {
  if (lua_type(L, 2) == LUA_TSTRING) return begin(L, core);
  if (lua_isboolean(L, 2) && !lua_toboolean(L, 2)) return end(L, core);
  return echo__argument_error(
      L, 2, lua_pushfstring(L, "a path, or false, expected, got %s", luaL_typename(L, 2)));
}
