/* Schedulers for specs: made in a line, ended in a line, and kept busy in between. */
#ifndef SPEC_SUPPORT_CREW_H
#define SPEC_SUPPORT_CREW_H

#include <echo/scheduler.h>

#include "support/spec.h"

/* A scheduler with so many workers. */
echo_scheduler *spec_crew(unsigned workers);

/* The same with one named queue, "few". */
echo_scheduler *spec_crew_with_queue(unsigned workers, unsigned limit);

/* The same with so many workers more for high tasks alone. */
echo_scheduler *spec_crew_with_urgent(unsigned workers, unsigned urgent);

/* Stops with drain, sees to it that nothing was left, and releases. */
void spec_crew_end(echo_scheduler *scheduler);

/* Submits without options; without and with a handle. */
void spec_submit(echo_scheduler *scheduler, echo_task_function function, void *argument);
echo_task *spec_submit_held(echo_scheduler *scheduler, echo_task_function function, void *argument);

/* Has so many tasks run at once, and waits until they have: so many workers have threads then. */
void spec_crew_gather(echo_scheduler *scheduler, unsigned workers);

/* Adds 1 to an atomic_int. */
void spec_count(void *counter);

/* Does nothing. */
void spec_nothing(void *argument);

/* A task that holds a worker until it is let go. */
typedef struct spec_blocker {
  spec_gate started, go;
} spec_blocker;

/* Submits it and waits until it runs. */
void spec_block(echo_scheduler *scheduler, spec_blocker *blocker);
void spec_unblock(spec_blocker *blocker);

/* The task's function, to be submitted otherwise; the blocker needs spec_blocker_init then. */
void spec_blocker_init(spec_blocker *blocker);
void spec_blocker_run(void *blocker);

/* Notes down in which order things happen. */
enum { SPEC_LOG = 512 };

typedef struct spec_log {
  atomic_uint count;
  int entries[SPEC_LOG];
} spec_log;

void spec_log_add(spec_log *log, int entry);

/* Fails unless the log holds just these, in this order. */
void spec_log_expect(spec_log *log, const int *entries, unsigned count);

/* A task that adds `entry` to `log`. */
typedef struct spec_note {
  spec_log *log;
  int entry;
} spec_note;

void spec_note_run(void *note);

/* Ends of tasks, as on_end tells them. The argument of such a task is a spec_ends. */
typedef struct spec_ends {
  atomic_int ran, ended_ok, ended_cancelled, ended_otherwise;
} spec_ends;

void spec_ends_run(void *ends);
void spec_ends_note(void *ends, int status);

#endif
