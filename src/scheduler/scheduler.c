#include <stdlib.h>
#include <string.h>

#include "scheduler/worker.h"

static void *zeroed_lines(size_t bytes) {
  size_t whole = (bytes + ECHO__LINE - 1) / ECHO__LINE * ECHO__LINE;
  void *memory = aligned_alloc(ECHO__LINE, whole);
  if (memory != NULL) memset(memory, 0, whole);
  return memory;
}

int echo__scheduler_create(const echo__plan *plan, echo_scheduler **out) {
  echo_scheduler *s = zeroed_lines(sizeof *s);
  if (s == NULL) return ECHO_MEMORY;
  s->workers = zeroed_lines(plan->workers * sizeof *s->workers);
  if (s->workers == NULL) goto no_workers;
  echo_queue_options options = {.workers = plan->workers, .fairness = plan->fairness};
  if (echo_queue_create(&s->queue, &options) != ECHO_OK) goto no_queue;
  if (echo__pool_init(&s->pool, sizeof(echo_task)) != ECHO_OK) goto no_pool;
  if (echo__idle_init(&s->idle, plan->workers) != ECHO_OK) goto no_idle;
  if (echo__waiters_init(&s->waiters, &s->idle) != ECHO_OK) goto no_waiters;
  if (uv_mutex_init(&s->life) != 0) goto no_life;
  s->plan = *plan;
  echo__lanes_init(s->lanes);
  echo__workers_reset(s);
  *out = s;
  return ECHO_OK;
no_life:
  echo__waiters_close(&s->waiters);
no_waiters:
  echo__idle_close(&s->idle);
no_idle:
  echo__pool_close(&s->pool);
no_pool:
  echo_queue_destroy(s->queue);
no_queue:
  free(s->workers);
no_workers:
  free(s);
  return ECHO_MEMORY;
}

void echo__scheduler_destroy(echo_scheduler *s) {
  for (unsigned i = 0; i < s->plan.workers; i++)
    echo__cache_close(&s->pool, &s->workers[i].cache);
  for (int i = 0; i < ECHO__LANES; i++)
    echo__cache_close(&s->pool, &s->lanes[i].cache);
  uv_mutex_destroy(&s->life);
  echo__waiters_close(&s->waiters);
  echo__idle_close(&s->idle);
  echo__pool_close(&s->pool);
  echo_queue_destroy(s->queue);
  echo__plan_close(&s->plan);
  free(s->workers);
  free(s);
}

unsigned echo_scheduler_worker_count(const echo_scheduler *s) {
  return s->plan.workers;
}

/* -- submit ----------------------------------------------------------------------------------- */

/* What a submit asks for, checked. */
typedef struct request {
  echo_task_function function;
  void *argument;
  void (*on_end)(void *argument, int status);
  echo__named_queue *queue;
  int8_t priority;
  bool handle;
} request;

static int find_queue(const echo_scheduler *s, const char *name, echo__named_queue **queue) {
  for (unsigned i = 0; i < s->plan.queue_count; i++) {
    if (strcmp(s->plan.queues[i]->name, name) != 0) continue;
    *queue = s->plan.queues[i];
    return ECHO_OK;
  }
  return ECHO_MISSING;
}

static int check(const echo_scheduler *s, const echo_task_options *options, request *r) {
  if (r->function == NULL) return ECHO_INVALID;
  if (options == NULL) return ECHO_OK;
  if (options->priority < ECHO_PRIORITY_LOW || options->priority > ECHO_PRIORITY_HIGH) {
    return ECHO_INVALID;
  }
  r->priority = (int8_t)options->priority;
  r->on_end = options->on_end;
  return options->queue != NULL ? find_queue(s, options->queue, &r->queue) : ECHO_OK;
}

static void fill(echo_task *task, echo_scheduler *s, const request *r, unsigned origin) {
  task->function = r->function;
  task->argument = r->argument;
  task->on_end = r->on_end;
  task->scheduler = s;
  task->queue = r->queue;
  task->priority = r->priority;
  task->flags = r->handle ? 0 : ECHO__DETACHED;
  task->origin = (uint16_t)origin;
  echo__store(&task->word, ECHO_TASK_QUEUED + 2 * ECHO__REFERENCE, relaxed);
}

/* Takes the objects of one submit from the cache, all or none. */
static int take_objects(echo_scheduler *s, echo__cache *cache, const request *r, echo_task **task,
                        echo_task **ticket) {
  *ticket = NULL;
  *task = echo__pool_take(&s->pool, cache);
  if (*task == NULL) return ECHO_MEMORY;
  if (r->queue == NULL) return ECHO_OK;
  *ticket = echo__pool_take(&s->pool, cache);
  if (*ticket != NULL) return ECHO_OK;
  echo__pool_give(&s->pool, cache, *task);
  return ECHO_MEMORY;
}

static int start(echo_scheduler *s) {
  uv_mutex_lock(&s->life);
  int status = ECHO_OK;
  uint32_t phase = echo__load(&s->phase, relaxed);
  if (phase == ECHO__FRESH) {
    status = echo__workers_start(s);
    if (status == ECHO_OK) echo__store(&s->phase, ECHO__RUNNING, release); /* PAIR stop.phase */
  } else if (phase != ECHO__RUNNING) {
    status = ECHO_STOPPED;
  }
  uv_mutex_unlock(&s->life);
  return status;
}

static int refusal(uint32_t phase) {
  return phase == ECHO__FRESH || phase == ECHO__RUNNING ? ECHO_OK : ECHO_STOPPED;
}

/* Enters a lane of a scheduler that runs, starting it first if need be. */
static int enter_running(echo_scheduler *s, echo__lane **entered) {
  for (;;) {
    echo__lane *lane = echo__lane_enter(s->lanes);
    uint32_t phase = echo__load(&s->phase, acquire); /* PAIR stop.phase */
    if (phase == ECHO__RUNNING) {
      *entered = lane;
      return ECHO_OK;
    }
    echo__lane_leave(lane);
    int status = refusal(phase);
    if (status == ECHO_OK) status = start(s);
    if (status != ECHO_OK) return status;
  }
}

static int accept_outside(echo_scheduler *s, const request *r, echo_task **task,
                          echo_task **ticket) {
  echo__lane *lane;
  int status = enter_running(s, &lane);
  if (status != ECHO_OK) return status;
  status = take_objects(s, &lane->cache, r, task, ticket);
  if (status == ECHO_OK) {
    echo__bump(&lane->submitted, 1);
    lane->handles += r->handle;
  }
  echo__lane_leave(lane);
  return status;
}

/* Inside a task: refused only once the scheduler cancels, since a drain runs children too. */
static int accept_inside(echo__worker *worker, const request *r, echo_task **task,
                         echo_task **ticket) {
  echo_scheduler *s = worker->scheduler;
  if (echo__load(&s->phase, relaxed) >= ECHO__CANCELLING) return ECHO_STOPPED;
  int status = take_objects(s, &worker->cache, r, task, ticket);
  if (status != ECHO_OK) return status;
  echo__bump(&worker->submitted, 1); /* PAIR stop.balance */
  worker->handles += r->handle;
  return ECHO_OK;
}

static void publish(echo_scheduler *s, echo__worker *worker, echo_task *task, echo_task *ticket) {
  if (ticket != NULL) {
    echo__named_carry_out(s, echo__named_add(task->queue, task, ticket));
    return;
  }
  if (worker != NULL) {
    echo_queue_push(s->queue, worker->index, (echo_priority)task->priority, &task->node);
    echo__idle_notify(&s->idle);
  } else {
    echo_queue_inject(s->queue, (echo_priority)task->priority, &task->node);
    echo__idle_notify_injected(&s->idle);
  }
}

int echo_scheduler_submit(echo_scheduler *s, const echo_task_options *options,
                          echo_task_function function, void *argument, echo_task **handle) {
  request r = {.function = function, .argument = argument, .handle = handle != NULL};
  int status = check(s, options, &r);
  if (status != ECHO_OK) return status;
  echo__worker *worker = echo__own_worker(s);
  echo_task *task, *ticket;
  status = worker != NULL ? accept_inside(worker, &r, &task, &ticket)
                          : accept_outside(s, &r, &task, &ticket);
  if (status != ECHO_OK) return status;
  fill(task, s, &r, worker != NULL ? worker->index : ECHO__OUTSIDE);
  if (handle != NULL) *handle = task;
  publish(s, worker, task, ticket);
  return ECHO_OK;
}
