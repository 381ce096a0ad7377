/* Programs that own the scheduler and lend it to their scripts: building, stopping, what the
 * workers' states are made of. */
#include <echo/lua.h>

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/allocations.h"
#include "support/spec.h"

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 1);
  lua_pop(L, 1);
  return L;
}

static bool run(lua_State *L, const char *code) {
  if (luaL_dostring(L, code) == LUA_OK) return true;
  fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
  return false;
}

/* A scheduler of the program's with so many workers, which the state has as `s`. */
static echo_scheduler *build(lua_State *L, unsigned workers, const echo_lua_config *config) {
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, workers), ECHO_OK);
  assert_int_equal(echo_lua_build(builder, config, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  assert_int_equal(echo_lua_push_scheduler(L, scheduler), ECHO_OK);
  assert_ptr_equal(echo_lua_to_scheduler(L, -1), scheduler);
  lua_setglobal(L, "s");
  return scheduler;
}

static void end(echo_scheduler *scheduler) {
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  echo_scheduler_release(scheduler);
}

/* -- who owns it ------------------------------------------------------------------------------ */

static const char expect_stopped[] = "local ok, err = pcall(s.submit, s, math.abs, 1)\n"
                                     "assert(not ok and err.kind == 'stopped', tostring(err))";

IT(scripts_submit_and_cannot_stop) {
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, 2, NULL);
  assert_true(run(L, "assert(s:submit(function(x) return x + 1 end, 41):wait() == 42)\n"
                     "local ok, err = pcall(s.stop, s)\n"
                     "assert(not ok and err:find('is the host program\\'s', 1, true), err)\n"
                     "do local _ <close> = s end\n"
                     "assert(s:submit(math.abs, -1):wait() == 1)\n"
                     "assert(s:stats().workers == 2)"));
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL), ECHO_OK);
  assert_true(run(L, expect_stopped));
  echo_scheduler_release(scheduler);
  lua_close(L);
}

IT(may_be_released_before_the_states_close) {
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, 2, NULL);
  assert_true(run(L, "t = s:submit(function() return 'kept' end)\n"
                     "u = s:submit({ delay = 1000 }, math.abs, 1)\n"
                     "t:wait()"));
  echo_scheduler_release(scheduler);
  assert_true(run(L, expect_stopped));
  assert_true(run(L, "assert(t:wait() == 'kept' and t:status() == 'done')\n"
                     "local ok, err = u:pwait()\n"
                     "assert(not ok and err.kind == 'cancelled', tostring(err))\n"
                     "assert(s:stats().ended == 2)"));
  lua_close(L);
}

IT(may_be_released_after_the_states_closed) {
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, 2, NULL);
  assert_true(run(L, "for i = 1, 100 do s:submit(function() end) end"));
  lua_close(L);
  L = new_state();
  assert_int_equal(echo_lua_push_scheduler(L, scheduler), ECHO_OK);
  lua_setglobal(L, "s");
  assert_true(run(L, "assert(s:submit(math.abs, -1):wait() == 1)"));
  end(scheduler);
  lua_close(L);
}

IT(may_be_released_without_a_first_submit) {
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, 2, NULL);
  echo_scheduler_release(scheduler);
  assert_true(run(L, expect_stopped));
  lua_close(L);
}

IT(is_stopped_by_its_release) {
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, 1, NULL);
  assert_true(run(L, "t = s:submit(function() while true do local _ = tostring(1.5) end end)\n"
                     "u = s:submit(math.abs, 1)"));
  echo_scheduler_release(scheduler);
  assert_true(run(L, "local ok, err = t:pwait()\n"
                     "assert(not ok and err.kind == 'cancelled', tostring(err))\n"
                     "assert(not u:pwait())"));
  lua_close(L);
}

typedef struct visit {
  spec_gate inside, out;
} visit;

static void pay_visit(void *argument) {
  visit *v = argument;
  spec_gate_open(&v->inside);
  spec_gate_wait(&v->out);
}

static void init_visit(visit *v) {
  spec_gate_init(&v->inside);
  spec_gate_init(&v->out);
}

/* A task in C keeps the only worker: what is behind it is lost, and who waits hears of it. */
IT(tells_scripts_what_a_stop_abandoned) {
  static visit v;
  init_visit(&v);
  lua_State *L = new_state();
  static echo_scheduler *scheduler; /* it stays, as its worker does */
  scheduler = build(L, 1, NULL);
  assert_int_equal(echo_scheduler_submit(scheduler, NULL, pay_visit, &v, NULL), ECHO_OK);
  spec_gate_wait(&v.inside);
  assert_true(run(L, "t = s:submit(math.abs, 1)\n"
                     "t:on_complete(function() told = true end)"));
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, 0.01, NULL), ECHO_TIMEOUT);
  assert_true(run(L, "local ok, err = t:pwait()\n"
                     "assert(not ok and (err.kind == 'cancelled' or err.kind == 'lost'))"));
  assert_true(echo_lua_pump(L, 10) == 1);
  assert_true(run(L, "assert(told)"));
  spec_gate_open(&v.out);
  lua_close(L);
  echo_scheduler_release(scheduler);
}

IT(runs_tasks_in_c_beside_those_in_lua) {
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, 2, NULL);
  static visit v;
  init_visit(&v);
  echo_task *task;
  assert_int_equal(echo_scheduler_submit(scheduler, NULL, pay_visit, &v, &task), ECHO_OK);
  spec_gate_wait(&v.inside);
  assert_true(run(L, "assert(s:submit(math.abs, -1):wait() == 1)"));
  spec_gate_open(&v.out);
  assert_int_equal(echo_task_wait(task, ECHO_FOREVER), ECHO_OK);
  echo_task_release(task);
  end(scheduler);
  lua_close(L);
}

/* A task in C keeps the ordinary worker; the urgent one has a state like any other. */
IT(has_workers_for_what_is_urgent) {
  lua_State *L = new_state();
  echo_builder *builder;
  echo_scheduler *scheduler;
  static visit v;
  init_visit(&v);
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, 1), ECHO_OK);
  assert_int_equal(echo_builder_with_urgent_workers(builder, 1), ECHO_OK);
  echo_lua_config config = {.memory_limit = 4000000};
  assert_int_equal(echo_lua_build(builder, &config, &scheduler), ECHO_OK);
  echo_builder_destroy(builder);
  assert_int_equal(echo_lua_push_scheduler(L, scheduler), ECHO_OK);
  lua_setglobal(L, "s");
  assert_int_equal(echo_scheduler_submit(scheduler, NULL, pay_visit, &v, NULL), ECHO_OK);
  spec_gate_wait(&v.inside);
  assert_true(run(L, "local high = { priority = 'high' }\n"
                     "local function where() return require 'echo'.current().worker end\n"
                     "assert(s:submit(high, where):wait() == 2)\n"
                     "local ok, err = s:submit(high, string.rep, 'x', 10000000):pwait()\n"
                     "assert(not ok and err.kind == 'memory', tostring(err))\n"
                     "assert(s:submit(high, where):wait() == 2)\n"
                     "local stats = s:stats()\n"
                     "assert(stats.urgent_workers == 1 and stats.per_worker[2].urgent)"));
  spec_gate_open(&v.out);
  end(scheduler);
  lua_close(L);
}

/* -- building --------------------------------------------------------------------------------- */

IT(refuses_a_memory_limit_that_holds_no_state_and_may_be_built_after_that) {
  echo_builder *builder;
  echo_scheduler *scheduler = NULL;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  echo_lua_config config = {.memory_limit = 131071, .path = "?.lua"};
  assert_int_equal(echo_lua_build(builder, &config, &scheduler), ECHO_INVALID);
  assert_null(scheduler);
  assert_int_equal(echo_lua_build(builder, NULL, &scheduler), ECHO_OK);
  echo_scheduler *second = NULL;
  assert_int_equal(echo_lua_build(builder, NULL, &second), ECHO_BUILT);
  assert_null(second);
  echo_builder_destroy(builder);
  echo_scheduler_release(scheduler);
}

/* Whatever allocation fails, the next attempt works and nothing is lost. */
IT(survives_a_lack_of_memory_while_it_builds) {
  echo_lua_config config = {.path = "some/?.lua", .cpath = "some/?.so"};
  long live = atomic_load(&spec_allocated.live);
  int status = ECHO_MEMORY, failures = -1;
  for (int allowed = 0; status != ECHO_OK; allowed++, failures++) {
    echo_builder *builder;
    echo_scheduler *scheduler;
    assert_int_equal(echo_builder_create(&builder), ECHO_OK);
    assert_int_equal(echo_builder_with_urgent_workers(builder, 1), ECHO_OK);
    atomic_store(&spec_allocated.refuse_after, allowed);
    status = echo_lua_build(builder, &config, &scheduler);
    atomic_store(&spec_allocated.refuse_after, -1);
    if (status != ECHO_OK) {
      assert_int_equal(status, ECHO_MEMORY);
      assert_int_equal(echo_lua_build(builder, &config, &scheduler), ECHO_OK);
    }
    echo_builder_destroy(builder);
    echo_scheduler_release(scheduler);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
  assert_true(failures > 5);
}

/* -- the workers' states ---------------------------------------------------------------------- */

enum { WORKERS = 2 };

/* Its observer goes with the state, and takes along what it was not told of. */
static void close_untold(bool takes_back) {
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, 2, NULL);
  if (takes_back)
    assert_true(run(L, "kept = setmetatable({}, { __gc = function() forget() end })"));
  assert_true(run(L, "forget = s:on_task_end(print)\n"
                     "for i = 1, 100 do s:submit(math.abs, i) end"));
  end(scheduler);
  lua_close(L);
}

IT(a_state_that_closes_frees_what_it_was_not_told_of_its_tasks_ends) {
  close_untold(true); /* what is made once for the process is there from now on */
  long before = atomic_load(&spec_allocated.live);
  close_untold(false);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
  close_untold(true);
  assert_int_equal(atomic_load(&spec_allocated.live), before);
}

static void close_late(const char *finalizer) {
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, 2, NULL);
  assert_true(run(L, "kept = setmetatable({}, { __gc = function() late() end })"));
  assert_true(run(L, finalizer));
  lua_close(L);
  end(scheduler);
}

/* Lua never finalizes what a finalizer makes while its state closes. */
IT(a_state_that_closes_frees_what_its_finalizers_make) {
  close_late("function late() end");
  long before = atomic_load(&spec_allocated.live);
  close_late("function late() echo.channel(); echo.semaphore(1); echo.builder() end");
  assert_int_equal(atomic_load(&spec_allocated.live), before);
  close_late("function late() again = s:submit(math.abs, -1); assert(again:wait() == 1) end");
  assert_int_equal(atomic_load(&spec_allocated.live), before);
  close_late("function late() getmetatable(echo.channel()).__gc = error end"); /* its own fault */
}

IT(a_state_that_goes_on_keeps_nothing_that_its_finalizers_made) {
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, 1, NULL);
  assert_true(run(
      L, "function make() setmetatable({}, { __gc = function() made = echo.channel() end }) end\n"
         "make() collectgarbage()\n"
         "assert(made:try_send(1) == false) made = nil\n"
         "collectgarbage() collectgarbage()"));
  long before = atomic_load(&spec_allocated.live);
  assert_true(run(L, "for i = 1, 10 do make() collectgarbage() end made = nil\n"
                     "collectgarbage() collectgarbage()"));
  assert_int_equal(atomic_load(&spec_allocated.live), before);
  lua_close(L);
  end(scheduler);
}

typedef struct account {
  _Atomic size_t bytes; /* of the worker's allocator; a worker may come at any time */
  int opened, closing, closed;
  bool closing_saw_global;
} account;

static account accounts[WORKERS];

static void *count_bytes(void *data, void *block, size_t old_size, size_t new_size) {
  account *a = data;
  if (block == NULL) old_size = 0;
  void *changed = NULL;
  if (new_size > 0)
    changed = realloc(block, new_size);
  else
    free(block);
  if (changed != NULL || new_size == 0) a->bytes += new_size - old_size;
  return changed;
}

static lua_State *new_counted(unsigned worker, void *data) {
  account *a = &((account *)data)[worker];
  return lua_newstate(count_bytes, a);
}

/* No os, no io, no debug; one global. */
static void open_few(lua_State *L, unsigned worker, void *data) {
  ((account *)data)[worker].opened++;
  luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
  luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
  lua_pushinteger(L, (lua_Integer)worker);
  lua_setglobal(L, "number");
}

static void note_closing(lua_State *L, unsigned worker, void *data) {
  account *a = &((account *)data)[worker];
  a->closing++;
  a->closing_saw_global = lua_getglobal(L, "number") == LUA_TNUMBER;
  luaL_error(L, "nobody hears this");
}

static void note_closed(unsigned worker, void *data) {
  ((account *)data)[worker].closed++;
}

static const echo_lua_config counted = {.data = accounts,
                                        .newstate = new_counted,
                                        .openlibs = open_few,
                                        .closing = note_closing,
                                        .closed = note_closed};

IT(the_program_chooses_libraries_and_allocator) {
  memset(accounts, 0, sizeof accounts);
  lua_State *L = new_state();
  echo_scheduler *scheduler = build(L, WORKERS, &counted);
  assert_int_equal(accounts[0].opened + accounts[1].opened, 0);
  assert_true(run(L, "local function look() return number, os, io, debug, coroutine, require end\n"
                     "for i = 1, 20 do\n"
                     "  local n, a, b, c, d, e = s:submit(look):wait()\n"
                     "  assert((n == 0 or n == 1) and not (a or b or c or d or e))\n"
                     "end\n"
                     "local s2, echo = s, echo\n"
                     "assert(s:submit(function()\n"
                     "  return echo.await(s2:submit(function() echo.sleep(0.001) return 7 end))\n"
                     "end):wait() == 7)\n"
                     "assert(s:submit(string.rep, 'ab', 3):wait() == 'ababab')"));
  assert_true(accounts[0].bytes + accounts[1].bytes > 0);
  end(scheduler);
  for (int i = 0; i < WORKERS; i++) {
    assert_int_equal(accounts[i].bytes, 0);
    assert_int_equal(accounts[i].closing, accounts[i].opened);
    assert_int_equal(accounts[i].closed, accounts[i].opened);
    assert_true(accounts[i].opened == 0 || accounts[i].closing_saw_global);
  }
  lua_close(L);
}

IT(a_memory_limit_holds_for_the_programs_allocator_too) {
  memset(accounts, 0, sizeof accounts);
  lua_State *L = new_state();
  echo_lua_config config = counted;
  config.memory_limit = 1 << 20;
  echo_scheduler *scheduler = build(L, 1, &config);
  assert_true(run(L,
                  "local ok, err = s:submit(function() return ('x'):rep(2 << 20) end):pwait()\n"
                  "assert(not ok and err.kind == 'memory', tostring(err))\n"
                  "assert(s:submit(function() return #('x'):rep(1 << 17) end):wait() == 1 << 17)"));
  assert_true(accounts[0].bytes < 1 << 20);
  end(scheduler);
  assert_int_equal(accounts[0].bytes, 0);
  lua_close(L);
}

IT(tasks_find_modules_by_the_programs_paths) {
  lua_State *L = new_state();
  echo_lua_config config = {.path = "here/?.lua", .cpath = "there/?.so"};
  echo_scheduler *scheduler = build(L, 1, &config);
  assert_true(run(L, "local path, cpath = s:submit(function()\n"
                     "  return package.path, package.cpath\n"
                     "end):wait()\n"
                     "assert(path == 'here/?.lua' and cpath == 'there/?.so')"));
  end(scheduler);
  scheduler = build(L, 1, NULL);
  assert_true(
      run(L, "assert(s:submit(function() return package.path end):wait() == package.path)"));
  end(scheduler);
  lua_close(L);
}

static void open_at_the_second_time(lua_State *L, unsigned worker, void *data) {
  (void)worker;
  int *attempts = data;
  luaL_openlibs(L);
  if (++*attempts == 1) luaL_error(L, "not yet");
}

IT(libraries_that_fail_to_open_fail_the_task_and_are_tried_again) {
  int attempts = 0;
  lua_State *L = new_state();
  echo_lua_config config = {.data = &attempts, .openlibs = open_at_the_second_time};
  echo_scheduler *scheduler = build(L, 1, &config);
  assert_true(run(L, "local seen\n"
                     "for i = 1, 2 do\n"
                     "  local ok, value = s:submit(math.abs, -1):pwait()\n"
                     "  if ok then assert(value == 1) seen = true break end\n"
                     "  assert(value.kind == 'error' and tostring(value):find('not yet'))\n"
                     "end\n"
                     "assert(seen)"));
  assert_int_equal(attempts, 2);
  end(scheduler);
  lua_close(L);
}

static lua_State *new_at_the_third_time(unsigned worker, void *data) {
  (void)worker;
  int *attempts = data;
  return ++*attempts < 3 ? NULL : luaL_newstate();
}

IT(a_state_that_cannot_be_made_fails_the_task_for_memory) {
  int attempts = 0;
  lua_State *L = new_state();
  echo_lua_config config = {.data = &attempts, .newstate = new_at_the_third_time};
  echo_scheduler *scheduler = build(L, 1, &config);
  assert_true(run(L, "local ok, err = s:submit(math.abs, -1):pwait()\n"
                     "assert(not ok and err.kind == 'memory', tostring(err))\n"
                     "assert(s:submit(math.abs, -1):wait() == 1)"));
  end(scheduler);
  lua_close(L);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scripts_submit_and_cannot_stop),
      cmocka_unit_test(may_be_released_before_the_states_close),
      cmocka_unit_test(may_be_released_after_the_states_closed),
      cmocka_unit_test(may_be_released_without_a_first_submit),
      cmocka_unit_test(is_stopped_by_its_release),
      cmocka_unit_test(tells_scripts_what_a_stop_abandoned),
      cmocka_unit_test(runs_tasks_in_c_beside_those_in_lua),
      cmocka_unit_test(has_workers_for_what_is_urgent),
      cmocka_unit_test(refuses_a_memory_limit_that_holds_no_state_and_may_be_built_after_that),
      cmocka_unit_test(survives_a_lack_of_memory_while_it_builds),
      cmocka_unit_test(a_state_that_closes_frees_what_it_was_not_told_of_its_tasks_ends),
      cmocka_unit_test(a_state_that_closes_frees_what_its_finalizers_make),
      cmocka_unit_test(a_state_that_goes_on_keeps_nothing_that_its_finalizers_made),
      cmocka_unit_test(the_program_chooses_libraries_and_allocator),
      cmocka_unit_test(a_memory_limit_holds_for_the_programs_allocator_too),
      cmocka_unit_test(tasks_find_modules_by_the_programs_paths),
      cmocka_unit_test(libraries_that_fail_to_open_fail_the_task_and_are_tried_again),
      cmocka_unit_test(a_state_that_cannot_be_made_fails_the_task_for_memory),
  };
  return cmocka_run_group_tests_name("embed", tests, NULL, NULL);
}
