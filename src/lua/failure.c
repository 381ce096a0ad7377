#include "lua/failure.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "lua/coroutine.h"
#include "lua/encode.h"
#include "lua/relay.h"
#include "lua/text.h"
#include "lua/traceback.h"

enum { VALUES = 5 };

typedef struct report {
  echo__fiber *fiber; /* or NULL */
  int level;          /* of its stack, where the traceback begins */
  const char *prefix;
  echo__codec *codec;
  const char *name;
  echo__message *output;
} report;

/* -- what was noted: a value and a traceback, in the registry by the fiber's address ------------
 */

static int note(lua_State *L) {
  echo__fiber *fiber = echo__host_of(L)->worker->fiber;
  lua_settop(L, 1);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, fiber) == LUA_TTABLE) {
    lua_rawgeti(L, -1, 1);
    if (lua_rawequal(L, 1, -1)) return lua_settop(L, 1), 1;
  }
  lua_createtable(L, 2, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  echo__traceback_push(L, L, 1);
  lua_rawseti(L, -2, 2);
  fiber->noted = true;
  lua_rawsetp(L, LUA_REGISTRYINDEX, fiber);
  lua_settop(L, 1);
  return 1;
}

void echo__failure_push_noter(lua_State *L, echo__host *host) {
  lua_pushlightuserdata(L, host);
  lua_pushcclosure(L, note, 1);
}

/* Pushes the note if it is about the value at `index`. */
static bool push_note(lua_State *L, const echo__fiber *fiber, int index) {
  if (!fiber->noted) return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, fiber);
  lua_rawgeti(L, -1, 1);
  bool same = lua_rawequal(L, -1, index);
  lua_pop(L, same ? 1 : 2);
  return same;
}

void echo__failure_note_instead(lua_State *L, const echo__host *host, int index) {
  if (!push_note(L, host->worker->fiber, index)) return;
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, 1);
  lua_pop(L, 1);
}

void echo__failure_forget(echo__fiber *fiber) {
  if (!fiber->noted) return;
  fiber->noted = false;
  lua_pushnil(fiber->state->L);
  lua_rawsetp(fiber->state->L, LUA_REGISTRYINDEX, fiber);
}

static bool push_noted(lua_State *L, const echo__fiber *fiber, int value) {
  if (!push_note(L, fiber, value)) return false;
  lua_rawgeti(L, -1, 2);
  lua_remove(L, -2);
  return true;
}

/* -- what is reported ------------------------------------------------------------------------- */

/* The lowest line of a task's traceback is our own C function. If it is the only one, as when the
 * results cannot travel, there is nothing to tell. */
static void push_traceback(lua_State *L, const report *r, int value) {
  static const char ours[] = "\n\t[C]: in ?";
  static const char head[] = "stack traceback:";
  if (!push_noted(L, r->fiber, value)) echo__traceback_push(L, r->fiber->coroutine, r->level);
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  if (length < sizeof ours || strcmp(text + length - (sizeof ours - 1), ours) != 0) return;
  length -= sizeof ours - 1;
  lua_pushlstring(L, text, length == sizeof head - 1 ? 0 : length);
  lua_remove(L, -2);
}

/* The lowest frame; false if there is none. Asking for a level costs as much as it is deep, and a
 * stack that overflowed is 200,000 deep: hence no walk. */
static bool get_lowest(lua_State *coroutine, lua_Debug *frame) {
  int inside = 0, outside = 1;
  while (lua_getstack(coroutine, outside, frame)) {
    inside = outside;
    outside *= 2;
  }
  while (outside - inside > 1) {
    int middle = inside + (outside - inside) / 2;
    if (lua_getstack(coroutine, middle, frame))
      inside = middle;
    else
      outside = middle;
  }
  return lua_getstack(coroutine, inside, frame) == 1;
}

/* run.c keeps it in the first place of the lowest frame. */
bool echo__failure_push_function(lua_State *L, lua_State *coroutine) {
  lua_Debug lowest;
  if (coroutine == NULL || !lua_checkstack(coroutine, 1)) return false;
  if (!get_lowest(coroutine, &lowest)) return false;
  if (lua_getlocal(coroutine, &lowest, 1) == NULL) return false;
  lua_xmove(coroutine, L, 1);
  return lua_isfunction(L, -1);
}

/* Pushes the name of the library function on top: "string.rep" for "string\0rep". */
static void push_library_name(lua_State *L, echo__codec *codec) {
  size_t length = 0;
  if (echo__names_stale(L, &codec->names)) echo__names_build(L, &codec->names);
  const char *name = echo__names_find(L, &codec->names, -1) ? lua_tolstring(L, -1, &length) : "?";
  if (strcmp(name, "_G") == 0 && length > 3) name += 3, length -= 3;
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  for (size_t i = 0; i < length; i++)
    luaL_addchar(&text, name[i] == '\0' ? '.' : name[i]);
  if (length == 0) luaL_addchar(&text, '?');
  luaL_pushresult(&text);
}

void echo__failure_push_place(lua_State *L, echo__codec *codec) {
  lua_Debug about;
  int function = lua_gettop(L);
  lua_pushvalue(L, function);
  lua_getinfo(L, ">S", &about);
  if (strcmp(about.what, "C") == 0)
    push_library_name(L, codec);
  else
    lua_pushfstring(L, "%s:%d", about.short_src, about.linedefined);
  lua_copy(L, -1, function);
  lua_settop(L, function);
}

/* Where the task's function was defined, or the library function's name, or nil. */
static void push_place(lua_State *L, const echo__fiber *fiber) {
  if (echo__failure_push_function(L, fiber->coroutine))
    echo__failure_push_place(L, fiber->state->codec);
  else
    lua_pushnil(L);
}

void echo__failure_push_name(lua_State *L, const echo__fiber *fiber) {
  const char *name = echo__job_name(fiber->run->job);
  int top = lua_gettop(L);
  if (name != NULL)
    lua_pushstring(L, name);
  else
    push_place(L, fiber);
  lua_copy(L, -1, top + 1);
  lua_settop(L, top + 1);
}

/* Without the raised value, if it cannot travel: its text does; and else without the others. */
static void encode_report(lua_State *L, const report *r, int first) {
  static const int left_out[] = {0, 3, 4};
  for (int i = 0; i < 3; i++) {
    if (i > 0) lua_pushnil(L), lua_replace(L, first + left_out[i]);
    if (echo__encode(L, r->codec, first, VALUES, ECHO__ROOT_RESULT, 1, r->output) == ECHO_OK)
      return;
    lua_settop(L, first + VALUES - 1); /* the reason why it cannot travel */
  }
}

static void push_own_traceback(lua_State *L, const report *r) {
  if (r->fiber != NULL)
    push_traceback(L, r, 2);
  else
    lua_pushliteral(L, "");
}

static void push_own_name(lua_State *L, const report *r) {
  if (r->fiber != NULL)
    echo__failure_push_name(L, r->fiber);
  else
    lua_pushstring(L, r->name);
}

static bool is_error_object(lua_State *L, const report *r, int index) {
  return r->fiber != NULL && echo__host_is(L, r->fiber->state->host, index, ECHO__TYPE_ERROR);
}

static void push_relayed(lua_State *L, const report *r) {
  echo__fiber *fiber = r->fiber;
  if (fiber->kind == ECHO__KIND_ERROR) fiber->kind = echo__relay_kind(L, 2);
  push_own_traceback(L, r);
  push_own_name(L, r);
  echo__relay_push(L, 2, echo__job_is_cancelling(fiber->run->job));
}

static void push_own(lua_State *L, const report *r) {
  lua_pushstring(L, r->prefix);
  echo__text_push(L, 2);
  lua_concat(L, 2);
  push_own_traceback(L, r);
  push_own_name(L, r);
  lua_pushvalue(L, 2);
  lua_pushnil(L);
}

/* (report, value): puts message, traceback, name, value and others in a row. */
static int make_report(lua_State *L) {
  const report *r = lua_touserdata(L, 1);
  if (is_error_object(L, r, 2))
    push_relayed(L, r);
  else
    push_own(L, r);
  encode_report(L, r, 3);
  return 0;
}

static int try_report(lua_State *L, report *r) {
  lua_pushcfunction(L, make_report);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, r);
  lua_insert(L, -2);
  return lua_pcall(L, 2, 0, 0);
}

/* The value is on top of L. What is said of it if its metamethods fail is not theirs to say. If the
 * task could not read its input the output still is that, which may be large. */
static void run_report(lua_State *L, report *r) {
  int top = lua_gettop(L) - 1;
  echo__message_release(r->output);
  int status = try_report(L, r);
  if (status != LUA_OK && status != LUA_ERRMEM) {
    lua_settop(L, top);
    echo__message_reset(r->output);
    lua_pushliteral(L, "(error object whose metamethods failed)");
    status = try_report(L, r);
  }
  if (status != LUA_OK) echo__message_reset(r->output);
  lua_settop(L, top);
}

void echo__failure_report(echo__fiber *fiber, int level) {
  echo__worker_state *state = fiber->state;
  report r = {fiber, level, "", state->codec, NULL, echo__fiber_output(fiber)};
  lua_xmove(fiber->coroutine, state->L, 1);
  echo__level here;
  echo__level_enter(state, &here, state->L);
  run_report(state->L, &r);
  echo__level_leave(state, &here);
}

void echo__failure_report_here(lua_State *L, const char *prefix, echo__codec *codec,
                               const char *name, echo__message *output) {
  report r = {NULL, 0, prefix, codec, name, output};
  run_report(L, &r);
}
