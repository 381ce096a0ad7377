/*
 * Who waits for whom. A job that waits names the job it awaits, or the group of jobs of which it
 * awaits any. Before a task waits, the ways from there are followed: if all that can be reached are
 * jobs that wait themselves, and the one that is about to, then waiting would never end, and is
 * refused.
 *
 * The names are read and written under one mutex of the runtime, `rings`. What is named is kept by
 * who names it, and the owner of a group changes its members only while it is not named. A map
 * waits for nobody: its runs may wait for several. Nor do jobs of other schedulers.
 */
#ifndef ECHO_LUA_RING_H
#define ECHO_LUA_RING_H

#include "lua/job.h"

struct echo__group;

/* Notes that `job` awaits `other`; false, and nothing noted, if that would close a ring. */
bool echo__ring_enter(echo__job *job, echo__job *other);

/* The same for whichever member of the group ends first. */
bool echo__ring_enter_group(echo__job *job, struct echo__group *group);

/* Takes it back. Idempotent. */
void echo__ring_leave(echo__job *job);

/* What to say of a wait that was refused, for itself or for others. */
const char *echo__ring_sentence(bool self);

/* Calls `visit` for the job and all that it waits for, directly or over others. */
void echo__ring_follow(echo__job *job, void (*visit)(echo__job *job, void *data), void *data);

#endif
