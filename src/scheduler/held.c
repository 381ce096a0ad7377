#include "scheduler/held.h"

int echo__held_init(echo__held *held) {
  held->first = NULL;
  held->count = 0;
  held->closed = false;
  return uv_mutex_init(&held->mutex) == 0 ? ECHO_OK : ECHO_MEMORY;
}

void echo__held_destroy(echo__held *held) {
  uv_mutex_destroy(&held->mutex);
}

static void link_in(echo__held *held, echo_task *task) {
  echo_node *next = held->first;
  task->node.next = next;
  task->in.link = &held->first;
  if (next != NULL) echo__task_of(next)->in.link = &task->node.next;
  held->first = &task->node;
  held->count++;
}

static void unlink_one(echo__held *held, echo_task *task) {
  echo_node *next = task->node.next;
  *task->in.link = next;
  if (next != NULL) echo__task_of(next)->in.link = task->in.link;
  held->count--;
}

bool echo__held_enter(echo__held *held, echo_task *task) {
  uv_mutex_lock(&held->mutex);
  bool open = !held->closed;
  if (open) link_in(held, task);
  uv_mutex_unlock(&held->mutex);
  return open;
}

void echo__held_leave(echo__held *held, echo_task *task) {
  uv_mutex_lock(&held->mutex);
  unlink_one(held, task);
  uv_mutex_unlock(&held->mutex);
}

echo_node *echo__held_close(echo__held *held) {
  echo_node *chain = NULL;
  uv_mutex_lock(&held->mutex);
  held->closed = true;
  for (echo_node *node = held->first, *next; node != NULL; node = next) {
    next = node->next;
    if (!echo__task_seize(echo__task_of(node))) continue; /* whoever did takes it out */
    unlink_one(held, echo__task_of(node));
    node->next = chain;
    chain = node;
  }
  uv_mutex_unlock(&held->mutex);
  return chain;
}

size_t echo__held_count(echo__held *held) {
  uv_mutex_lock(&held->mutex);
  size_t count = held->count;
  uv_mutex_unlock(&held->mutex);
  return count;
}
