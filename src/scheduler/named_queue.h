/*
 * A named queue: at most `limit` of its tasks run at once, over all workers.
 *
 * Its tasks wait in its own lists, one per priority. What goes into the work-stealing queue are
 * tickets: "when a worker gets here, let it take a task of that named queue, if there is a slot".
 * A worker that takes a ticket takes the most urgent task that waits at that moment, so priorities
 * hold inside the queue whatever was submitted first. It gets none if all slots are taken, nor one
 * of a lower priority than the ticket's: that would pass over what waits outside of the queue.
 *
 * The invariant, restored under the mutex after every change: of each class there are at least as
 * many tickets out as tasks of it could start, min(waiting, limit - running). So no slot stays idle
 * while a task waits, and no worker is held by a queue that is full. Too many tickets only cost a
 * look.
 *
 * A ticket is an object of the task pool. Each submit brings one along, so that nothing has to be
 * allocated later, where a failure could leave a task waiting for ever: the queue keeps as many as
 * it can come to need, the sum over the classes of max(waiting, tickets) and one for each task that
 * is held back (reserved), and gives back the rest.
 */
#ifndef ECHO_SCHEDULER_NAMED_QUEUE_H
#define ECHO_SCHEDULER_NAMED_QUEUE_H

#include <uv.h>

#include "scheduler/task.h"

typedef struct echo__named_class {
  echo_node *first, **last; /* the tasks that wait */
  unsigned waiting, tickets;
} echo__named_class;

typedef struct echo__named_queue {
  unsigned limit, number; /* its place among the scheduler's, counted from 1 */
  uv_mutex_t mutex;
  unsigned running;
  echo__named_class classes[ECHO_PRIORITIES]; /* index 0 is the highest */
  echo_node *spare;                           /* tickets that are not out */
  unsigned spares, reserved;
  char name[]; /* ends the object */
} echo__named_queue;

/* What the caller has to do after a change, with the mutex no longer held. */
typedef struct echo__named_orders {
  echo_node *issued;  /* chain of tickets to put into the work-stealing queue, or NULL */
  echo_task *surplus; /* a ticket to give back to the pool, or NULL */
} echo__named_orders;

/* Copies the name; NULL without memory. */
echo__named_queue *echo__named_create(const char *name, unsigned limit);
void echo__named_destroy(echo__named_queue *queue);

/* Empties the store of tickets, once nothing is queued any more: the next one, or NULL. */
echo_task *echo__named_take_spare(echo__named_queue *queue);

/* Keeps the ticket of a task that will be added later. Any thread. */
void echo__named_reserve(echo__named_queue *queue, echo_task *ticket);

/* Such a task will not be added after all. Any thread. */
echo__named_orders echo__named_unreserve(echo__named_queue *queue);

/* Adds a task to its list; the queue owns `ticket` from now on. NULL: its ticket is reserved. Any
 * thread. */
echo__named_orders echo__named_add(echo__named_queue *queue, echo_task *task, echo_task *ticket);

/* A ticket was taken: *task is the task to run, which now holds a slot, or NULL. Any thread. */
echo__named_orders echo__named_redeem(echo__named_queue *queue, echo_task *ticket,
                                      echo_task **task);

/* Takes a task that waits, slot or no slot, to be cancelled; NULL if none does. Any thread. */
echo_task *echo__named_evict(echo__named_queue *queue);

/* How many tasks wait there, and how many hold a slot. Any thread. */
void echo__named_count(echo__named_queue *queue, uint64_t *queued, uint64_t *running);

/* A task that held a slot has ended. Any thread. */
echo__named_orders echo__named_give_back(echo__named_queue *queue);

#endif
