/*
 * A scope: the tasks that a task starts inside of one call, and which do not outlive it.
 *
 * `echo.scope(fn)` opens a scope, calls fn (the "body") in the same task, and waits for the tasks
 * that were started meanwhile (scope_call.h). The first failure, the body's or a task's, makes the
 * scope fail: its other tasks are cancelled, and the body's waits raise an error, each of them,
 * until it has ended. A time limit that passes is such a failure, too. A task that somebody
 * cancelled is none.
 *
 * A scope is in force in the coroutine that opened it and in those resumed from there. Its fiber
 * keeps the list of the open ones, the innermost first, with a reference each. Where a scope cannot
 * wait when it is left (its coroutine was closed, or C code stands in the way) its tasks are
 * cancelled, and the fiber waits for them when its task has ended: it does not end before.
 *
 * Whatever operation the body waits with has its seat entered in all scopes that are in force
 * (`body`), so that a failure wakes it; a body that runs is interrupted. `body` and `failing` are
 * written under the group's mutex. The fiber's thread reads `failing` without it, as a hint: who
 * enters his seat looks again.
 *
 * The tasks of a scope that is to end may keep that very worker busy, to which its body is bound.
 * So who makes a scope fail, or cancels a task that has scopes, does not leave it to the body alone
 * to tell them: he leaves word with the state (`tend`) and interrupts whatever runs there, which
 * then does it (echo__scope_tend).
 *
 * All functions are for the thread of the fiber's worker.
 */
#ifndef ECHO_LUA_SCOPE_H
#define ECHO_LUA_SCOPE_H

#include "lua/fiber.h"
#include "lua/group.h"

typedef struct echo__scope {
  echo__group group;
  struct echo__scope *outer;        /* the next in the fiber's list */
  struct echo__scope *next, **link; /* in the state's list */
  struct echo__scope *within; /* the one that was in force when it was opened, with a reference, or
                                 NULL */
  echo__fiber *fiber;         /* NULL once the scope has ended */
  lua_State *coroutine;       /* where it was opened */
  echo__worker_state *state;  /* the fiber's; so are the next two */
  echo_scheduler *scheduler;
  unsigned worker;
  echo__seat *body;
  echo__atomic(bool) failing;
  bool timed_out; /* written with `failing` */
  bool left;      /* the body has ended, */
  bool well;      /* without an error, */
  bool late;      /* and after the scope had failed */
  bool cancelled; /* the tasks were told to end */
  bool in_ring;   /* they wait for the task that waits for them */
  bool timed;     /* the timer was started */
  double limit;   /* seconds, for the timer; negative: none */
  echo_timer timer;
  echo__member *failures, **last_failure; /* those that failed, taken out of the group */
} echo__scope;

/* A scope of this fiber's, opened in the coroutine; the fiber and the caller have a reference each.
 * NULL without memory. */
echo__scope *echo__scope_open(echo__fiber *fiber, lua_State *coroutine);

/* Its body has ended. */
void echo__scope_close_body(echo__scope *scope);

/* Pushes the error that the body's waits raise while the scope fails. */
void echo__scope_push_error(lua_State *L, const echo__host *host, const echo__scope *scope);

/* Starts the time limit; ECHO_OK or why not. */
int echo__scope_limit(echo__scope *scope, double seconds);

/* When it has no members any more: from now on nobody else changes it. Idempotent. */
void echo__scope_settle(echo__scope *scope);

/* Takes it out of the fiber's list, settled. Idempotent. */
void echo__scope_end(echo__scope *scope);

/* Ends it, if nobody did, and drops a reference. */
void echo__scope_drop(echo__scope *scope);

/* The innermost scope that is in force for what runs now in this state, or NULL. */
echo__scope *echo__scope_here(const echo__host *host);

/* A scope in force that fails and whose body is to end, or NULL. */
echo__scope *echo__scope_failing(const echo__worker_state *state);

/* True if any of the fiber's scopes fails whose body has not ended. */
bool echo__scope_fails(const echo__fiber *fiber);

/* Whether its tasks are to end: because it fails, or a scope around it, or its task is cancelled.
 */
bool echo__scope_is_to_end(const echo__scope *scope);

/* Tells the tasks of all scopes in this state to end for which that is due. */
void echo__scope_tend(echo__worker_state *state);

/* Tells its tasks to end, those too that it adopts from now on. */
void echo__scope_cancel(echo__scope *scope);

/* Makes the job one of the scope's. Cannot fail if echo__group_reserve was true before. */
void echo__scope_adopt(echo__scope *scope, echo__job *job);

/* Puts those that ended among the failures, or frees them. */
void echo__scope_collect(echo__scope *scope);

/* Enters the seat in all scopes in force; false, and it may be entered in some, if one fails. */
bool echo__scope_enroll(const echo__worker_state *state, echo__seat *seat);
void echo__scope_leave(const echo__fiber *fiber, const echo__seat *seat);

#endif
