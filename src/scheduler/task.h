/*
 * A task: one cache line, which is node, state and handle at once.
 *
 * The state word holds the state in its low bits, WATCHED if somebody waits, and above them the
 * number of references: one of the scheduler's until the task has ended and left the queue, one of
 * the handle's. A task without a handle ("detached") has nobody to race with: its word is not used.
 *
 * Who may change the state: QUEUED to RUNNING by whoever takes the task to run or to cancel it (one
 * compare-and-swap, so one of them); RUNNING to an end by the same thread; RUNNING to LOST by
 * whoever finds that the scheduler has abandoned it. An end is final.
 */
#ifndef ECHO_SCHEDULER_TASK_H
#define ECHO_SCHEDULER_TASK_H

#include <echo/scheduler.h>

#include "base/wait.h"

struct echo__named_queue;

enum {
  ECHO__STATE_MASK = 7,
  ECHO__WATCHED = 8,
  ECHO__REFERENCE = 256 /* one reference */
};

enum {
  ECHO__DETACHED = 1, /* no handle: the word is not used */
  ECHO__TICKET = 2,   /* not a task: leave to take one from its named queue */
  ECHO__HAS_SLOT = 4  /* holds a slot of its named queue */
};

struct echo_task {
  echo_node node;
  echo_task_function function;
  void *argument;
  void (*on_end)(void *argument, int status);
  echo_scheduler *scheduler;
  struct echo__named_queue *queue; /* or NULL */
  echo__word word;
  int8_t priority;
  uint8_t flags;
  uint16_t origin; /* the worker that queued it, or ECHO__OUTSIDE */
};

_Static_assert(sizeof(struct echo_task) <= 64, "a queued task fits one cache line");

enum { ECHO__OUTSIDE = UINT16_MAX };

static inline echo_task *echo__task_of(echo_node *node) {
  return (echo_task *)(void *)node; /* the node is the first member */
}

/* QUEUED to RUNNING; false if the task was cancelled before. */
bool echo__task_begin(echo_task *task);

/* RUNNING to QUEUED, for a task that asked to be called again; false if it is LOST. */
bool echo__task_requeue(echo_task *task);

/* RUNNING to `state` (LOST stays), dropping `references` times ECHO__REFERENCE in the same step.
 * Returns the word that was there before. */
uint32_t echo__task_end(echo_task *task, echo_task_state state, uint32_t references);

/* RUNNING to LOST, if it still is. */
void echo__task_lose(echo_task *task);

/* Drops a reference; true if it was the last. */
bool echo__task_drop(echo_task *task);

static inline bool echo__task_has_ended(const echo_task *task) {
  uint32_t word = echo__load(&task->word, acquire); /* PAIR task.state */
  return (word & ECHO__STATE_MASK) > ECHO_TASK_RUNNING;
}

#endif
