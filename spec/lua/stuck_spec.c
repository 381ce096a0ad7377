/* A call-back of the program's that never returns: nothing can make it, so a stop gives it up when
 * the time is over and says so; all else goes on, and the program ends as it likes. Its thread
 * stands in the call-back when this process ends. */
#include <echo/lua.h>

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "support/spec.h"

static spec_gate never = SPEC_GATE;
static atomic_int inside;

static int hang(echo_lua_call *call, void *data) {
  (void)call;
  (void)data;
  atomic_fetch_add(&inside, 1);
  spec_gate_wait(&never);
  return ECHO_OK;
}

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 1);
  lua_pop(L, 1);
  assert_int_equal(echo_lua_push_callback(L, "hang", hang, NULL), ECHO_OK);
  lua_setglobal(L, "hang");
  return L;
}

static void run(lua_State *L, const char *code) {
  if (luaL_dostring(L, code)) fail_msg("%s\nin %s", luaL_tolstring(L, -1, NULL), code);
}

/* One of two workers is kept, and tasks of each kind go on on the other. */
static const char others_go_on[] =
    "assert(s:submit(math.abs, -1):wait(30) == 1)\n"
    "assert(#s:map(function(x) return x + 1 end, {1, 2, 3}):wait(30) == 3)\n"
    "assert(s:submit({priority = 'high'}, function()\n"
    "  local echo = require 'echo'\n"
    "  return echo.await(echo.submit({delay = 0.001}, math.abs, -2)) end):wait(30) == 2)\n"
    "local ok, e = stuck:pwait(0.01)\n"
    "assert(not ok and e.kind == 'timeout' and stuck:status() == 'running')\n"
    "waits = s:submit(function(t) return require('echo').pawait(t) end, stuck)\n"
    "stuck:cancel('enough')\n"
    "local ok, e = stuck:pwait(0.01)\n"
    "assert(not ok)\n"
    "assert(s:submit(math.abs, -1):wait(30) == 1)\n";

static void hang_one(lua_State *L, const char *how) {
  int before = atomic_load(&inside);
  run(L, how);
  SPEC_UNTIL(atomic_load(&inside) == before + 1);
  run(L, others_go_on);
}

/* Waiting is over for everybody, and in the accounts one task is missing. */
static const char is_over[] =
    "local ok, e = stuck:pwait(30)\n"
    "assert(not ok and (e.kind == 'lost' or e.kind == 'cancelled'), tostring(e))\n"
    "assert(waits:status() ~= 'running' and not pcall(s.submit, s, math.abs, 1))\n"
    "local stats = s:stats()\n"
    "assert(stats.submitted == stats.ended + 1, stats.submitted - stats.ended)\n";

static const char *const ways[] = {"stuck = s:submit(hang)",
                                   "stuck = s:submit(function(call) call() end, hang)"};

IT(is_given_up_by_a_stop_of_the_scripts) {
  static const char *const stops[] = {"{timeout = 0.05}", "{mode = 'cancel', timeout = 0.05}"};
  for (unsigned i = 0; i < 4; i++) {
    lua_State *L = new_state();
    run(L, "s = echo.builder():with_worker_count(2):build()");
    hang_one(L, ways[i % 2]);
    lua_pushfstring(L,
                    "local fine fine, abandoned = s:stop %s\n"
                    "assert(fine == nil and abandoned >= 1 and abandoned <= 2, abandoned)\n",
                    stops[i / 2]);
    run(L, lua_tostring(L, -1));
    run(L, is_over);
    lua_close(L);
  }
}

IT(is_given_up_when_the_state_closes) {
  lua_State *L = new_state();
  run(L, "s = echo.builder():with_worker_count(2):build()");
  hang_one(L, ways[1]);
  lua_close(L);
}

IT(is_given_up_by_a_stop_of_the_programs) {
  static echo_scheduler *scheduler; /* it stays, as its worker does */
  echo_builder *builder;
  lua_State *L = new_state();
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, 2), ECHO_OK);
  assert_int_equal(echo_lua_build(builder, NULL, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  assert_int_equal(echo_lua_push_scheduler(L, scheduler), ECHO_OK);
  lua_setglobal(L, "s");
  hang_one(L, ways[0]);
  size_t abandoned = 0;
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, 0.05, &abandoned), ECHO_TIMEOUT);
  assert_in_range(abandoned, 1, 2);
  lua_pushinteger(L, (lua_Integer)abandoned);
  lua_setglobal(L, "abandoned");
  run(L, is_over);
  lua_close(L);
  echo_scheduler_release(scheduler);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_given_up_by_a_stop_of_the_scripts),
      cmocka_unit_test(is_given_up_when_the_state_closes),
      cmocka_unit_test(is_given_up_by_a_stop_of_the_programs),
  };
  return cmocka_run_group_tests_name("stuck", tests, NULL, NULL);
}
