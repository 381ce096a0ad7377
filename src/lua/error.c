#include "lua/error.h"

#include <lauxlib.h>

#include "lua/decode.h"
#include "lua/traceback.h"

const char *echo__kind_text(echo__kind kind) {
  static const char *const texts[] = {
#define ECHO__KIND_TEXT(name, text) text,
      ECHO__KIND_MAP(ECHO__KIND_TEXT)
#undef ECHO__KIND_TEXT
  };
  return texts[kind];
}

echo__kind echo__kind_of_status(int status) {
  switch (status) {
  case ECHO_MEMORY: return ECHO__KIND_MEMORY;
  case ECHO_FULL: return ECHO__KIND_FULL;
  case ECHO_STOPPED: return ECHO__KIND_STOPPED;
  case ECHO_TRANSFER: return ECHO__KIND_TRANSFER;
  case ECHO_CANCELLED: return ECHO__KIND_CANCELLED;
  case ECHO_TIMEOUT: return ECHO__KIND_TIMEOUT;
  case ECHO_FORKED:
  case ECHO_LOST: return ECHO__KIND_LOST;
  default: return ECHO__KIND_ERROR;
  }
}

enum { FIELDS = 5 };

/* Makes the object from message, traceback, task name, value and others on top of the stack. */
static void make(lua_State *L, const echo__host *host, echo__kind kind) {
  static const char *const fields[FIELDS] = {"others", "value", "task", "traceback", "message"};
  lua_createtable(L, 0, FIELDS + 1);
  lua_insert(L, -1 - FIELDS);
  for (int i = 0; i < FIELDS; i++)
    lua_setfield(L, -1 - FIELDS + i, fields[i]);
  lua_pushstring(L, echo__kind_text(kind));
  lua_setfield(L, -2, "kind");
  echo__host_bless(L, host, ECHO__TYPE_ERROR);
}

void echo__error_push_here(lua_State *L, const echo__host *host, echo__kind kind) {
  echo__traceback_push(L, L, 1);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushnil(L);
  make(L, host, kind);
}

int echo__error_raise(lua_State *L, const echo__host *host, echo__kind kind) {
  echo__error_push_here(L, host, kind);
  return lua_error(L);
}

void echo__error_push(lua_State *L, const echo__host *host, echo__kind kind, const char *message,
                      const char *task) {
  lua_pushstring(L, message);
  lua_pushnil(L);
  lua_pushstring(L, task); /* nil for NULL */
  lua_pushnil(L);
  lua_pushnil(L);
  make(L, host, kind);
}

void echo__error_of_value(lua_State *L, const echo__host *host) {
  if (echo__host_is(L, host, -1, ECHO__TYPE_ERROR)) return;
  luaL_tolstring(L, -1, NULL);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, -4);
  lua_pushnil(L);
  make(L, host, ECHO__KIND_ERROR);
  lua_remove(L, -2);
}

/* Gives the error on top the traceback of a report, and the name if the submit gave none. */
static void add_report(lua_State *L, const echo__host *host, const echo__message *report) {
  int error = lua_gettop(L);
  if (report->size > 0 && echo__decode(L, host->codec, report) == FIELDS) {
    lua_pushvalue(L, error + 2);
    lua_setfield(L, error, "traceback");
    lua_pushvalue(L, error + 3);
    if (lua_getfield(L, error, "task") == LUA_TNIL) {
      lua_pop(L, 1);
      lua_setfield(L, error, "task");
    }
  }
  lua_settop(L, error);
}

void echo__error_push_cancelled(lua_State *L, const echo__host *host, const echo__job *job) {
  const echo__extra *extra = echo__job_extra(job);
  const char *reason = extra->reason != NULL ? extra->reason : "the task was cancelled";
  echo__error_push(L, host, (echo__kind)job->cancel_kind, reason, echo__job_name(job));
  if (job->reported) add_report(L, host, &job->message);
}

void echo__error_push_failure(lua_State *L, const echo__host *host, echo__kind kind,
                              const echo__message *output) {
  int top = lua_gettop(L);
  int count = output->size > 0 ? echo__decode(L, host->codec, output) : 0;
  if (count == FIELDS) {
    make(L, host, kind);
    return;
  }
  lua_settop(L, top);
  echo__error_push(L, host, ECHO__KIND_MEMORY, "not enough memory", NULL);
}

static const char *field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  const char *text = lua_tostring(L, -1);
  return text != NULL ? text : "";
}

int echo__error_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  const char *message = field(L, "message");
  const char *traceback = field(L, "traceback");
  const char *task = field(L, "task");
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  luaL_addstring(&text, message);
  if (*task != '\0') {
    luaL_addstring(&text, "\n[task ");
    luaL_addstring(&text, task);
    luaL_addstring(&text, "]");
  }
  if (*traceback != '\0') {
    luaL_addstring(&text, *task != '\0' ? " " : "\n");
    luaL_addstring(&text, traceback);
  }
  luaL_pushresult(&text);
  return 1;
}
