/*
 * A task: node, state and handle at once, in 48 bytes. Millions may be queued, so it holds nothing
 * that can be had elsewhere: whose it is tells the memory that it lies in (echo__task_scheduler),
 * its named queue is a number in the word, and the result takes the place of what was called.
 *
 * The state word holds the state in its low bits, flags, the number of its named queue (counted
 * from 1; 0 for none) and above them the number of references: one of the scheduler's until the
 * task has ended and left the queue, one of the handle's. A task without a handle ("detached") has
 * nobody to race with: of its word only what the submit has settled is used (TIMED, the rank, the
 * queue). It is put in order when the task first asks who it is or suspends (echo__task_adopt),
 * since only then can somebody else come to know it. A ticket's word holds its queue alone.
 *
 * Rejected: a whole cache line for each, which keeps neighbours apart (16 bytes more, and what is
 * submitted in a row is run nearly in a row: fewer lines cost less than shared ones); 56 bytes with
 * a pointer to the scheduler (three tasks in four then lie on two lines, of 48 bytes one in two).
 *
 * Flags of the word:
 *   WATCHED  somebody waits for the end
 *   RESUMED  echo_task_resume was called since the task was last called
 *   CANCEL   the task was asked to end; set, too, when it is too late to ask
 *   BOUND    the task has suspended once: from then on only the worker `home` calls it
 *
 * Who may change the state:
 *   QUEUED to RUNNING     whoever takes the task to run it, or to cancel it if it is not BOUND (one
 *                         compare-and-swap, so one of them)
 *   RUNNING to SUSPENDED  the worker that ran it; to QUEUED instead if it was RESUMED meanwhile
 *   SUSPENDED to QUEUED   whoever resumes or cancels it, and then has to queue it; until it is
 *                         queued the task cannot go away
 *   SUSPENDED to RUNNING  whoever cancels one that is held, and so not BOUND
 *   RUNNING to an end     the same thread that set RUNNING
 *   to LOST               whoever finds that the scheduler has abandoned it
 * An end is final. A resume changes the word in any state, if only to set a flag that is set: what
 * was written before it is seen by the call that follows.
 */
#ifndef ECHO_SCHEDULER_TASK_H
#define ECHO_SCHEDULER_TASK_H

#include <echo/scheduler.h>

#include "base/pool.h"
#include "base/wait.h"

enum {
  ECHO__STATE_MASK = 7,
  ECHO__WATCHED = 8,
  ECHO__PLACED = 16, /* holds one of the places that the capacity bounds: see room.h */
  ECHO__RESUMED = 32,
  ECHO__CANCEL = 64,
  ECHO__BOUND = 128,
  ECHO__TIMED = 256,    /* stamps follow it in memory, see timing.h */
  ECHO__RANK_ONE = 512, /* times the rank of the priority it was submitted with, see census.h */
  ECHO__RANK_MASK = 3 * ECHO__RANK_ONE,
  ECHO__QUEUE_ONE = 2048, /* times the number of its named queue */
  ECHO__QUEUE_MASK = 65535 * ECHO__QUEUE_ONE,
  ECHO__REFERENCE = 65536 * ECHO__QUEUE_ONE /* one reference */
};

_Static_assert(ECHO__NAMED_QUEUES < 65536, "a named queue's number fits the word");

enum {
  ECHO__DETACHED = 1, /* no handle: the word is not used */
  ECHO__TICKET = 2,   /* not a task: leave to take one from its named queue */
  ECHO__HAS_SLOT = 4, /* holds a slot of its named queue */
  ECHO__INTERRUPTIBLE = 8
};

struct echo_task {
  echo_node node;
  union {
    struct {
      echo_task_function function;
      void *argument;
    };
    echo_trace_result result; /* once it has ended */
  };
  void (*on_end)(void *argument, int status);
  union {
    echo_node **link; /* while held: what points here (held.h) */
    struct {
      uint32_t place; /* while BOUND: in its worker's list (bound.h) */
      uint32_t trace; /* while not held: what a recording knows of it (trace.h) */
    };
  } in;
  echo__word word;
  echo__atomic(int8_t) priority;
  uint8_t flags;
  /* While BOUND: its worker; of an interruptible one, too, while it runs there. Else any worker's
   * number: who asks a RUNNING task to end cannot know that it only runs out of the queue. */
  uint16_t home;
};

_Static_assert(sizeof(struct echo_task) <= 48, "four queued tasks fit three cache lines");

static inline echo_task *echo__task_of(echo_node *node) {
  return (echo_task *)(void *)node; /* the node is the first member */
}

static inline echo_priority echo__task_priority(const echo_task *task) {
  return (echo_priority)echo__load(&task->priority, relaxed);
}

/* What was settled by the submit stands in the word of a detached task, too. */
static inline unsigned echo__task_rank(const echo_task *task) {
  return (echo__load(&task->word, relaxed) & ECHO__RANK_MASK) / ECHO__RANK_ONE;
}

/* The number of its named queue, counted from 1, or 0. */
static inline unsigned echo__task_queue_number(const echo_task *task) {
  return (echo__load(&task->word, relaxed) & ECHO__QUEUE_MASK) / ECHO__QUEUE_ONE;
}

/* Any thread that may look at the task. */
static inline echo_scheduler *echo__task_scheduler(const echo_task *task) {
  return (echo_scheduler *)echo__pool_owner(task);
}

/* True if only one worker may call it. The worker's own thread, or one that has acquired the word.
 */
static inline bool echo__task_is_bound(const echo_task *task) {
  return !(task->flags & ECHO__DETACHED) && (echo__load(&task->word, relaxed) & ECHO__BOUND);
}

/* Puts the word of a detached task in order. The worker that runs it only. */
void echo__task_adopt(echo_task *task);

/* QUEUED to RUNNING; false if the task was cancelled or lost before. */
bool echo__task_begin(echo_task *task);

/* RUNNING to QUEUED, for a task that asked to be called again; false if it was cancelled or is
 * LOST. */
bool echo__task_requeue(echo_task *task);

/* RUNNING to SUSPENDED, or, if it was RESUMED or now learns that it is cancelled (`cancels`, which
 * sets CANCEL), to QUEUED: then it is the caller's to queue. The state that it came to, LOST if it
 * is that. */
echo_task_state echo__task_suspend(echo_task *task, bool cancels);

/* SUSPENDED to RUNNING, in order to end one that is held; false if it was resumed or cancelled. */
bool echo__task_seize(echo_task *task);

/* SUSPENDED to RUNNING, to be called without having been queued; false if it was resumed or
 * cancelled. */
bool echo__task_go_on(echo_task *task);

/* A resume, seen from the task; true if the caller has to queue it. *bound says where. */
bool echo__task_resume(echo_task *task, bool *bound);

/* Asks the task to end; false if it has ended or was asked before. *before is the word that was
 * there: a QUEUED one that is not BOUND is now RUNNING and the caller's to end, and so is a
 * SUSPENDED one that is not BOUND; a SUSPENDED and BOUND one is now QUEUED and the caller's to
 * queue. */
bool echo__task_ask(echo_task *task, uint32_t *before);

/* From now on nobody can ask; true if somebody has. */
bool echo__task_close(echo_task *task);

/* RUNNING to `state` (LOST stays), dropping `references` times ECHO__REFERENCE in the same step.
 * Returns the word that was there before. */
uint32_t echo__task_end(echo_task *task, echo_task_state state, uint32_t references);

/* LOST, if it has not ended. RESUMED then tells whether it was QUEUED. */
void echo__task_lose(echo_task *task);

/* True if it was SUSPENDED when it was LOST, so that no queue holds it. The home of a BOUND task
 * that does not run. */
bool echo__task_was_lost_asleep(const echo_task *task);

/* Drops a reference; true if it was the last. */
bool echo__task_drop(echo_task *task);

static inline bool echo__task_has_ended(const echo_task *task) {
  uint32_t word = echo__load(&task->word, acquire); /* PAIR task.state */
  return (word & ECHO__STATE_MASK) > ECHO_TASK_RUNNING;
}

#endif
