#include "lua/ring.h"

#include "lua/group.h"

/* A walk over the jobs that wait, under the mutex. Each place is marked with the number of the last
 * walk that saw it, and so is visited once. */
typedef struct walk {
  echo__runtime *runtime;
  uint64_t number;
  const echo__job *from;                     /* what is about to wait, or NULL */
  echo__ring_place *left;                    /* seen, but not followed yet */
  bool way_out;                              /* a job was met that does not wait */
  void (*visit)(echo__job *job, void *data); /* or NULL */
  void *data;
} walk;

static uint64_t begin(echo__runtime *runtime) {
  uv_mutex_lock(&runtime->rings);
  return ++runtime->walks;
}

static void end(const walk *w) {
  uv_mutex_unlock(&w->runtime->rings);
}

static void visit(const walk *w, echo__job *job) {
  if (w->visit != NULL) w->visit(job, w->data);
}

static void see_waiting(walk *w, echo__ring_place *place) {
  if (place->seen == w->number) return;
  place->seen = w->number;
  place->next_seen = w->left;
  w->left = place;
  w->way_out = w->way_out || echo__job_has_ended(place->job);
}

static void see(walk *w, echo__job *job) {
  if (job == w->from) return;
  if (job->runtime != w->runtime) {
    w->way_out = true;
  } else if (job->awaits != NULL) {
    see_waiting(w, job->awaits);
  } else {
    w->way_out = true;
    visit(w, job);
  }
}

static void see_members(walk *w, const echo__group *group, bool all) {
  const echo__member *member = group->members;
  for (; member != NULL && (all || !w->way_out); member = member->next)
    see(w, member->job);
}

static echo__ring_place *next(walk *w) {
  echo__ring_place *place = w->left;
  if (place != NULL) w->left = place->next_seen;
  return place;
}

static void see_awaited(walk *w, const echo__ring_place *place, bool all) {
  if (place->other != NULL) see(w, place->other);
  if (place->group != NULL) see_members(w, place->group, all);
}

/* From what was seen so far. */
static bool finds_way_out(walk *w) {
  while (!w->way_out) {
    const echo__ring_place *place = next(w);
    if (place == NULL) return false;
    see_awaited(w, place, false);
  }
  return true;
}

/* -- entering and leaving --------------------------------------------------------------------- */

/* What the place awaits is noted already. */
static bool enter(echo__ring_place *place, echo__job *job) {
  walk w = {.runtime = job->runtime, .number = begin(job->runtime), .from = job};
  see_awaited(&w, place, false);
  bool well = finds_way_out(&w);
  if (well) {
    place->job = job;
    job->awaits = place;
  }
  end(&w);
  return well;
}

bool echo__ring_enter(echo__ring_place *place, echo__job *job, echo__job *other) {
  if (echo__job_extra(job)->map != NULL || other->runtime != job->runtime) return true;
  place->other = other;
  return enter(place, job);
}

bool echo__ring_enter_group(echo__ring_place *place, echo__job *job, echo__group *group) {
  if (echo__job_extra(job)->map != NULL || group->members == NULL) return true;
  place->group = group;
  return enter(place, job);
}

void echo__ring_leave(echo__ring_place *place) {
  echo__job *job = place->job;
  if (job == NULL) return;
  uv_mutex_lock(&job->runtime->rings);
  job->awaits = NULL;
  place->job = NULL;
  uv_mutex_unlock(&job->runtime->rings);
}

const char *echo__ring_sentence(bool self) {
  return self ? "a task cannot wait for itself: it would wait for ever"
              : "this task waits, over others, for the one that calls: both would wait for ever";
}

void echo__ring_follow(echo__job *job, void (*visits)(echo__job *job, void *data), void *data) {
  walk w = {.runtime = job->runtime, .visit = visits, .data = data};
  w.number = begin(job->runtime);
  see(&w, job);
  for (echo__ring_place *at; (at = next(&w)) != NULL;) {
    visit(&w, at->job);
    see_awaited(&w, at, true);
  }
  end(&w);
}
