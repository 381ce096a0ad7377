/*
 * A Lua module for the benchmarks: what bare threads reach, to be measured in the same process as
 * what stands beside it.
 *
 * `floor.round_trips(n, pause)`: a list of n times, in microseconds; one thread wakes the other,
 * which wakes it in turn, with `pause` seconds between.
 *
 * `floor.signals(n, pause, threads)`: the same of so many threads that spin, of which one is sent a
 * signal, until it has seen what the handler did.
 *
 * `floor.run(code, threads)`: the seconds that a chunk takes in as many bare states, each in a
 * thread.
 *
 * `floor.now()`: the seconds of the clock that never goes back. `floor.pause(seconds)`.
 *
 * `floor.copy(text, n)` copies a string n times within the state.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <uv.h>

#include "base/wait.h"

typedef struct pair {
  echo__word there, back;
} pair;

static void wait_for(echo__word *word, uint32_t value) {
  uint32_t seen;
  while ((seen = echo__load(word, acquire)) != value)
    echo__word_wait(word, seen, ECHO__FOREVER);
}

static void pass(echo__word *word, uint32_t value) {
  echo__store(word, value, release);
  echo__word_wake_one(word);
}

enum { END = UINT32_MAX };

static void answer(void *argument) {
  pair *p = argument;
  for (uint32_t seen = 0;;) {
    echo__word_wait(&p->there, seen, ECHO__FOREVER);
    uint32_t value = echo__load(&p->there, acquire);
    if (value == (uint32_t)END) return;
    if (value == seen) continue;
    seen = value;
    pass(&p->back, value);
  }
}

static void rest(double seconds) {
  struct timespec pause = {.tv_sec = (time_t)seconds,
                           .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&pause, NULL);
}

static int round_trips(lua_State *L) {
  lua_Integer count = luaL_checkinteger(L, 1);
  double pause = luaL_checknumber(L, 2);
  pair p = {0};
  uv_thread_t thread;
  lua_createtable(L, (int)count, 0);
  if (uv_thread_create(&thread, answer, &p) != 0) return luaL_error(L, "no thread to be had");
  for (uint32_t i = 1; i <= count; i++) {
    rest(pause);
    uint64_t start = echo__now();
    pass(&p.there, i);
    wait_for(&p.back, i);
    lua_pushnumber(L, (lua_Number)(echo__now() - start) / 1e3);
    lua_rawseti(L, -2, i);
  }
  pass(&p.there, END);
  uv_thread_join(&thread);
  return 1;
}

/* -- a signal to a thread that spins ---------------------------------------------------------- */

enum { MOST_THREADS = 64 };

static echo__atomic(bool) told, over;
static echo__atomic(uint64_t) seen_at;

static void on_signal(int number) {
  (void)number;
  echo__store(&told, true, relaxed);
}

static void *spin(void *first) {
  while (!echo__load(&over, relaxed)) {
    if (first == NULL || !echo__load(&told, relaxed)) continue;
    echo__store(&told, false, relaxed);
    echo__store(&seen_at, echo__now(), release);
  }
  return NULL;
}

static double time_signal(pthread_t thread, double pause) {
  rest(pause);
  echo__store(&seen_at, 0, relaxed);
  uint64_t start = echo__now(), seen;
  pthread_kill(thread, SIGUSR1);
  while ((seen = echo__load(&seen_at, acquire)) == 0)
    rest(20e-6);
  return (double)(seen - start) / 1e3;
}

static unsigned check_threads(lua_State *L, int argument) {
  lua_Integer threads = luaL_checkinteger(L, argument);
  luaL_argcheck(L, threads >= 1 && threads <= MOST_THREADS, argument, "threads: 1 to 64");
  return (unsigned)threads;
}

static int signals(lua_State *L) {
  lua_Integer count = luaL_checkinteger(L, 1);
  double pause = luaL_checknumber(L, 2);
  unsigned threads = check_threads(L, 3);
  pthread_t spinners[MOST_THREADS];
  signal(SIGUSR1, on_signal);
  echo__store(&over, false, relaxed);
  lua_createtable(L, (int)count, 0);
  for (unsigned i = 0; i < threads; i++)
    pthread_create(&spinners[i], NULL, spin, i == 0 ? &told : NULL);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_pushnumber(L, time_signal(spinners[0], pause));
    lua_rawseti(L, -2, i);
  }
  echo__store(&over, true, relaxed);
  for (unsigned i = 0; i < threads; i++)
    pthread_join(spinners[i], NULL);
  return 1;
}

/* -- Lua in bare threads ---------------------------------------------------------------------- */

static void *run_state(void *code) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  bool well = luaL_dostring(L, code) == LUA_OK;
  lua_close(L);
  return well ? code : NULL;
}

static int run(lua_State *L) {
  const char *code = luaL_checkstring(L, 1);
  unsigned threads = check_threads(L, 2);
  pthread_t runners[MOST_THREADS];
  uint64_t start = echo__now();
  bool well = true;
  for (unsigned i = 0; i < threads; i++)
    pthread_create(&runners[i], NULL, run_state, (void *)code);
  for (unsigned i = 0; i < threads; i++) {
    void *result;
    pthread_join(runners[i], &result);
    well = well && result != NULL;
  }
  if (!well) return luaL_error(L, "the chunk failed");
  lua_pushnumber(L, (lua_Number)(echo__now() - start) / 1e9);
  return 1;
}

static int pause_for(lua_State *L) {
  rest(luaL_checknumber(L, 1));
  return 0;
}

static int now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)echo__now() / 1e9);
  return 1;
}

/* The state takes each copy for garbage at once, as it does with a string that came and was used.
 */
static int copy(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  for (lua_Integer i = luaL_checkinteger(L, 2); i > 0; i--) {
    lua_pushlstring(L, text, size);
    lua_pop(L, 1);
  }
  return 0;
}

__attribute__((visibility("default"))) int luaopen_floor(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"round_trips", round_trips}, {"signals", signals}, {"run", run}, {"now", now},
      {"pause", pause_for},         {"copy", copy},       {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
