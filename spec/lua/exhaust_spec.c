/*
 * Every allocation fails in turn, wherever in a task's life it is made: Echo's own, the host's
 * state's and the workers' states'. Whatever a script was doing, it gets its result or an error
 * that says "memory"; nothing is lost for good; and the pool goes on.
 *
 * Each row is a script that uses the scheduler `s`. It is run again and again, with the first
 * allocation refused, then the second, and so on until none was refused any more. Three ways: that
 * one alone; that one and the next, because Lua collects its garbage and asks once more; and all
 * from that one on. Which allocation is the n-th differs from run to run, as threads take turns.
 *
 * The allocator of Lua's states makes each object an allocation only under the address sanitizer;
 * so that is where this spec sees most.
 */
#include "echo/lua.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/allocations.h"

enum { ALL = 0, ONE = 1, ONE_AND_THE_NEXT = 2 };

static lua_State *host;

static void *allocate(void *data, void *block, size_t old_size, size_t new_size) {
  (void)data, (void)old_size;
  if (new_size > 0) return realloc(block, new_size);
  free(block);
  return NULL;
}

static void run(const char *code) {
  if (luaL_dostring(host, code)) fail_msg("%s\nin %s", lua_tostring(host, -1), code);
  lua_settop(host, 0);
}

/* `check` tells a result from an error for want of memory, and both from everything else. An error
 * that a task got from its child, and that there was no memory to pass on whole, has the text. */
static const char prelude[] =
    "echo = require 'echo' "
    "Point = echo.register('Point', {__index = function(p, k) return k end}) "
    "Hooked = {__echo_transfer = function(o) return table.pack, table.unpack(o) end} "
    "function nested() "
    "  local t = {1, 2.5, 'text', ('long'):rep(100), {id = 1, name = 'one'}, {id = 2}} "
    "  t.self = t for i = 1, 20 do t = {t, i} end return t "
    "end "
    "function is_memory(e) "
    "  if e == nil then return false end "
    "  if type(e) == 'string' then return e:find('not enough memory', 1, true) end "
    "  if e.kind == 'memory' then return true end "
    "  return e.value == nil and e.message:find('not enough memory', 1, true) "
    "end "
    "function check(well, e) "
    "  if not well and not is_memory(e) then return 'unexpected: ' .. tostring(e) end "
    "end "
    "function open(n, urgent) s = echo.builder():with_worker_count(n or 1)"
    "  :with_urgent_workers(urgent or 0):with_setup(function(p) Point = require "
    "'echo'.register('Point', p) end, Point):build() end "
    "function close() s:stop{mode = 'cancel', timeout = 30} s = nil collectgarbage() "
    "  collectgarbage() end ";

static int set_up(void **state) {
  (void)state;
  host = lua_newstate(allocate, NULL);
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

/* Compiles before anything is refused; the function is called under a refusal. */
static void load(const char *code) {
  lua_settop(host, 0);
  if (luaL_loadstring(host, code)) fail_msg("%s\nin %s", lua_tostring(host, -1), code);
}

/* Calls the function with the n-th allocation refused. True if that one was reached. */
static bool try(const char *code, long n, long length) {
  atomic_store(&spec_allocated.refuse_for, length);
  atomic_store(&spec_allocated.refuse_after, n);
  lua_pushvalue(host, 1);
  int error = lua_pcall(host, 0, 0, 0);
  bool reached = atomic_exchange(&spec_allocated.refuse_after, -1) <= 0;
  lua_getglobal(host, "check");
  lua_pushboolean(host, error == LUA_OK);
  lua_pushvalue(host, error ? 2 : 1);
  lua_call(host, 2, 1);
  if (!lua_isnil(host, -1))
    fail_msg("allocation %ld for %ld: %s\nin %s", n, length, lua_tostring(host, -1), code);
  lua_settop(host, 1);
  return reached;
}

static void goes_on(void) {
  static const char code[] =
      "local n = 0 "
      "local t = s:submit(function(a, b) return a + b end, 1, 2):on_complete(function() n = 1 end) "
      "assert(t:wait(30) == 3) while n == 0 do s:poll(1) end "
      "assert(#s:map(function(x) return x end, {1, 2, 3}):wait(30) == 3)";
  if (luaL_dostring(host, code)) fail_msg("the pool does not go on: %s", lua_tostring(host, -1));
}

/* In one pool, which must go on after each refusal. */
static void exhaust(const char *code) {
  static const long lengths[] = {ONE, ONE_AND_THE_NEXT, ALL};
  for (size_t i = 0; i < SPEC_COUNT(lengths); i++) {
    run("open()");
    goes_on();
    load(code);
    for (long n = 0; try(code, n, lengths[i]); n++)
      goes_on();
    run("close()");
  }
}

/* With a pool of its own each time: nothing is warm, the threads are started under it. */
static void exhaust_from_the_start(const char *code) {
  static const long lengths[] = {ONE, ONE_AND_THE_NEXT, ALL};
  for (size_t i = 0; i < SPEC_COUNT(lengths); i++) {
    load(code);
    for (long n = 0; try(code, n, lengths[i]); n++)
      if (luaL_dostring(host, "if s then close() end")) fail_msg("%s", lua_tostring(host, -1));
  }
}

IT(values_there_and_back) {
  exhaust("local t = nested() "
          "local back = s:submit({name = 'a name'}, function(...) return ... end, t):wait(30) "
          "assert(back[2] == 20 and back[1][2] == 19)");
}

IT(functions_objects_and_buffers) {
  exhaust("local n, b = 0, echo.buffer(('bytes'):rep(100)) "
          "local function count() n = n + 1 return count end "
          "local function read() return n end "
          "local p = setmetatable({x = {}}, Point) "
          "local function work(c, r, p, b, f, h) "
          "  c() assert(r() == 1 and p.q == 'q' and #b == 500 and h[1] == 1) "
          "  return r, p, b, f, function() return c end "
          "end "
          "local r, q, c, f = s:submit(work, count, read, p, b, string.format, "
          "  setmetatable({1, {2}}, Hooked)):wait(30) "
          "assert(r() == 1 and getmetatable(q) == Point and c == b and f == string.format)");
}

IT(a_map) {
  exhaust("local list = {} for i = 1, 40 do list[i] = {i, 'item' .. i} end "
          "local got = s:map({name = 'map'}, function(x, i) return {x[1] + i} end, list):wait(30) "
          "assert(#got == 40 and got[40][1] == 80)");
}

/* The value is the first to be left out of a report for want of memory: its text says the same. */
IT(errors_that_tasks_raise) {
  exhaust("local t = s:submit(function() error({reason = {1, 2}}) end) "
          "local well, e = t:pwait(30) "
          "if is_memory(e) then error(e, 0) end "
          "assert(not well and e.message:find('^table') and e.traceback) "
          "assert(e.value == nil or e.value.reason[2] == 2)");
}

IT(results_that_cannot_travel) {
  exhaust("local t = s:submit(function() return {field = {io.stdout}} end) "
          "local well, e = t:pwait(30) "
          "if is_memory(e) then error(e, 0) end "
          "assert(not well and e.kind == 'transfer' and e.message:find('field', 1, true))");
}

IT(what_a_submit_can_ask_for) {
  exhaust("local options = {delay = 0.001, timeout = 20, retries = 2, key = 'key', name = 'name'} "
          "local function f() return 'done' end "
          "local first = s:submit(options, f) "
          "options.conflict = 'queue' "
          "local second = s:submit(options, f) "
          "assert(first:wait(30) == 'done' and second:wait(30) == 'done') ");
}

IT(what_few_tasks_have) {
  exhaust("local t = s:submit({name = 'name'}, function() "
          "  local echo = require 'echo' "
          "  echo.progress('half') "
          "  return echo.current().name end) "
          "local well, e = t:pwait(30) "
          "if is_memory(e) then error(e, 0) end "
          "assert(e == 'name' and t:progress() == 'half') "
          "local u = s:submit(function() require 'echo'.sleep(1000) end) "
          "u:cancel('a reason') well, e = u:pwait(30) "
          "assert(not well and (e.kind == 'cancelled' or is_memory(e)))");
}

IT(tasks_that_are_tried_again) {
  exhaust("local function fail() error('again') end "
          "local well, e = s:submit({retries = 3, key = 'k'}, fail):pwait(30) "
          "if is_memory(e) then error(e, 0) end "
          "assert(not well and e.kind == 'error')");
}

IT(tasks_that_wait_for_others) {
  exhaust("local function parent() "
          "  local echo = require 'echo' "
          "  local child = echo.submit(function(x) "
          "    require 'echo'.sleep(0.001) return x + 1 end, 1) "
          "  local got = echo.await(child) "
          "  local well, e = echo.pawait(echo.submit(error, 'no')) "
          "  if not well and e.kind == 'memory' then error(e, 0) end "
          "  assert(not well) "
          "  echo.sleep(0.001) echo.checkpoint() "
          "  return got "
          "end "
          "local well, got = s:submit(parent):pwait(30) "
          "if not well then "
          "  error(is_memory(got) and got or is_memory(got.value) and got.value or got, 0) end "
          "assert(got == 2)");
}

IT(scopes_and_channels) {
  exhaust("local function work() "
          "  local echo = require 'echo' "
          "  local channel = echo.channel(1) "
          "  return echo.scope(function(scope) "
          "    scope:submit(function() for i = 1, 3 do channel:send({i}) end channel:close() end) "
          "    local sum = 0 "
          "    for v in channel:iter() do sum = sum + v[1] end "
          "    local a = scope:submit(math.abs, -1) "
          "    local got = echo.all({a, scope:submit(math.abs, -2)}) "
          "    return sum + #got "
          "  end) "
          "end "
          "local well, got = s:submit(work):pwait(30) "
          "if not well then "
          "  error(is_memory(got) and got or is_memory(got.value) and got.value or got, 0) end "
          "assert(got == 8)");
}

IT(call_backs_and_poll) {
  exhaust("local told = 0 "
          "local t = s:submit(function() return {1, 2} end) "
          "t:on_complete(function(task) told = told + 1 end) "
          "t:on_complete(function(task) told = told + 1 end) "
          "t:pwait(30) "
          "local until_ = echo.now() + 30 "
          "while told < 2 and echo.now() < until_ do s:poll(0.1) end "
          "assert(told == 2, 'call-backs are missing') "
          "t:wait() ");
}

IT(coroutines_of_a_host) {
  exhaust("local ended, well, got = false "
          "local function awaits() return echo.await((s:submit(function() return 5 end))) end "
          "local co = coroutine.wrap(function() well, got = pcall(awaits) ended = true end) "
          "co() "
          "local until_ = echo.now() + 30 "
          "while not ended and echo.now() < until_ do s:poll(0.1) end "
          "assert(ended, 'the coroutine was not resumed') "
          "if not well then error(got, 0) end "
          "assert(got == 5)");
}

IT(cancelling_and_looking) {
  exhaust("local t = s:submit({delay = 20}, print) "
          "local well = t:cancel('no more') "
          "assert(well and t:status() == 'cancelled') "
          "local well, e = t:pwait(30) "
          "if is_memory(e) then error(e, 0) end "
          "assert(not well and e.kind == 'cancelled') "
          "assert(s:stats())");
}

IT(a_pool_from_its_beginning_to_its_end) {
  exhaust_from_the_start("open(2) "
                         "local got = s:submit(function(t) return #t end, {1, 2}):wait(30) "
                         "assert(got == 2) close()");
}

/* The ordinary worker is inside of the low one, or has no memory for it. */
IT(a_pool_with_a_worker_for_what_is_urgent) {
  exhaust_from_the_start("open(1, 1) "
                         "local go = echo.channel(1) "
                         "local low = s:submit({priority = 'low'}, function() "
                         "  while not go:try_receive() do end end) "
                         "while low:status() == 'queued' do end "
                         "local got = s:submit({priority = 'high'}, function(t) "
                         "  require 'echo'.sleep(0.001) return #t end, {1, 2}):wait(30) "
                         "go:send(true) low:wait(30) "
                         "assert(got == 2) close()");
}

/* All of it must be gone when the states are: a count, and the address sanitizer's own look. */
IT(nothing_is_left_of_all_that) {
  long before = atomic_load(&spec_allocated.live);
  set_up(NULL);
  exhaust("s:submit(function(t) return t end, nested()):wait(30)");
  exhaust("s:submit({delay = 0.001, key = 'key'}, error, {nested()}):pwait(30)");
  tear_down(NULL);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(values_there_and_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(functions_objects_and_buffers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_map, set_up, tear_down),
      cmocka_unit_test_setup_teardown(errors_that_tasks_raise, set_up, tear_down),
      cmocka_unit_test_setup_teardown(results_that_cannot_travel, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_a_submit_can_ask_for, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_few_tasks_have, set_up, tear_down),
      cmocka_unit_test_setup_teardown(tasks_that_are_tried_again, set_up, tear_down),
      cmocka_unit_test_setup_teardown(tasks_that_wait_for_others, set_up, tear_down),
      cmocka_unit_test_setup_teardown(scopes_and_channels, set_up, tear_down),
      cmocka_unit_test_setup_teardown(call_backs_and_poll, set_up, tear_down),
      cmocka_unit_test_setup_teardown(coroutines_of_a_host, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cancelling_and_looking, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_pool_from_its_beginning_to_its_end, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_pool_with_a_worker_for_what_is_urgent, set_up, tear_down),
      cmocka_unit_test(nothing_is_left_of_all_that),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
