#include "lua/ring.h"

#include "lua/group.h"

/* A walk over the jobs that wait, under the mutex. Each job is marked with the number of the last
 * walk that saw it, and so is visited once. */
typedef struct walk {
  echo__runtime *runtime;
  uint64_t number;
  echo__job *left; /* seen, but not followed yet */
  bool way_out;    /* a job was met that does not wait */
} walk;

static walk begin(echo__runtime *runtime) {
  uv_mutex_lock(&runtime->rings);
  return (walk){.runtime = runtime, .number = ++runtime->walks};
}

static void end(const walk *w) {
  uv_mutex_unlock(&w->runtime->rings);
}

static bool waits(const echo__job *job) {
  return (job->awaits != NULL || job->awaits_any != NULL) && !echo__job_has_ended(job);
}

static void see(walk *w, echo__job *job) {
  if (job->runtime != w->runtime) {
    w->way_out = true;
  } else if (job->seen != w->number) {
    job->seen = w->number;
    job->next_seen = w->left;
    w->left = job;
    w->way_out = w->way_out || !waits(job);
  }
}

static void see_members(walk *w, const echo__group *group, bool all) {
  const echo__member *member = group->members;
  for (; member != NULL && (all || !w->way_out); member = member->next)
    see(w, member->job);
}

static echo__job *next(walk *w) {
  echo__job *job = w->left;
  if (job != NULL) w->left = job->next_seen;
  return job;
}

static void see_awaited(walk *w, const echo__job *job, bool all) {
  if (job->awaits != NULL) see(w, job->awaits);
  if (job->awaits_any != NULL) see_members(w, job->awaits_any, all);
}

/* From what was seen so far. */
static bool finds_way_out(walk *w) {
  while (!w->way_out) {
    const echo__job *job = next(w);
    if (job == NULL) return false;
    see_awaited(w, job, false);
  }
  return true;
}

/* -- entering and leaving --------------------------------------------------------------------- */

bool echo__ring_enter(echo__job *job, echo__job *other) {
  if (job->map != NULL || other->runtime != job->runtime) return true;
  walk w = begin(job->runtime);
  job->seen = w.number;
  see(&w, other);
  bool well = finds_way_out(&w);
  if (well) job->awaits = other;
  end(&w);
  return well;
}

bool echo__ring_enter_group(echo__job *job, echo__group *group) {
  if (job->map != NULL || group->members == NULL) return true;
  walk w = begin(job->runtime);
  job->seen = w.number;
  see_members(&w, group, false);
  bool well = finds_way_out(&w);
  if (well) job->awaits_any = group;
  end(&w);
  return well;
}

void echo__ring_leave(echo__job *job) {
  if (job->map != NULL) return;
  uv_mutex_lock(&job->runtime->rings);
  job->awaits = NULL;
  job->awaits_any = NULL;
  uv_mutex_unlock(&job->runtime->rings);
}

const char *echo__ring_sentence(bool self) {
  return self ? "a task cannot wait for itself: it would wait for ever"
              : "this task waits, over others, for the one that calls: both would wait for ever";
}

void echo__ring_follow(echo__job *job, void (*visit)(echo__job *job, void *data), void *data) {
  walk w = begin(job->runtime);
  see(&w, job);
  for (echo__job *at; (at = next(&w)) != NULL;) {
    visit(at, data);
    see_awaited(&w, at, true);
  }
  end(&w);
}
