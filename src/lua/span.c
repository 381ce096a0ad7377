#include "lua/span.h"

#include <stdlib.h>
#include <string.h>

#include "lua/failure.h"

static echo__span *create(const char *place) {
  size_t bytes = strlen(place) + 1;
  echo__span *span = malloc(sizeof *span + bytes);
  if (span == NULL) return NULL;
  span->queued = 0;
  span->waited = ECHO__NEVER_BEGAN;
  echo__store(&span->ran, 0, relaxed);
  memcpy(span->place, place, bytes);
  return span;
}

bool echo__span_open(lua_State *L, echo__codec *codec, echo__job *job, int function, bool named) {
  echo__extra *extra = echo__job_extend(job);
  if (extra == NULL) return false;
  if (named || !lua_isfunction(L, function)) {
    extra->span = create("");
    return extra->span != NULL;
  }
  lua_pushvalue(L, function);
  echo__failure_push_place(L, codec);
  extra->span = create(lua_tostring(L, -1));
  lua_pop(L, 1);
  return extra->span != NULL;
}

/* Without memory the job goes untold. */
void echo__span_open_late(lua_State *L, echo__codec *codec, echo__job *job, int function) {
  const echo__extra *extra = echo__job_extra(job);
  if (extra->span != NULL || !echo__observed(job->runtime)) return;
  if (echo__span_open(L, codec, job, function, echo__job_name(job) != NULL))
    echo__job_extra(job)->span->waited = ECHO__NOT_KNOWN;
}

void echo__span_queued(const echo__job *job) {
  echo__span *span = echo__job_extra(job)->span;
  if (span != NULL) span->queued = echo__now();
}

/* One that is tried again has begun before. */
void echo__span_begins(const echo__job *job) {
  echo__span *span = echo__job_extra(job)->span;
  if (span == NULL || span->waited != ECHO__NEVER_BEGAN) return;
  uint64_t now = echo__now();
  span->waited = now > span->queued ? now - span->queued : 0;
}

void echo__span_ran(const echo__job *job, uint64_t since) {
  echo__span *span = echo__job_extra(job)->span;
  if (since == 0 || span == NULL) return;
  uint64_t now = echo__now();
  if (now > since) echo__add(&span->ran, now - since, relaxed);
}
