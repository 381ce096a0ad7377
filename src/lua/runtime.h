/*
 * What the Lua side of one scheduler is made of, and who owns it.
 *
 *   client    one per host state and scheduler: what the scheduler's and the tasks' userdata hold.
 *             Used by the host's thread only.
 *   runtime   one per scheduler: the core scheduler, the workers' states, the pool of jobs.
 *   worker state  one per worker: its lua_State and what belongs to it. Used by the worker's thread
 *             only.
 *   job       one per submit: function, arguments, results (job.h).
 *
 * The client owns the runtime. It is freed when the scheduler's userdata and all task userdata are
 * gone; then the scheduler is stopped, if nobody did, and the runtime goes too. A worker that had
 * to be left behind keeps the runtime for ever.
 */
#ifndef ECHO_LUA_RUNTIME_H
#define ECHO_LUA_RUNTIME_H

#include <echo/scheduler.h>
#include <lua.h>
#include <uv.h>

#include "base/pool.h"
#include "lua/alloc.h"
#include "lua/codec.h"
#include "lua/message.h"

/* Seconds that running tasks have when a scheduler goes without having been stopped. */
#define ECHO__EXIT_GRACE 2.0

/* A call of with_setup: a function and its arguments, for each worker's new state. */
typedef struct echo__setup {
  struct echo__setup *next;
  echo__message call;
} echo__setup;

/* What the workers' states are made from. */
typedef struct echo__recipe {
  char *path, *cpath; /* allocated */
  echo__setup *setups;
} echo__recipe;

void echo__recipe_close(echo__recipe *recipe);

typedef struct echo__worker_state {
  ECHO__ALIGNED lua_State *L; /* NULL if it could not be made */
  bool ready;                 /* false if it was not made completely, its setup included */
  lua_State *coroutine;       /* where tasks run */
  echo__codec *codec;
  echo__alloc alloc;
  echo__cache jobs;
  uint64_t map; /* the id of the map whose function is kept, or 0 */
} echo__worker_state;

typedef struct echo__runtime {
  echo_scheduler *scheduler;
  echo__recipe recipe;
  echo__pool jobs;
  uv_mutex_t outside_mutex; /* guards `outside` */
  echo__cache outside;      /* for jobs that end on neither the host's nor a worker's thread */
  unsigned workers;
  echo__worker_state *states;   /* one a worker */
  echo__atomic(bool) abandoned; /* a worker was left behind: its task is lost */
} echo__runtime;

typedef struct echo__client {
  echo__runtime *runtime;
  echo__cache jobs;
  size_t handles; /* userdata that hold this client */
} echo__client;

/* Builds the core scheduler from the builder. Takes over what the recipe holds, unless it fails.
 * ECHO_OK, ECHO_BUILT or ECHO_MEMORY. Any thread. */
int echo__runtime_create(echo_builder *builder, echo__recipe *recipe, echo__runtime **runtime);

/* Stops the scheduler if that has not been done and frees everything, unless a worker was left
 * behind. Not a worker's thread. */
void echo__runtime_destroy(echo__runtime *runtime);

/* A client with one handle and, until the caller sets it, no runtime; NULL without memory. */
echo__client *echo__client_create(void);

/* Drops a handle; the last one frees the client and destroys the runtime. */
void echo__client_drop(echo__client *client);

#endif
