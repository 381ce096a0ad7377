/*
 * A fiber: a coroutine of a worker's state in which tasks run, one after the other, and the one
 * place where what such a task waits with is kept.
 *
 * Everything that can raise an error (decoding the arguments, the task, encoding its results)
 * happens inside the coroutine, so one lua_resume catches all of it, and the coroutine's stack
 * still stands when the error is reported. A task that is suspended keeps its fiber, and the worker
 * takes another one for the next task.
 *
 * The coroutine's extra space tells whose it is: the address of the fiber and 1, where other
 * coroutines have the address of what is known of their hooks (own_hook.h).
 *
 * A fiber is its worker state's, which frees it when it closes. The worker's thread alone uses it;
 * `operation` is also known to those who wake (operation.h).
 */
#ifndef ECHO_LUA_FIBER_H
#define ECHO_LUA_FIBER_H

#include "lua/job.h"
#include "lua/map.h"
#include "lua/operation.h"

/* What a task came to that somebody has resumed, see task_yield.h. */
typedef struct echo__fiber_end {
  bool ended, well;
} echo__fiber_end;

/* Each task that waits has one: it is laid out to take little room. */
typedef struct echo__fiber {
  struct echo__fiber *next, **link; /* of all in the state */
  union {
    struct echo__fiber *next_spare; /* of those at rest */
    echo__fiber_end *end;           /* to be filled in when its task ends, or NULL */
  } at;
  echo__worker_state *state;
  lua_State *coroutine;
  echo__run *run;
  struct echo__scope *scopes; /* the open ones, the innermost first; see scope.h */
  echo__own_hook *own_hook;   /* what its tasks have set for the coroutine, or NULL */
  int reference;              /* in the registry, of the coroutine */
  int environment;            /* likewise, see isolation.h */
  int passed;                 /* values on top of its stack that it is resumed with */
  uint8_t raised;             /* errors that told the task to end, see interrupt.h */
  uint8_t kind;               /* an echo__kind, of an error raised at this moment */
  bool over : 1, well : 1;    /* its task has ended, and how, while its scopes have not */
  bool noted : 1;             /* there is a note for it in the registry, see failure.h */
  bool reported : 1;          /* what its task fails with is in the output */
  bool failed : 1;            /* its task has failed, and the coroutine ended well */
  bool spent : 1;             /* the coroutine is of no more use */
  bool left : 1;              /* its task is left where it stands, see interrupt.h */
  bool known : 1;             /* its task knows its coroutine */
  bool spared : 1;            /* for one instruction, see echo__interrupts_spare */
  echo__operation operation;
} echo__fiber;

_Static_assert(sizeof(void *) != 8 || sizeof(echo__fiber) <= 144,
               "a task that waits takes little room");

/* Where what comes of its run goes: of a map, of the chunk that the run is at. */
static inline echo__message *echo__fiber_output(const echo__fiber *fiber) {
  echo__job *job = fiber->run->job;
  if (echo__job_extra(job)->map != NULL) return &echo__runner_of(fiber->run)->chunk->output;
  return &job->message;
}

/* A fiber at rest, made if there is none; NULL without memory. */
echo__fiber *echo__fiber_take(echo__worker_state *state);

/* Gives a fiber back whose task has ended, well or not. One that an error left as a whole is freed:
 * if a hook raised it, the coroutine is without hooks for ever. So is one that its task knows. */
void echo__fiber_give(echo__fiber *fiber, bool well);

/* The fiber whose coroutine this is, or NULL if it is another one, or its task is over. */
echo__fiber *echo__fiber_of(lua_State *L);

/* The job that runs in this state, or NULL. */
echo__job *echo__fiber_job(const echo__host *host);

/* Frees the fibers of a state whose lua_State is closed, or about to be. */
void echo__fibers_close(echo__worker_state *state);

#endif
