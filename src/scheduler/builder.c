#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "scheduler/fork.h"
#include "scheduler/scheduler.h"

struct echo_builder {
  echo__plan plan;
  unsigned workers; /* the ordinary ones */
  bool built;
};

static char *copy_text(const char *text) {
  size_t bytes = strlen(text) + 1;
  char *copy = malloc(bytes);
  if (copy != NULL) memcpy(copy, text, bytes);
  return copy;
}

int echo_builder_create(echo_builder **out) {
  echo_builder *builder = calloc(1, sizeof *builder);
  if (builder == NULL) return ECHO_MEMORY;
  unsigned processors = echo__processors();
  unsigned workers = processors < 2 ? 2 : processors;
  builder->workers = workers < ECHO__MAX_WORKERS ? workers : ECHO__MAX_WORKERS;
  builder->plan.fairness = ECHO__FAIRNESS;
  builder->plan.name = copy_text("echo");
  if (builder->plan.name == NULL) {
    free(builder);
    return ECHO_MEMORY;
  }
  *out = builder;
  return ECHO_OK;
}

void echo__plan_close(echo__plan *plan) {
  for (unsigned i = 0; i < plan->queue_count; i++)
    echo__named_destroy(plan->queues[i]);
  free(plan->queues);
  free(plan->name);
  *plan = (echo__plan){0};
}

void echo_builder_destroy(echo_builder *builder) {
  if (builder == NULL) return;
  echo__plan_close(&builder->plan);
  free(builder);
}

int echo_builder_with_worker_count(echo_builder *builder, unsigned count) {
  if (count < 1 || count > ECHO__MAX_WORKERS - builder->plan.urgent) return ECHO_INVALID;
  builder->workers = count;
  return ECHO_OK;
}

int echo_builder_with_urgent_workers(echo_builder *builder, unsigned count) {
  if (count > ECHO__MAX_WORKERS - builder->workers) return ECHO_INVALID;
  builder->plan.urgent = count;
  return ECHO_OK;
}

unsigned echo_builder_worker_count(const echo_builder *builder) {
  return builder->workers + builder->plan.urgent;
}

int echo_builder_with_fairness(echo_builder *builder, unsigned count) {
  builder->plan.fairness = count;
  return ECHO_OK;
}

int echo_builder_with_name(echo_builder *builder, const char *prefix) {
  if (prefix == NULL) return ECHO_INVALID;
  char *copy = copy_text(prefix);
  if (copy == NULL) return ECHO_MEMORY;
  free(builder->plan.name);
  builder->plan.name = copy;
  return ECHO_OK;
}

int echo_builder_with_worker_hooks(echo_builder *builder, void (*start)(void *, unsigned),
                                   void (*stop)(void *, unsigned), void *data) {
  builder->plan.hooks = (echo__hooks){start, stop, data};
  return ECHO_OK;
}

int echo_builder_with_end_hooks(echo_builder *builder, void (*stopped)(void *, int),
                                void (*released)(void *), void *data) {
  builder->plan.ends = (echo__end_hooks){stopped, released, data};
  return ECHO_OK;
}

int echo_builder_with_interrupt(echo_builder *builder, void (*interrupt)(void *, unsigned),
                                void *data) {
  builder->plan.interrupt = interrupt;
  builder->plan.interrupt_data = data;
  return ECHO_OK;
}

int echo_builder_with_signal(echo_builder *builder, bool signal) {
  builder->plan.silent = !signal;
  return ECHO_OK;
}

int echo_builder_with_task_names(echo_builder *builder,
                                 size_t (*name)(void *, echo_task_function, void *, char *, size_t),
                                 void *data) {
  builder->plan.name_task = name;
  builder->plan.name_data = data;
  return ECHO_OK;
}

int echo_builder_with_pinning(echo_builder *builder, bool pinning) {
  builder->plan.pinning = pinning;
  return ECHO_OK;
}

int echo_builder_with_capacity(echo_builder *builder, size_t count) {
  if (count < 1) return ECHO_INVALID;
  builder->plan.capacity = count;
  return ECHO_OK;
}

int echo_builder_with_timings(echo_builder *builder, unsigned every) {
  if (every > ECHO__RAREST_TIMING) return ECHO_INVALID;
  builder->plan.timings = every;
  return ECHO_OK;
}

int echo_builder_with_task_end(echo_builder *builder,
                               void (*ended)(void *, const echo_task_report *), void *data) {
  builder->plan.report = (echo__report_hook){ended, data};
  return ECHO_OK;
}

int echo_builder_with_queue(echo_builder *builder, const char *name, unsigned limit) {
  echo__plan *plan = &builder->plan;
  if (name == NULL || limit < 1 || plan->queue_count == ECHO__NAMED_QUEUES) return ECHO_INVALID;
  for (unsigned i = 0; i < plan->queue_count; i++) {
    if (strcmp(plan->queues[i]->name, name) == 0) return ECHO_EXISTS;
  }
  echo__named_queue **queues =
      realloc(plan->queues, (plan->queue_count + 1) * sizeof *plan->queues);
  if (queues == NULL) return ECHO_MEMORY;
  plan->queues = queues;
  queues[plan->queue_count] = echo__named_create(name, limit);
  if (queues[plan->queue_count] == NULL) return ECHO_MEMORY;
  queues[plan->queue_count]->number = plan->queue_count + 1;
  plan->queue_count++;
  return ECHO_OK;
}

int echo_builder_build(echo_builder *builder, echo_scheduler **scheduler) {
  if (builder->built) return ECHO_BUILT;
  if (builder->plan.report.call != NULL) builder->plan.timings = 1;
  builder->plan.workers = echo_builder_worker_count(builder);
  int status = echo__scheduler_create(&builder->plan, scheduler);
  if (status == ECHO_OK) {
    builder->built = true;
    echo__fork_watch(*scheduler);
    builder->plan = (echo__plan){.urgent = builder->plan.urgent};
  }
  return status;
}
