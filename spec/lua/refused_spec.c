/*
 * Every request of the system's that is not for memory fails in turn: threads, event loops,
 * descriptors, locks. Whatever a script was doing, it gets its result or an error that says what
 * was refused; the pool goes on, and when all are granted again so does all else; and the accounts
 * of each scheduler balance at its end. (For memory: exhaust_spec.c.)
 *
 * Each row is a script that builds and uses a scheduler `s`. It is run again and again, for each
 * kind of request, with the first one refused, then the second, and so on until none was refused
 * any more: that one alone, and all from that one on.
 */
#include "echo/lua.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "support/refusals.h"
#include "support/spec.h"

static lua_State *host;

static void run(const char *code) {
  if (luaL_dostring(host, code)) fail_msg("%s\nin %s", luaL_tolstring(host, -1, NULL), code);
  lua_settop(host, 0);
}

static const char prelude[] =
    "echo = require 'echo' "
    "local found, uv = pcall(require, 'luv') "
    "luv = found and uv "
    "local texts = {'refused to start a thread', 'refused a file descriptor', "
    "  'no descriptor could be made', 'out of memory', 'not enough memory', "
    "  'cannot watch the descriptor'} "
    "function check(well, e) "
    "  if well then return end "
    "  local text = tostring(e) "
    "  for _, sentence in ipairs(texts) do "
    "    if text:find(sentence, 1, true) then return end "
    "  end "
    "  return 'unexpected: ' .. text "
    "end "
    "function open(n, mode) "
    "  s = echo.builder():with_worker_count(n or 2):with_interrupts(mode or 'signal'):build() end "
    "function close() "
    "  if not s then return end "
    "  s:stop {mode = 'cancel', timeout = 30} "
    "  local stats = s:stats() "
    "  assert(stats.submitted == stats.ended, "
    "    stats.submitted .. ' were accepted and ended: ' .. stats.ended) "
    "  s = nil collectgarbage() collectgarbage() end "
    "function await_all(s) "
    "  repeat local _, left = s:poll(1) until left == 0 end "
    "function goes_on() "
    "  if not s then return end "
    "  local told "
    "  s:submit(math.abs, -1):on_complete(function(t) told = t:wait() end) "
    "  await_all(s) assert(told == 1) "
    "  assert(s:submit({delay = 0.001}, math.abs, -2):wait(30) == 2) "
    "  assert(#s:map(math.abs, {1, 2, 3}):wait(30) == 3) "
    "end ";

static int set_up(void **state) {
  (void)state;
  host = luaL_newstate();
  luaL_openlibs(host);
  luaL_requiref(host, "echo", luaopen_echo, 0);
  lua_settop(host, 0);
  run(prelude);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  lua_close(host);
  return 0;
}

/* Calls the function at 1 with a request refused; false if none was. */
static bool try(spec_request kind, long n, bool for_good, const char *code) {
  spec_refuse(kind, n, for_good);
  lua_pushvalue(host, 1);
  int error = lua_pcall(host, 0, 0, 0);
  bool reached = spec_grant();
  lua_getglobal(host, "check");
  lua_pushboolean(host, error == LUA_OK);
  lua_pushvalue(host, error ? 2 : 1);
  lua_call(host, 2, 1);
  if (!lua_isnil(host, -1))
    fail_msg("kind %d, request %ld: %s\nin %s", (int)kind, n, lua_tostring(host, -1), code);
  lua_settop(host, 1);
  if (luaL_dostring(host, "goes_on() close()"))
    fail_msg("kind %d, request %ld: %s\nafter %s", (int)kind, n, luaL_tolstring(host, -1, NULL),
             code);
  return reached;
}

/* Returns the kinds of which something was refused, a bit each. */
static unsigned refuse_in_turn(const char *code) {
  unsigned seen = 0;
  if (luaL_loadstring(host, code)) fail_msg("%s\nin %s", lua_tostring(host, -1), code);
  for (int kind = 0; kind < SPEC_REQUESTS; kind++) {
    for (int for_good = 0; for_good < 2; for_good++) {
      for (long n = 0; try((spec_request)kind, n, for_good, code); n++)
        seen |= 1u << kind;
    }
  }
  return seen;
}

enum { THREAD = 1 << SPEC_THREAD, DESCRIPTOR = 1 << SPEC_DESCRIPTOR };
enum { LOOP = 1 << SPEC_LOOP, LOCK = 1 << SPEC_LOCK };

static void expect_seen(unsigned seen, unsigned kinds) {
  assert_int_equal(seen & kinds, kinds);
}

IT(a_pool_with_tasks_that_wait) {
  expect_seen(refuse_in_turn("open() "
                             "local got = s:submit(function(x) "
                             "  local echo = require 'echo' echo.sleep(0.001) "
                             "  local child = echo.submit({delay = 0.001}, math.abs, x) "
                             "  return echo.await(child) end, -3):wait(30) "
                             "assert(got == 3)"),
              THREAD | LOCK);
}

IT(a_pool_whose_clock_starts_with_the_first_timer) {
  expect_seen(refuse_in_turn("open(3, 'off') "
                             "local a = s:submit({timeout = 20}, math.abs, -1) "
                             "local b = s:submit({delay = 0.001, key = 'k'}, math.abs, -2) "
                             "assert(a:wait(30) + b:wait(30) == 3)"),
              THREAD | LOCK);
}

IT(what_tasks_and_hosts_share) {
  expect_seen(
      refuse_in_turn("open() "
                     "local channel, permits = echo.channel(1), echo.semaphore(1) "
                     "local t = s:submit(function() "
                     "  return require('echo').scope(function(scope) "
                     "    scope:submit(function() permits:with(function() "
                     "      for i = 1, 3 do channel:send(i) end channel:close() end) end) "
                     "    local sum = 0 "
                     "    for v in channel:iter() do sum = sum + v end return sum end) end) "
                     "local well, got = t:pwait(30) "
                     "if not well then error(got, 0) end "
                     "assert(got == 6)"),
      THREAD | LOCK);
}

/* The host's state has made its descriptor for good once it has one: so each time another state. */
IT(the_descriptor_of_a_host) {
  static const char code[] =
      "open() local told = 0 local fd = s:fd() assert(math.type(fd) == 'integer') "
      "s:submit(math.abs, 1):on_complete(function() told = told + 1 end) "
      "await_all(s) assert(told == 1)";
  unsigned seen = 0;
  for (int kind = 0; kind < SPEC_REQUESTS; kind++) {
    bool reached = true;
    for (long n = 0; reached; n++) {
      set_up(NULL);
      if (luaL_loadstring(host, code)) fail_msg("%s", lua_tostring(host, -1));
      reached = try((spec_request)kind, n, false, code);
      seen |= (unsigned)reached << kind;
      run("open() assert(s:fd()) goes_on() close()");
      tear_down(NULL);
    }
  }
  expect_seen(seen, THREAD | LOCK | DESCRIPTOR);
}

static bool has_luv(void) {
  lua_getglobal(host, "luv");
  bool found = lua_toboolean(host, -1);
  lua_pop(host, 1);
  return found;
}

IT(an_event_loop_in_tasks) {
  if (!has_luv()) skip();
  expect_seen(refuse_in_turn("open() "
                             "local t = s:submit(function() "
                             "  local uv, echo = require 'luv', require 'echo' "
                             "  local timer = uv.new_timer() "
                             "  echo.await(4, timer.start, timer, 1, 0) "
                             "  timer:close() return 'rung' end) "
                             "local well, got = t:pwait(30) "
                             "if not well then error(got, 0) end "
                             "assert(got == 'rung')"),
              THREAD | LOCK | DESCRIPTOR | LOOP);
}

IT(an_event_loop_of_the_host) {
  if (!has_luv()) skip();
  expect_seen(refuse_in_turn("open() s:attach(luv) local told = 0 "
                             "s:submit(math.abs, 1):on_complete(function() told = told + 1 end) "
                             "while told == 0 do luv.run('once') end "
                             "s:attach(nil)"),
              THREAD | LOCK);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_pool_with_tasks_that_wait, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_pool_whose_clock_starts_with_the_first_timer, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(what_tasks_and_hosts_share, set_up, tear_down),
      cmocka_unit_test(the_descriptor_of_a_host),
      cmocka_unit_test_setup_teardown(an_event_loop_in_tasks, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_event_loop_of_the_host, set_up, tear_down),
  };
  return cmocka_run_group_tests_name("refused", tests, NULL, NULL);
}
