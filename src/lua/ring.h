/*
 * Who waits for whom. A job that waits names the job it awaits, or the group of jobs of which it
 * awaits any. Before a task waits, the ways from there are followed: if all that can be reached are
 * jobs that wait themselves, and the one that is about to, then waiting would never end, and is
 * refused.
 *
 * A job that waits has a place in the ring, which is its operation's and is told of by `awaits` of
 * the job. The names are read and written under one mutex of the runtime, `rings`. What is named is
 * kept by who names it, and the owner of a group changes its members only while it is not named. A
 * map waits for nobody: its runs may wait for several. Nor do jobs of other schedulers.
 */
#ifndef ECHO_LUA_RING_H
#define ECHO_LUA_RING_H

#include "lua/job.h"

struct echo__group;

typedef struct echo__ring_place {
  echo__job *job; /* whose it is, or NULL while it is not entered */
  echo__job *other;
  struct echo__group *group; /* one of these two is what it awaits */
  struct echo__ring_place *next_seen;
  uint64_t seen; /* the number of the last walk that saw it */
} echo__ring_place;

/* Notes that `job` awaits `other`, in a place that began as zeros and stays where it is until it is
 * left; false, and nothing noted, if that would close a ring. */
bool echo__ring_enter(echo__ring_place *place, echo__job *job, echo__job *other);

/* The same for whichever member of the group ends first. */
bool echo__ring_enter_group(echo__ring_place *place, echo__job *job, struct echo__group *group);

/* Takes it back. Idempotent. */
void echo__ring_leave(echo__ring_place *place);

/* What to say of a wait that was refused, for itself or for others. */
const char *echo__ring_sentence(bool self);

/* Calls `visit` for the job and all that it waits for, directly or over others; for one that waits
 * for nobody perhaps several times. */
void echo__ring_follow(echo__job *job, void (*visit)(echo__job *job, void *data), void *data);

#endif
