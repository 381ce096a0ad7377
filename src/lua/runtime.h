/*
 * What the Lua side of one scheduler is made of, and who owns it.
 *
 *   client    one per Lua state and scheduler: what the scheduler's and the tasks' userdata hold.
 *             Used by the state's thread only. The one of the state that built the scheduler owns
 *             it; those of the scheduler's own workers are part of their worker states.
 *   runtime   one per scheduler: the core scheduler, the workers' states, the pool of jobs.
 *   worker state  one per worker: its lua_State and what belongs to it. Used by the worker's thread
 *             only.
 *   job       one per submit: function, arguments, results (job.h).
 *
 * A client is freed when the scheduler's userdata and all task userdata of its state are gone. With
 * the owner's the scheduler is stopped, if nobody did that. A scheduler that a program has built
 * has no owner among the clients: the program stops it, and its release drops a reference that
 * stands for the program. The runtime is freed with the last reference. A worker that had to be
 * left behind keeps the runtime for ever.
 */
#ifndef ECHO_LUA_RUNTIME_H
#define ECHO_LUA_RUNTIME_H

#include <echo/scheduler.h>
#include <lua.h>
#include <signal.h>
#include <uv.h>

#include "base/fork.h"
#include "base/pool.h"
#include "lua/alloc.h"
#include "lua/codec.h"
#include "lua/message.h"
#include "lua/shared.h"
#include "lua/tally.h"

/* Seconds that running tasks have when a scheduler goes without having been stopped. */
#define ECHO__EXIT_GRACE 2.0

/* The least limit of a state's memory: less would not even hold a new one with its libraries. */
enum { ECHO__LEAST_MEMORY = 131072 };

/* A call of with_setup: a function and its arguments, for each worker's new state. */
typedef struct echo__setup {
  struct echo__setup *next;
  echo__message call;
} echo__setup;

/* How what runs is made to look up, whether it is to make way or to end; see interrupt.h. */
typedef enum echo__interrupts_by {
  ECHO__BY_SIGNAL,
  ECHO__BY_COUNT, /* it does so by itself, every so many instructions */
  ECHO__BY_NONE
} echo__interrupts_by;

extern const char *const echo__interrupts_names[]; /* in that order, and NULL */

/* Instructions between two looks by count, as usual. */
enum { ECHO__PERIOD = 10000 };

/* What a program has a say in, see echo_lua_config. */
typedef struct echo__callbacks {
  void *data;
  lua_State *(*newstate)(unsigned worker, void *data);
  void (*openlibs)(lua_State *L, unsigned worker, void *data);
  void (*closing)(lua_State *L, unsigned worker, void *data);
  void (*closed)(unsigned worker, void *data);
} echo__callbacks;

/* What the workers' states are made from. */
typedef struct echo__recipe {
  char *path, *cpath; /* allocated; NULL in one of a program's: as it is in a new state */
  echo__setup *setups;
  size_t memory_limit; /* bytes of each state; 0: none */
  echo__interrupts_by interrupts_by;
  int period;           /* instructions, by count; 0: as usual */
  bool isolates;        /* each task has an _ENV of its own, see isolation.h */
  bool embedded;        /* a program has built the scheduler (echo_lua_build), not a script */
  echo__callbacks host; /* the program's, all NULL for a script */
} echo__recipe;

void echo__recipe_close(echo__recipe *recipe);

/* What a task has set with debug.sethook for one of its coroutines; see own_hook.h. */
typedef struct echo__own_hook {
  struct echo__worker_state *state;
  lua_State *L;               /* NULL: nobody's */
  volatile sig_atomic_t mask; /* the events; 0: none */
  int count, left, step;      /* as it was given; instructions until it is due; until we look */
  const void *entered;        /* the call that was told of last, if nothing was told after it */
  unsigned passed_over;       /* how often, for that reason, no way was made; see interrupt.c */
} echo__own_hook;

/* A hook that C code has set, while one of Echo's stands in its place. */
typedef struct echo__hook_put_by {
  lua_State *L; /* NULL: nothing here */
  lua_Hook hook;
  int mask, count;
} echo__hook_put_by;

enum { ECHO__HOOKS_PUT_BY = 4 };

struct echo__fiber;
struct echo__level;
struct echo__mailbox;

typedef struct echo__client {
  struct echo__client *next, **link; /* of the state's, in its host; the workers' are in no list */
  struct echo__runtime *runtime;
  echo__cache jobs;
  size_t handles;                         /* userdata that hold this client */
  bool owner;                             /* of the scheduler: it is stopped with this client */
  struct echo__charges *charges;          /* see charge.h; NULL until there is one */
  struct echo__mailbox *mailbox;          /* its state's, by a reference; NULL in a worker's */
  struct echo__client *next_told, **told; /* of the runtime's that have one, under `told_mutex` */
} echo__client;

typedef struct echo__worker_state {
  ECHO__ALIGNED lua_State *L;         /* NULL if it could not be made */
  bool ready;                         /* false if it was not made completely, its setup included */
  bool worn;                          /* it is to be made anew once no task has a fiber in it */
  size_t new_size;                    /* bytes it had when it was made */
  bool collects;                      /* its collector ran then: no setup has stopped it */
  unsigned fibers_out;                /* fibers that tasks have */
  bool loops;                         /* luv is loaded, see luv.h; so are the next two */
  bool closing;                       /* call-backs are dropped */
  int calls_back;                     /* inside so many call-backs */
  bool passing;                       /* a yield is on its way to the scheduler, see coroutine.h */
  bool ends;                          /* a yield is a coroutine's end, see interrupt.h */
  volatile sig_atomic_t interrupted;  /* see interrupt.h; so are the next four */
  volatile sig_atomic_t called;       /* by the signal handler, since the last hook */
  volatile sig_atomic_t patience;     /* instructions that a coroutine has then */
  struct echo__level *volatile level; /* the coroutine that runs now */
  echo__interrupts_by interrupts_by;  /* how running code is made to look up, and */
  echo__atomic(uint64_t) made_way;    /* how often a task that ran was suspended by itself */
  int period;                         /* instructions until it does so by itself; 0: never */
  echo__own_hook no_hook;             /* of coroutines for which the task has set none */
  echo__hook_put_by hooks[ECHO__HOOKS_PUT_BY];
  echo__atomic(bool) tend;    /* scopes of this state are to end, see scope.h */
  struct echo__scope *scopes; /* all that are open */
  struct echo__fiber *fiber;  /* what runs now, or NULL */
  struct echo__fiber *fibers; /* all of them */
  struct echo__fiber *spare;  /* those at rest */
  echo__host *host;           /* what the module knows of this state */
  echo__codec *codec;
  lua_CFunction load; /* Lua's own, see reporter.h */
  echo__alloc alloc;
  echo__client client; /* for the tasks that submit; never dropped */
  echo__tally tally;   /* of the jobs that ended on this worker */
  uint64_t map;        /* the id of the map whose function is kept, or 0 */
} echo__worker_state;

enum { ECHO__STRIPES = 16, ECHO__KEY_CHAINS = 64 };

typedef struct echo__runtime {
  echo__shared shared; /* first; of the clients, but for the workers', and of jobs that travelled */
  echo_scheduler *scheduler;
  echo__recipe recipe;
  bool
      always_makes_way; /* for specs: each look of running code suspends it; set before it starts */
  echo__pool jobs;
  uv_mutex_t outside_mutex; /* guards `outside` */
  echo__cache outside;      /* for jobs that end on neither the host's nor a worker's thread */
  uv_mutex_t stripes[ECHO__STRIPES];          /* each guards the watches of some of the jobs */
  uv_mutex_t rings;                           /* guards who awaits whom, and */
  uint64_t walks;                             /* how often that was followed; see ring.h */
  uv_mutex_t keys_mutex;                      /* guards `keys` */
  struct echo__terms *keys[ECHO__KEY_CHAINS]; /* see terms.h */
  uv_mutex_t observers_mutex;                 /* guards the next, see observer.h; */
  struct echo__observer *observers;           /* and their number is written under it */
  echo__atomic(unsigned) observers_count;
  uv_mutex_t told_mutex; /* guards `told` */
  echo__client *told;    /* the clients that have a mailbox */
  unsigned workers;
  echo__worker_state *states;     /* one a worker */
  echo__tally tally;              /* of the jobs that ended elsewhere; see tally.h, as the next */
  echo__atomic(uint64_t) further; /* core tasks beyond one for each job */
  echo__atomic(bool) abandoned;   /* a worker was left behind: its task is lost */
  echo__atomic(bool) forked;      /* all were, in the process that forked this one */
  echo__forkable forkable;
} echo__runtime;

/* Builds the core scheduler from the builder. Takes over what the recipe holds, unless it fails.
 * The runtime's first reference is the caller's; in an embedded one, the core scheduler's owner's.
 * ECHO_OK, ECHO_BUILT or ECHO_MEMORY. Any thread. */
int echo__runtime_create(echo_builder *builder, echo__recipe *recipe, echo__runtime **runtime);

/* What the handles of schedulers are; in scheduler.c, which makes them. */
extern const echo__shared_type echo__runtime_type;

/* Frees a runtime without references, whose scheduler has been stopped. Any thread. */
void echo__runtime_destroy(echo__shared *runtime);

/* A client with one handle and, until it is attached, no runtime; NULL without memory. The state's
 * thread, as all that follows. */
echo__client *echo__client_create(echo__host *host);

/* Makes it a client of the runtime's, and takes a reference to that. */
void echo__client_attach(echo__client *client, echo__runtime *runtime, bool owner);

/* The state's client of the runtime, which exists while the state has a handle that holds it. */
echo__client *echo__client_find(const echo__host *host, const echo__runtime *runtime);

/* The same, with one more handle; made at need, NULL without memory. */
echo__client *echo__client_get(echo__host *host, echo__runtime *runtime);

/* Drops a handle; the last one frees the client, stops the scheduler if the client is its owner,
 * and frees the runtime if there is no other client. */
void echo__client_drop(echo__client *client);

#endif
