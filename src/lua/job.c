#include "lua/job.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "lua/charge.h"
#include "lua/map.h"
#include "lua/observer.h"
#include "lua/progress.h"
#include "lua/terms.h"

void echo__run_init(echo__run *run, echo__job *job) {
  run->job = job;
  run->fiber = NULL;
  run->core = NULL;
  echo__store(&run->begun, false, relaxed);
  run->priority = ECHO_PRIORITY_NORMAL;
  run->knows = false;
  echo__store(&run->word, 0, relaxed);
}

static void job_init(echo__job *job, echo__runtime *runtime) {
  echo__shared_init(&job->shared, &echo__job_type);
  echo__store(&job->travelled, false, relaxed);
  echo__store(&job->word, ECHO__JOB_QUEUED, relaxed);
  job->runtime = runtime;
  echo__store(&job->extra, NULL, relaxed);
  job->watches = NULL;
  job->awaits = NULL;
  job->reported = false;
  job->kind = ECHO__KIND_ERROR;
  echo__store(&job->priority, ECHO_PRIORITY_NORMAL, relaxed);
  echo__run_init(&job->run, job);
  echo__message_init(&job->message);
}

/* -- references ------------------------------------------------------------------------------- */

echo__job *echo__job_create(echo__client *client) {
  echo__job *job = echo__pool_take(&client->runtime->jobs, &client->jobs);
  if (job != NULL) job_init(job, client->runtime);
  return job;
}

const echo__extra echo__no_extra;

echo__extra *echo__job_extend(echo__job *job) {
  echo__extra *extra = echo__load(&job->extra, acquire); /* PAIR job.extra */
  if (extra != NULL) return extra;
  echo__extra *made = calloc(1, sizeof *made);
  if (made == NULL) return NULL;
  if (echo__cas(&job->extra, &extra, made, acq_rel)) return made; /* PAIR job.extra */
  free(made);
  return extra;
}

echo__message *echo__job_input(echo__job *job) {
  const echo__extra *extra = echo__job_extra(job);
  if (extra->map != NULL) return &extra->map->function;
  return extra->terms != NULL ? &extra->terms->input : &job->message;
}

void echo__job_share(echo__job *job) {
  echo__store(&job->shared.count, 2, relaxed);
}

void echo__job_unshare(echo__job *job) {
  echo__store(&job->shared.count, 1, relaxed);
}

void echo__job_retain(echo__job *job) {
  echo__shared_retain(&job->shared);
}

static void release_contents(echo__job *job) {
  echo__message_release(&job->message);
  echo__extra *extra = echo__load(&job->extra, relaxed);
  if (extra == NULL) return;
  free(extra->name);
  free(extra->queue);
  free(extra->reason);
  free(extra->span);
  echo__progress_release(extra);
  echo__map_destroy(extra->map);
  echo__terms_destroy(extra->terms);
  free(extra);
}

static void give_outside(echo__runtime *runtime, echo__job *job) {
  uv_mutex_lock(&runtime->outside_mutex);
  echo__pool_give(&runtime->jobs, &runtime->outside, job);
  uv_mutex_unlock(&runtime->outside_mutex);
}

void echo__job_travels(echo__shared *shared) {
  echo__job *job = (echo__job *)shared;
  if (echo__load(&job->travelled, relaxed)) return;
  if (!echo__exchange(&job->travelled, true, relaxed)) echo__shared_retain(&job->runtime->shared);
}

static void destroy_in(echo__job *job, echo__cache *cache) {
  echo__runtime *runtime = job->runtime;
  bool travelled = echo__load(&job->travelled, relaxed);
  release_contents(job);
  if (cache != NULL)
    echo__pool_give(&runtime->jobs, cache, job);
  else
    give_outside(runtime, job);
  if (travelled) echo__shared_release(&runtime->shared);
}

void echo__job_destroy(echo__shared *shared) {
  echo__job *job = (echo__job *)shared;
  int worker = echo_worker_index(job->runtime->scheduler);
  destroy_in(job, worker >= 0 ? &job->runtime->states[worker].client.jobs : NULL);
}

void echo__job_drop(echo__client *client, echo__job *job) {
  if (echo__shared_drop(&job->shared)) destroy_in(job, &client->jobs);
}

void echo__job_drop_anywhere(echo__job *job) {
  echo__shared_release(&job->shared);
}

/* -- watches ---------------------------------------------------------------------------------- */

uv_mutex_t *echo__job_stripe(const echo__job *job) {
  uintptr_t number = (uintptr_t)job / sizeof *job;
  return &job->runtime->stripes[number % ECHO__STRIPES];
}

static void link_in(echo__job *job, echo__watch *watch) {
  watch->next = job->watches;
  watch->link = &job->watches;
  if (watch->next != NULL) watch->next->link = &watch->next;
  job->watches = watch;
}

static void unlink_one(echo__watch *watch) {
  *watch->link = watch->next;
  if (watch->next != NULL) watch->next->link = watch->link;
  watch->link = NULL;
}

/* Who ends the job changes the state first and sees WATCHED in the same step; who watches sets
 * WATCHED and sees the state in the same step (PAIR job.watched). */
bool echo__job_watch(echo__job *job, echo__watch *watch) {
  uv_mutex_lock(echo__job_stripe(job));
  uint32_t word = echo__or(&job->word, ECHO__JOB_WATCHED, acq_rel); /* PAIR job.watched job.state */
  bool waits = (word & ECHO__JOB_STATE) < ECHO__JOB_DONE;
  if (waits && watch->link == NULL) link_in(job, watch);
  uv_mutex_unlock(echo__job_stripe(job));
  return waits;
}

void echo__job_unwatch(echo__job *job, echo__watch *watch) {
  uv_mutex_lock(echo__job_stripe(job));
  if (watch->link != NULL) unlink_one(watch);
  uv_mutex_unlock(echo__job_stripe(job));
}

/* The list is newest first; who watched first is told first. */
static echo__watch *take_all(echo__job *job) {
  echo__watch *oldest = NULL;
  for (echo__watch *watch = job->watches, *next; watch != NULL; watch = next) {
    next = watch->next;
    watch->next = oldest;
    oldest = watch;
  }
  job->watches = NULL;
  return oldest;
}

static void fire_watches(echo__job *job) {
  uv_mutex_lock(echo__job_stripe(job));
  for (echo__watch *watch = take_all(job), *next; watch != NULL; watch = next) {
    next = watch->next;
    watch->link = NULL;
    watch->fire(watch);
  }
  uv_mutex_unlock(echo__job_stripe(job));
}

/* -- states ----------------------------------------------------------------------------------- */

echo__job_state echo__job_get_state(const echo__job *job) {
  uint32_t word = echo__load(&job->word, acquire); /* PAIR job.state */
  return (echo__job_state)(word & ECHO__JOB_STATE);
}

const char *echo__job_status(const echo__job *job) {
  static const char *const texts[] = {"queued", "running", "done", "failed", "cancelled"};
  echo__job_state state = echo__job_get_state(job);
  bool suspended = echo__load(&job->run.word, relaxed) & ECHO__RUN_SUSPENDED;
  return state == ECHO__JOB_RUNNING && suspended ? "suspended" : texts[state];
}

/* From one state to another, keeping the bits beside it; false if it is not in the first. */
static bool change_state(echo__job *job, echo__job_state from, uint32_t to, uint32_t *before) {
  uint32_t word = echo__load(&job->word, relaxed);
  do {
    if ((word & ECHO__JOB_STATE) != from) return false;
  } while (!echo__cas_weak(&job->word, &word, (word & ~(uint32_t)ECHO__JOB_STATE) | to,
                           seq_cst)); /* PAIR job.state job.watched run.poke */
  *before = word;
  return true;
}

/* Whoever cancels the job and finds it running finds in the same word where. */
bool echo__job_begin(echo__job *job, int worker) {
  uint32_t before,
      place = echo__job_extra(job)->map == NULL ? ECHO__JOB_WORKER * (uint32_t)(worker + 1) : 0;
  return change_state(job, ECHO__JOB_QUEUED, ECHO__JOB_RUNNING | place, &before);
}

bool echo__job_requeue(echo__job *job) {
  uint32_t word = echo__load(&job->word, relaxed), next;
  do {
    if (word & ECHO__JOB_CANCELLING) return false;
    next = (word & (ECHO__JOB_WAITED | ECHO__JOB_WATCHED)) | ECHO__JOB_QUEUED;
  } while (!echo__cas_weak(&job->word, &word, next, acq_rel)); /* PAIR job.state */
  return true;
}

/* It has come to its end state, from `before`. */
static void tell(echo__job *job, echo__job_state state, uint32_t before) {
  echo__observe_end(job, state, (before & ECHO__JOB_STATE) == ECHO__JOB_QUEUED);
  if (before & ECHO__JOB_WAITED) echo__word_wake_all(&job->word);
  if (before & ECHO__JOB_WATCHED) fire_watches(job);
}

static void count_end(const echo__job *job, echo__job_state state, int by) {
  echo__tally_end(job->runtime, (int)state - ECHO__JOB_DONE, by);
}

/* It is counted first, so that whoever has waited for the end finds it counted. */
void echo__job_end(echo__job *job, echo__job_state state) {
  uint32_t word = echo__load(&job->word, relaxed), next;
  count_end(job, state, 1);
  do {
    if ((word & ECHO__JOB_CANCELLING) && state != ECHO__JOB_CANCELLED) {
      count_end(job, state, -1);
      state = ECHO__JOB_CANCELLED;
      count_end(job, state, 1);
    }
    next = (word & ~(uint32_t)ECHO__JOB_STATE) | state;
  } while (!echo__cas_weak(&job->word, &word, next, acq_rel)); /* PAIR job.state job.watched */
  tell(job, state, word);
}

/* Without memory it is as if there was none. */
static void set_reason(echo__job *job, const char *reason) {
  bool needs = reason != NULL || echo__job_extra(job)->reason != NULL;
  echo__extra *extra = needs ? echo__job_extend(job) : NULL;
  if (extra == NULL) return;
  free(extra->reason); /* of one that came too late */
  extra->reason = reason != NULL ? strdup(reason) : NULL;
}

/* Sets CANCELLING with what goes with it; false if the job has ended or has it already. */
static bool mark_cancelling(echo__job *job, echo__kind kind, const char *reason) {
  uv_mutex_lock(echo__job_stripe(job));
  uint32_t word = echo__load(&job->word, relaxed);
  bool marks = !(word & ECHO__JOB_CANCELLING);
  if (marks) {
    job->cancel_kind = (uint8_t)kind;
    set_reason(job, reason);
  }
  while (marks) {
    marks = (word & ECHO__JOB_STATE) < ECHO__JOB_DONE;
    /* PAIR run.poke job.state */
    if (!marks || echo__cas_weak(&job->word, &word, word | ECHO__JOB_CANCELLING, seq_cst)) break;
  }
  uv_mutex_unlock(echo__job_stripe(job));
  return marks;
}

bool echo__job_cancel(echo__job *job, echo__kind kind, const char *reason) {
  if (echo__load(&job->runtime->forked, relaxed)) return false; /* it is not in this process */
  if (!mark_cancelling(job, kind, reason)) return false;
  uint32_t before;
  if (change_state(job, ECHO__JOB_QUEUED, ECHO__JOB_CANCELLED, &before)) {
    count_end(job, ECHO__JOB_CANCELLED, 1);
    tell(job, ECHO__JOB_CANCELLED, before);
    if (echo__job_extra(job)->terms != NULL) echo__terms_hurry(job);
  } else {
    echo__job_poke(job);
  }
  return true;
}

/* -- runs ------------------------------------------------------------------------------------- */

/* Where it runs, or -1. */
static int worker_of(echo__run *run) {
  if (echo__job_extra(run->job)->map != NULL)
    return echo__load(&echo__runner_of(run)->worker, seq_cst); /* PAIR run.poke */
  return (int)(echo__load(&run->job->word, relaxed) / ECHO__JOB_WORKER) - 1;
}

static void interrupt(echo__run *run, bool tends) {
  echo__runtime *runtime = run->job->runtime;
  int worker = worker_of(run);
  if (worker < 0) return;
  if (tends) echo__store(&runtime->states[worker].tend, true, seq_cst); /* PAIR state.tend */
  echo_worker_interrupt(runtime->scheduler, (unsigned)worker);
}

static void poke_run(echo__run *run) {
  uint32_t word = echo__add(&run->word, ECHO__RUN_POKER, seq_cst); /* PAIR run.poke */
  bool suspended = word & ECHO__RUN_SUSPENDED, scoped = word & ECHO__RUN_SCOPED;
  if (suspended) echo_task_resume(run->core);
  if (!suspended || scoped) interrupt(run, scoped);
  echo__sub(&run->word, ECHO__RUN_POKER, release); /* PAIR run.poked */
}

void echo__run_reprioritize(echo__run *run) {
  uint32_t word = echo__add(&run->word, ECHO__RUN_POKER, seq_cst); /* PAIR run.poke */
  if (word & ECHO__RUN_SUSPENDED) {
    int8_t priority = echo__load(&run->job->priority, relaxed);
    echo_task_set_priority(run->core, (echo_priority)priority);
  }
  echo__sub(&run->word, ECHO__RUN_POKER, release); /* PAIR run.poked */
}

void echo__job_poke(echo__job *job) {
  const echo__map *map = echo__job_extra(job)->map;
  if (map == NULL) {
    poke_run(&job->run);
    return;
  }
  for (unsigned i = 0; i < map->runner_count; i++)
    poke_run(&map->runners[i].run);
}

void echo__run_suspends(echo__run *run) {
  int8_t priority = echo__load(&run->job->priority, relaxed);
  if (run->priority != priority) {
    run->priority = priority;
    echo_task_set_priority(run->core, (echo_priority)priority);
  }
  echo__or(&run->word, ECHO__RUN_SUSPENDED, seq_cst); /* PAIR run.poke */
  if (echo__job_is_cancelling(run->job) && !run->knows) echo_task_resume(run->core);
}

void echo__run_goes_on(echo__run *run) {
  echo__and(&run->word, ~(uint32_t)ECHO__RUN_SUSPENDED, relaxed);
  run->knows = echo__job_is_cancelling(run->job);
}

void echo__run_ends(echo__run *run) {
  while (echo__load(&run->word, acquire) >= ECHO__RUN_POKER) /* PAIR run.poked */
    sched_yield();
}

void echo__run_stopped(echo__run *run) {
  mark_cancelling(run->job, ECHO__KIND_CANCELLED, "the scheduler was stopped");
}

void echo__job_settle(echo__job *job) {
  uint32_t word = echo__load(&job->word, acquire); /* PAIR job.state */
  bool ended = (word & ECHO__JOB_STATE) >= ECHO__JOB_DONE;
  if (ended && (word & ECHO__JOB_WATCHED)) fire_watches(job);
}

echo__woken echo__job_wait(echo__job *job, uint64_t deadline) {
  uint32_t word = echo__load(&job->word, relaxed);
  do {
    if ((word & ECHO__JOB_STATE) >= ECHO__JOB_DONE) return ECHO__WOKEN;
  } while (!(word & ECHO__JOB_WAITED) &&
           !echo__cas_weak(&job->word, &word, word | ECHO__JOB_WAITED, relaxed));
  return echo__word_wait(&job->word, word | ECHO__JOB_WAITED, deadline);
}

static void abandon(echo__job *job, bool begun) {
  mark_cancelling(job, ECHO__KIND_CANCELLED, NULL);
  uint32_t before;
  if (!change_state(job, ECHO__JOB_QUEUED, ECHO__JOB_CANCELLED, &before) &&
      !(begun && change_state(job, ECHO__JOB_RUNNING, ECHO__JOB_CANCELLED, &before)))
    return;
  count_end(job, ECHO__JOB_CANCELLED, 1);
  tell(job, ECHO__JOB_CANCELLED, before);
}

void echo__job_abandon(echo__job *job) {
  abandon(job, true);
}

void echo__job_core_ended(echo__job *job, bool begun, int status) {
  if (status != ECHO_OK) abandon(job, begun);
  if (echo__job_has_ended(job)) {
    if (echo__job_extra(job)->terms != NULL) echo__terms_end(job);
    echo__charge_end(job);
  }
  echo__job_drop_anywhere(job);
}

/* The arguments of a job that was cancelled before it began: nobody has read them, nor will. They
 * may be large, and may lead back to who holds the job's handle. */
static void forget_input(echo__job *job) {
  uint32_t word = echo__load(&job->word, acquire); /* PAIR job.state */
  bool ended = (word & ECHO__JOB_STATE) >= ECHO__JOB_DONE;
  if (ended && word < ECHO__JOB_WORKER) echo__message_release(echo__job_input(job));
}

void echo__job_on_end(void *argument, int status) {
  echo__run *run = argument;
  echo__job *job = run->job;
  bool begun = echo__load(&run->begun, relaxed);
  if (status != ECHO_OK) abandon(job, begun);
  forget_input(job);
  echo__job_core_ended(job, begun, ECHO_OK);
}
