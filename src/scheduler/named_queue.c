#include "scheduler/named_queue.h"

#include <stdlib.h>
#include <string.h>

echo__named_queue *echo__named_create(const char *name, unsigned limit) {
  size_t bytes = strlen(name) + 1;
  echo__named_queue *queue = calloc(1, sizeof *queue + bytes);
  if (queue == NULL) return NULL;
  memcpy(queue->name, name, bytes);
  queue->limit = limit;
  if (uv_mutex_init(&queue->mutex) == 0) return queue;
  free(queue);
  return NULL;
}

void echo__named_destroy(echo__named_queue *queue) {
  uv_mutex_destroy(&queue->mutex);
  free(queue);
}

static echo__named_class *class_of(echo__named_queue *queue, int priority) {
  return &queue->classes[ECHO_PRIORITY_HIGH - priority];
}

static void append(echo__named_class *class, echo_node *node) {
  node->next = NULL;
  if (class->waiting++ == 0) class->last = &class->first;
  *class->last = node;
  class->last = &node->next;
}

static echo_node *take_first(echo__named_class *class) {
  echo_node *node = class->first;
  class->first = node->next;
  class->waiting--;
  return node;
}

static void keep(echo__named_queue *queue, echo_task *ticket) {
  ticket->node.next = queue->spare;
  queue->spare = &ticket->node;
  queue->spares++;
}

static echo_task *take_spare(echo__named_queue *queue) {
  echo_node *node = queue->spare;
  queue->spare = node->next;
  queue->spares--;
  return echo__task_of(node);
}

static void issue_class(echo__named_queue *queue, int index, unsigned slots,
                        echo__named_orders *orders) {
  echo__named_class *class = &queue->classes[index];
  unsigned needed = class->waiting < slots ? class->waiting : slots;
  for (; class->tickets < needed; class->tickets++) {
    echo_task *ticket = take_spare(queue);
    echo__store(&ticket->priority, (int8_t)(ECHO_PRIORITY_HIGH - index), relaxed);
    ticket->flags = ECHO__TICKET | ECHO__DETACHED;
    echo__store(&ticket->word, ECHO__QUEUE_ONE * queue->number, relaxed);
    ticket->node.next = orders->issued;
    orders->issued = &ticket->node;
  }
}

echo_task *echo__named_take_spare(echo__named_queue *queue) {
  return queue->spare != NULL ? take_spare(queue) : NULL;
}

/* Restores the invariant. */
static echo__named_orders issue(echo__named_queue *queue) {
  echo__named_orders orders = {NULL, NULL};
  unsigned slots = queue->limit - queue->running;
  unsigned owned = queue->spares, wanted = queue->reserved;
  for (int i = 0; i < ECHO_PRIORITIES; i++) {
    const echo__named_class *class = &queue->classes[i];
    owned += class->tickets;
    wanted += class->waiting > class->tickets ? class->waiting : class->tickets;
  }
  if (owned > wanted) orders.surplus = take_spare(queue); /* one change frees one at the most */
  for (int i = 0; i < ECHO_PRIORITIES; i++)
    issue_class(queue, i, slots, &orders);
  return orders;
}

void echo__named_reserve(echo__named_queue *queue, echo_task *ticket) {
  uv_mutex_lock(&queue->mutex);
  keep(queue, ticket);
  queue->reserved++;
  uv_mutex_unlock(&queue->mutex);
}

echo__named_orders echo__named_unreserve(echo__named_queue *queue) {
  uv_mutex_lock(&queue->mutex);
  queue->reserved--;
  echo__named_orders orders = issue(queue);
  uv_mutex_unlock(&queue->mutex);
  return orders;
}

echo__named_orders echo__named_add(echo__named_queue *queue, echo_task *task, echo_task *ticket) {
  uv_mutex_lock(&queue->mutex);
  append(class_of(queue, echo__task_priority(task)), &task->node);
  if (ticket != NULL)
    keep(queue, ticket);
  else
    queue->reserved--;
  echo__named_orders orders = issue(queue);
  uv_mutex_unlock(&queue->mutex);
  return orders;
}

static echo_task *take_best(echo__named_queue *queue, int lowest) {
  for (int i = 0; i <= ECHO_PRIORITY_HIGH - lowest; i++) {
    if (queue->classes[i].waiting > 0) return echo__task_of(take_first(&queue->classes[i]));
  }
  return NULL;
}

echo__named_orders echo__named_redeem(echo__named_queue *queue, echo_task *ticket,
                                      echo_task **task) {
  uv_mutex_lock(&queue->mutex);
  int lowest = echo__task_priority(ticket);
  class_of(queue, lowest)->tickets--;
  keep(queue, ticket);
  *task = queue->running < queue->limit ? take_best(queue, lowest) : NULL;
  if (*task != NULL) {
    queue->running++;
    (*task)->flags |= ECHO__HAS_SLOT;
  }
  echo__named_orders orders = issue(queue);
  uv_mutex_unlock(&queue->mutex);
  return orders;
}

echo_task *echo__named_evict(echo__named_queue *queue) {
  uv_mutex_lock(&queue->mutex);
  echo_task *task = take_best(queue, ECHO_PRIORITY_LOW);
  uv_mutex_unlock(&queue->mutex);
  return task;
}

echo__named_orders echo__named_give_back(echo__named_queue *queue) {
  uv_mutex_lock(&queue->mutex);
  queue->running--;
  echo__named_orders orders = issue(queue);
  uv_mutex_unlock(&queue->mutex);
  return orders;
}

void echo__named_count(echo__named_queue *queue, uint64_t *queued, uint64_t *running) {
  uv_mutex_lock(&queue->mutex);
  *queued = 0;
  for (int i = 0; i < ECHO_PRIORITIES; i++)
    *queued += queue->classes[i].waiting;
  *running = queue->running;
  uv_mutex_unlock(&queue->mutex);
}
