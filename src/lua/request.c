#include "lua/request.h"

#include <lauxlib.h>
#include <limits.h>
#include <string.h>

#include "lua/check.h"

/* The string stays in the options table, and that on the stack, until the job has a copy. */
static const char *check_string(lua_State *L, int options, const char *name) {
  if (lua_isnil(L, -1)) return NULL;
  size_t length = 0;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
  if (text == NULL) echo__fail_option(L, options, name, "a string");
  if (strlen(text) != length) echo__fail_option(L, options, name, "a string without zero bytes");
  return text;
}

static double check_seconds_field(lua_State *L, int options, const char *name) {
  lua_getfield(L, options, name);
  return echo__check_seconds_option(L, options, name);
}

static unsigned check_retries(lua_State *L, int options) {
  lua_getfield(L, options, "retries");
  int exact = 1;
  lua_Integer retries = 0;
  if (!lua_isnil(L, -1))
    retries = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &exact) : -1;
  if (!exact || retries < 0 || retries > INT_MAX) {
    echo__fail_option(L, options, "retries", "an integer from 0 on");
  }
  lua_pop(L, 1);
  return (unsigned)retries;
}

static echo__conflict check_conflict(lua_State *L, int options) {
  static const char *const names[] = {"replace", "join", "queue"};
  for (int i = 0; i < 3 && lua_type(L, -1) == LUA_TSTRING; i++) {
    if (strcmp(lua_tostring(L, -1), names[i]) == 0) return (echo__conflict)i;
  }
  if (!lua_isnil(L, -1)) {
    echo__fail_option(L, options, "conflict", "'replace', 'join' or 'queue'");
  }
  return ECHO__CONFLICT_REPLACE;
}

static void parse_key(lua_State *L, int options, echo__request *r) {
  lua_getfield(L, options, "key");
  r->key = check_string(L, options, "key");
  lua_getfield(L, options, "conflict");
  if (!lua_isnil(L, -1) && r->key == NULL) {
    echo__fail_option(L, options, "conflict", "a 'key' beside it");
  }
  r->conflict = check_conflict(L, options);
  lua_pop(L, 2);
}

static void parse_when_full(lua_State *L, int options, echo__request *r) {
  lua_getfield(L, options, "when_full");
  const char *text = check_string(L, options, "when_full");
  if (text != NULL && strcmp(text, "wait") == 0)
    r->waits = true;
  else if (text != NULL && strcmp(text, "fail") != 0)
    echo__fail_option(L, options, "when_full", "'wait' or 'fail'");
  lua_pop(L, 1);
}

static void parse_detach(lua_State *L, int options, echo__request *r) {
  lua_getfield(L, options, "detach");
  if (!lua_isnil(L, -1) && !lua_isboolean(L, -1)) {
    echo__fail_option(L, options, "detach", "true or false");
  }
  if (lua_toboolean(L, -1)) r->scope = NULL;
  lua_pop(L, 1);
}

static void parse_priority(lua_State *L, int options, echo__request *r) {
  lua_getfield(L, options, "priority");
  if (!lua_isnil(L, -1)) r->core.priority = echo__check_priority(L, options, "priority");
  lua_pop(L, 1);
}

static const char *parse_string(lua_State *L, int options, const char *name) {
  lua_getfield(L, options, name);
  const char *text = check_string(L, options, name);
  lua_pop(L, 1);
  return text;
}

static bool has(unsigned present, int option) {
  return (present & 1u << option) != 0;
}

/* What a metamethod gives, nobody else need keep: the options become a plain table. */
static void make_plain(lua_State *L, int options, const char *const *known) {
  lua_createtable(L, 0, 4);
  for (int i = 0; known[i] != NULL; i++) {
    lua_getfield(L, options, known[i]);
    lua_setfield(L, -2, known[i]);
  }
  lua_replace(L, options);
}

static void parse_options(lua_State *L, int options, echo__request *r) {
  enum { PRIORITY, QUEUE, NAME, TIMEOUT, DELAY, RETRIES, KEY, CONFLICT, DETACH, WHEN_FULL };
  static const char *const known[] = {"priority", "queue",     "name", "timeout",
                                      "delay",    "retries",   "key",  "conflict",
                                      "detach",   "when_full", NULL};
  unsigned present = echo__check_options(L, options, known);
  if (present == UINT_MAX) make_plain(L, options, known);
  if (has(present, PRIORITY)) parse_priority(L, options, r);
  if (has(present, QUEUE)) r->core.queue = parse_string(L, options, "queue");
  if (has(present, NAME)) r->name = parse_string(L, options, "name");
  if (has(present, TIMEOUT)) r->timeout = check_seconds_field(L, options, "timeout");
  if (has(present, DELAY)) r->delay = check_seconds_field(L, options, "delay");
  if (has(present, RETRIES)) r->retries = check_retries(L, options);
  if (has(present, KEY) || has(present, CONFLICT)) parse_key(L, options, r);
  if (has(present, DETACH)) parse_detach(L, options, r);
  if (has(present, WHEN_FULL)) parse_when_full(L, options, r);
}

/* ([options,] function, ...) from the first argument on. A table that can be called is the
 * function.
 */
void echo__request_parse(lua_State *L, echo__scope *scope, echo_priority priority, int first,
                         echo__request *r) {
  memset(r, 0, sizeof *r);
  r->scope = scope;
  r->core.priority = priority;
  r->timeout = r->delay = -1;
  r->options = first;
  r->function = first;
  if (lua_istable(L, first) && !echo__is_callable(L, first)) {
    parse_options(L, first, r);
    r->function = first + 1;
  }
  echo__check_function(L, r->function);
}
