#include "lua/observer.h"

#include <stdlib.h>
#include <string.h>

/* -- endings ---------------------------------------------------------------------------------- */

static void endings_init(echo__endings *endings) {
  *endings = (echo__endings){.end = &endings->first};
}

void echo__endings_free(echo__endings *endings) {
  for (echo__ending *ending = endings->first, *next; ending != NULL; ending = next) {
    next = ending->next;
    free(ending);
  }
  endings->first = NULL;
}

static echo__kind kind_of(const echo__job *job, echo__job_state state) {
  return state == ECHO__JOB_CANCELLED ? job->cancel_kind : job->kind;
}

/* A map has begun on several workers, and says nothing of one. */
static int worker_of(const echo__job *job) {
  return (int)(echo__load(&job->word, relaxed) / ECHO__JOB_WORKER) - 1;
}

static echo__ending *ending_of(const echo__job *job, echo__job_state state) {
  const echo__extra *extra = echo__job_extra(job);
  const echo__span *span = extra->span;
  const char *place = span != NULL ? span->place : "";
  const char *given = echo__job_name(job), *name = given != NULL ? given : place;
  const char *queue = extra->queue != NULL ? extra->queue : "";
  size_t name_bytes = strlen(name) + 1, queue_bytes = strlen(queue) + 1;
  echo__ending *ending = malloc(sizeof *ending + name_bytes + queue_bytes);
  if (ending == NULL) return NULL;
  ending->next = NULL;
  ending->waited = span != NULL ? span->waited : ECHO__NEVER_BEGAN;
  ending->ran = span != NULL ? echo__load(&span->ran, relaxed) : 0;
  ending->worker = worker_of(job);
  ending->state = state;
  ending->kind = kind_of(job, state);
  ending->priority = echo__load(&job->priority, relaxed);
  ending->has_queue = extra->queue != NULL;
  ending->name_length = name_bytes - 1;
  memcpy(ending->text, name, name_bytes);
  memcpy(ending->text + name_bytes, queue, queue_bytes);
  return ending;
}

/* With the mutex held. */
static void tell(echo__observer *observer, const echo__job *job, echo__job_state state) {
  echo__endings *endings = &observer->endings;
  bool full = endings->count >= ECHO__MOST_ENDINGS;
  echo__ending *ending = full ? NULL : ending_of(job, state);
  if (endings->count == 0 && endings->dropped == 0) echo__letter_post(&observer->letter);
  if (ending == NULL) {
    endings->dropped++;
    return;
  }
  *endings->end = ending;
  endings->end = &ending->next;
  endings->count++;
}

void echo__observe_end(const echo__job *job, echo__job_state state, bool queued) {
  if (!echo__observed(job->runtime) || (echo__job_extra(job)->span == NULL && !queued)) return;
  uv_mutex_lock(&job->runtime->observers_mutex);
  for (echo__observer *observer = job->runtime->observers; observer != NULL;
       observer = observer->next)
    tell(observer, job, state);
  uv_mutex_unlock(&job->runtime->observers_mutex);
}

/* -- observers -------------------------------------------------------------------------------- */

static void count_observers(echo__runtime *runtime, int change) {
  unsigned count = echo__load(&runtime->observers_count, relaxed);
  echo__store(&runtime->observers_count, count + (unsigned)change, relaxed);
}

void echo__observer_enter(echo__observer *observer, echo__client *client) {
  echo__runtime *runtime = client->runtime;
  endings_init(&observer->endings);
  observer->runtime = runtime;
  observer->client = client;
  uv_mutex_lock(&runtime->observers_mutex);
  observer->next = runtime->observers;
  observer->link = &runtime->observers;
  if (observer->next != NULL) observer->next->link = &observer->next;
  runtime->observers = observer;
  count_observers(runtime, 1);
  uv_mutex_unlock(&runtime->observers_mutex);
}

/* With the mutex held. */
static void unlink_one(echo__observer *observer) {
  *observer->link = observer->next;
  if (observer->next != NULL) observer->next->link = observer->link;
  count_observers(observer->runtime, -1);
  observer->runtime = NULL;
  observer->client = NULL;
}

void echo__observer_leave(echo__observer *observer) {
  echo__runtime *runtime = observer->runtime;
  if (runtime == NULL) return;
  uv_mutex_lock(&runtime->observers_mutex);
  unlink_one(observer);
  uv_mutex_unlock(&runtime->observers_mutex);
}

void echo__observers_leave(echo__client *client) {
  echo__runtime *runtime = client->runtime;
  if (!echo__observed(runtime)) return;
  uv_mutex_lock(&runtime->observers_mutex);
  for (echo__observer *observer = runtime->observers, *next; observer != NULL; observer = next) {
    next = observer->next;
    if (observer->client != client) continue;
    unlink_one(observer);
    echo__letter_post(&observer->letter);
  }
  uv_mutex_unlock(&runtime->observers_mutex);
}

static echo__endings take(echo__observer *observer) {
  echo__endings taken = observer->endings;
  endings_init(&observer->endings);
  return taken;
}

echo__endings echo__observer_take(echo__observer *observer) {
  echo__runtime *runtime = observer->runtime;
  if (runtime == NULL) return take(observer);
  uv_mutex_lock(&runtime->observers_mutex);
  echo__endings taken = take(observer);
  uv_mutex_unlock(&runtime->observers_mutex);
  return taken;
}
