#include "lua/traceback.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

static const char prelude_line[] = "\n\t" ECHO__PRELUDE_CHUNK ":";

static bool begins(const char *line, const char *with) {
  return strncmp(line, with, strlen(with)) == 0;
}

/* Where the line after this one begins, at its newline; or the end of the text. */
static const char *after(const char *line) {
  const char *end = strchr(line + 1, '\n');
  return end != NULL ? end : line + strlen(line);
}

/* The prelude calls nothing but C functions of its own: one right above its frames is among these.
 */
static const char *first_of_ours(const char *text, const char *ours) {
  const char *above = ours;
  while (above > text && *--above != '\n')
    continue;
  return begins(above, "\n\t[C]: ") ? above : ours;
}

static const char *after_ours(const char *ours) {
  do
    ours = after(ours);
  while (begins(ours, prelude_line) || begins(ours, "\n\t(...tail calls...)"));
  return ours;
}

void echo__traceback_push(lua_State *L, lua_State *of, int level) {
  luaL_traceback(L, of, NULL, level);
  const char *text = lua_tostring(L, -1), *ours = strstr(text, prelude_line);
  if (ours == NULL) return;
  luaL_Buffer told;
  luaL_buffinit(L, &told);
  for (const char *rest = text; *rest != '\0'; ours = strstr(rest, prelude_line)) {
    const char *end = ours != NULL ? first_of_ours(rest, ours) : rest + strlen(rest);
    memcpy(luaL_prepbuffsize(&told, (size_t)(end - rest)), rest, (size_t)(end - rest));
    luaL_addsize(&told, (size_t)(end - rest));
    rest = ours != NULL ? after_ours(ours) : end;
  }
  luaL_pushresult(&told);
  lua_remove(L, -2);
}
