#include "lua/urgency.h"

#include <stdlib.h>

#include "lua/ring.h"
#include "lua/terms.h"

static void stand_in_ends(void *argument, int status) {
  echo__stand_in *stand_in = argument;
  echo__job *job = stand_in->job;
  bool begun = echo__load(&stand_in->begun, relaxed);
  free(stand_in);
  echo__job_core_ended(job, begun, status);
}

static int submit_stand_in(echo__job *job, echo_priority priority) {
  echo__stand_in *stand_in = malloc(sizeof *stand_in);
  if (stand_in == NULL) return ECHO_MEMORY;
  stand_in->job = job;
  echo__store(&stand_in->begun, false, relaxed);
  echo__job_retain(job);
  echo_task_options options = {.priority = priority,
                               .queue = echo__job_extra(job)->queue,
                               .on_end = stand_in_ends,
                               .interruptible = true};
  echo__runtime *runtime = job->runtime; /* the job may be gone once its stand-in has run */
  int status =
      echo_scheduler_submit(runtime->scheduler, &options, echo__run_stand_in, stand_in, NULL);
  if (status == ECHO_OK) {
    echo__add(&runtime->further, 1, relaxed);
  } else {
    free(stand_in);
    echo__job_drop_anywhere(job);
  }
  return status;
}

int echo__job_set_priority(echo__job *job, echo_priority priority) {
  echo__job_state state = echo__job_get_state(job);
  if (echo__job_extra(job)->map != NULL || state >= ECHO__JOB_DONE) return ECHO_INVALID;
  if (echo__load(&job->priority, relaxed) == priority) return ECHO_OK;
  echo__store(&job->priority, (int8_t)priority, relaxed);
  if (state == ECHO__JOB_QUEUED) {
    /* A job that is held back takes its priority along when it is let go. */
    return echo__terms_hold(job) ? ECHO_OK : submit_stand_in(job, priority);
  }
  echo__run_reprioritize(&job->run);
  return ECHO_OK;
}

static void raise_one(echo__job *job, void *data) {
  echo_priority priority = *(const echo_priority *)data;
  if (echo__load(&job->priority, relaxed) < priority) echo__job_set_priority(job, priority);
}

void echo__job_raise(echo__job *job, echo_priority priority) {
  echo__ring_follow(job, raise_one, &priority);
}

void echo__job_lend(const echo__job *waiter, echo__job *job) {
  if (waiter == NULL) return;
  int8_t priority = echo__load(&waiter->priority, relaxed);
  if (priority > echo__load(&job->priority, relaxed)) echo__job_raise(job, (echo_priority)priority);
}
