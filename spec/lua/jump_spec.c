/* The clock jumps ahead by an hour under scripts: every limit that it passed is over, with the
 * error or the result that it has in its time, and all that follows is in time. */
#include "echo/lua.h"

#include <lauxlib.h>
#include <lualib.h>

#include "support/jumps.h"
#include "support/spec.h"

static lua_State *L;

static void run(const char *code) {
  if (luaL_dostring(L, code)) fail_msg("%s\nin %s", luaL_tolstring(L, -1, NULL), code);
  lua_settop(L, 0);
}

static int jump(lua_State *state) {
  spec_jump(luaL_checknumber(state, 1));
  return 0;
}

static const char prelude[] =
    "echo = require 'echo' "
    "function expect(kind, ok, e) "
    "  assert(not ok and e.kind == kind, kind .. ' expected, got ' .. tostring(e)) end "
    "function await_status(t, status) while t:status() ~= status do end end "
    "function balances() "
    "  assert(s:stop()) local stats = s:stats() assert(stats.submitted == stats.ended) s = nil end "
    "s = echo.builder():with_worker_count(2):build() "
    "assert(s:submit(math.abs, -1):wait(30) == 1) ";

static int set_up(void **state) {
  (void)state;
  L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 0);
  lua_register(L, "jump", jump);
  lua_settop(L, 0);
  run(prelude);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  lua_close(L);
  return 0;
}

IT(ends_the_time_of_tasks) {
  run("local sleeps = s:submit({timeout = 1800}, function() require('echo').sleep(86400) end) "
      "local loops = s:submit({timeout = 1800}, function() "
      "  while true do local _ = tostring(1.5) end end) "
      "local delayed = s:submit({timeout = 1800, delay = 86400}, math.abs, 1) "
      "await_status(sleeps, 'suspended') await_status(loops, 'running') "
      "jump(3600) "
      "expect('timeout', sleeps:pwait(30)) "
      "expect('timeout', loops:pwait(30)) "
      "expect('timeout', delayed:pwait(30)) "
      "balances()");
}

IT(ends_sleeps_delays_and_waits_in_tasks) {
  run("local slept = s:submit(function() require('echo').sleep(1800) return 'slept' end) "
      "local delayed = s:submit({delay = 1800}, math.abs, -2) "
      "local channel = echo.channel() "
      "local received = s:submit(function() return channel:receive(1800) end) "
      "local scoped = s:submit(function() local echo = require 'echo' "
      "  return pcall(echo.timeout, 1800, echo.sleep, 86400) end) "
      "await_status(slept, 'suspended') await_status(received, 'suspended') "
      "await_status(scoped, 'suspended') "
      "jump(3600) "
      "assert(slept:wait(30) == 'slept' and delayed:wait(30) == 2) "
      "expect('timeout', received:pwait(30)) "
      "local ok, e = scoped:wait(30) expect('timeout', ok, e) "
      "balances()");
}

/* A wait of the host's, while a task makes the clock jump. */
IT(ends_waits_of_the_host) {
  run("local never = s:submit(function() require('echo').sleep(864000) end) "
      "await_status(never, 'suspended') "
      "local kind "
      "coroutine.wrap(function() kind = select(2, echo.pawait(never, 1800)).kind end)() "
      "jump(3600) "
      "while not kind do s:poll(1) end "
      "assert(kind == 'timeout') "
      "never:cancel() expect('cancelled', never:pwait(30)) "
      "balances()");
}

IT(delays_nothing_that_comes_after_it) {
  run("for i = 1, 5 do "
      "  jump(3600) "
      "  local before = echo.now() "
      "  assert(s:submit({delay = 0.01}, math.abs, -i):wait(30) == i) "
      "  assert(s:submit(function() require('echo').sleep(0.01) return 1 end):wait(30) == 1) "
      "  local took = echo.now() - before "
      "  assert(took >= 0.02 and took < 30, took) "
      "end "
      "balances()");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(ends_the_time_of_tasks, set_up, tear_down),
      cmocka_unit_test_setup_teardown(ends_sleeps_delays_and_waits_in_tasks, set_up, tear_down),
      cmocka_unit_test_setup_teardown(ends_waits_of_the_host, set_up, tear_down),
      cmocka_unit_test_setup_teardown(delays_nothing_that_comes_after_it, set_up, tear_down),
  };
  return cmocka_run_group_tests_name("jump", tests, NULL, NULL);
}
