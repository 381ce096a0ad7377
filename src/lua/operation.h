/*
 * An operation: something that may have to wait (for a task, a time, a channel), wherever it is
 * called.
 *
 *   in a task            the task is suspended and its worker goes on with others
 *   in a host coroutine  it yields, and poll resumes it (host_wait.h)
 *   elsewhere in a host  the thread sleeps; so, too, in a coroutine that cannot yield
 *
 * The kind of operation says in three functions what is particular to it. `attempt` does the thing
 * if it can be done now. If not, `enroll` makes the seat known to whoever will change that, and
 * says false if it has changed meanwhile. Whoever changes it calls echo__seat_wake, and the
 * operation attempts again: being woken is a hint, never the answer, so a wake-up for no reason
 * does no harm. `leave` takes the seat back.
 *
 * The rule for those who wake: echo__seat_wake is called with the lock held under which `leave`
 * takes the seat back. So a seat is there as long as anybody can wake it, and with it the core task
 * it stands for.
 *
 * A task has one operation at a time, which is part of its fiber; elsewhere it is a userdata. If an
 * error leaves it behind, it is closed with the fiber's next one, or by the collector.
 *
 * There are as many as tasks that wait, so it is laid out to take little room: what is particular
 * to a type lies behind a pointer (`own`), and is only there from the opening to the closing.
 */
#ifndef ECHO_LUA_OPERATION_H
#define ECHO_LUA_OPERATION_H

#include <echo/scheduler.h>

#include "base/wait.h"
#include "lua/host.h"
#include "lua/runtime.h"

enum { ECHO__SEAT_AWAKE, ECHO__SEAT_ASLEEP, ECHO__SEAT_WOKEN };

typedef enum echo__sitter {
  ECHO__SITS_THREAD,
  ECHO__SITS_TASK,
  ECHO__SITS_COROUTINE /* of a host */
} echo__sitter;

typedef struct echo__seat {
  union {
    echo_task *core;             /* of a task: what to resume */
    struct echo__letter *letter; /* of a coroutine: what to post (host_wait.h) */
    echo__host *host;            /* of a thread: its state's */
  };
  echo__word word; /* of a thread: what it sleeps on */
  uint8_t sitter;  /* an echo__sitter */
  bool spins;      /* who sleeps there spins before, if the thread's last sleep was short */
  bool knows;      /* who sits there was to end before it attempted already */
  bool timed;      /* the operation's timer was started, and not stopped */
} echo__seat;

/* Lets whoever sits there attempt again. Any thread, under the rule above. */
void echo__seat_wake(echo__seat *seat);

/* For a seat of a thread: sleeps until it is woken, or until the deadline, or for no reason; true
 * if it is woken. It is awake before it is enrolled. That thread. */
static inline void echo__seat_rouse(echo__seat *seat) {
  echo__store(&seat->word, ECHO__SEAT_AWAKE, relaxed);
}
bool echo__seat_sleep(echo__seat *seat, uint64_t deadline);

enum { ECHO__WAITS = -1, ECHO__RAISES = -2 };

struct echo__operation;

typedef struct echo__operation_type {
  const char *name; /* for errors: "echo.await" */
  /* Pushes the results and returns their count, or ECHO__WAITS, or ECHO__RAISES with the error on
   * top. May raise memory errors by itself. */
  int (*attempt)(lua_State *L, const echo__host *host, struct echo__operation *operation);
  bool (*enroll)(struct echo__operation *operation);
  void (*leave)(struct echo__operation *operation);
  /* What is returned when the time ran out; pushes and returns as `attempt`. */
  int (*expire)(lua_State *L, const echo__host *host, struct echo__operation *operation);
  size_t size;   /* bytes of its own */
  bool shielded; /* a cancelled task may begin and end it */
} echo__operation_type;

typedef struct echo__operation {
  const echo__operation_type *type; /* NULL: closed */
  echo__seat seat;
  uint64_t deadline;
  echo_timer timer;
  void *own; /* what is particular to the type, `size` bytes; NULL if that is nothing */
} echo__operation;

/* The operation to use for a call in L: the fiber's, or a new userdata that is pushed. What is its
 * own is zero. Raises for want of memory. */
echo__operation *echo__operation_open(lua_State *L, echo__host *host,
                                      const echo__operation_type *type);

/* The same in a task, for a caller that has something to give back first: NULL without memory. */
echo__operation *echo__operation_open_in_task(echo__host *host, const echo__operation_type *type);

/* Runs it; to be returned by the calling C function. Waits no longer than `seconds` if that is not
 * negative. Raises an error of kind "cancelled" (or why the task was cancelled) in a task that is
 * to end. */
int echo__operation_run(lua_State *L, echo__operation *operation, double seconds);

/* For a shielded operation that would rather not wait in a task that is to end: whether it is, and
 * pushing the error for an attempt to raise. */
bool echo__operation_is_to_end(const echo__operation *operation);
int echo__operation_end(lua_State *L, const echo__operation *operation); /* ECHO__RAISES */

/* Leaves and stops the timer. Idempotent. */
void echo__operation_close(echo__operation *operation);

int echo__operation_gc(lua_State *L);

/* Starts the timer that wakes at the deadline, which is not FOREVER, by that runtime's clock: an
 * echo_status. A task's is its worker's own; any other is kept while the timer runs. And stops it:
 * idempotent. */
int echo__operation_start_timer(echo__operation *operation, echo__runtime *runtime);
void echo__operation_stop_timer(echo__operation *operation);

/* Lets a hook that a signal handler has set (lua.c's at Ctrl-C) do its work; it may raise. For
 * calls that sleep on the host's thread. */
void echo__let_hooks_run(lua_State *L);

#endif
