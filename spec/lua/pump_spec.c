/* Programs with states on several threads: pumping, being woken, sharing a scheduler, leaving. */
#include <echo/lua.h>

#include <dirent.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "lua/job.h"
#include "lua/module.h"
#include "lua/shared.h"
#include "support/spec.h"

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 1);
  lua_pop(L, 1);
  return L;
}

/* Not an assertion: this runs on any thread. */
static bool run(lua_State *L, const char *code) {
  if (luaL_dostring(L, code) == LUA_OK) return true;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  return false;
}

static lua_Integer get(lua_State *L, const char *name) {
  lua_getglobal(L, name);
  lua_Integer value = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return value;
}

static const char counting[] = "count = 0\n"
                               "local function add(task) count = count + task:wait() end\n"
                               "function submit(n)\n"
                               "  for i = 1, n do s:submit(math.abs, -1):on_complete(add) end\n"
                               "end\n";

static const char build[] = "s = echo.builder():with_worker_count(2):build()";

/* -- pump ------------------------------------------------------------------------------------- */

IT(pump_delivers_and_returns_the_count) {
  lua_State *L = new_state();
  assert_int_equal(echo_lua_pump(L, 0), 0);
  assert_true(run(L, build) && run(L, counting));
  assert_true(run(L, "local t = s:submit(math.abs, -1); t:wait()\n"
                     "for i = 1, 5 do t:on_complete(function() count = count + 1 end) end"));
  assert_int_equal(echo_lua_pump(L, 0), 5);
  assert_int_equal(get(L, "count"), 5);
  assert_int_equal(echo_lua_pump(L, 0), 0);
  assert_int_equal(echo_lua_pump(L, 0.01), 0);
  assert_true(run(L, "submit(1)"));
  assert_int_equal(echo_lua_pump(L, -1), 1);
  assert_true(run(L, "submit(1)"));
  assert_int_equal(echo_lua_pump(L, 60), 1);
  assert_int_equal(get(L, "count"), 7);
  assert_int_equal(lua_gettop(L), 0);
  lua_close(L);
}

IT(pump_may_be_called_with_any_coroutine_of_the_state) {
  lua_State *L = new_state();
  assert_true(run(L, build) && run(L, counting) && run(L, "submit(1)"));
  lua_State *coroutine = lua_newthread(L);
  assert_int_equal(echo_lua_pump(coroutine, -1), 1);
  assert_int_equal(get(L, "count"), 1);
  lua_close(L);
}

static int pump_late(lua_State *L) {
  int *statuses = *(int **)lua_touserdata(L, 1);
  statuses[0] = echo_lua_pump(L, 0);
  statuses[1] = echo_lua_set_wakeup(L, NULL, NULL);
  return 0;
}

IT(is_refused_in_a_state_that_is_closing) {
  lua_State *L = luaL_newstate();
  int statuses[2] = {99, 99};
  *(int **)lua_newuserdatauv(L, sizeof(int *), 0) = statuses;
  lua_newtable(L);
  lua_pushcfunction(L, pump_late);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 1);
  assert_true(run(L, build) && run(L, counting) && run(L, "submit(10)"));
  lua_close(L);
  assert_int_equal(statuses[0], ECHO_INVALID);
  assert_int_equal(statuses[1], ECHO_INVALID);
}

/* -- who ends a task is held up before he tells ----------------------------------------------- */

static echo__shared *shared_of(lua_State *L, const char *name) {
  const echo__shared_type *type;
  lua_getglobal(L, name);
  echo__shared *shared = echo__handle_at(L, -1, &type)->shared;
  lua_pop(L, 1);
  return shared;
}

typedef struct holder {
  echo__runtime *runtime;
  echo__job *job;
  spec_gate held;
} holder;

/* Nobody can be told meanwhile: what watches a job is under one of these. */
static void *hold_until_ended(void *argument) {
  holder *h = argument;
  for (int i = 0; i < ECHO__STRIPES; i++)
    uv_mutex_lock(&h->runtime->stripes[i]);
  spec_gate_open(&h->held);
  SPEC_UNTIL(echo__job_has_ended(h->job));
  for (int i = 0; i < 20; i++)
    spec_nap();
  for (int i = 0; i < ECHO__STRIPES; i++)
    uv_mutex_unlock(&h->runtime->stripes[i]);
  return NULL;
}

/* Leaves a state with a task `t` that has ended and whose call-back was not posted yet. */
static lua_State *caught_in_between(holder *h, spec_threads *threads) {
  lua_State *L = new_state();
  *h = (holder){0};
  spec_gate_init(&h->held);
  assert_true(run(L, build));
  assert_true(run(L, "order = ''\n"
                     "t = s:submit(os.execute, 'sleep 0.05')\n"
                     "t:on_complete(function() order = order .. 1 end)"));
  h->runtime = (echo__runtime *)shared_of(L, "s");
  h->job = (echo__job *)shared_of(L, "t");
  spec_threads_add(threads, hold_until_ended, h);
  spec_gate_wait(&h->held);
  SPEC_UNTIL(echo__job_has_ended(h->job));
  return L;
}

IT(pump_has_the_call_back_of_a_task_that_was_seen_to_have_ended) {
  static const char *const looks[] = {"t:status()", "t:wait()", "t:pwait(0)", "echo.await(t)",
                                      "t:on_complete(function() end)"};
  for (size_t i = 0; i < SPEC_COUNT(looks); i++) {
    holder h;
    spec_threads threads = {0};
    lua_State *L = caught_in_between(&h, &threads);
    assert_true(run(L, looks[i]));
    assert_true(echo_lua_pump(L, 0) >= 1);
    assert_true(run(L, "assert(order == '1')"));
    spec_threads_join(&threads);
    lua_close(L);
  }
}

IT(pump_keeps_the_order_of_call_backs_before_and_after_the_end) {
  for (int i = 0; i < SPEC_ROUNDS(20) + 1; i++) {
    holder h;
    spec_threads threads = {0};
    lua_State *L = caught_in_between(&h, &threads);
    assert_true(run(L, "t:on_complete(function() order = order .. 2 end)"));
    assert_int_equal(echo_lua_pump(L, 0), 2);
    assert_true(run(L, "assert(order == '12')"));
    spec_threads_join(&threads);
    lua_close(L);
  }
}

/* -- being woken ------------------------------------------------------------------------------ */

typedef struct bell {
  pthread_mutex_t mutex;
  pthread_cond_t rung;
  int rings, total;
} bell;

#define BELL                                                                                       \
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 }

static void ring(void *argument) {
  bell *b = argument;
  pthread_mutex_lock(&b->mutex);
  b->rings++;
  b->total++;
  pthread_cond_signal(&b->rung);
  pthread_mutex_unlock(&b->mutex);
}

static void await(bell *b) {
  pthread_mutex_lock(&b->mutex);
  while (b->rings == 0)
    pthread_cond_wait(&b->rung, &b->mutex);
  b->rings = 0;
  pthread_mutex_unlock(&b->mutex);
}

IT(a_program_is_woken_once_for_many_results) {
  lua_State *L = new_state();
  bell b = BELL;
  assert_int_equal(echo_lua_set_wakeup(L, ring, &b), ECHO_OK);
  assert_true(run(L, build) && run(L, counting));
  for (int round = 1; round <= 20; round++) {
    assert_true(run(L, "submit(50); s:submit(math.abs, 1):wait()"));
    lua_Integer count = 0;
    while (count < 50) {
      await(&b);
      count += echo_lua_pump(L, 0);
    }
    assert_int_equal(count, 50);
    assert_int_equal(get(L, "count"), round * 50);
  }
  assert_true(b.total >= 20);
  assert_true(run(L, "tasks = {}; for i = 1, 50 do tasks[i] = s:submit(math.abs, 1) end\n"
                     "for i = 1, 50 do tasks[i]:wait() end"));
  int before = b.total;
  assert_true(run(L, "for i = 1, 50 do tasks[i]:on_complete(function() end) end"));
  assert_int_equal(b.total, before + 1);
  assert_int_equal(echo_lua_pump(L, 0), 50);
  assert_int_equal(echo_lua_set_wakeup(L, NULL, NULL), ECHO_OK);
  assert_true(run(L, "submit(10)"));
  assert_int_equal(echo_lua_pump(L, -1) > 0, 1);
  assert_int_equal(b.total, before + 1);
  lua_close(L);
}

/* -- threads ---------------------------------------------------------------------------------- */

enum { STATES = 4, ROUNDS = SPEC_ROUNDS(200), BATCH = 20 };

typedef struct owner {
  echo__shared *scheduler; /* to be shared, or NULL: each has its own */
  lua_Integer count;
  bool well;
} owner;

/* Gives the state a scheduler that another one has built. */
static void borrow(lua_State *L, echo__shared *scheduler) {
  echo_scheduler *core = ((echo__runtime *)(void *)scheduler)->scheduler;
  assert_int_equal(echo_lua_push_scheduler(L, core), ECHO_OK);
  assert_ptr_equal(echo_lua_to_scheduler(L, -1), core);
  lua_setglobal(L, "s");
}

static void *work(void *argument) {
  owner *o = argument;
  bell b = BELL;
  lua_State *L = new_state();
  o->well = echo_lua_set_wakeup(L, ring, &b) == ECHO_OK && run(L, counting);
  if (o->scheduler != NULL)
    borrow(L, o->scheduler);
  else
    o->well = o->well && run(L, build);
  for (int i = 0; i < ROUNDS && o->well; i++) {
    o->well = run(L, "submit(20)");
    while (o->well && get(L, "count") < (i + 1) * BATCH) {
      await(&b);
      o->well = echo_lua_pump(L, 0) >= 0;
    }
  }
  o->count = get(L, "count");
  lua_close(L);
  return NULL;
}

static void work_on_threads(echo__shared *scheduler) {
  owner owners[STATES] = {0};
  spec_threads threads = {0};
  for (int i = 0; i < STATES; i++) {
    owners[i].scheduler = scheduler;
    spec_threads_add(&threads, work, &owners[i]);
  }
  spec_threads_join(&threads);
  for (int i = 0; i < STATES; i++) {
    assert_true(owners[i].well);
    assert_int_equal(owners[i].count, ROUNDS * BATCH);
  }
}

IT(several_states_each_with_a_scheduler_get_their_own_results) {
  work_on_threads(NULL);
}

IT(several_states_that_share_a_scheduler_get_their_own_results) {
  lua_State *L = new_state();
  assert_true(run(L, build));
  work_on_threads(shared_of(L, "s"));
  assert_int_equal(echo_lua_pump(L, 0), 0);
  lua_close(L);
}

/* Each way in which a task can be in flight; the owner's goes on. The loops call into C's library:
 * the thread sanitizer delivers signals there only. */
IT(a_state_that_closes_cancels_its_own_tasks_and_no_others) {
  lua_State *builder = new_state(), *guest = new_state();
  assert_true(run(builder, "s = echo.builder():with_worker_count(2):build()\n"
                           "mine = s:submit(function() require('echo').sleep(0.05) return 7 end)"));
  borrow(guest, shared_of(builder, "s"));
  assert_true(
      run(guest,
          "for i = 1, 2 do s:submit(function() while true do local _ = tostring(1.5) end end) end\n"
          "s:submit({ delay = 1000 }, print)\n"
          "s:submit(function() require('echo').sleep(1000) end)\n"
          "s:map(function() while true do local _ = tostring(1.5) end end, { 1, 2, 3 })\n"
          "for i = 1, 100 do s:submit(print) end\n"
          "assert(not pcall(s.stop, s))"));
  lua_close(guest);
  assert_true(run(builder, "assert(mine:wait() == 7)\n"
                           "assert(s:submit(math.abs, -1):wait() == 1)\n"
                           "assert(s:stop())"));
  lua_close(builder);
}

IT(only_schedulers_with_lua_workers_are_pushed) {
  lua_State *L = new_state();
  echo_builder *builder;
  echo_scheduler *scheduler;
  assert_int_equal(echo_builder_create(&builder), ECHO_OK);
  assert_int_equal(echo_builder_build(builder, &scheduler), ECHO_OK);
  assert_int_equal(echo_lua_push_scheduler(L, scheduler), ECHO_INVALID);
  assert_int_equal(lua_gettop(L), 0);
  lua_pushinteger(L, 1);
  assert_null(echo_lua_to_scheduler(L, -1));
  echo_builder_destroy(builder);
  echo_scheduler_release(scheduler);
  lua_close(L);
}

static const char busy[] =
    "for i = 1, 20 do\n"
    "  local t = s:submit(math.abs, -1)\n"
    "  t:on_complete(function(task) task:wait() end)\n"
    "  coroutine.wrap(function() echo.await(t) end)()\n"
    "  coroutine.wrap(function() echo.pawait(t, i % 2 == 0 and 1000 or 0.0001) end)()\n"
    "end";

static void *come_and_go(void *argument) {
  owner *o = argument;
  o->well = true;
  for (int i = 0; i < ROUNDS / 4 && o->well; i++) {
    bell b = BELL;
    lua_State *L = new_state();
    borrow(L, o->scheduler);
    o->well = echo_lua_set_wakeup(L, ring, &b) == ECHO_OK && run(L, busy) && run(L, "s:fd()");
    if (i % 2 == 0) echo_lua_pump(L, 0);
    lua_close(L);
  }
  return NULL;
}

static int count_descriptors(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/fd");
  if (folder == NULL) return 0;
  while (readdir(folder) != NULL)
    count++;
  closedir(folder);
  return count;
}

IT(states_may_close_at_any_time_and_harm_nobody) {
  lua_State *L = new_state();
  owner owners[STATES] = {0};
  spec_threads threads = {0};
  assert_true(run(L, build) && run(L, "s:submit(math.abs, 1):wait()"));
  int descriptors = count_descriptors();
  for (int i = 0; i < STATES; i++) {
    owners[i].scheduler = shared_of(L, "s");
    spec_threads_add(&threads, come_and_go, &owners[i]);
  }
  spec_threads_join(&threads);
  for (int i = 0; i < STATES; i++)
    assert_true(owners[i].well);
  assert_int_equal(count_descriptors(), descriptors);
  assert_true(run(L, counting) && run(L, "submit(10)"));
  while (get(L, "count") < 10)
    assert_true(echo_lua_pump(L, -1) > 0);
  lua_close(L);
}

/* The scheduler's owner stops it, or closes, while others wait for it. */
static void *wait_for_the_end(void *argument) {
  owner *o = argument;
  lua_State *L = new_state();
  borrow(L, o->scheduler);
  o->well = run(L, "count, ended = 0, 0\n"
                   "while true do\n"
                   "  local well, task = pcall(s.submit, s, math.abs, -1)\n"
                   "  if not well then assert(task.kind == 'stopped') break end\n"
                   "  count = count + 1\n"
                   "  task:on_complete(function() ended = ended + 1 end)\n"
                   "  coroutine.wrap(function() echo.pawait(task) ended = ended + 1 end)()\n"
                   "  s:poll()\n"
                   "end\n"
                   "while ended < 2 * count do s:poll(10) end\n"
                   "assert(select(2, s:poll()) == 0)");
  lua_close(L);
  return NULL;
}

IT(states_learn_of_everything_that_a_stop_elsewhere_ends) {
  for (int i = 0; i < SPEC_ROUNDS(20) + 1; i++) {
    lua_State *L = new_state();
    owner owners[STATES] = {0};
    spec_threads threads = {0};
    assert_true(run(L, build) && run(L, "s:submit(math.abs, 1):wait()"));
    for (int j = 0; j < STATES; j++) {
      owners[j].scheduler = shared_of(L, "s");
      echo__shared_retain(owners[j].scheduler);
      spec_threads_add(&threads, wait_for_the_end, &owners[j]);
    }
    spec_nap();
    if (i % 2 == 0) assert_true(run(L, "s:stop { mode = 'cancel' }"));
    lua_close(L);
    spec_threads_join(&threads);
    for (int j = 0; j < STATES; j++) {
      assert_true(owners[j].well);
      echo__shared_release(owners[j].scheduler);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pump_delivers_and_returns_the_count),
      cmocka_unit_test(pump_may_be_called_with_any_coroutine_of_the_state),
      cmocka_unit_test(pump_has_the_call_back_of_a_task_that_was_seen_to_have_ended),
      cmocka_unit_test(pump_keeps_the_order_of_call_backs_before_and_after_the_end),
      cmocka_unit_test(is_refused_in_a_state_that_is_closing),
      cmocka_unit_test(a_program_is_woken_once_for_many_results),
      cmocka_unit_test(several_states_each_with_a_scheduler_get_their_own_results),
      cmocka_unit_test(several_states_that_share_a_scheduler_get_their_own_results),
      cmocka_unit_test(a_state_that_closes_cancels_its_own_tasks_and_no_others),
      cmocka_unit_test(only_schedulers_with_lua_workers_are_pushed),
      cmocka_unit_test(states_may_close_at_any_time_and_harm_nobody),
      cmocka_unit_test(states_learn_of_everything_that_a_stop_elsewhere_ends),
  };
  return cmocka_run_group_tests_name("pump", tests, NULL, NULL);
}
