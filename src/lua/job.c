#include "lua/job.h"

#include <stdlib.h>

#include "lua/map.h"

static void job_init(echo__job *job, echo__runtime *runtime) {
  echo__store(&job->references, 1, relaxed);
  echo__store(&job->word, ECHO__JOB_QUEUED, relaxed);
  job->runtime = runtime;
  job->map = NULL;
  job->name = NULL;
  job->kind = ECHO__KIND_ERROR;
  echo__message_init(&job->input);
  echo__message_init(&job->output);
}

echo__job *echo__job_create(echo__client *client) {
  echo__job *job = echo__pool_take(&client->runtime->jobs, &client->jobs);
  if (job != NULL) job_init(job, client->runtime);
  return job;
}

void echo__job_share(echo__job *job) {
  echo__store(&job->references, 2, relaxed);
}

void echo__job_unshare(echo__job *job) {
  echo__store(&job->references, 1, relaxed);
}

static bool drop(echo__job *job) {
  /* PAIR job.drop with itself: the last one to go frees what the others have used */
  return echo__sub(&job->references, 1, acq_rel) == 1;
}

static void release_contents(echo__job *job) {
  echo__message_release(&job->input);
  echo__message_release(&job->output);
  free(job->name);
  echo__map_destroy(job->map);
}

void echo__job_drop(echo__client *client, echo__job *job) {
  if (!drop(job)) return;
  release_contents(job);
  echo__pool_give(&client->runtime->jobs, &client->jobs, job);
}

static void give_outside(echo__runtime *runtime, echo__job *job) {
  uv_mutex_lock(&runtime->outside_mutex);
  echo__pool_give(&runtime->jobs, &runtime->outside, job);
  uv_mutex_unlock(&runtime->outside_mutex);
}

void echo__job_drop_anywhere(echo__job *job) {
  if (!drop(job)) return;
  echo__runtime *runtime = job->runtime;
  int worker = echo_worker_index(runtime->scheduler);
  release_contents(job);
  if (worker >= 0)
    echo__pool_give(&runtime->jobs, &runtime->states[worker].jobs, job);
  else
    give_outside(runtime, job);
}

echo__job_state echo__job_get_state(const echo__job *job) {
  uint32_t word = echo__load(&job->word, acquire); /* PAIR job.state */
  return (echo__job_state)(word & ~(uint32_t)ECHO__JOB_WAITED);
}

/* From QUEUED; nobody sleeps on the word without having set WAITED. */
static bool leave_queued(echo__job *job, echo__job_state to) {
  uint32_t word = echo__load(&job->word, relaxed), next;
  do {
    if ((word & ~(uint32_t)ECHO__JOB_WAITED) != ECHO__JOB_QUEUED) return false;
    next = (uint32_t)to | (word & ECHO__JOB_WAITED);
  } while (!echo__cas_weak(&job->word, &word, next, acq_rel)); /* PAIR job.state */
  return true;
}

bool echo__job_begin(echo__job *job) {
  return leave_queued(job, ECHO__JOB_RUNNING);
}

bool echo__job_cancel(echo__job *job) {
  if (!leave_queued(job, ECHO__JOB_CANCELLED)) return false;
  echo__word_wake_all(&job->word);
  return true;
}

void echo__job_end(echo__job *job, echo__job_state state) {
  uint32_t before = echo__exchange(&job->word, state, acq_rel); /* PAIR job.state */
  if (before & ECHO__JOB_WAITED) echo__word_wake_all(&job->word);
}

echo__woken echo__job_wait(echo__job *job, uint64_t deadline) {
  uint32_t word = echo__load(&job->word, relaxed);
  do {
    if ((word & ~(uint32_t)ECHO__JOB_WAITED) >= ECHO__JOB_DONE) return ECHO__WOKEN;
  } while (!(word & ECHO__JOB_WAITED) &&
           !echo__cas_weak(&job->word, &word, word | ECHO__JOB_WAITED, relaxed));
  return echo__word_wait(&job->word, word | ECHO__JOB_WAITED, deadline);
}

void echo__job_on_end(void *argument, int status) {
  echo__job *job = argument;
  if (status != ECHO_OK) echo__job_cancel(job);
  echo__job_drop_anywhere(job);
}
