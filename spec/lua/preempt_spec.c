/*
 * A running task can be suspended anywhere, and goes on as if nothing had happened.
 *
 * Each program of spec/lua/preempt returns a text. It is run once in a state of its own, plainly,
 * and then as a task of a scheduler whose running code looks up every so many instructions and is
 * made to leave its worker each time, for the scheduler to take it up again.
 */
#include <echo/lua.h>

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/module.h"
#include "lua/runtime.h"
#include "lua/shared.h"
#include "support/spec.h"

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 1);
  lua_pop(L, 1);
  return L;
}

/* (scheduler): whatever looks up makes way. */
static int make_way_always(lua_State *L) {
  const echo__handle *handle = lua_touserdata(L, 1);
  ((echo__runtime *)handle->shared)->always_makes_way = true;
  return 0;
}

/* The text that a program returns and how often it was interrupted; an error is a text, too. */
static const char plainly[] = "local path = ...\n"
                              "return assert(loadfile(path))(), 0";
static const char interrupted[] =
    "local path, by, period, always = ...\n"
    "local s = echo.builder():with_worker_count(1):with_interrupts(by, period):build()\n"
    "always(s)\n"
    "local ok, text = s:submit(function(path)\n"
    "  local text = assert(loadfile(path))()\n"
    "  return text\n"
    "end, path):pwait()\n"
    "local count = s:stats().interrupted\n"
    "s:stop()\n"
    "return tostring(text), count";

static char *run(const char *code, const char *program, int period, lua_Integer *count) {
  lua_State *L = new_state();
  char path[512];
  snprintf(path, sizeof path, "%s/%s.lua", SPEC_PROGRAMS, program);
  if (luaL_loadstring(L, code) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
  lua_pushstring(L, path);
  lua_pushstring(L, "count");
  lua_pushinteger(L, period);
  lua_pushcfunction(L, make_way_always);
  if (lua_pcall(L, 4, 2, 0) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
  char *text = strdup(lua_tostring(L, -2));
  *count = lua_tointeger(L, -1);
  lua_close(L);
  return text;
}

/* Of two texts, the first lines that differ; false if none does. */
static bool differ(const char *expected, const char *text, char *first, size_t size) {
  size_t line = 0, i = 0;
  for (; expected[i] == text[i]; i++) {
    if (text[i] == '\0') return false;
    if (text[i] == '\n') line = i + 1;
  }
  snprintf(first, size, "expected: %.*s\nbut was: %.*s", (int)strcspn(expected + line, "\n"),
           expected + line, (int)strcspn(text + line, "\n"), text + line);
  return true;
}

static lua_Integer compare(const char *program, const char *expected, int period) {
  char first[2000];
  lua_Integer count;
  char *text = run(interrupted, program, period, &count);
  bool differs = differ(expected, text, first, sizeof first);
  free(text);
  if (differs)
    fail_msg("%s.lua, interrupted after each %d instructions:\n%s", program, period, first);
  return count;
}

/* The sanitizers take a tenth of the time for each thing; the odd periods meet every instruction.
 */
static void attack(const char *program, lua_Integer least) {
  static const int periods[] = {1, 2, 3, 7, 100};
  lua_Integer none, count = 0;
  char *expected = run(plainly, program, 1, &none);
  for (size_t i = SPEC_SANITIZED ? 2 : 0; i < SPEC_COUNT(periods); i++)
    count += compare(program, expected, periods[i]);
  free(expected);
  print_message("%s: %lld interruptions\n", program, (long long)count);
  assert_true(count > SPEC_ROUNDS(least));
}

#define ATTACK(program, least)                                                                     \
  IT(program##_goes_on_as_if_nothing_had_happened) {                                               \
    attack(#program, least);                                                                       \
  }

ATTACK(calls, 10000)
ATTACK(chunks, 10000)
ATTACK(close, 10000)
ATTACK(closures, 10000)
ATTACK(errors, 10000)
ATTACK(hooks, 10000)
ATTACK(loops, 10000)
ATTACK(metamethods, 10000)
ATTACK(pipelines, 10000)
ATTACK(sort, 10000)
ATTACK(text, 10000)

#define ATTACKED(program) cmocka_unit_test(program##_goes_on_as_if_nothing_had_happened)

int main(void) {
  const struct CMUnitTest tests[] = {
      ATTACKED(calls),     ATTACKED(chunks), ATTACKED(close), ATTACKED(closures),
      ATTACKED(errors),    ATTACKED(hooks),  ATTACKED(loops), ATTACKED(metamethods),
      ATTACKED(pipelines), ATTACKED(sort),   ATTACKED(text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
