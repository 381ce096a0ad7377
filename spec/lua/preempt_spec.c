/*
 * A running task can be suspended anywhere, and goes on as if nothing had happened.
 *
 * Each program of spec/lua/preempt returns a text. It is run once plainly, in a state of its own,
 * and then as a task of a scheduler whose running code looks up every so many instructions and is
 * made to leave its worker each time, for the scheduler to take it up again. And once more with
 * signals that come at any moment.
 */
#include <echo/lua.h>

#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static echo__runtime *runtime_at(lua_State *L, int index) {
  const echo__handle *handle = lua_touserdata(L, index);
  return (echo__runtime *)handle->shared;
}

/* (scheduler): whatever looks up makes way. */
static int make_way_always(lua_State *L) {
  runtime_at(L, 1)->always_makes_way = true;
  return 0;
}

static pthread_t pest;
static atomic_bool enough;

/* To take a hook back, in a recursion that is deep, takes milliseconds. */
static void nap(void) {
  const struct timespec little = {0, 500000};
  nanosleep(&little, NULL);
}

static void *pester(void *scheduler) {
  while (!atomic_load(&enough)) {
    echo_worker_interrupt(scheduler, 0);
    nap();
  }
  return NULL;
}

/* (scheduler): what runs there is interrupted all the time, until leave_alone is called. */
static int leave_no_peace(lua_State *L) {
  atomic_store(&enough, false);
  pthread_create(&pest, NULL, pester, runtime_at(L, 1)->scheduler);
  return 0;
}

static int leave_alone(lua_State *L) {
  (void)L;
  atomic_store(&enough, true);
  pthread_join(pest, NULL);
  return 0;
}

/* The text that a program returns and how often it was interrupted; an error is a text, too. */
static const char plainly[] = "local path = ...\n"
                              "return assert(loadfile(path))(), 0";
static const char as_a_task[] =
    "local path, period, always = ...\n"
    "local by = period and 'count' or 'off'\n"
    "local s = echo.builder():with_worker_count(1):with_interrupts(by, period):build()\n"
    "always(s)\n"
    "local ok, text = s:submit(function(path)\n"
    "  local text = assert(loadfile(path))()\n"
    "  return text\n"
    "end, path):pwait()\n"
    "local count = s:stats().interrupted\n"
    "s:stop()\n"
    "return tostring(text), count";

static const char pestered[] = "local path, _, always, leave_no_peace, leave_alone = ...\n"
                               "local s = echo.builder():with_worker_count(1):build()\n"
                               "assert(s:interrupts() == 'signal')\n"
                               "always(s)\n"
                               "local function run(path) return (assert(loadfile(path))()) end\n"
                               "local ok, text = s:submit(run, path):pwait()\n"
                               "leave_no_peace(s)\n"
                               "local same\n"
                               "repeat\n"
                               "  same = s:submit(run, path):wait()\n"
                               "until same ~= text or s:stats().interrupted > 500\n"
                               "leave_alone()\n"
                               "local count = s:stats().interrupted\n"
                               "s:stop()\n"
                               "return same, count";

static char *run(const char *code, const char *program, int period, lua_Integer *count) {
  lua_State *L = new_state();
  char path[512];
  snprintf(path, sizeof path, "%s/%s.lua", SPEC_PROGRAMS, program);
  if (luaL_loadstring(L, code) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
  lua_pushstring(L, path);
  if (period > 0)
    lua_pushinteger(L, period);
  else
    lua_pushnil(L);
  lua_pushcfunction(L, make_way_always);
  lua_pushcfunction(L, leave_no_peace);
  lua_pushcfunction(L, leave_alone);
  if (lua_pcall(L, 5, 2, 0) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
  char *text = strdup(lua_tostring(L, -2));
  *count = lua_tointeger(L, -1);
  lua_close(L);
  return text;
}

enum { AROUND = 100 };

/* What two texts have around the first difference; false if there is none. */
static bool differ(const char *expected, const char *text, char *shown, size_t size) {
  size_t i = 0;
  for (; expected[i] == text[i]; i++) {
    if (text[i] == '\0') return false;
  }
  size_t from = i > AROUND ? i - AROUND : 0;
  snprintf(shown, size, "expected: %.*s\nbut was:  %.*s", 2 * AROUND, expected + from, 2 * AROUND,
           text + from);
  return true;
}

static lua_Integer compare(const char *code, const char *program, const char *expected,
                           int period) {
  char shown[5 * AROUND];
  lua_Integer count;
  char *text = run(code, program, period, &count);
  bool differs = differ(expected, text, shown, sizeof shown);
  free(text);
  if (differs)
    fail_msg("%s.lua, interrupted after each %d instructions (0: at any moment):\n%s", program,
             period, shown);
  return count;
}

/* The sanitizers take a tenth of the time for each thing; the odd periods meet every instruction.
 */
static void attack(const char *program, const char *code, lua_Integer least) {
  static const int periods[] = {1, 2, 3, 7, 100};
  lua_Integer none, count = 0;
  char *expected = run(code, program, 0, &none);
  for (size_t i = SPEC_SANITIZED ? 2 : 0; i < SPEC_COUNT(periods); i++)
    count += compare(as_a_task, program, expected, periods[i]);
  lua_Integer signals = compare(pestered, program, expected, 0);
  free(expected);
  print_message("%s: %lld interruptions, %lld by signals\n", program, (long long)count,
                (long long)signals);
  assert_true(count > SPEC_ROUNDS(least));
}

#define ATTACK(program, code)                                                                      \
  IT(program##_goes_on_as_if_nothing_had_happened) {                                               \
    attack(#program, code, 10000);                                                                 \
  }

ATTACK(calls, plainly)
ATTACK(chunks, plainly)
ATTACK(close, plainly)
ATTACK(closures, plainly)
/* The one overflows its stack, the other switches coroutines all the time, and each is interrupted
 * all along: more yields than the thread sanitizer, which keeps a stack of its own, can follow. */
#if defined(__SANITIZE_THREAD__)
IT(errors_goes_on_as_if_nothing_had_happened) {
  skip();
}
IT(pipelines_goes_on_as_if_nothing_had_happened) {
  skip();
}
#else
ATTACK(errors, plainly)
ATTACK(pipelines, plainly)
#endif

/* Lua itself counts what the hook executes, too; a worker does not. */
ATTACK(counts, as_a_task)
ATTACK(hooks, plainly)
ATTACK(loops, plainly)
ATTACK(metamethods, plainly)
ATTACK(sort, plainly)
ATTACK(text, plainly)

/* The host has taken all that Echo could have. */
static void take_all_signals(void) {
  signal(SIGURG, SIG_IGN);
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
    signal(number, SIG_IGN);
}

IT(without_a_signal_running_tasks_look_up_by_count) {
  static const char code[] = "local s = echo.builder():with_worker_count(1):build()\n"
                             "local low = s:submit({ priority = 'low' }, function()\n"
                             "  while true do end\n"
                             "end)\n"
                             "while low:status() == 'queued' do end\n"
                             "local sum = s:submit({ priority = 'high' }, math.max, 1, 2):wait()\n"
                             "assert(low:cancel() and low:pwait() == false)\n"
                             "local how = s:interrupts()\n"
                             "s:stop()\n"
                             "return how, sum";
  take_all_signals();
  lua_Integer sum;
  char *how = run(code, "", 0, &sum);
  assert_string_equal(how, "count");
  assert_int_equal(sum, 2);
  free(how);
}

#define ATTACKED(program) cmocka_unit_test(program##_goes_on_as_if_nothing_had_happened)

int main(void) {
  const struct CMUnitTest tests[] = {
      ATTACKED(calls),
      ATTACKED(chunks),
      ATTACKED(close),
      ATTACKED(closures),
      ATTACKED(counts),
      ATTACKED(errors),
      ATTACKED(hooks),
      ATTACKED(loops),
      ATTACKED(metamethods),
      ATTACKED(pipelines),
      ATTACKED(sort),
      ATTACKED(text),
      cmocka_unit_test(without_a_signal_running_tasks_look_up_by_count),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
