#include <stdlib.h>
#include <string.h>

#include "scheduler/crew.h"
#include "scheduler/suspend.h"

static void *zeroed_lines(size_t bytes) {
  size_t whole = (bytes + ECHO__LINE - 1) / ECHO__LINE * ECHO__LINE;
  void *memory = aligned_alloc(ECHO__LINE, whole);
  if (memory != NULL) memset(memory, 0, whole);
  return memory;
}

static echo_priority priority_of(const echo_node *node) {
  return echo__task_priority((const echo_task *)(const void *)node);
}

int echo__scheduler_create(const echo__plan *plan, echo_scheduler **out) {
  echo_scheduler *s = zeroed_lines(sizeof *s);
  if (s == NULL) return ECHO_MEMORY;
  s->workers = zeroed_lines(plan->workers * sizeof *s->workers);
  if (s->workers == NULL) goto no_workers;
  echo_queue_options options = {
      .workers = plan->workers, .fairness = plan->fairness, .priority_of = priority_of};
  if (echo_queue_create(&s->queue, &options) != ECHO_OK) goto no_queue;
  if (echo__objects_init(&s->objects, s) != ECHO_OK) goto no_pool;
  if (echo__idle_init(&s->idle, plan->workers - plan->urgent) != ECHO_OK) goto no_idle;
  if (echo__idle_init(&s->urgent, plan->urgent) != ECHO_OK) goto no_urgent;
  s->idle.beyond = &s->urgent;
  if (echo__waiters_init(&s->waiters, &s->idle) != ECHO_OK) goto no_waiters;
  if (echo__held_init(&s->held) != ECHO_OK) goto no_held;
  if (echo__clock_init(&s->clock, plan->name) != ECHO_OK) goto no_clock;
  if (uv_mutex_init(&s->life) != 0) goto no_life;
  if (uv_mutex_init(&s->crew) != 0) goto no_crew;
  if (echo__rooms_init(&s->rooms, plan->capacity) != ECHO_OK) goto no_rooms;
  if (echo__timing_init(&s->timing, plan) != ECHO_OK) goto no_timing;
  if (echo__interrupts_init(&s->interrupts, plan) != ECHO_OK) goto no_interrupts;
  if (echo__trace_init(&s->trace) != ECHO_OK) goto no_trace;
  s->plan = *plan;
  echo__interrupts_use_clock(s);
  echo__lanes_init(s->lanes);
  echo__workers_reset(s);
  *out = s;
  return ECHO_OK;
no_trace:
  echo__interrupts_close(&s->interrupts, plan->workers);
no_interrupts:
  echo__timing_close(&s->timing);
no_timing:
  echo__rooms_close(&s->rooms);
no_rooms:
  uv_mutex_destroy(&s->crew);
no_crew:
  uv_mutex_destroy(&s->life);
no_life:
  echo__clock_destroy(&s->clock);
no_clock:
  echo__held_destroy(&s->held);
no_held:
  echo__waiters_close(&s->waiters);
no_waiters:
  echo__idle_close(&s->urgent);
no_urgent:
  echo__idle_close(&s->idle);
no_idle:
  echo__objects_close(&s->objects);
no_pool:
  echo_queue_destroy(s->queue);
no_queue:
  free(s->workers);
no_workers:
  free(s);
  return ECHO_MEMORY;
}

void echo__scheduler_destroy(echo_scheduler *s) {
  echo__fork_forget(s);
  for (unsigned i = 0; i < s->plan.workers; i++) {
    echo__caches_close(&s->objects, &s->workers[i].cache);
    echo__bound_close(&s->workers[i].bound);
  }
  for (int i = 0; i < ECHO__LANES; i++)
    echo__caches_close(&s->objects, &s->lanes[i].cache);
  echo__trace_destroy(&s->trace);
  echo__interrupts_close(&s->interrupts, s->plan.workers);
  echo__timing_close(&s->timing);
  echo__rooms_close(&s->rooms);
  uv_mutex_destroy(&s->crew);
  uv_mutex_destroy(&s->life);
  echo__clock_destroy(&s->clock);
  echo__held_destroy(&s->held);
  echo__waiters_close(&s->waiters);
  echo__idle_close(&s->urgent);
  echo__idle_close(&s->idle);
  echo__objects_close(&s->objects);
  echo_queue_destroy(s->queue);
  echo__plan_close(&s->plan);
  echo__manner_forget(&s->manner);
  free(s->workers);
  free(s);
}

void *echo_scheduler_worker_data(const echo_scheduler *s, void (*start)(void *, unsigned)) {
  return s->plan.hooks.start == start ? s->plan.hooks.data : NULL;
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
  uint8_t flags;
  bool handle, held, timed;
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
  r->flags = options->interruptible ? ECHO__INTERRUPTIBLE : 0;
  r->held = options->held;
  if (r->held && !r->handle) return ECHO_INVALID;
  return options->queue != NULL ? find_queue(s, options->queue, &r->queue) : ECHO_OK;
}

static void fill(echo_task *task, echo_scheduler *s, const request *r) {
  task->function = r->function;
  task->argument = r->argument;
  task->on_end = r->on_end;
  task->in.trace = 0;
  task->home = 0;
  echo__store(&task->priority, r->priority, relaxed);
  task->flags = r->flags | (r->handle ? 0 : ECHO__DETACHED);
  uint32_t state = r->held ? ECHO_TASK_SUSPENDED : ECHO_TASK_QUEUED;
  uint32_t placed = s->plan.capacity > 0 ? ECHO__PLACED : 0;
  uint32_t rank = ECHO__RANK_ONE * echo__rank_of(r->priority);
  uint32_t queue = r->queue != NULL ? ECHO__QUEUE_ONE * r->queue->number : 0;
  uint32_t settled = r->timed * ECHO__TIMED + rank + queue;
  echo__store(&task->word, state + placed + settled + 2 * ECHO__REFERENCE, relaxed);
  if (r->timed) echo__timing_stamp(task, s->plan.timings);
}

static int take_ticket(echo_scheduler *s, echo__caches *cache, const request *r, echo_task *task,
                       echo_task **ticket) {
  *ticket = echo__object_take(&s->objects, cache, false);
  if (*ticket != NULL) {
    echo__store(&(*ticket)->word, 0, relaxed);
    return ECHO_OK;
  }
  echo__store(&task->word, r->timed * ECHO__TIMED, relaxed);
  echo__object_give(&s->objects, cache, task);
  return ECHO_MEMORY;
}

static int take_objects(echo_scheduler *s, echo__caches *cache, const request *r, echo_task **task,
                        echo_task **ticket) {
  *ticket = NULL;
  *task = echo__object_take(&s->objects, cache, r->timed);
  if (*task == NULL) return ECHO_MEMORY;
  return r->queue == NULL ? ECHO_OK : take_ticket(s, cache, r, *task, ticket);
}

/* Takes what one submit needs, all or nothing: its place and its objects from the cache. */
static int take_all(echo_scheduler *s, echo__caches *cache, const request *r, echo_task **task,
                    echo_task **ticket) {
  if (s->plan.capacity == 0) return take_objects(s, cache, r, task, ticket);
  if (!echo__rooms_take(&s->rooms)) return ECHO_FULL;
  int status = take_objects(s, cache, r, task, ticket);
  if (status != ECHO_OK) echo__rooms_give(&s->rooms);
  return status;
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

static int refusal(const echo_scheduler *s, uint32_t phase) {
  if (phase == ECHO__FRESH || phase == ECHO__RUNNING) return ECHO_OK;
  return s->forked ? ECHO_FORKED : ECHO_STOPPED;
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
    int status = refusal(s, phase);
    if (status == ECHO_OK) status = start(s);
    if (status != ECHO_OK) return status;
  }
}

static int accept_outside(echo_scheduler *s, const request *r, echo_task **task,
                          echo_task **ticket) {
  echo__lane *lane;
  int status = enter_running(s, &lane);
  if (status != ECHO_OK) return status;
  status = take_all(s, &lane->cache, r, task, ticket);
  if (status == ECHO_OK) {
    echo__bump(&lane->submitted, 1);
    if (!r->held) echo__census_came(&lane->census, echo__rank_of(r->priority));
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
  int status = take_all(s, &worker->cache, r, task, ticket);
  if (status != ECHO_OK) return status;
  echo__bump(&worker->submitted, 1); /* PAIR stop.balance */
  if (!r->held) echo__census_came(&worker->census, echo__rank_of(r->priority));
  worker->handles += r->handle;
  return ECHO_OK;
}

static void publish(echo_scheduler *s, echo__worker *worker, echo_task *task, echo_task *ticket) {
  echo_priority priority = echo__task_priority(task);
  if (ticket != NULL) {
    echo__named_carry_out(s, echo__named_add(echo__task_queue(s, task), task, ticket));
  } else if (worker != NULL && !echo__is_urgent(worker)) {
    echo_queue_push(s->queue, worker->index, priority, &task->node);
    echo__notify(s, priority);
  } else {
    echo_queue_inject(s->queue, priority, &task->node);
    echo__notify_injected(s, priority);
  }
}

/* Once the scheduler cancels nothing is held any more: the task is queued, to be ended. */
static void hold(echo_scheduler *s, echo_task *task, echo_task *ticket) {
  if (ticket != NULL) echo__named_reserve(echo__task_queue(s, task), ticket);
  if (echo__held_enter(&s->held, task)) return;
  bool bound;
  echo__task_resume(task, &bound);
  echo__publish_held(s, task);
}

int echo_scheduler_submit(echo_scheduler *s, const echo_task_options *options,
                          echo_task_function function, void *argument, echo_task **handle) {
  request r = {.function = function, .argument = argument, .handle = handle != NULL};
  int status = check(s, options, &r);
  if (status != ECHO_OK) return status;
  r.timed = s->plan.timings != 0 && echo__timing_chooses(s->plan.timings);
  echo__worker *worker = echo__own_worker(s);
  echo_task *task, *ticket;
  status = worker != NULL ? accept_inside(worker, &r, &task, &ticket)
                          : accept_outside(s, &r, &task, &ticket);
  if (status != ECHO_OK) return status;
  fill(task, s, &r);
  if (handle != NULL) *handle = task;
  if (r.held) {
    hold(s, task, ticket);
  } else {
    if (echo__traces(s)) echo__trace_submit(s, task);
    publish(s, worker, task, ticket);
  }
  return ECHO_OK;
}
