#include "lua/builder.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lua/argument.h"
#include "lua/check.h"
#include "lua/encode.h"
#include "lua/error.h"
#include "lua/host.h"
#include "lua/runtime.h"
#include "lua/scheduler.h"

/* A task in so many is timed: what that costs is lost beside what a Lua task does. */
enum { ECHO__USUAL_TIMINGS = 32 };

typedef struct builder {
  echo_builder *core; /* NULL until acquired and after it was built */
  echo__recipe recipe;
  bool built;
} builder;

int echo__builder_new(lua_State *L) {
  luaL_argcheck(L, lua_isnone(L, 1), 1, "none expected: a builder is told by its methods");
  echo__host *host = echo__host_of(L);
  builder *b = lua_newuserdatauv(L, sizeof *b, 0);
  memset(b, 0, sizeof *b);
  echo__host_bless(L, host, ECHO__TYPE_BUILDER);
  if (echo_builder_create(&b->core) != ECHO_OK) return echo__fail_for_memory(L);
  echo_builder_with_timings(b->core, ECHO__USUAL_TIMINGS);
  return 1;
}

int echo__builder_gc(lua_State *L) {
  builder *b = lua_touserdata(L, 1);
  echo_builder_destroy(b->core);
  b->core = NULL;
  echo__recipe_close(&b->recipe);
  return 0;
}

static builder *check_open(lua_State *L) {
  builder *b = echo__host_check(L, echo__host_of(L), 1, ECHO__TYPE_BUILDER);
  if (b->built)
    luaL_error(L, "this builder has built its scheduler; make another with echo.builder()");
  if (b->core == NULL) echo__argument_error(L, 1, "this builder was closed with its state");
  return b;
}

static int same(lua_State *L) {
  lua_settop(L, 1);
  return 1;
}

static int with_worker_count(lua_State *L) {
  builder *b = check_open(L);
  lua_Integer count = echo__check_integer(L, 2, "worker count", 1, ECHO__MAX_WORKERS);
  if (echo_builder_with_worker_count(b->core, (unsigned)count) != ECHO_OK)
    return echo__argument_error(L, 2, "worker count: more than 1024 with the urgent workers");
  return same(L);
}

static int with_urgent_workers(lua_State *L) {
  builder *b = check_open(L);
  lua_Integer count = echo__check_integer(L, 2, "urgent workers", 0, ECHO__MAX_WORKERS - 1);
  if (echo_builder_with_urgent_workers(b->core, (unsigned)count) != ECHO_OK)
    return echo__argument_error(L, 2, "urgent workers: more than 1024 with the other workers");
  return same(L);
}

static int with_fairness(lua_State *L) {
  builder *b = check_open(L);
  lua_Integer count = echo__check_integer(L, 2, "fairness", 0, UINT_MAX);
  echo_builder_with_fairness(b->core, (unsigned)count);
  return same(L);
}

static int with_capacity(lua_State *L) {
  builder *b = check_open(L);
  lua_Integer count = echo__check_integer(L, 2, "capacity", 1, PTRDIFF_MAX);
  echo_builder_with_capacity(b->core, (size_t)count);
  return same(L);
}

static int with_pinning(lua_State *L) {
  builder *b = check_open(L);
  echo__check_type(L, 2, LUA_TBOOLEAN);
  if (echo_builder_with_pinning(b->core, lua_toboolean(L, 2)) != ECHO_OK) {
    return echo__argument_error(L, 2, "pinning: this system cannot keep threads on processors");
  }
  return same(L);
}

static int with_memory_limit(lua_State *L) {
  builder *b = check_open(L);
  b->recipe.memory_limit =
      (size_t)echo__check_integer(L, 2, "memory limit", ECHO__LEAST_MEMORY, PTRDIFF_MAX);
  return same(L);
}

/* The place of the second argument among the names. */
static int check_choice(lua_State *L, const char *const *names, const char *expected) {
  const char *text = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  for (int i = 0; names[i] != NULL; i++)
    if (strcmp(names[i], text) == 0) return i;
  return echo__argument_error(L, 2, expected);
}

/* ("signal" | "off") or ("count" [, instructions]) */
static int with_interrupts(lua_State *L) {
  builder *b = check_open(L);
  echo__interrupts_by by = (echo__interrupts_by)check_choice(
      L, echo__interrupts_names, "interrupts: \"signal\", \"count\" or \"off\" expected");
  if (by != ECHO__BY_COUNT) {
    if (!lua_isnoneornil(L, 3)) {
      echo__argument_error(L, 3, "instructions: only \"count\" has them");
    }
  } else if (!lua_isnoneornil(L, 3)) {
    b->recipe.period = (int)echo__check_integer(L, 3, "instructions", 1, INT_MAX);
  }
  b->recipe.interrupts_by = by;
  return same(L);
}

static int with_isolation(lua_State *L) {
  static const char *const kinds[] = {"none", "task", NULL};
  builder *b = check_open(L);
  b->recipe.isolates = check_choice(L, kinds, "isolation: \"none\" or \"task\" expected") == 1;
  return same(L);
}

static int with_timings(lua_State *L) {
  builder *b = check_open(L);
  lua_Integer every = echo__check_integer(L, 2, "timings", 0, 1000000);
  echo_builder_with_timings(b->core, (unsigned)every);
  return same(L);
}

static int with_name(lua_State *L) {
  builder *b = check_open(L);
  const char *name = echo__check_text(L, 2, "name");
  if (echo_builder_with_name(b->core, name) != ECHO_OK) return echo__fail_for_memory(L);
  return same(L);
}

static unsigned check_limit(lua_State *L) {
  static const char *const known[] = {"limit", NULL};
  if (!lua_istable(L, 3)) echo__type_error(L, 3, "{ limit = n }");
  echo__check_options(L, 3, known);
  lua_getfield(L, 3, "limit");
  int exact = 0;
  lua_Integer limit = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &exact) : 0;
  if (!exact || limit < 1 || limit > UINT_MAX) {
    echo__fail_option(L, 3, "limit", "an integer from 1 on");
  }
  return (unsigned)limit;
}

static int with_queue(lua_State *L) {
  builder *b = check_open(L);
  const char *name = echo__check_text(L, 2, "queue name");
  unsigned limit = check_limit(L);
  int status = echo_builder_with_queue(b->core, name, limit);
  if (status == ECHO_EXISTS) {
    return echo__argument_error(L, 2,
                                lua_pushfstring(L, "there is a queue named '%s' already", name));
  }
  if (status == ECHO_INVALID) {
    return echo__argument_error(
        L, 2, lua_pushfstring(L, "a scheduler has at most %d queues", (int)ECHO__NAMED_QUEUES));
  }
  if (status != ECHO_OK) return echo__fail_for_memory(L);
  return same(L);
}

static void append(echo__recipe *recipe, echo__setup *setup) {
  echo__setup **end = &recipe->setups;
  while (*end != NULL)
    end = &(*end)->next;
  *end = setup;
}

static void drop_last(echo__recipe *recipe) {
  echo__setup **last = &recipe->setups;
  while ((*last)->next != NULL)
    last = &(*last)->next;
  echo__message_release(&(*last)->call);
  free(*last);
  *last = NULL;
}

/* Encoded at once, so that what cannot travel is refused here and not when the workers start. */
static int with_setup(lua_State *L) {
  echo__host *host = echo__host_of(L);
  builder *b = check_open(L);
  echo__check_function(L, 2);
  echo__setup *setup = malloc(sizeof *setup);
  if (setup == NULL) return echo__fail_for_memory(L);
  setup->next = NULL;
  echo__message_init(&setup->call);
  append(&b->recipe, setup);
  int count = lua_gettop(L) - 1;
  int status = echo__encode(L, host->codec, 2, count, ECHO__ROOT_SETUP, 0, &setup->call);
  if (status != ECHO_OK) {
    drop_last(&b->recipe);
    return echo__error_raise(L, host, echo__kind_of_status(status));
  }
  return same(L);
}

static void set_text(lua_State *L, char **place, const char *text) {
  size_t bytes = strlen(text) + 1;
  char *copy = malloc(bytes);
  if (copy == NULL) echo__fail_for_memory(L);
  memcpy(copy, text, bytes);
  free(*place);
  *place = copy;
}

static int with_path(lua_State *L) {
  builder *b = check_open(L);
  const char *path = lua_isnoneornil(L, 2) ? NULL : echo__check_text(L, 2, "path");
  const char *cpath = lua_isnoneornil(L, 3) ? NULL : echo__check_text(L, 3, "cpath");
  if (path == NULL && cpath == NULL) return echo__argument_error(L, 2, "path: a string expected");
  if (path != NULL) set_text(L, &b->recipe.path, path);
  if (cpath != NULL) set_text(L, &b->recipe.cpath, cpath);
  return same(L);
}

/* What with_path did not set is as it stands in this state now. */
static void snapshot_path(lua_State *L, char **place, const char *field) {
  if (*place != NULL) return;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "package");
  const char *text = "";
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, field);
    if (lua_isstring(L, -1)) text = lua_tostring(L, -1);
  }
  set_text(L, place, text);
  lua_settop(L, 1);
}

static int build(lua_State *L) {
  echo__host *host = echo__host_of(L);
  builder *b = check_open(L);
  snapshot_path(L, &b->recipe.path, "path");
  snapshot_path(L, &b->recipe.cpath, "cpath");
  echo__scheduler_new(L, host);
  echo__runtime *runtime;
  if (echo__runtime_create(b->core, &b->recipe, &runtime) != ECHO_OK) {
    return echo__fail_for_memory(L);
  }
  echo__scheduler_built(L, runtime);
  echo__shared_release(&runtime->shared); /* the client has its own reference */
  b->built = true;
  echo_builder_destroy(b->core);
  b->core = NULL;
  return 1;
}

const luaL_Reg echo__builder_methods[] = {{"with_worker_count", with_worker_count},
                                          {"with_urgent_workers", with_urgent_workers},
                                          {"with_queue", with_queue},
                                          {"with_setup", with_setup},
                                          {"with_path", with_path},
                                          {"with_fairness", with_fairness},
                                          {"with_capacity", with_capacity},
                                          {"with_pinning", with_pinning},
                                          {"with_memory_limit", with_memory_limit},
                                          {"with_interrupts", with_interrupts},
                                          {"with_isolation", with_isolation},
                                          {"with_timings", with_timings},
                                          {"with_name", with_name},
                                          {"build", build},
                                          {NULL, NULL}};
