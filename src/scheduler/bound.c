#include "scheduler/bound.h"

#include <stdlib.h>

enum { LEAST_ROOM = 16 };

static bool resize(echo__bound *bound, uint32_t room) {
  echo_task **tasks = realloc(bound->tasks, room * sizeof *tasks);
  if (tasks == NULL) return false;
  bound->tasks = tasks;
  bound->room = room;
  return true;
}

int echo__bound_enter(echo__bound *bound, echo_task *task) {
  if (bound->count == bound->room) {
    uint32_t room = bound->room < LEAST_ROOM ? LEAST_ROOM : 2 * bound->room;
    if (!resize(bound, room)) return ECHO_MEMORY;
  }
  task->in.place = bound->count;
  bound->tasks[bound->count++] = task;
  return ECHO_OK;
}

/* The last one takes the place. After a burst the memory is given back; that this fails is no
 * harm. */
void echo__bound_leave(echo__bound *bound, echo_task *task) {
  echo_task *last = bound->tasks[--bound->count];
  bound->tasks[task->in.place] = last;
  last->in.place = task->in.place;
  if (bound->room > LEAST_ROOM && bound->count < bound->room / 4) resize(bound, bound->room / 2);
}

void echo__bound_close(echo__bound *bound) {
  free(bound->tasks);
  *bound = (echo__bound){0};
}
