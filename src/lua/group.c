#include "lua/group.h"

#include <stdlib.h>

echo__group *echo__group_create(const echo__host *host, size_t size) {
  echo__group *group = calloc(1, size);
  if (group == NULL) return NULL;
  if (uv_mutex_init(&group->mutex) != 0) {
    free(group);
    return NULL;
  }
  group->references = 1;
  group->home = host->worker != NULL ? host->worker->client.runtime : NULL;
  group->last_ended = &group->first_ended;
  return group;
}

static void unlink_one(echo__member *member) {
  *member->link = member->next;
  if (member->next != NULL) member->next->link = member->link;
}

void echo__member_free(echo__member *member) {
  echo__job_drop_anywhere(member->job);
  if (member->keeps != NULL) echo__shared_release(&member->keeps->shared);
  free(member);
}

void echo__group_drop(echo__group *group) {
  if (--group->references > 0) return;
  /* All first: one that ends meanwhile is linked behind another one in the queue. */
  for (echo__member *member = group->members; member != NULL; member = member->next)
    echo__job_unwatch(member->job, &member->watch);
  while (group->members != NULL) {
    echo__member *member = group->members;
    unlink_one(member);
    echo__member_free(member);
  }
  free(group->spare);
  uv_mutex_destroy(&group->mutex);
  free(group);
}

/* -- members ---------------------------------------------------------------------------------- */

static void enqueue(echo__member *member) {
  echo__group *group = member->group;
  uv_mutex_lock(&group->mutex);
  member->queued = true;
  *group->last_ended = member;
  group->last_ended = &member->next_ended;
  if (group->on_ended != NULL) group->on_ended(group, member->job);
  if (group->seat != NULL) echo__seat_wake(group->seat);
  uv_mutex_unlock(&group->mutex);
}

static void fire(echo__watch *watch) {
  enqueue((echo__member *)(void *)watch);
}

static void link_in(echo__group *group, echo__member *member) {
  member->next = group->members;
  member->link = &group->members;
  if (member->next != NULL) member->next->link = &member->next;
  group->members = member;
}

bool echo__group_reserve(echo__group *group) {
  if (group->spare == NULL) group->spare = calloc(1, sizeof *group->spare);
  return group->spare != NULL;
}

echo__member *echo__group_add(echo__group *group, echo__job *job, lua_Integer number) {
  if (!echo__group_reserve(group)) return NULL;
  echo__member *member = group->spare;
  group->spare = NULL;
  member->watch.fire = fire;
  member->group = group;
  member->job = job;
  member->number = number;
  member->keeps = job->runtime != group->home ? job->runtime : NULL;
  echo__job_retain(job);
  if (member->keeps != NULL) echo__shared_retain(&member->keeps->shared);
  link_in(group, member);
  if (!echo__job_watch(job, &member->watch)) enqueue(member);
  return member;
}

echo__member *echo__group_pop(echo__group *group) {
  uv_mutex_lock(&group->mutex);
  echo__member *member = group->first_ended;
  if (member != NULL) {
    group->first_ended = member->next_ended;
    if (group->first_ended == NULL) group->last_ended = &group->first_ended;
    member->queued = false;
  }
  uv_mutex_unlock(&group->mutex);
  return member;
}

static void leave_queue(echo__member *member) {
  echo__group *group = member->group;
  echo__member **link = &group->first_ended;
  while (*link != member)
    link = &(*link)->next_ended;
  *link = member->next_ended;
  if (*link == NULL) group->last_ended = link;
}

void echo__group_take_out(echo__member *member) {
  echo__job_unwatch(member->job, &member->watch);
  uv_mutex_lock(&member->group->mutex);
  if (member->queued) leave_queue(member);
  uv_mutex_unlock(&member->group->mutex);
  unlink_one(member);
}

/* -- waiting ---------------------------------------------------------------------------------- */

bool echo__group_enroll(echo__group *group, echo__seat *seat) {
  uv_mutex_lock(&group->mutex);
  bool waits = group->first_ended == NULL;
  if (waits) group->seat = seat;
  uv_mutex_unlock(&group->mutex);
  return waits;
}

void echo__group_leave(echo__group *group, const echo__seat *seat) {
  uv_mutex_lock(&group->mutex);
  if (group->seat == seat) group->seat = NULL;
  uv_mutex_unlock(&group->mutex);
}
