#include "lua/terms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/map.h"
#include "lua/span.h"

echo__terms *echo__terms_create(echo__job *job) {
  echo__terms *terms = calloc(1, sizeof *terms);
  if (terms == NULL) return NULL;
  terms->job = job;
  echo__message_init(&terms->input);
  terms->delay = terms->timeout = -1;
  terms->deadline = ECHO__FOREVER;
  terms->attempt = 1;
  echo__store(&terms->holds, 1, relaxed);
  return terms;
}

void echo__terms_destroy(echo__terms *terms) {
  if (terms == NULL) return;
  echo__message_release(&terms->input);
  free(terms->key);
  free(terms);
}

double echo__terms_time_left(const echo__job *job) {
  uint64_t now = echo__now(), deadline = echo__job_extra(job)->terms->deadline;
  if (deadline == ECHO__FOREVER) return -1;
  return deadline > now ? (double)(deadline - now) / 1e9 : 0;
}

bool echo__terms_hold(const echo__job *job) {
  return echo__job_extra(job)->terms != NULL &&
         echo__load(&echo__job_extra(job)->terms->holds, relaxed) > 0;
}

static void add_hold(echo__terms *terms) {
  echo__add(&terms->holds, 1, relaxed);
}

static void let_go(const echo__job *job, echo_task **held) {
  echo_task *core = *held;
  if (core == NULL) return; /* it was not accepted */
  *held = NULL;
  echo_task_set_priority(core, (echo_priority)echo__load(&job->priority, relaxed));
  echo_task_resume(core);
  echo_task_release(core);
}

/* PAIR terms.holds with itself: the last one sees the handles that the submit has left. */
static void take_hold(echo__terms *terms) {
  if (echo__sub(&terms->holds, 1, acq_rel) != 1) return;
  echo__job *job = terms->job;
  echo__span_queued(job);
  const echo__map *map = echo__job_extra(job)->map;
  if (map == NULL) {
    let_go(job, &terms->held);
    return;
  }
  for (unsigned i = 0; i < map->runner_count; i++)
    let_go(job, &map->runners[i].held);
}

/* -- keys: a table of chains, under the runtime's mutex --------------------------------------- */

/* The place where the entry of the key is linked, or where its chain ends. */
static echo__terms **find(echo__runtime *runtime, const char *key) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (const char *c = key; *c != '\0'; c++)
    hash = (hash ^ (unsigned char)*c) * 16777619u;
  echo__terms **link = &runtime->keys[hash % ECHO__KEY_CHAINS];
  while (*link != NULL && strcmp((*link)->key, key) != 0)
    link = &(*link)->next_key;
  return link;
}

static void remove_entry(echo__terms **link) {
  (*link)->last_of_key = false;
  *link = (*link)->next_key;
}

static void insert_entry(echo__terms **link, echo__terms *terms) {
  terms->next_key = *link;
  terms->last_of_key = true;
  *link = terms;
}

static void follow(echo__job *before, echo__job *job) {
  echo__job_retain(job);
  echo__job_extra(before)->terms->successor = job;
  add_hold(echo__job_extra(job)->terms);
}

/* The new job takes the place of the one before it. */
static void supersede(echo__terms **link, echo__terms *terms, echo__job **replaced) {
  echo__job *before = *link != NULL ? (*link)->job : NULL;
  if (before != NULL) remove_entry(link);
  insert_entry(link, terms);
  if (before == NULL) return;
  if (terms->conflict == ECHO__CONFLICT_QUEUE) {
    follow(before, terms->job);
  } else {
    echo__job_retain(before);
    *replaced = before;
  }
}

/* The job of the entry, with a reference, if this one joins it. */
static echo__job *joined_by(const echo__terms *terms, const echo__terms *entry) {
  if (entry == NULL || terms->conflict != ECHO__CONFLICT_JOIN) return NULL;
  if (echo__job_has_ended(entry->job)) return NULL;
  echo__job_retain(entry->job);
  return entry->job;
}

echo__job *echo__terms_find(echo__job *job) {
  const echo__terms *terms = echo__job_extra(job)->terms;
  if (terms->key == NULL || terms->conflict != ECHO__CONFLICT_JOIN) return NULL;
  uv_mutex_lock(&job->runtime->keys_mutex);
  echo__job *joined = joined_by(terms, *find(job->runtime, terms->key));
  uv_mutex_unlock(&job->runtime->keys_mutex);
  return joined;
}

echo__job *echo__terms_enter(echo__job *job, echo__job **replaced) {
  echo__terms *terms = echo__job_extra(job)->terms;
  *replaced = NULL;
  if (terms->key == NULL) return NULL;
  uv_mutex_lock(&job->runtime->keys_mutex);
  echo__terms **link = find(job->runtime, terms->key);
  echo__job *joined = joined_by(terms, *link);
  if (joined == NULL) supersede(link, terms, replaced);
  uv_mutex_unlock(&job->runtime->keys_mutex);
  return joined;
}

static void leave_key(echo__job *job) {
  echo__terms *terms = echo__job_extra(job)->terms;
  if (terms->key == NULL) return;
  uv_mutex_lock(&job->runtime->keys_mutex);
  if (terms->last_of_key) remove_entry(find(job->runtime, terms->key));
  echo__job *successor = terms->successor;
  terms->successor = NULL;
  uv_mutex_unlock(&job->runtime->keys_mutex);
  if (successor == NULL) return;
  take_hold(echo__job_extra(successor)->terms);
  echo__job_drop_anywhere(successor);
}

/* -- timers ----------------------------------------------------------------------------------- */

static int start_timer(echo__job *job, echo__job_timer *timer, double seconds,
                       void (*fire)(void *)) {
  echo__job_retain(job);
  int status = echo_timer_start(job->runtime->scheduler, &timer->timer, seconds, fire, job);
  if (status == ECHO_OK)
    echo__store(&timer->started, true, release); /* PAIR terms.started */
  else
    echo__job_drop_anywhere(job);
  return status;
}

/* True for the one who stopped it before it fired. */
static bool stop_timer(echo__job *job, echo__job_timer *timer) {
  if (!echo__load(&timer->started, acquire)) return false; /* PAIR terms.started */
  if (!echo_timer_cancel(job->runtime->scheduler, &timer->timer)) return false;
  echo__job_drop_anywhere(job);
  return true;
}

static void delay_is_over(void *argument) {
  echo__job *job = argument;
  take_hold(echo__job_extra(job)->terms);
  echo__job_drop_anywhere(job);
}

static void time_is_up(void *argument) {
  echo__job *job = argument;
  char reason[64];
  snprintf(reason, sizeof reason, "the task's time of %g s ran out",
           echo__job_extra(job)->terms->timeout);
  echo__job_cancel(job, ECHO__KIND_TIMEOUT, reason);
  echo__job_drop_anywhere(job);
}

static int start_timers(echo__job *job) {
  echo__terms *terms = echo__job_extra(job)->terms;
  int status = ECHO_OK;
  if (terms->delay > 0) {
    add_hold(terms);
    status = start_timer(job, &terms->delay_timer, terms->delay, delay_is_over);
    if (status != ECHO_OK) take_hold(terms);
  }
  double left = echo__terms_time_left(job);
  if (status != ECHO_OK || left < 0) return status;
  return start_timer(job, &terms->timeout_timer, left, time_is_up);
}

/* -- the whole -------------------------------------------------------------------------------- */

int echo__terms_start(echo__job *job) {
  echo__terms *terms = echo__job_extra(job)->terms;
  int status = start_timers(job);
  if (status != ECHO_OK) echo__job_cancel(job, ECHO__KIND_CANCELLED, echo_strerror(status));
  take_hold(terms);
  if (echo__job_has_ended(job)) echo__terms_end(job); /* it may have, before the timers started */
  return status;
}

void echo__terms_abandon(echo__job *job) {
  echo__job_cancel(job, ECHO__KIND_CANCELLED, NULL);
  take_hold(echo__job_extra(job)->terms);
}

void echo__terms_end(echo__job *job) {
  stop_timer(job, &echo__job_extra(job)->terms->timeout_timer);
  if (stop_timer(job, &echo__job_extra(job)->terms->delay_timer))
    take_hold(echo__job_extra(job)->terms);
  leave_key(job);
}

void echo__terms_hurry(echo__job *job) {
  if (stop_timer(job, &echo__job_extra(job)->terms->delay_timer))
    take_hold(echo__job_extra(job)->terms);
}
