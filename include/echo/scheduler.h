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
 * Link libecho: pkg-config echo, or in CMake find_package(echo) and echo::echo (echo::static: the
 * archive).
 *
 * Functions that can fail return an echo_status: ECHO_OK or a negative code. An error return of a
 * submit means that nothing was accepted and no call-back will come; success means that the task
 * ends exactly once. Times are seconds; ECHO_FOREVER, or any negative number, means no limit.
 *
 * Threads. A worker's thread starts when there is first a task that no other worker is there for,
 * so a scheduler costs what is used of it. The first submit starts one, and later ones, or tasks,
 * start more; each has the processors and the scheduling that a thread of the first submit's thread
 * would have had. If the system refuses a further thread, the tasks wait for the workers that there
 * are, and it is tried again with the next one.
 *
 * Forking. Threads start with the first submit; until then a scheduler may be carried through a
 * fork and is as good as new on either side. The child of a later fork has no workers: there,
 * submits are refused with ECHO_FORKED, tasks that had not ended are lost, a stop returns
 * ECHO_FORKED at once, and the memory stays. The parent goes on undisturbed. To be forked from a
 * thread of the program's, not inside a task.
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

/* Worker threads, 1 to 1024 with the urgent ones, as soon as so many are of use. Default: the
 * processors this process may use, at least 2. ECHO_OK or ECHO_INVALID. */
ECHO_API int echo_builder_with_worker_count(echo_builder *builder, unsigned count);

/* So many workers more, for high tasks alone, so that these need not wait until a worker has ended
 * what it runs, or can be interrupted: a C function cannot be. They sleep until a high task is
 * there and no ordinary worker is idle or looking for work; then nothing is interrupted for it.
 * They are workers in all else: numbered after the ordinary ones, called by the hooks, in stats and
 * recordings. Their threads start with the first submit. They are not kept on a processor by
 * echo_builder_with_pinning. While they work there are more threads than the ordinary workers, so a
 * processor may have two of them.
 *
 * For programs in which less urgent tasks stay long inside of functions that do not react, and the
 * high ones are short and somebody waits for them:
 *
 *   echo_builder_with_worker_count(builder, 4);    all four may be inside of a query ...
 *   echo_builder_with_urgent_workers(builder, 1);  ... and a keystroke's task begins at once
 *
 * They are of no use where tasks are short, or can be interrupted (echo_builder_with_interrupt);
 * for many or long high tasks, which want ordinary workers; and for what a high task waits for, if
 * that is less urgent itself or has been suspended on an ordinary worker.
 *
 * A task that has been suspended there goes on there, since what it left is there, even if its
 * priority has been lowered meanwhile; echo_builder_with_fairness keeps it from waiting without end
 * behind high ones. What a task there submits goes behind what waits, to whichever worker takes its
 * priority; while it waits for a task with echo_task_wait, its worker runs high tasks only.
 * Default: 0. ECHO_OK or ECHO_INVALID (more than 1024 workers in all). */
ECHO_API int echo_builder_with_urgent_workers(echo_builder *builder, unsigned count);

/* The number of worker threads as it stands, urgent ones among them. */
ECHO_API unsigned echo_builder_worker_count(const echo_builder *builder);

/* A named queue: at most `limit` (1 or more) of its tasks run at once, higher priorities first,
 * submission order within a priority. The name is copied.
 * ECHO_OK, ECHO_INVALID (no name, a limit of 0, or one queue more than 65,535), ECHO_EXISTS or
 * ECHO_MEMORY. */
ECHO_API int echo_builder_with_queue(echo_builder *builder, const char *name, unsigned limit);

/* One start in `count` goes to a lower priority that waits; 0 turns that off. Default: 61. ECHO_OK.
 */
ECHO_API int echo_builder_with_fairness(echo_builder *builder, unsigned count);

/* The prefix of the threads' names; the text is copied. Default: "echo".
 * ECHO_OK, ECHO_INVALID (no name) or ECHO_MEMORY. */
ECHO_API int echo_builder_with_name(echo_builder *builder, const char *prefix);

/* Called on each worker's own thread, `start` before its first task and `stop` after its last, and
 * not at all if it has none; either may be NULL. `data` must outlive the scheduler. ECHO_OK. */
ECHO_API int echo_builder_with_worker_hooks(echo_builder *builder,
                                            void (*start)(void *data, unsigned worker),
                                            void (*stop)(void *data, unsigned worker), void *data);

/* Lets more urgent tasks interrupt running ones. `interrupt` is called on the worker's own thread,
 * in a signal handler, while an interruptible task runs there: it may only do what such a handler
 * may (set a flag, lua_sethook), errno is kept for it. It is called when a task of a higher
 * priority waits, when the running one is cancelled, and on echo_worker_interrupt; it may also be
 * called for no reason, and before the task's function has done its first step. The task then asks
 * echo_task_should_make_way and echo_task_is_cancelled what it is about. `data` must outlive the
 * scheduler. ECHO_OK.
 *
 * For the signal the process gives up one that is untouched when the scheduler is built: SIGURG or
 * a real-time one. System calls of interruptible tasks go on after it if they can (SA_RESTART);
 * those that cannot, sleeps and polls, end with EINTR. If no signal is free nothing is interrupted
 * (echo_scheduler_interrupts). */
ECHO_API int echo_builder_with_interrupt(echo_builder *builder,
                                         void (*interrupt)(void *data, unsigned worker),
                                         void *data);

/* Whether the scheduler may use a signal for that. Without one the call-back is never called: tasks
 * ask echo_task_should_make_way and echo_task_is_cancelled from time to time. Default: it may.
 * ECHO_OK. */
ECHO_API int echo_builder_with_signal(echo_builder *builder, bool signal);

/* What tasks are called in a recording: `name` writes at most `size` bytes to `text`, any bytes,
 * and returns how many; 0: the task has no name. Called on the worker's thread before each call of
 * the task's function, while something is recorded, and only then. `data` must outlive the
 * scheduler. ECHO_OK. */
ECHO_API int echo_builder_with_task_names(echo_builder *builder,
                                          size_t (*name)(void *data, void (*function)(void *),
                                                         void *argument, char *text, size_t size),
                                          void *data);

/* Worker i stays on the i-th processor, counted round, of those that the thread of the first submit
 * may use, as they stand then; never on another. All threads start with that submit. Has no effect
 * where the system cannot do that. Default: off. ECHO_OK. */
ECHO_API int echo_builder_with_pinning(echo_builder *builder, bool pinning);

/* At most `count` tasks are queued and have not begun, held ones among them; a submit of one more
 * is refused with ECHO_FULL, inside tasks too. What has begun and queues again does not count.
 * Default: no limit. ECHO_OK or ECHO_INVALID (0). */
ECHO_API int echo_builder_with_capacity(echo_builder *builder, size_t count);

/* For whoever sits on top of a scheduler and has memory of its own to keep until nobody needs it
 * any more. `stopped` is called at the end of each echo_scheduler_stop, on its thread, with what
 * that came to; and by a fork, in a child that the scheduler's threads are not in, with
 * ECHO_FORKED. `released`, if it is not NULL, is called by echo_scheduler_release when the
 * scheduler has stopped, and instead of freeing it: it is data's from then on, who releases it once
 * more, on whatever thread, when nothing needs it; that calls neither hook. `data` must outlive the
 * scheduler. ECHO_OK. */
ECHO_API int echo_builder_with_end_hooks(echo_builder *builder,
                                         void (*stopped)(void *data, int status),
                                         void (*released)(void *data), void *data);

/* The data of the scheduler's worker hooks, if `start` is the one of them that was given: so
 * whoever sits on top of a scheduler knows its own again. NULL otherwise. Any thread. */
ECHO_API void *echo_scheduler_worker_data(const echo_scheduler *scheduler,
                                          void (*start)(void *data, unsigned worker));

/* Makes the scheduler; the caller owns it (echo_scheduler_release). Threads start with the first
 * submit. ECHO_OK, ECHO_BUILT (a builder builds once) or ECHO_MEMORY. */
ECHO_API int echo_builder_build(echo_builder *builder, echo_scheduler **scheduler);

/* -- tasks ------------------------------------------------------------------------------------ */

typedef void (*echo_task_function)(void *argument);

/* What a task came to. */
typedef enum echo_task_state {
  ECHO_TASK_QUEUED,
  ECHO_TASK_SUSPENDED, /* it has begun, or was held, and waits for echo_task_resume */
  ECHO_TASK_RUNNING,
  ECHO_TASK_DONE,
  ECHO_TASK_CANCELLED, /* it never ran, or was told to end before it was done */
  ECHO_TASK_LOST       /* it still ran when the scheduler's stop ran out of time */
} echo_task_state;

typedef struct echo_task_options {
  echo_priority priority;
  const char *queue;  /* a named queue of the builder's, or NULL */
  bool held;          /* accepted, but not queued before echo_task_resume; needs a handle */
  bool interruptible; /* the builder's interrupt call-back may be called while it runs */
  /* Called exactly once, before the task counts as ended: with ECHO_OK after the function returned
   * for good, or with ECHO_CANCELLED if it never ran or was cancelled before that. On the thread
   * that ends the task: a worker's, or the one that cancels or stops. The place to free the
   * argument, and to give the task's handle up. It may submit, cancel and resume, but must not wait
   * for the task, nor stop or release the scheduler. May be NULL. */
  void (*on_end)(void *argument, int status);
} echo_task_options;

/* Queues a call of function(argument) on a worker. Any thread, from inside tasks too. `options` may
 * be NULL for the defaults. If `task` is not NULL it receives a handle, which the caller owns
 * (echo_task_release); without one the task costs less.
 * ECHO_OK, ECHO_INVALID (no function, a priority out of range, or held without a handle),
 * ECHO_MISSING (no such queue), ECHO_STOPPED, ECHO_FULL, ECHO_MEMORY, ECHO_THREAD (there is none
 * for the first worker) or ECHO_FORKED. */
ECHO_API int echo_scheduler_submit(echo_scheduler *scheduler, const echo_task_options *options,
                                   echo_task_function function, void *argument, echo_task **task);

/* Waits until the task has ended. Any thread but the task's own. A worker that waits runs other
 * tasks meanwhile, so that tasks may wait for their children on any number of workers. (What is
 * only a part of a task is cheaper as a branch: echo/branch.h.) ECHO_OK (it ran), ECHO_CANCELLED,
 * ECHO_LOST, ECHO_TIMEOUT (it goes on) or ECHO_DEADLOCK (a task that waits for itself). */
ECHO_API int echo_task_wait(echo_task *task, double seconds);

/* Ends a task that has not started, which then never runs; asks one that has started to end: it is
 * resumed if it is suspended, interrupted if it runs and is interruptible, and sees
 * echo_task_is_cancelled. It may suspend again, to clean up; however it returns for good, it ends
 * as cancelled, and echo_task_again is such a return. Any thread that holds a handle. ECHO_OK if
 * this call did that, ECHO_INVALID if the task has ended or was cancelled before. */
ECHO_API int echo_task_cancel(echo_task *task);

/* The task's state now. Any thread. */
ECHO_API echo_task_state echo_task_get_state(const echo_task *task);

/* Gives the handle up; the task goes on. NULL is allowed. Any thread, also after the scheduler was
 * released. */
ECHO_API void echo_task_release(echo_task *task);

/* Called inside a task: when its function returns, the task is not ended but goes to the back of
 * its priority's queue to be called again with the same argument. Lets long work make way. A task
 * that has suspended before stays on its worker. Once it is cancelled, or the scheduler cancels, it
 * is not called again. ECHO_OK, or ECHO_INVALID outside of a task. */
ECHO_API int echo_task_again(void);

/* True if, inside a task, another of the same or a higher priority waits: a good moment for
 * echo_task_again. Any thread; false outside of a task. */
ECHO_API bool echo_task_should_yield(void);

/* True if, inside a task, one of a higher priority waits that this worker could run: the moment to
 * be interrupted. False for the first millisecond of a task whose turn it was by fairness. It is
 * also the answer to the interrupt call-back: as long as the task has not asked, the worker counts
 * as on its way, and is not interrupted for a further task. Any thread; false outside of a task. */
ECHO_API bool echo_task_should_make_way(void);

/* The task that runs on this thread, or NULL. It is borrowed: good until the task has ended. */
ECHO_API echo_task *echo_task_current(void);

/* Called inside a task: when its function returns, the task is not ended but suspended, and holds
 * no worker. After echo_task_resume its function is called again with the same argument, on the
 * same worker. Call it before anybody can know that the task is to be resumed. A task in a named
 * queue keeps its slot. A drain waits for it; a stop that cancels calls it once, also if it
 * suspends only then, and it sees that it is cancelled. If it suspends once more it is waited for.
 * ECHO_OK, ECHO_INVALID outside of a task, or ECHO_MEMORY, after which the task ends when its
 * function returns. */
ECHO_API int echo_task_suspend(void);

/* Lets a suspended task go on, or a held one begin; it queues behind those of its priority that
 * wait on its worker. A resume that comes before the function has returned counts; several that
 * come before it is called again count as one. A suspended task may also be called without a
 * resume, when it is cancelled. Any thread that knows that the task has not ended. */
ECHO_API void echo_task_resume(echo_task *task);

/* True inside a task that was asked to end, by echo_task_cancel or by a stop that cancels. A task
 * that runs when the scheduler begins to cancel still ends properly if it does not suspend. */
ECHO_API bool echo_task_is_cancelled(void);

/* The priority with which a begun task goes on, or a held one begins: from the next resume on, and
 * at once if it has suspended and waits on its worker. Any thread that knows that the task has not
 * ended. ECHO_OK or ECHO_INVALID (out of range). */
ECHO_API int echo_task_set_priority(echo_task *task, echo_priority priority);

/* Asks for the interrupt call-back on that worker, if an interruptible task runs there. Any thread,
 * but not in a handler of signals. */
ECHO_API void echo_worker_interrupt(echo_scheduler *scheduler, unsigned worker);

/* True if the scheduler can interrupt: it has a call-back, may use a signal, one was free, and
 * nobody has taken that signal since. Any thread. */
ECHO_API bool echo_scheduler_interrupts(const echo_scheduler *scheduler);

/* Calls a suspended task at once, inside of this call, and not from the queue; on the thread of its
 * worker alone. ECHO_OK: it has ended by now, or is suspended again. ECHO_INVALID: it is not
 * suspended (any more), or belongs to another worker. */
ECHO_API int echo_task_resume_now(echo_task *task);

/* The number (from 0) of the scheduler's worker whose thread this is, or -1 if it is none of its
 * threads. Any thread. */
ECHO_API int echo_worker_index(const echo_scheduler *scheduler);

/* -- event loops ------------------------------------------------------------------------------ */

struct uv_loop_s;

/* The libuv loop (uv_loop_t) of the worker whose thread this is, made at the first call, for
 * timers, sockets and the like; their call-backs come on this thread, between tasks, and may resume
 * tasks. The worker runs the loop: at least every 61 tasks or, after a task, 200 microseconds; and
 * waits on it while there is nothing else to do and something is alive there (uv_loop_alive: what
 * is not referenced counts for nothing). Nobody else may run, stop or close it. A call-back must
 * not block: the worker stands meanwhile.
 *
 * What is on the loop holds no stop up; only tasks do. When the worker ends, after the hook `stop`,
 * all handles are closed (uv_close without a call-back: those whose memory waits for one, the hook
 * has to close), and the thread runs the loop until requests under way, such as a getaddrinfo, have
 * come back.
 *
 * For a task, or a worker hook. ECHO_OK, ECHO_INVALID (not on a worker's thread), ECHO_DESCRIPTOR
 * or ECHO_MEMORY. */
ECHO_API int echo_worker_loop(struct uv_loop_s **loop);

/* Closes all handles of that loop, without call-backs of their own, and runs it until nothing is
 * left there. For whoever takes what the call-backs use away: a hook `stop`, say. Nothing without a
 * loop, and inside of its call-backs. */
ECHO_API void echo_worker_loop_clear(void);

/* -- backpressure ----------------------------------------------------------------------------- */

/* Somebody who waits for a free place. The memory is the caller's, from the watch until it was told
 * or has taken the watch back; its members are private. */
typedef struct echo_room {
  struct echo_room *next, **link;
  void (*tell)(void *argument);
  void *argument;
  echo_priority priority;
} echo_room;

/* Calls tell(argument) once, as soon as there is room for a submit, which may be at once. Those who
 * watch are told one for each place, the highest priority first (that of the task which they would
 * submit), and in their order within one. Whoever was told submits, which may again end with
 * ECHO_FULL if somebody else was faster, or calls echo_scheduler_unwatch_room, so that others hear
 * of the place. All are told when the scheduler stops. The call comes on any thread; it must be
 * short (resume a task, set a flag) and must not submit, cancel, nor watch. Any thread. */
ECHO_API void echo_scheduler_watch_room(echo_scheduler *scheduler, echo_room *room,
                                        echo_priority priority, void (*tell)(void *argument),
                                        void *argument);

/* Takes a watch back: true if it will not be told. If it has been told, false, and the news goes to
 * the next. No call is under way any more when this returns. Any thread, but not from inside such a
 * call. */
ECHO_API bool echo_scheduler_unwatch_room(echo_scheduler *scheduler, echo_room *room);

/* -- time ------------------------------------------------------------------------------------- */

/* A call that is due at some time. The memory is the caller's, from the start until the timer has
 * fired or was cancelled; its members are private. */
typedef struct echo_timer {
  size_t place;
  void (*fire)(void *argument);
  void *argument;
} echo_timer;

/* Calls fire(argument) once, `seconds` from now, on a thread of the scheduler's own that keeps
 * time. The call must be short (resume a task, set a flag, start or cancel a timer) and must not
 * block: others that start or cancel timers wait for it. A timer does not keep a stop waiting; one
 * that is not yet due when the scheduler has stopped never fires, nor does one that starts with
 * ECHO_FOREVER. Any thread. ECHO_OK, ECHO_INVALID (nothing to call), ECHO_MEMORY, ECHO_THREAD, or
 * ECHO_STOPPED once the scheduler has stopped. */
ECHO_API int echo_timer_start(echo_scheduler *scheduler, echo_timer *timer, double seconds,
                              void (*fire)(void *argument), void *argument);

/* Takes a timer back. True if it will not fire; false if it has fired. It is not firing any more
 * when this returns, unless it is itself the caller. Any thread. */
ECHO_API bool echo_timer_cancel(echo_scheduler *scheduler, echo_timer *timer);

/* -- stop ------------------------------------------------------------------------------------- */

typedef enum echo_stop_mode {
  ECHO_STOP_DRAIN, /* run all that was accepted */
  ECHO_STOP_CANCEL /* end what has not started, tell the rest to end */
} echo_stop_mode;

/* Refuses further submits from outside, ends what was accepted as the mode says, and ends the
 * threads. When the time runs out, what has not started is cancelled, and what still runs is left
 * to its thread, to which nothing of the caller's may be taken away. *abandoned (may be NULL)
 * receives the number of tasks that did not come to their proper end for want of time; those that
 * were suspended on a thread that is left behind are among them, and end when it comes back.
 * Idempotent: a further call waits for the first, which goes on as strictly as the stricter of the
 * two, and reports the same. Any thread but a worker's.
 * ECHO_OK, ECHO_TIMEOUT (something was abandoned), ECHO_FORKED (all was, in the child of a fork) or
 * ECHO_DEADLOCK (called inside a task). */
ECHO_API int echo_scheduler_stop(echo_scheduler *scheduler, echo_stop_mode mode, double seconds,
                                 size_t *abandoned);

/* The first part of a stop, for threads that must look up now and then: begins it, if that was not
 * done, waits that long until what was accepted has ended, and gives nothing up. Call it as often
 * as you like, also with a mode that is stricter, which counts for a stop that another thread is
 * in, too, and echo_scheduler_stop at the end. Any thread but a worker's. ECHO_OK (all has ended),
 * ECHO_TIMEOUT (not yet) or ECHO_DEADLOCK (called inside a task). */
ECHO_API int echo_scheduler_begin_stop(echo_scheduler *scheduler, echo_stop_mode mode,
                                       double seconds);

/* Gives the scheduler up; NULL is allowed. One that was not stopped is stopped with cancel first,
 * with two seconds for the tasks that run. Task handles stay valid. Not inside a task, nor while
 * another thread is in a call that submits, or lets a held task begin. */
ECHO_API void echo_scheduler_release(echo_scheduler *scheduler);

/* -- looking ---------------------------------------------------------------------------------- */

/* The number of workers, urgent ones among them. Any thread. */
ECHO_API unsigned echo_scheduler_worker_count(const echo_scheduler *scheduler);

/* -- recordings ------------------------------------------------------------------------------- */

/* Begins a recording of what the scheduler does, in this file, which is emptied; or ends the one
 * that runs, if `path` is NULL. A stop ends it, too. The file is Chrome's trace format, an array of
 * events, and is valid at every moment; docs/trace.md tells what is in it. A thread of the
 * recording's writes it; nobody waits for that thread, and what it cannot keep up with is dropped
 * and counted. While nothing is recorded this costs nothing. What the calling thread has seen
 * happen is in the file when a call that ends the recording returns. Any thread, inside tasks too.
 *
 * Beginning: ECHO_OK, ECHO_FILE (it cannot be opened or written; errno says why), ECHO_EXISTS (a
 * recording runs), ECHO_STOPPED, ECHO_FORKED, ECHO_MEMORY or ECHO_THREAD.
 * Ending: ECHO_OK, ECHO_MISSING (none runs), or ECHO_FILE: it broke off before (errno says why),
 * and the file is valid and has what was recorded up to then. */
ECHO_API int echo_scheduler_trace(echo_scheduler *scheduler, const char *path);

/* How many events have been dropped, in the recording that runs or else in the last one. Any
 * thread. */
ECHO_API uint64_t echo_scheduler_trace_dropped(echo_scheduler *scheduler);

/* The rest is for whoever sits on top of a scheduler, and has waits and results of its own. */

typedef enum echo_trace_outcome {
  ECHO_TRACE_DONE,
  ECHO_TRACE_FAILED,
  ECHO_TRACE_CANCELLED
} echo_trace_outcome;

/* Where and when a task ended, to be kept with its result. Its members are private; all zero: it is
 * not known. */
typedef struct echo_trace_result {
  uint64_t moment;
  uint32_t task;
  uint16_t lane;
} echo_trace_result;

/* Whether something is recorded. Any thread. */
ECHO_API bool echo_scheduler_is_traced(const echo_scheduler *scheduler);

/* Inside a task that is about to tell others of its end: for the recording it ends now, and so. In
 * an on_end nothing is left to end. `result`, which may be NULL, receives what to keep; zeros if
 * nothing is recorded. */
ECHO_API void echo_trace_task_ends(echo_trace_outcome outcome, echo_trace_result *result);

/* Inside a task: what it is called in a recording during this call of its function, where
 * echo_builder_with_task_names did not yet know. Any bytes. */
ECHO_API void echo_trace_task_name(const char *name, size_t length);

/* Around a wait that holds up a thread: the first returns what the second takes, which comes when
 * a result has been found. A wait that held up nobody ends only, with 0. Any thread. */
ECHO_API uint64_t echo_trace_wait_begins(const echo_scheduler *scheduler);
ECHO_API void echo_trace_wait_ends(echo_scheduler *scheduler, uint64_t began,
                                   const echo_trace_result *result);

#ifdef __cplusplus
}
#endif

#include <echo/stats.h> /* counters, times, and a call at the end of each task */

#endif
