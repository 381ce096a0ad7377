/* C functions of the program's that scripts submit: what they see, what they answer, where they go.
 */
#include <echo/lua.h>

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "support/allocations.h"
#include "support/spec.h"

static lua_State *L;
static echo_scheduler *scheduler;

static int open_program(void **state) {
  (void)state;
  echo_builder *builder;
  L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 1);
  lua_pop(L, 1);
  if (echo_builder_create(&builder) != ECHO_OK) return 1;
  echo_builder_with_worker_count(builder, 2);
  if (echo_lua_build(builder, NULL, &scheduler) != ECHO_OK) return 1;
  echo_builder_destroy(builder);
  echo_lua_push_scheduler(L, scheduler);
  lua_setglobal(L, "s");
  return 0;
}

static int close_program(void **state) {
  (void)state;
  echo_scheduler_release(scheduler);
  lua_close(L);
  return 0;
}

static bool run(const char *code) {
  if (luaL_dostring(L, code) == LUA_OK) return true;
  fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
  return false;
}

/* Gives the script a call-back as a global of that name. */
static void give(const char *name, echo_lua_callback function, void *data) {
  assert_int_equal(echo_lua_push_callback(L, name, function, data), ECHO_OK);
  lua_setglobal(L, name);
}

/* -- arguments and results -------------------------------------------------------------------- */

/* Returns what it is given. */
static int mirror(echo_lua_call *call, void *data) {
  (void)data;
  for (unsigned i = 1; i <= echo_lua_call_count(call); i++) {
    int status = echo_lua_call_return(call, echo_lua_call_argument(call, i));
    if (status != ECHO_OK) return status;
  }
  return ECHO_OK;
}

static const char through[] =
    "local given = table.pack(nil, true, false, 0, math.mininteger, math.maxinteger, 0.5, -0.0,\n"
    "  1 / 0, '', 'a\\0b', ('x'):rep(100000), echo.buffer('bytes'), echo.buffer(''), nil)\n"
    "local function check(...)\n"
    "  local got = table.pack(...)\n"
    "  assert(got.n == given.n)\n"
    "  for i = 1, got.n do\n"
    "    assert(got[i] == given[i] and math.type(got[i]) == math.type(given[i]), i)\n"
    "    assert(type(got[i]) == type(given[i]), i)\n"
    "  end\n"
    "  assert(1 / got[8] < 0)\n"
    "end\n";

IT(every_kind_of_value_goes_through_a_task) {
  give("mirror", mirror, NULL);
  lua_pushfstring(L, "%s check(s:submit(mirror, table.unpack(given, 1, given.n)):wait())", through);
  assert_true(run(lua_tostring(L, -1)));
  assert_true(run("assert(select('#', s:submit(mirror):wait()) == 0)"));
}

IT(every_kind_of_value_goes_through_a_call) {
  give("mirror", mirror, NULL);
  lua_pushfstring(L, "%s check(mirror(table.unpack(given, 1, given.n)))", through);
  assert_true(run(lua_tostring(L, -1)));
}

/* Looks at one value of each type, by the view. */
static int inspect(echo_lua_call *call, void *data) {
  echo_lua_value v[8];
  for (unsigned i = 0; i < SPEC_COUNT(v); i++)
    v[i] = echo_lua_call_argument(call, i);
  bool well = echo_lua_call_count(call) == 6 && v[0].type == ECHO_LUA_NIL;
  well = well && v[1].type == ECHO_LUA_NIL && v[7].type == ECHO_LUA_NIL;
  well = well && v[2].type == ECHO_LUA_BOOLEAN && v[2].as.boolean;
  well = well && v[3].type == ECHO_LUA_INTEGER && v[3].as.integer == -7;
  well = well && v[4].type == ECHO_LUA_NUMBER && v[4].as.number == 1.5;
  well = well && v[5].type == ECHO_LUA_STRING && v[5].as.string.size == 3 &&
         memcmp(v[5].as.string.bytes, "a\0b", 4) == 0;
  well = well && v[6].type == ECHO_LUA_BUFFER && echo_buffer_size(v[6].as.buffer) == 2;
  *(bool *)data = well;
  return ECHO_OK;
}

IT(the_view_tells_each_argument_and_its_type) {
  bool well = false;
  give("inspect", inspect, &well);
  assert_true(run("s:submit(inspect, nil, true, -7, 1.5, 'a\\0b', echo.buffer 'hi'):wait()"));
  assert_true(well);
}

static int add(echo_lua_call *call, void *data) {
  (void)data;
  lua_Integer a;
  lua_Number b;
  bool negative;
  if (echo_lua_call_get_integer(call, 1, &a) != ECHO_OK) return ECHO_INVALID;
  if (echo_lua_call_get_number(call, 2, &b) != ECHO_OK) return ECHO_INVALID;
  if (echo_lua_call_get_boolean(call, 3, &negative) != ECHO_OK) return ECHO_INVALID;
  return echo_lua_call_return_number(call, negative ? -((lua_Number)a + b) : (lua_Number)a + b);
}

IT(getters_are_strict_and_say_what_they_expected) {
  give("add", add, NULL);
  assert_true(
      run("assert(add(1, 2, false) == 3.0 and add(2.0, 0.5, true) == -2.5)\n"
          "local function refuses(text, ...)\n"
          "  for _, how in ipairs { function(...) return pcall(add, ...) end,\n"
          "                         function(...) return s:submit(add, ...):pwait() end } do\n"
          "    local ok, err = how(...)\n"
          "    assert(not ok and tostring(err):find(text, 1, true), tostring(err))\n"
          "    assert(type(err) == 'string' or err.kind == 'error')\n"
          "  end\n"
          "end\n"
          "refuses(\"bad argument #1 to 'add' (integer expected, got no value)\")\n"
          "refuses(\"bad argument #1 to 'add' (integer expected, got nil)\", nil, 1)\n"
          "refuses(\"bad argument #1 to 'add' (integer expected, got string)\", '1')\n"
          "refuses(\"bad argument #1 to 'add' (integer expected, got number)\", 1.5)\n"
          "refuses(\"bad argument #2 to 'add' (number expected, got boolean)\", 1, true)\n"
          "refuses(\"bad argument #3 to 'add' (boolean expected, got integer)\", 1, 2, 3)"));
}

static int measure(echo_lua_call *call, void *data) {
  (void)data;
  const char *text, *bytes;
  size_t size;
  echo_buffer *buffer;
  if (echo_lua_call_get_string(call, 1, &text, NULL) != ECHO_OK) return ECHO_INVALID;
  if (echo_lua_call_get_string(call, 2, &bytes, &size) != ECHO_OK) return ECHO_INVALID;
  if (echo_lua_call_get_buffer(call, 3, &buffer) != ECHO_OK) return ECHO_INVALID;
  echo_lua_call_return_integer(call, (lua_Integer)strlen(text));
  echo_lua_call_return_integer(call, (lua_Integer)size);
  return echo_lua_call_return_integer(call, (lua_Integer)echo_buffer_size(buffer));
}

IT(text_has_no_zero_bytes_and_bytes_may_be_a_buffers) {
  give("measure", measure, NULL);
  assert_true(run(
      "local b = echo.buffer 'four'\n"
      "local function is(x, y, z, ...) local a, b, c = measure(...)\n"
      "  assert(a == x and b == y and c == z) end\n"
      "is(1, 3, 4, 'a', 'a\\0b', b) is(0, 4, 4, '', b, b)\n"
      "local function refuses(text, ...)\n"
      "  local ok, err = pcall(measure, ...)\n"
      "  assert(not ok and err:find(text, 1, true), err)\n"
      "end\n"
      "refuses('#1 to \\'measure\\' (string without zero bytes expected, got string)', 'a\\0b')\n"
      "refuses('#1 to \\'measure\\' (string expected, got buffer)', b)\n"
      "refuses('#2 to \\'measure\\' (string expected, got integer)', '', 1)\n"
      "refuses('#3 to \\'measure\\' (buffer expected, got string)', '', '', '')"));
}

IT(what_it_cannot_be_given_is_refused_at_the_submit) {
  give("mirror", mirror, NULL);
  assert_true(run("local function refused(what, ...)\n"
                  "  local ok, err = pcall(s.submit, s, mirror, ...)\n"
                  "  assert(not ok and err.kind == 'transfer', tostring(err))\n"
                  "  assert(err.message:find(what .. \" cannot be given to the call-back "
                  "'mirror'\", 1, true))\n"
                  "  local ok, err = pcall(mirror, ...)\n"
                  "  assert(not ok and err:find(\"to 'mirror' (nil, booleans\", 1, true), err)\n"
                  "end\n"
                  "refused('argument 1: table', {})\n"
                  "refused('argument 3: function', 1, 2, print)\n"
                  "refused('argument 2: userdata', 1, s)\n"
                  "assert(s:stats().submitted == 0)"));
}

/* -- failing ---------------------------------------------------------------------------------- */

static int fails(echo_lua_call *call, void *data) {
  echo_lua_call_return_string(call, "lost", 4);
  if (data != NULL) return *(int *)data;
  echo_lua_call_fail(call, "first");
  return echo_lua_call_fail(call, "no such file: %s (%d)", "a.png", 7);
}

static void check_failure(int *status, const char *kind, const char *text) {
  give("fail", fails, status);
  lua_pushfstring(L,
                  "local t = s:submit(fail)\n"
                  "local ok, err = t:pwait()\n"
                  "assert(not ok and err.kind == '%s', err.kind)\n"
                  "assert(err.message:find('%s', 1, true) and err.task == 'fail', tostring(err))\n"
                  "assert(t:status() == 'failed')\n"
                  "ok, err = pcall(fail)\n"
                  "assert(not ok and err:find('%s', 1, true))",
                  kind, text, text);
  assert_true(run(lua_tostring(L, -1)));
}

IT(a_failure_is_the_tasks_error) {
  int memory = ECHO_MEMORY, exists = ECHO_EXISTS, positive = 5;
  check_failure(NULL, "error", "no such file: a.png (7)");
  check_failure(&memory, "memory", "not enough memory");
  check_failure(&exists, "error", "something of that name is there already");
  give("fail", fails, &positive);
  assert_true(run("assert(s:submit(fail):wait() == 'lost')"));
}

static int return_badly(echo_lua_call *call, void *data) {
  bool *well = data;
  echo_lua_value odd = {.type = (echo_lua_type)99};
  *well = echo_lua_call_return(call, odd) == ECHO_INVALID &&
          echo_lua_call_return_buffer(call, NULL) == ECHO_INVALID &&
          echo_lua_call_return_string(call, NULL, 1) == ECHO_INVALID &&
          echo_lua_call_return_string(call, NULL, 0) == ECHO_OK;
  return ECHO_OK;
}

IT(results_that_are_none_are_refused) {
  bool well = false;
  give("return_badly", return_badly, &well);
  assert_true(run("local n = table.pack(s:submit(return_badly):wait())\n"
                  "assert(n.n == 1 and n[1] == '')"));
  assert_true(well);
}

IT(a_call_back_needs_a_name_and_a_function) {
  assert_int_equal(echo_lua_push_callback(L, NULL, mirror, NULL), ECHO_INVALID);
  assert_int_equal(echo_lua_push_callback(L, "x", NULL, NULL), ECHO_INVALID);
  assert_int_equal(lua_gettop(L), 0);
}

/* Each allocation in turn fails, of Echo's own; Lua's are elsewhere. */
static int many_results(echo_lua_call *call, void *data) {
  (void)data;
  for (int i = 0; i < 20; i++) {
    int status = echo_lua_call_return_string(call, "text", 4);
    if (status != ECHO_OK) return i % 2 ? status : echo_lua_call_fail(call, "result %d", i);
  }
  return ECHO_OK;
}

IT(nothing_is_lost_for_want_of_memory) {
  give("many", many_results, NULL);
  assert_true(run("assert(select('#', many()) == 20)"));
  long live = atomic_load(&spec_allocated.live);
  int status = LUA_ERRRUN;
  for (int allowed = 0; status != LUA_OK; allowed++) {
    lua_getglobal(L, "many");
    atomic_store(&spec_allocated.refuse_after, allowed);
    status = lua_pcall(L, 0, 0, 0);
    atomic_store(&spec_allocated.refuse_after, -1);
    if (status != LUA_OK) assert_non_null(strstr(lua_tostring(L, -1), "not enough memory"));
    lua_settop(L, 0);
    assert_int_equal(atomic_load(&spec_allocated.live), live);
  }
}

/* The state has no room for what it returns. */
static int large(echo_lua_call *call, void *data) {
  (void)data;
  static char bytes[1 << 20];
  for (int i = 0; i < 4; i++)
    echo_lua_call_return_string(call, bytes, sizeof bytes);
  return ECHO_OK;
}

IT(results_too_large_for_the_workers_state_fail_the_task_for_memory) {
  echo_builder *builder;
  echo_scheduler *small;
  echo_lua_config config = {.memory_limit = 2 << 20};
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_with_worker_count(builder, 1), ECHO_OK);
  assert_int_equal(echo_lua_build(builder, &config, &small), ECHO_OK);
  echo_builder_destroy(builder);
  echo_lua_push_scheduler(L, small);
  lua_setglobal(L, "small");
  give("large", large, NULL);
  give("mirror", mirror, NULL);
  long live = 0; /* what a round would leak is four strings; caches grow a little */
  for (int i = 0; i < 20; i++) {
    assert_true(run("local ok, err = small:submit(large):pwait()\n"
                    "assert(not ok and err.kind == 'memory', tostring(err))\n"
                    "assert(small:submit(mirror, 1):wait() == 1)\n"
                    "collectgarbage()"));
    if (i == 0) live = atomic_load(&spec_allocated.live);
  }
  assert_true(atomic_load(&spec_allocated.live) < live + 20);
  echo_scheduler_release(small);
}

/* -- where it goes ---------------------------------------------------------------------------- */

IT(it_travels_in_tables_and_upvalues_and_is_called_there) {
  give("mirror", mirror, NULL);
  assert_true(run("local box = { deep = { call = mirror } }\n"
                  "local up, echo = mirror, echo\n"
                  "local function task(box, same)\n"
                  "  assert(box.deep.call == up and same == up and rawequal(same, box.deep.call))\n"
                  "  local child = echo.submit(up, 'child')\n"
                  "  return up(1), box.deep.call('x'), child:wait(), tostring(up), up\n"
                  "end\n"
                  "local a, b, c, name, back = s:submit(task, box, mirror):wait()\n"
                  "assert(a == 1 and b == 'x' and c == 'child')\n"
                  "assert(name == 'echo.callback: mirror' and back == mirror)\n"
                  "local list = s:map(mirror, { 1, 2, 'c' }):wait()\n"
                  "assert(list[1] == 1 and list[3] == 'c')"));
  give("other", mirror, NULL);
  assert_true(run("assert(other ~= mirror and getmetatable(other) == 'echo.callback')"));
}

static int current(echo_lua_call *call, void *data) {
  return echo_lua_call_return_integer(call, echo_worker_index(data));
}

IT(it_runs_on_a_worker_with_a_priority_a_queue_and_a_name) {
  give("current", current, scheduler);
  assert_true(run("assert(current() == -1)\n"
                  "local echo, current = echo, current\n"
                  "local seen = {}\n"
                  "for _, p in ipairs { 'high', 'normal', 'low' } do\n"
                  "  local n = s:submit({ priority = p, name = 'named' }, current):wait()\n"
                  "  assert(n == 0 or n == 1)\n"
                  "end\n"
                  "assert(s:submit(function()\n"
                  "  return echo.submit({ retries = 2 }, current):wait()\n"
                  "end):wait() >= 0)"));
  give("mirror", mirror, NULL);
  assert_true(run("local told\n"
                  "s:submit(mirror, 5):on_complete(function(t) told = t:wait() end)\n"
                  "repeat s:poll(1) until told\n"
                  "assert(told == 5)"));
}

static int wait_until_cancelled(echo_lua_call *call, void *data) {
  spec_gate_open(data);
  while (!echo_lua_call_is_cancelled(call))
    spec_nap();
  return echo_lua_call_return_string(call, "until cancelled", 15);
}

static int wait_at(lua_State *state) {
  spec_gate_wait(lua_touserdata(state, 1));
  return 0;
}

/* `end_it` ends the task `t`, which is inside the call-back. */
static void expect_cancelled(const char *options, const char *end_it, const char *kind) {
  static spec_gate inside;
  spec_gate_init(&inside);
  give("long", wait_until_cancelled, &inside);
  lua_pushcfunction(L, wait_at);
  lua_setglobal(L, "wait_at");
  lua_pushlightuserdata(L, &inside);
  lua_setglobal(L, "inside");
  lua_pushfstring(L,
                  "local t = s:submit(%s, long)\n"
                  "wait_at(inside)\n"
                  "%s\n"
                  "local ok, err = t:pwait()\n"
                  "assert(not ok and err.kind == '%s', tostring(err))",
                  options, end_it, kind);
  assert_true(run(lua_tostring(L, -1)));
}

IT(a_long_one_learns_that_it_is_to_end) {
  expect_cancelled("{}", "assert(t:cancel())", "cancelled");
  expect_cancelled("{ timeout = 0.02 }", "", "timeout");
}

IT(a_long_one_learns_that_its_scheduler_stops) {
  static spec_gate inside;
  spec_gate_init(&inside);
  give("long", wait_until_cancelled, &inside);
  assert_true(run("t = s:submit(long)"));
  spec_gate_wait(&inside);
  assert_int_equal(echo_scheduler_stop(scheduler, ECHO_STOP_CANCEL, 60, NULL), ECHO_OK);
  assert_true(run("assert(t:wait() == 'until cancelled')"));
}

static int count_up(echo_lua_call *call, void *data) {
  (void)call;
  atomic_fetch_add((atomic_int *)data, 1);
  return ECHO_OK;
}

static void add_one(void *count) {
  atomic_fetch_add((atomic_int *)count, 1);
}

static int spawn(echo_lua_call *call, void *data) {
  (void)call;
  echo_task *task;
  int status = echo_scheduler_submit(scheduler, NULL, add_one, data, &task);
  if (status != ECHO_OK) return status;
  status = echo_task_wait(task, ECHO_FOREVER);
  echo_task_release(task);
  return status;
}

IT(it_may_wait_for_tasks_in_c_while_lua_tasks_go_on) {
  atomic_int count = 0;
  give("count_up", count_up, &count);
  give("spawn", spawn, &count);
  assert_true(
      run("local tasks, echo = {}, echo\n"
          "for i = 1, 50 do\n"
          "  tasks[#tasks + 1] = s:submit(spawn)\n"
          "  tasks[#tasks + 1] = s:submit(function(f) f() return echo.sleep(0) end, count_up)\n"
          "end\n"
          "for _, t in ipairs(tasks) do t:wait() end"));
  assert_int_equal(atomic_load(&count), 100);
}

/* A buffer that a call-back keeps, and one that it makes. */
static int keep(echo_lua_call *call, void *data) {
  echo_buffer **kept = data;
  int status = echo_lua_call_get_buffer(call, 1, kept);
  if (status == ECHO_OK) echo_buffer_retain(*kept);
  return status;
}

static void note_free(void *bytes, size_t size, void *data) {
  (void)bytes, (void)size;
  ++*(int *)data;
}

static int make(echo_lua_call *call, void *data) {
  echo_buffer *buffer;
  int status = echo_buffer_create("static", 6, note_free, data, &buffer);
  if (status != ECHO_OK) return status;
  status = echo_lua_call_return_buffer(call, buffer);
  echo_buffer_release(buffer);
  return status;
}

IT(buffers_outlive_the_call_if_they_are_retained) {
  echo_buffer *kept = NULL;
  int freed = 0;
  give("keep", keep, &kept);
  give("make", make, &freed);
  assert_true(run("s:submit(keep, echo.buffer('kept')):wait() collectgarbage()\n"
                  "local b = s:submit(make):wait()\n"
                  "assert(tostring(b) == 'static')"));
  assert_memory_equal(echo_buffer_bytes(kept), "kept", 4);
  echo_buffer_release(kept);
  echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
  assert_true(run("collectgarbage() collectgarbage()"));
  assert_int_equal(freed, 1);
}

#define WITH_PROGRAM(test) cmocka_unit_test_setup_teardown(test, open_program, close_program)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_PROGRAM(every_kind_of_value_goes_through_a_task),
      WITH_PROGRAM(every_kind_of_value_goes_through_a_call),
      WITH_PROGRAM(the_view_tells_each_argument_and_its_type),
      WITH_PROGRAM(getters_are_strict_and_say_what_they_expected),
      WITH_PROGRAM(text_has_no_zero_bytes_and_bytes_may_be_a_buffers),
      WITH_PROGRAM(what_it_cannot_be_given_is_refused_at_the_submit),
      WITH_PROGRAM(a_failure_is_the_tasks_error),
      WITH_PROGRAM(results_that_are_none_are_refused),
      WITH_PROGRAM(a_call_back_needs_a_name_and_a_function),
      WITH_PROGRAM(nothing_is_lost_for_want_of_memory),
      WITH_PROGRAM(results_too_large_for_the_workers_state_fail_the_task_for_memory),
      WITH_PROGRAM(it_travels_in_tables_and_upvalues_and_is_called_there),
      WITH_PROGRAM(it_runs_on_a_worker_with_a_priority_a_queue_and_a_name),
      WITH_PROGRAM(a_long_one_learns_that_it_is_to_end),
      WITH_PROGRAM(a_long_one_learns_that_its_scheduler_stops),
      WITH_PROGRAM(it_may_wait_for_tasks_in_c_while_lua_tasks_go_on),
      WITH_PROGRAM(buffers_outlive_the_call_if_they_are_retained),
  };
  return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
