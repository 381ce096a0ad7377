/* In the place of src/scheduler/trace.h: a scheduler that knows nothing of recordings, to compare
 * with (trace.c). */
#ifndef ECHO_SCHEDULER_TRACE_H
#define ECHO_SCHEDULER_TRACE_H

typedef struct echo__trace {
  char nothing;
} echo__trace;

#define echo__traces(scheduler)                        0
#define echo__trace_clock(scheduler)                   0
#define echo__trace_init(trace)                        ECHO_OK
#define echo__trace_destroy(trace)                     (void)0
#define echo__trace_stop(scheduler)                    (void)0
#define echo__trace_forget(trace)                      (void)0
#define echo__trace_submit(scheduler, task)            (void)0
#define echo__trace_begin(worker, task)                (void)0
#define echo__trace_leave(worker, task, how)           (void)0
#define echo__trace_end(scheduler, task, state)        (void)0
#define echo__trace_resume(scheduler, lane, task)      (void)(lane)
#define echo__trace_steal(worker)                      (void)0
#define echo__trace_park(worker, since)                (void)(since)
#define echo__trace_branch(worker, since, priority)    ((void)(since), (void)(priority))
#define echo_trace_wait_ends(scheduler, began, result) (void)(began)

#endif
