/* refusal.c - see refusal.h. */
#include "lua/refusal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
  PATH_LIMIT = 700, /* the rest of the text is for the reason */
  KEY_LIMIT = 60
};

static void add_text(echo__refusal *refusal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_list(echo__refusal *refusal, const char *format, va_list list) {
  size_t room = sizeof refusal->text - refusal->size;
  int wanted = vsnprintf(refusal->text + refusal->size, room, format, list);
  if (wanted > 0) refusal->size += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static void add_text(echo__refusal *refusal, const char *format, ...) {
  va_list list;
  va_start(list, format);
  add_list(refusal, format, list);
  va_end(list);
}

static void empty(echo__refusal *refusal) {
  refusal->size = 0;
  refusal->keyed = 0;
  refusal->text[0] = 0;
}

void echo__refusal_begin(echo__refusal *refusal, echo__root root, int number) {
  static const char *const names[] = {[ECHO__ROOT_ARGUMENT] = "argument",
                                      [ECHO__ROOT_SETUP] = "argument",
                                      [ECHO__ROOT_RESULT] = "result",
                                      [ECHO__ROOT_ITEM] = "item"};
  int is_function = number == 0 && (root == ECHO__ROOT_ARGUMENT || root == ECHO__ROOT_SETUP);
  empty(refusal);
  if (!is_function) add_text(refusal, "%s %d", names[root], number);
  refusal->joint = refusal->size > 0 ? ": " : "";
}

void echo__refusal_begin_at(echo__refusal *refusal, const char *path) {
  empty(refusal);
  add_text(refusal, "%.*s%s", PATH_LIMIT, path, strlen(path) > PATH_LIMIT ? "..." : "");
  refusal->joint = refusal->size > 0 ? ": " : "";
}

void echo__refusal_begin_given(echo__refusal *refusal, const char *path, int number) {
  echo__refusal_begin_at(refusal, *path ? path : "function");
  if (refusal->size > PATH_LIMIT) return;
  if (number > 0)
    add_text(refusal, ", value %d of __echo_transfer", number);
  else
    add_text(refusal, ", function of __echo_transfer");
}

/* Whether there is room for one more part. Sets it off from the root before it. */
static int begin_part(echo__refusal *refusal) {
  if (refusal->size > PATH_LIMIT) return 0;
  if (!refusal->keyed) add_text(refusal, "%s", refusal->joint);
  return 1;
}

static void end_part(echo__refusal *refusal) {
  refusal->keyed = 1;
  if (refusal->size > PATH_LIMIT) add_text(refusal, "...");
}

void echo__refusal_skip(echo__refusal *refusal) {
  add_text(refusal, "%s...", refusal->joint);
  refusal->joint = " ";
}

/* Asks the bytes, not the locale. */
static int is_identifier(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x80 || !(isalpha(c) || c == '_' || (i > 0 && isdigit(c)))) return 0;
  }
  return size > 0 && size <= KEY_LIMIT;
}

/* Quotes as Lua would, so that any bytes make one line of text. */
static void add_quoted(echo__refusal *refusal, const char *text, size_t size) {
  size_t shown = size > KEY_LIMIT ? KEY_LIMIT : size;
  add_text(refusal, "\"");
  for (size_t i = 0; i < shown; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\')
      add_text(refusal, "\\%c", c);
    else if (c < 0x20 || c == 0x7F)
      add_text(refusal, "\\%03d", c);
    else
      add_text(refusal, "%c", c);
  }
  add_text(refusal, shown < size ? "...\"" : "\"");
}

static void add_string_key(echo__refusal *refusal, lua_State *L, int index) {
  size_t size;
  const char *text = lua_tolstring(L, index, &size);
  if (!refusal->keyed) {
    add_text(refusal, "field ");
    add_quoted(refusal, text, size);
  } else if (is_identifier(text, size)) {
    add_text(refusal, ".%s", text);
  } else {
    add_text(refusal, "[");
    add_quoted(refusal, text, size);
    add_text(refusal, "]");
  }
}

void echo__refusal_add_key(echo__refusal *refusal, lua_State *L, int index) {
  if (!begin_part(refusal)) return;
  int type = lua_type(L, index);
  if (type == LUA_TSTRING)
    add_string_key(refusal, L, index);
  else if (lua_isinteger(L, index))
    add_text(refusal, "[%lld]", (long long)lua_tointeger(L, index));
  else if (type == LUA_TNUMBER)
    add_text(refusal, "[%.14g]", lua_tonumber(L, index));
  else if (type == LUA_TBOOLEAN)
    add_text(refusal, "[%s]", lua_toboolean(L, index) ? "true" : "false");
  else
    add_text(refusal, "[%s]", lua_typename(L, type));
  end_part(refusal);
}

void echo__refusal_add_own_key(echo__refusal *refusal) {
  if (!begin_part(refusal)) return;
  add_text(refusal, refusal->keyed ? " (a key)" : "a key");
  end_part(refusal);
}

void echo__refusal_add_upvalue(echo__refusal *refusal, const char *name) {
  if (!begin_part(refusal)) return;
  add_text(refusal, refusal->keyed ? ", upvalue \"%s\"" : "upvalue \"%s\"", name);
  end_part(refusal);
}

void echo__refusal_end(echo__refusal *refusal, const char *format, ...) {
  va_list list;
  add_text(refusal, refusal->size > 0 ? ": " : "function: ");
  va_start(list, format);
  add_list(refusal, format, list);
  va_end(list);
}

/* Walks instead of asking for the field: to ask, the string "__name" would have to be made. */
const char *echo__refusal_name_of(lua_State *L, int index) {
  const char *name = NULL;
  if (!lua_getmetatable(L, index)) return NULL;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING &&
        strcmp(lua_tostring(L, -2), "__name") == 0)
      name = lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return name;
}
