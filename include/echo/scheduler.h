/*
 * echo/scheduler.h - runs C functions on worker threads, the most urgent first.
 *
 *   echo_builder *builder;
 *   echo_scheduler *scheduler;
 *   echo_builder_create(&builder);
 *   echo_builder_build(builder, &scheduler);
 *   echo_builder_destroy(builder);
 *   echo_scheduler_submit(scheduler, NULL, work, argument, NULL);
 *   echo_scheduler_stop(scheduler, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL);
 *   echo_scheduler_release(scheduler);
 *
 * Functions that can fail return an echo_status: ECHO_OK or a negative code. An error return of a
 * submit means that nothing was accepted and no call-back will come; success means that the task
 * ends exactly once. Times are seconds; ECHO_FOREVER, or any negative number, means no limit.
 */
#ifndef ECHO_SCHEDULER_H
#define ECHO_SCHEDULER_H

#include <echo/queue.h>
#include <echo/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ECHO_FOREVER (-1.0)

typedef struct echo_builder echo_builder;
typedef struct echo_scheduler echo_scheduler;
typedef struct echo_task echo_task;

/* -- builder: one thread at a time ------------------------------------------------------------ */

/* Makes a builder with the defaults; the caller owns it. ECHO_OK or ECHO_MEMORY. */
ECHO_API int echo_builder_create(echo_builder **builder);

/* Frees the builder; NULL is allowed. A scheduler that it built lives on. */
ECHO_API void echo_builder_destroy(echo_builder *builder);

/* Worker threads, 1 to 1024. Default: the processors this process may use, at least 2.
 * ECHO_OK or ECHO_INVALID. */
ECHO_API int echo_builder_with_worker_count(echo_builder *builder, unsigned count);

/* The number of worker threads as it stands. */
ECHO_API unsigned echo_builder_worker_count(const echo_builder *builder);

/* A named queue: at most `limit` (1 or more) of its tasks run at once, higher priorities first,
 * submission order within a priority. The name is copied.
 * ECHO_OK, ECHO_INVALID (no name, or a limit of 0), ECHO_EXISTS or ECHO_MEMORY. */
ECHO_API int echo_builder_with_queue(echo_builder *builder, const char *name, unsigned limit);

/* One start in `count` goes to a lower priority that waits; 0 turns that off. Default: 61. */
ECHO_API int echo_builder_with_fairness(echo_builder *builder, unsigned count);

/* The prefix of the threads' names; the text is copied. Default: "echo".
 * ECHO_OK, ECHO_INVALID (no name) or ECHO_MEMORY. */
ECHO_API int echo_builder_with_name(echo_builder *builder, const char *prefix);

/* Called on each worker's own thread, `start` before its first task and `stop` after its last;
 * either may be NULL. `data` must outlive the scheduler. */
ECHO_API int echo_builder_with_worker_hooks(echo_builder *builder,
                                            void (*start)(void *data, unsigned worker),
                                            void (*stop)(void *data, unsigned worker), void *data);

/* Makes the scheduler; the caller owns it (echo_scheduler_release). Threads start with the first
 * submit. ECHO_OK, ECHO_BUILT (a builder builds once) or ECHO_MEMORY. */
ECHO_API int echo_builder_build(echo_builder *builder, echo_scheduler **scheduler);

/* -- tasks ------------------------------------------------------------------------------------ */

typedef void (*echo_task_function)(void *argument);

/* What a task came to. */
typedef enum echo_task_state {
  ECHO_TASK_QUEUED,
  ECHO_TASK_RUNNING,
  ECHO_TASK_DONE,
  ECHO_TASK_CANCELLED, /* it never ran */
  ECHO_TASK_LOST       /* it still ran when the scheduler's stop ran out of time */
} echo_task_state;

typedef struct echo_task_options {
  echo_priority priority;
  const char *queue; /* a named queue of the builder's, or NULL */
  /* Called exactly once, before the task counts as ended: with ECHO_OK after the function returned,
   * or with ECHO_CANCELLED instead of running it. On the thread that ends the task: a worker's, or
   * the one that cancels or stops. The place to free the argument. May be NULL. */
  void (*on_end)(void *argument, int status);
} echo_task_options;

/* Queues a call of function(argument) on a worker. Any thread, from inside tasks too. `options` may
 * be NULL for the defaults. If `task` is not NULL it receives a handle, which the caller owns
 * (echo_task_release); without one the task costs less.
 * ECHO_OK, ECHO_INVALID (no function, or a priority out of range), ECHO_MISSING (no such queue),
 * ECHO_STOPPED, ECHO_MEMORY or ECHO_THREAD (the first submit starts the workers). */
ECHO_API int echo_scheduler_submit(echo_scheduler *scheduler, const echo_task_options *options,
                                   echo_task_function function, void *argument, echo_task **task);

/* Waits until the task has ended. Any thread but the task's own. A worker that waits runs other
 * tasks meanwhile, so that tasks may wait for their children on any number of workers.
 * ECHO_OK (it ran), ECHO_CANCELLED, ECHO_LOST, ECHO_TIMEOUT (it goes on) or ECHO_DEADLOCK (a task
 * that waits for itself). */
ECHO_API int echo_task_wait(echo_task *task, double seconds);

/* Ends a task that has not started; it will never run. Any thread.
 * ECHO_OK if this call ended it, ECHO_INVALID if it has started or ended already. */
ECHO_API int echo_task_cancel(echo_task *task);

/* The task's state now. Any thread. */
ECHO_API echo_task_state echo_task_get_state(const echo_task *task);

/* Gives the handle up; the task goes on. NULL is allowed. Any thread, also after the scheduler was
 * released. */
ECHO_API void echo_task_release(echo_task *task);

/* Called inside a task: when its function returns, the task is not ended but goes to the back of
 * its priority's queue to be called again with the same argument. Lets long work make way.
 * ECHO_OK, or ECHO_INVALID outside of a task. */
ECHO_API int echo_task_again(void);

/* True if, inside a task, another of the same or a higher priority waits: a good moment for
 * echo_task_again. Any thread; false outside of a task. */
ECHO_API bool echo_task_should_yield(void);

/* The number (from 0) of the scheduler's worker whose thread this is, or -1 if it is none of its
 * threads. Any thread. */
ECHO_API int echo_worker_index(const echo_scheduler *scheduler);

/* -- stop ------------------------------------------------------------------------------------- */

typedef enum echo_stop_mode {
  ECHO_STOP_DRAIN, /* run all that was accepted */
  ECHO_STOP_CANCEL /* end what has not started */
} echo_stop_mode;

/* Refuses further submits from outside, ends what was accepted as the mode says, and ends the
 * threads. When the time runs out, what has not started is cancelled, and what still runs is left
 * to its thread, to which nothing of the caller's may be taken away. *abandoned (may be NULL)
 * receives the number of tasks that did not come to their proper end for want of time.
 * Idempotent: a further call waits for the first and reports the same. Any thread but a worker's.
 * ECHO_OK, ECHO_TIMEOUT (something was abandoned) or ECHO_DEADLOCK (called inside a task). */
ECHO_API int echo_scheduler_stop(echo_scheduler *scheduler, echo_stop_mode mode, double seconds,
                                 size_t *abandoned);

/* Gives the scheduler up; NULL is allowed. One that was not stopped is stopped with cancel first,
 * with two seconds for the tasks that run. Task handles stay valid. Not inside a task. */
ECHO_API void echo_scheduler_release(echo_scheduler *scheduler);

/* -- looking ---------------------------------------------------------------------------------- */

typedef struct echo_stats {
  unsigned workers;
  uint64_t submitted; /* tasks accepted */
  uint64_t ended;     /* tasks that ran or were cancelled */
  uint64_t cancelled; /* the part of these that never ran */
  uint64_t stolen;    /* tasks that began on another worker than the one that queued them */
  uint64_t parked;    /* times a worker went to sleep */
  size_t task_bytes;  /* memory held for queued tasks and handles */
} echo_stats;

/* Sums the counters up. Any thread; exact once nothing runs. */
ECHO_API void echo_scheduler_stats(echo_scheduler *scheduler, echo_stats *stats);

/* The number of workers. Any thread. */
ECHO_API unsigned echo_scheduler_worker_count(const echo_scheduler *scheduler);

#ifdef __cplusplus
}
#endif

#endif
