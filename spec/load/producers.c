/*
 * build/dev/spec/spec-load-producers [PRODUCERS [TASKS [WORKERS]]]
 *
 * Many threads submit to one scheduler: first C threads, then as many host states, each on a thread
 * of its own, which collect their results. A few of the tasks are cancelled, a few wait in a named
 * queue. Each task is accounted for. docs/load.md says more.
 */
#include <echo/lua.h>

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                              \
      exit(1);                                                                                     \
    }                                                                                              \
  } while (0)

enum { MOST_PRODUCERS = 256 };

static unsigned producers = 16, workers = 2;
static long each; /* tasks of one producer */
static echo_scheduler *scheduler;
static atomic_long accepted, ran, done, failed, cancelled;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static echo_builder *new_builder(void) {
  echo_builder *builder;
  CHECK(echo_builder_create(&builder) == ECHO_OK);
  CHECK(echo_builder_with_worker_count(builder, workers) == ECHO_OK);
  CHECK(echo_builder_with_queue(builder, "few", 2) == ECHO_OK);
  return builder;
}

static void start_all(void *(*produce)(void *number)) {
  pthread_t threads[MOST_PRODUCERS];
  for (uintptr_t i = 0; i < producers; i++)
    CHECK(pthread_create(&threads[i], NULL, produce, (void *)i) == 0);
  for (unsigned i = 0; i < producers; i++)
    pthread_join(threads[i], NULL);
}

static void report(const char *what, double began) {
  echo_stats stats;
  CHECK(echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
  double seconds = now() - began;
  echo_scheduler_stats(scheduler, &stats);
  echo_scheduler_release(scheduler);
  long sum = atomic_load(&done) + atomic_load(&failed) + atomic_load(&cancelled);
  printf("%u %s: %ld accepted: %ld done, %ld failed, %ld cancelled; %.1f s\n", producers, what,
         atomic_load(&accepted), atomic_load(&done), atomic_load(&failed), atomic_load(&cancelled),
         seconds);
  CHECK(sum == atomic_load(&accepted) && sum == (long)producers * each);
  CHECK(stats.submitted == stats.ended && (long)stats.ended == sum);
}

/* -- C threads -------------------------------------------------------------------------------- */

static void run(void *argument) {
  (void)argument;
  atomic_fetch_add_explicit(&ran, 1, memory_order_relaxed);
}

static void note_end(void *argument, int status) {
  (void)argument;
  atomic_fetch_add_explicit(status == ECHO_OK ? &done : &cancelled, 1, memory_order_relaxed);
}

static void *produce(void *number) {
  for (long i = 0; i < each; i++) {
    const echo_task_options options = {.priority = (echo_priority)(i % 3 - 1),
                                       .queue = i % 16 == 5 ? "few" : NULL,
                                       .on_end = note_end};
    echo_task *task, **handle = i % 64 == 7 ? &task : NULL;
    CHECK(echo_scheduler_submit(scheduler, &options, run, number, handle) == ECHO_OK);
    atomic_fetch_add_explicit(&accepted, 1, memory_order_relaxed);
    if (handle == NULL) continue;
    echo_task_cancel(task); /* if it comes in time */
    echo_task_release(task);
  }
  return NULL;
}

static void load_from_threads(void) {
  echo_builder *builder = new_builder();
  CHECK(echo_builder_build(builder, &scheduler) == ECHO_OK);
  echo_builder_destroy(builder);
  double began = now();
  start_all(produce);
  report("threads", began);
  long calls = atomic_load(&ran); /* some were cancelled while they ran */
  CHECK(calls >= atomic_load(&done) && calls <= (long)producers * each);
}

/* -- host states ------------------------------------------------------------------------------ */

static const char script[] =
    "local s, number, count = ... "
    "local counts, window = {done = 0, failed = 0, cancelled = 0}, {} "
    "local function work(x) if x % 50 == 0 then error('fails') end return x + 1 end "
    "local function take(entry) "
    "  if not entry then return end "
    "  local ok, result = entry.task:pwait(600) "
    "  local status = entry.task:status() "
    "  assert(ok == (status == 'done') and (not ok or result == entry.i + 1), tostring(result)) "
    "  counts[status] = counts[status] + 1 "
    "end "
    "for i = 1, count do "
    "  local at = i % 1000 "
    "  take(window[at]) "
    "  local task = s:submit({queue = i % 16 == 5 and 'few' or nil, "
    "    priority = i % 3 == number % 3 and 'high' or nil}, work, i) "
    "  if i % 64 == 7 then task:cancel() end "
    "  window[at] = {i = i, task = task} "
    "end "
    "for _, entry in pairs(window) do take(entry) end "
    "return counts.done, counts.failed, counts.cancelled";

static void fetch(lua_State *L, int index, atomic_long *sum) {
  atomic_fetch_add(sum, (long)lua_tointeger(L, index));
  atomic_fetch_add(&accepted, (long)lua_tointeger(L, index));
}

static void *produce_in_state(void *number) {
  lua_State *L = luaL_newstate();
  CHECK(L != NULL);
  luaL_openlibs(L);
  luaL_requiref(L, "echo", luaopen_echo, 0);
  CHECK(luaL_loadstring(L, script) == LUA_OK);
  CHECK(echo_lua_push_scheduler(L, scheduler) == ECHO_OK);
  lua_pushinteger(L, (lua_Integer)(uintptr_t)number);
  lua_pushinteger(L, each);
  if (lua_pcall(L, 3, 3, 0) != LUA_OK) {
    fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
    exit(1);
  }
  fetch(L, -3, &done);
  fetch(L, -2, &failed);
  fetch(L, -1, &cancelled);
  lua_close(L);
  return NULL;
}

static void load_from_states(void) {
  echo_builder *builder = new_builder();
  CHECK(echo_lua_build(builder, NULL, &scheduler) == ECHO_OK);
  echo_builder_destroy(builder);
  double began = now();
  start_all(produce_in_state);
  report("host states", began);
}

int main(int count, char **arguments) {
  if (count > 1) producers = (unsigned)strtoul(arguments[1], NULL, 10);
  long tasks = count > 2 ? strtol(arguments[2], NULL, 10) : 1000000;
  if (count > 3) workers = (unsigned)strtoul(arguments[3], NULL, 10);
  CHECK(producers > 0 && producers <= MOST_PRODUCERS);
  each = tasks / producers;
  load_from_threads();
  atomic_store(&accepted, 0);
  atomic_store(&done, 0);
  atomic_store(&cancelled, 0);
  load_from_states();
  return 0;
}
