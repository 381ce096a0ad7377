#include "lua/stats.h"

#include <lauxlib.h>

#include "lua/check.h"

static void set_count(lua_State *L, const char *name, uint64_t value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, name);
}

static void set_seconds(lua_State *L, const char *name, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

/* -- priorities ------------------------------------------------------------------------------- */

static void set_distribution(lua_State *L, const char *name, const echo_distribution *d) {
  lua_createtable(L, 0, 6);
  set_count(L, "count", d->count);
  set_seconds(L, "sum", d->sum);
  set_seconds(L, "p50", d->p50);
  set_seconds(L, "p90", d->p90);
  set_seconds(L, "p99", d->p99);
  set_seconds(L, "max", d->max);
  lua_setfield(L, -2, name);
}

static void set_priorities(lua_State *L, echo__runtime *runtime, const echo_stats *stats) {
  lua_createtable(L, 0, ECHO_PRIORITIES);
  for (int priority = ECHO_PRIORITY_LOW; priority <= ECHO_PRIORITY_HIGH; priority++) {
    echo_timings timings;
    echo_scheduler_timings(runtime->scheduler, (echo_priority)priority, &timings);
    lua_createtable(L, 0, 4);
    set_count(L, "queued", stats->queued[ECHO_RANK(priority)]);
    set_count(L, "running", stats->running[ECHO_RANK(priority)]);
    set_distribution(L, "waited", &timings.waited);
    set_distribution(L, "ran", &timings.ran);
    lua_setfield(L, -2, echo__priority_name((echo_priority)priority));
  }
  lua_setfield(L, -2, "per_priority");
}

/* -- queues and workers ----------------------------------------------------------------------- */

static void set_queues(lua_State *L, echo__runtime *runtime) {
  echo_named_queue_stats queue;
  lua_newtable(L);
  for (unsigned i = 0; echo_scheduler_queue_stats(runtime->scheduler, i, &queue) == ECHO_OK; i++) {
    lua_createtable(L, 0, 3);
    set_count(L, "limit", queue.limit);
    set_count(L, "queued", queue.queued);
    set_count(L, "running", queue.running);
    lua_setfield(L, -2, queue.name);
  }
  lua_setfield(L, -2, "per_queue");
}

/* The sum of what they were interrupted. */
static uint64_t set_workers(lua_State *L, echo__runtime *runtime) {
  uint64_t interrupted = 0;
  lua_createtable(L, (int)runtime->workers, 0);
  for (unsigned i = 0; i < runtime->workers; i++) {
    echo_worker_stats worker;
    echo_scheduler_worker_stats(runtime->scheduler, i, &worker);
    uint64_t made_way = echo__load(&runtime->states[i].made_way, relaxed);
    interrupted += made_way;
    lua_createtable(L, 0, 7);
    set_count(L, "executed", worker.executed);
    set_count(L, "stolen", worker.stolen);
    set_count(L, "parked", worker.parked);
    set_count(L, "interrupted", made_way);
    set_seconds(L, "busy", worker.busy);
    set_count(L, "memory", echo__alloc_used(&runtime->states[i].alloc));
    lua_pushboolean(L, worker.urgent);
    lua_setfield(L, -2, "urgent");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "per_worker");
  return interrupted;
}

/* -- the whole -------------------------------------------------------------------------------- */

/* Ends first: a task that is seen to have ended is seen to have been submitted. */
static void set_tasks(lua_State *L, echo__runtime *runtime) {
  uint64_t done = echo__tally_ended(runtime, ECHO__TALLY_DONE);
  uint64_t failed = echo__tally_ended(runtime, ECHO__TALLY_FAILED);
  uint64_t cancelled = echo__tally_ended(runtime, ECHO__TALLY_CANCELLED);
  uint64_t further = echo__load(&runtime->further, relaxed);
  echo_stats stats;
  echo_scheduler_stats(runtime->scheduler, &stats);
  set_count(L, "submitted", stats.submitted - further);
  set_count(L, "ended", done + failed + cancelled);
  set_count(L, "completed", done);
  set_count(L, "failed", failed);
  set_count(L, "cancelled", cancelled);
  set_count(L, "suspended", stats.suspended);
  set_count(L, "workers", stats.workers);
  set_count(L, "urgent_workers", stats.urgent_workers);
  set_count(L, "stolen", stats.stolen);
  set_count(L, "parked", stats.parked);
  set_count(L, "task_bytes", stats.task_bytes + echo__pool_bytes(&runtime->jobs));
  set_priorities(L, runtime, &stats);
}

void echo__stats_push(lua_State *L, echo__runtime *runtime) {
  lua_createtable(L, 0, 15);
  set_tasks(L, runtime);
  set_queues(L, runtime);
  set_count(L, "interrupted", set_workers(L, runtime));
}
