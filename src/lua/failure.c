#include "lua/failure.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "lua/encode.h"

enum { VALUES = 4 };

typedef struct report {
  lua_State *coroutine; /* or NULL */
  const char *prefix;
  echo__codec *codec;
  const char *name;
  echo__message *output;
} report;

/* The text of the value at index 1. Its __tostring runs in a protected call of its own: an error in
 * there must not hide the task's. */
static int to_text(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

static void push_text(lua_State *L, int value) {
  lua_pushcfunction(L, to_text);
  lua_pushvalue(L, value);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) return;
  lua_pop(L, 1);
  lua_pushfstring(L, "(error object is a %s value whose __tostring failed)",
                  luaL_typename(L, value));
}

/* The lowest line of a task's traceback is our own C function. */
static void push_traceback(lua_State *L, lua_State *coroutine) {
  static const char ours[] = "\n\t[C]: in ?";
  luaL_traceback(L, coroutine, NULL, 0);
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  if (length < sizeof ours || strcmp(text + length - (sizeof ours - 1), ours) != 0) return;
  lua_pushlstring(L, text, length - (sizeof ours - 1));
  lua_remove(L, -2);
}

/* The name that was given, or where the task's function was defined: the lowest Lua function. */
static void push_name(lua_State *L, lua_State *coroutine, const char *name) {
  if (name != NULL) {
    lua_pushstring(L, name);
    return;
  }
  lua_Debug frame, lowest = {.what = ""};
  bool any = false;
  for (int level = 0; coroutine != NULL && lua_getstack(coroutine, level, &frame); level++) {
    lua_getinfo(coroutine, "S", &frame);
    if (strcmp(frame.what, "C") == 0) continue;
    lowest = frame;
    any = true;
  }
  if (any)
    lua_pushfstring(L, "%s:%d", lowest.short_src, lowest.linedefined);
  else
    lua_pushliteral(L, "?");
}

static void encode_report(lua_State *L, const report *r, int first) {
  int status = echo__encode(L, r->codec, first, VALUES, ECHO__ROOT_RESULT, 1, r->output);
  if (status == ECHO_OK) return;
  lua_pop(L, 1); /* the reason why the raised value cannot travel: its text does */
  lua_pushnil(L);
  lua_replace(L, first + VALUES - 1);
  if (echo__encode(L, r->codec, first, VALUES, ECHO__ROOT_RESULT, 1, r->output) != ECHO_OK) {
    lua_pop(L, 1);
  }
}

/* (report, value): puts message, traceback, name and value in a row. */
static int make_report(lua_State *L) {
  const report *r = lua_touserdata(L, 1);
  lua_pushstring(L, r->prefix);
  push_text(L, 2);
  lua_concat(L, 2);
  if (r->coroutine != NULL)
    push_traceback(L, r->coroutine);
  else
    lua_pushliteral(L, "");
  push_name(L, r->coroutine, r->name);
  lua_pushvalue(L, 2);
  encode_report(L, r, 3);
  return 0;
}

/* The value is on top of L. */
static void run_report(lua_State *L, report *r) {
  int top = lua_gettop(L) - 1;
  lua_pushcfunction(L, make_report);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, r);
  lua_insert(L, -2);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) echo__message_reset(r->output);
  lua_settop(L, top);
}

void echo__failure_report(lua_State *L, lua_State *coroutine, echo__codec *codec, const char *name,
                          echo__message *output) {
  report r = {coroutine, "", codec, name, output};
  lua_xmove(coroutine, L, 1);
  run_report(L, &r);
}

void echo__failure_report_here(lua_State *L, const char *prefix, echo__codec *codec,
                               const char *name, echo__message *output) {
  report r = {NULL, prefix, codec, name, output};
  run_report(L, &r);
}
