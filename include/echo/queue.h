/*
 * echo/queue.h - a generic priority work-stealing queue, usable alone.
 *
 * It holds nodes of the caller's, in three priorities, for a fixed number of workers. Each worker
 * has a deque per priority (the owner works at one end, last in first out; thieves take the oldest
 * from the other), and each priority has an injector, first in first out, for nodes from outside.
 * Nodes may also be pinned to a worker: nobody else takes them, and they are never stolen. And a
 * worker may offer nodes that it means to take back, which others take if they have nothing else.
 *
 * High first, everywhere: echo_queue_take hands out a node only when no node of a higher priority
 * can be reached: pinned to the worker, in its own deques, in the injectors or in another worker's
 * deques. The one exception is fairness, which keeps lower priorities from starving. Within a
 * priority, pinned nodes take turns with the others.
 *
 * Memory is bounded: nodes are linked through themselves, the deques are rings of a fixed size and
 * what does not fit goes over to the injector in bulk. No function allocates but echo_queue_create.
 *
 * Nothing here sleeps or starts threads; echo/scheduler.h does.
 */
#ifndef ECHO_QUEUE_H
#define ECHO_QUEUE_H

#include <echo/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Normal is 0, so that a zeroed structure means normal. */
typedef enum echo_priority {
  ECHO_PRIORITY_LOW = -1,
  ECHO_PRIORITY_NORMAL = 0,
  ECHO_PRIORITY_HIGH = 1
} echo_priority;

#define ECHO_PRIORITIES 3

/* Embed one in what is to be queued; the queue owns it while it is inside. */
typedef struct echo_node {
  struct echo_node *next;
} echo_node;

/* As many values as a steal has outcomes. */
typedef enum echo_steal {
  ECHO_STEAL_EMPTY, /* nothing was there */
  ECHO_STEAL_RETRY, /* something was there, another thread was at it: look again */
  ECHO_STEAL_TAKEN  /* a node was taken */
} echo_steal;

typedef struct echo_queue echo_queue;

typedef struct echo_queue_options {
  unsigned workers;  /* 1 to 1024 */
  unsigned fairness; /* 1 take in so many goes to a lower priority that waits; 0: never */
  /* The priority of a pinned node, asked for by its worker whenever it sorts them; never outside of
   * the range. NULL: all are normal. */
  echo_priority (*priority_of)(const echo_node *node);
} echo_queue_options;

/* What echo_queue_take found. */
typedef struct echo_taken {
  echo_node *node;
  echo_priority priority;
  bool more;    /* the take made further nodes visible to the other workers: wake one */
  bool stolen;  /* it came from another worker's deque, or offers */
  bool pinned;  /* it was pinned to the worker */
  bool offered; /* it was on offer, by another worker or by this one */
  bool fair;    /* fairness chose it: nodes of a higher priority may wait */
} echo_taken;

/* Makes a queue; *queue is the caller's, echo_queue_destroy frees it. Any thread.
 * ECHO_OK, ECHO_INVALID (workers out of range) or ECHO_MEMORY. */
ECHO_API int echo_queue_create(echo_queue **queue, const echo_queue_options *options);

/* Frees the queue; NULL is allowed. Nodes that are still inside are the caller's business. No other
 * thread may use the queue any more. */
ECHO_API void echo_queue_destroy(echo_queue *queue);

/* Puts a node into the injector of its priority. Any thread; never fails, never blocks. */
ECHO_API void echo_queue_inject(echo_queue *queue, echo_priority priority, echo_node *node);

/* Puts a node into the worker's own deque; half of a full deque goes over to the injector first.
 * Only the thread that is worker `worker`; never fails, never blocks. */
ECHO_API void echo_queue_push(echo_queue *queue, unsigned worker, echo_priority priority,
                              echo_node *node);

/* Puts in a node that only worker `worker` will take. Any thread; never fails, never blocks. */
ECHO_API void echo_queue_pin(echo_queue *queue, unsigned worker, echo_node *node);

/* The same, cheaper. Only the thread that is worker `worker`. */
ECHO_API void echo_queue_pin_own(echo_queue *queue, unsigned worker, echo_node *node);

/* Sorts the nodes pinned to the worker anew, because priorities of some have changed. Only the
 * thread that is worker `worker`. */
ECHO_API void echo_queue_sort_pinned(echo_queue *queue, unsigned worker);

/* True if a node pinned to the worker has come since it looked last. Cheap: looks at one word that
 * only concerns this worker. Only the thread that is worker `worker`. */
ECHO_API bool echo_queue_has_pinned(const echo_queue *queue, unsigned worker);

/* True if a node of this priority or a higher one is pinned to the worker. Only the thread that is
 * worker `worker`. */
ECHO_API bool echo_queue_has_pinned_from(echo_queue *queue, unsigned worker,
                                         echo_priority priority);

/* Takes a node pinned to the worker and nothing else, highest priority first; NULL if there is
 * none. Only the thread that is worker `worker`. */
ECHO_API echo_node *echo_queue_take_pinned(echo_queue *queue, unsigned worker);

/* Takes the node that worker `worker` is to run next; see above for the order. On ECHO_STEAL_TAKEN
 * *taken is filled; on ECHO_STEAL_RETRY something may be left, on ECHO_STEAL_EMPTY there was
 * nothing. Only the thread that is worker `worker`. */
ECHO_API echo_steal echo_queue_take(echo_queue *queue, unsigned worker, echo_taken *taken);

/* The same, but nothing that is below this priority. */
ECHO_API echo_steal echo_queue_take_from(echo_queue *queue, unsigned worker, echo_priority lowest,
                                         echo_taken *taken);

/* Offers a node: whoever takes finds it behind the injector of its priority and before the deques
 * of others. False if the worker has so many of that priority on offer that there is no room for
 * more (some hundreds), and nothing has happened. Only the thread that is worker `worker`. */
ECHO_API bool echo_queue_offer(echo_queue *queue, unsigned worker, echo_priority priority,
                               echo_node *node);

/* Takes back what the worker has offered last and nobody has taken; NULL if there is nothing. Only
 * the thread that is worker `worker`. */
ECHO_API echo_node *echo_queue_retract(echo_queue *queue, unsigned worker, echo_priority priority);

/* The same for a worker that is kept free for what is urgent: nodes of high priority, and what is
 * pinned to it, down to `lowest`. Fairness is for the pinned ones alone. Only the thread that is
 * worker `worker`, which should inject and not push: what is less urgent it would not take back. */
ECHO_API echo_steal echo_queue_take_high(echo_queue *queue, unsigned worker, echo_priority lowest,
                                         echo_taken *taken);

/* Takes one node on behalf of no worker, highest priority first, for emptying the queue. What is
 * pinned or on offer stays. Any thread. */
ECHO_API echo_steal echo_queue_evict(echo_queue *queue, echo_taken *taken);

/* True if a node that is not pinned seems to wait anywhere. Exact when nobody is changing the
 * queue; otherwise it may be late, but after a seq_cst fence it never misses a node that was put in
 * before the fence. Any thread. */
ECHO_API bool echo_queue_has_work(const echo_queue *queue);

/* The same for nodes of this priority or a higher one. Any thread. */
ECHO_API bool echo_queue_has_work_from(const echo_queue *queue, echo_priority priority);

/* The same for nodes of this priority alone. Any thread. */
ECHO_API bool echo_queue_has_work_of(const echo_queue *queue, echo_priority priority);

/* The same, and true as well if such a node is pinned to the worker. Only the thread that is worker
 * `worker`. */
ECHO_API bool echo_queue_has_work_for(echo_queue *queue, unsigned worker, echo_priority priority);

#ifdef __cplusplus
}
#endif

#endif
