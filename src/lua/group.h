/*
 * A group: any number of jobs that are watched at once, and the queue of those that have ended, in
 * the order in which they did.
 *
 * A group belongs to one thread, which adds, takes and waits; whoever ends a job, on whatever
 * thread, only enters it in the queue and wakes who waits. `mutex` guards what those two share: the
 * queue, `queued` of its members, and the seats. It is taken while a job's stripe is held, never
 * the other way round.
 *
 * It is counted: by the userdata that stands for it, and by the operation that waits with it, which
 * can outlive the userdata when a state closes. The count is the owning thread's.
 */
#ifndef ECHO_LUA_GROUP_H
#define ECHO_LUA_GROUP_H

#include "lua/job.h"
#include "lua/operation.h"

typedef struct echo__member {
  echo__watch watch;
  struct echo__group *group;
  struct echo__member *next, **link; /* of all in the group; the owner's */
  struct echo__member *next_ended;
  bool queued;          /* it has ended, and was not taken */
  echo__job *job;       /* with a reference */
  echo__runtime *keeps; /* the job\'s, if that is not the home; or NULL */
  lua_Integer number;
} echo__member;

typedef struct echo__group {
  size_t references;
  const echo__runtime *home; /* of the worker whose group it is, which outlives it; or NULL */
  echo__member *members;
  echo__member *spare; /* for the next one that is added, see echo__group_reserve */
  uv_mutex_t mutex;
  echo__member *first_ended, **last_ended;
  echo__seat *seat; /* of the operation that waits, or NULL */
  /* Called as a member ends, with the mutex held; or NULL. */
  void (*on_ended)(struct echo__group *group, const echo__job *job);
} echo__group;

/* A group without members, for this state, with one reference, at the beginning of `size` zeroed
 * bytes; NULL without memory. */
echo__group *echo__group_create(const echo__host *host, size_t size);

/* Drops a reference; with the last one the jobs are no longer watched. */
void echo__group_drop(echo__group *group);

/* Makes sure that the next echo__group_add succeeds. False without memory. */
bool echo__group_reserve(echo__group *group);

/* Watches the job, which may have ended, under a number of the caller's. NULL without memory. */
echo__member *echo__group_add(echo__group *group, echo__job *job, lua_Integer number);

/* The member that ended first of those in the queue, which it leaves; or NULL. */
echo__member *echo__group_pop(echo__group *group);

/* Watches this member no longer and takes it out of the group; it is to be freed. */
void echo__group_take_out(echo__member *member);

/* Frees a member that was taken out, with its reference. */
void echo__member_free(echo__member *member);

/* For the operations that wait: enters the seat, or is false if something has ended. */
bool echo__group_enroll(echo__group *group, echo__seat *seat);
void echo__group_leave(echo__group *group, const echo__seat *seat);

#endif
