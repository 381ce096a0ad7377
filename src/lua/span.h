/*
 * A span: where the times of one job are noted, while somebody observes (observer.h). Without a
 * span a submit looks at one number, and a job that begins or ends at the same.
 *
 * A job gets it when it is submitted; one that was submitted before anybody observed gets it when
 * it begins, and then its wait is not known. Maps, which begin on several workers, get it at the
 * submit or not at all.
 *
 * The span is the submitter's until the job is queued. Then `queued` and `waited` are whoever's who
 * begins it, once; `ran` is added to by all who run it, which for a map are several.
 */
#ifndef ECHO_LUA_SPAN_H
#define ECHO_LUA_SPAN_H

#include "lua/job.h"

#define ECHO__NEVER_BEGAN UINT64_MAX
#define ECHO__NOT_KNOWN   (UINT64_MAX - 1)

typedef struct echo__span {
  uint64_t queued; /* a moment */
  uint64_t waited; /* nanoseconds, NEVER_BEGAN or NOT_KNOWN */
  echo__atomic(uint64_t) ran;
  char place[]; /* where the function was defined, for a job without a name; or empty */
} echo__span;

/* True if somebody observes. Any thread. */
static inline bool echo__observed(const echo__runtime *runtime) {
  return echo__load(&runtime->observers_count, relaxed) > 0;
}

/* Gives a span to a job that is about to be submitted; `function` is what it will call, unless the
 * job has a name. False without memory. The submitter. */
bool echo__span_open(lua_State *L, echo__codec *codec, echo__job *job, int function, bool named);

/* Gives one to a job, not a map, that has just begun, if it ought to have one. Its worker. */
void echo__span_open_late(lua_State *L, echo__codec *codec, echo__job *job, int function);

/* The job is queued from now on. Whoever lets it be so. */
void echo__span_queued(const echo__job *job);

/* The job begins. The worker that begins it. */
void echo__span_begins(const echo__job *job);

/* A run of the job goes on: when, or 0 if nobody wants to know; and has paused or ended. That
 * worker. */
static inline uint64_t echo__span_runs(const echo__job *job) {
  return echo__job_extra(job)->span != NULL || echo__observed(job->runtime) ? echo__now() : 0;
}
void echo__span_ran(const echo__job *job, uint64_t since);

#endif
