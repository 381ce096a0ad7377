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

/* The lowest line of a task's traceback is our own C function. If it is the only one, as when the
 * results cannot travel, there is nothing to tell. */
static void push_traceback(lua_State *L, lua_State *coroutine) {
  static const char ours[] = "\n\t[C]: in ?";
  static const char head[] = "stack traceback:";
  luaL_traceback(L, coroutine, NULL, 0);
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

/* Pushes the task's function, which run.c keeps in the first place of the lowest frame; false if
 * it is not there. */
static bool push_function(lua_State *L, lua_State *coroutine) {
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

/* The name that was given, or where the task's function was defined. */
static void push_name(lua_State *L, const report *r) {
  int top = lua_gettop(L);
  if (r->name != NULL) {
    lua_pushstring(L, r->name);
  } else if (push_function(L, r->coroutine)) {
    lua_Debug about;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &about);
    if (strcmp(about.what, "C") == 0)
      push_library_name(L, r->codec);
    else
      lua_pushfstring(L, "%s:%d", about.short_src, about.linedefined);
  } else {
    lua_pushnil(L);
  }
  lua_copy(L, -1, top + 1);
  lua_settop(L, top + 1);
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
  push_name(L, r);
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
