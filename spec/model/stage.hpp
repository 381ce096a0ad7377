/*
 * The whole scheduler, put up for a scenario: every file is the real one but the pool, the clock,
 * the threads and libuv.
 */
#ifndef MODEL_STAGE_HPP
#define MODEL_STAGE_HPP

#include "variant.h" /* before all that tells the model something */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sched.h>

#include "system.hpp"

static void model_free(void *memory);
static void *model_realloc(void *memory, size_t bytes);
#define free(memory)           model_free(memory)
#define realloc(memory, bytes) model_realloc(memory, bytes)

#include "queue/deque.c"
#include "queue/injector.c"
#include "queue/pinned.c"
#define class class_
#define zeroed_lines queue_zeroed_lines
#include "queue/offer.c"
#include "queue/queue.c"
#include "queue/take.c"
#undef zeroed_lines
#include "scheduler/named_queue.c"
#undef class
#include "scheduler/bound.c"
#include "scheduler/branch.c"
#include "scheduler/crew.c"
#include "scheduler/end.c"
#include "scheduler/held.c"
#include "scheduler/idle.c"
#include "scheduler/lane.c"
#include "scheduler/room.c"
#include "scheduler/scheduler.c"
#include "scheduler/stop.c"
#include "scheduler/suspend.c"
#include "scheduler/task.c"
#include "scheduler/waiters.c"
#include "scheduler/worker.c"

#include "quiet.hpp"

enum { WORKERS = 2, OBJECTS = 8 };

/* The workers' threads: threads 1 and on of the scenario. */
struct start {
  void (*run)(void *) = NULL; /* a thread that is never started */
  void *argument;
  handover started, over;
};

struct stage;
static stage *the_stage;

struct everything {
  echo_scheduler s;
  echo_queue q;
  echo__presence present;
  echo__side sides[WORKERS];
  echo__worker workers[WORKERS];
};

struct stage : model::scenario {
  alignas(128) char memory[sizeof(everything)];
  everything *all;
  echo_scheduler *s;
  struct start starts[WORKERS];
  unsigned started = 0;
  alignas(128) char objects[OBJECTS][sizeof(echo_task)];
  bool used[OBJECTS] = {};
  echo_task *bound_tasks[WORKERS][16]; /* room for what belongs to each worker */
  unsigned bound_rooms = 0;
  bool gone = false; /* the scheduler */
  int ran = 0, ended = 0, ended_cancelled = 0;

  stage() {
    the_stage = this;
    for (echo__here &here : model_heres)
      here = echo__here();
    memset(memory, 0, sizeof memory);
    all = new (memory, (model::scenario *)nullptr) everything();
    s = &all->s;
    echo_queue *q = &all->q;
    s->plan.workers = q->workers = WORKERS;
    s->plan.name = (char *)"model";
    q->words = 1;
    q->present = &all->present;
    q->sides = all->sides;
    q->priority_of = priority_of;
    for (unsigned i = 0; i < WORKERS; i++)
      side_init(&all->sides[i], i);
    for (echo__injector &injector : q->injectors)
      echo__injector_init(&injector);
    s->queue = q;
    s->workers = all->workers;
    echo__idle_init(&s->idle, WORKERS);
    echo__idle_init(&s->urgent, 0);
    s->idle.beyond = &s->urgent;
    echo__waiters_init(&s->waiters, &s->idle);
    echo__held_init(&s->held);
    echo__rooms_init(&s->rooms, 0);
    echo__workers_reset(s);
  }

  void thread(unsigned index) override {
    if (index == 0) {
      outside();
      for (unsigned i = started; i < WORKERS; i++)
        starts[i].started.set();
    } else if (index <= WORKERS) {
      struct start *mine = &starts[index - 1];
      mine->started.wait();
      if (mine->run != NULL) mine->run(mine->argument);
      mine->over.set();
    } else {
      other();
    }
  }

  virtual void outside() = 0;
  virtual void other() {
  }

  void after() override {
    if (!gone) {
      CHECK(echo__load(&s->abandoned, relaxed)); /* then it all stays */
      return;
    }
    for (bool one : used)
      CHECK(!one);
  }
};

static void model_free(void *memory) {
  if (memory != the_stage->s) return;
  CHECK(!the_stage->gone);
  the_stage->gone = true;
  the_stage->all->~everything();
}

static void *model_realloc(void *memory, size_t bytes) {
  CHECK(memory == NULL && bytes <= sizeof the_stage->bound_tasks[0]);
  return the_stage->bound_tasks[the_stage->bound_rooms++];
}

void *model_take(void) {
  for (int i = 0; i < OBJECTS; i++) {
    if (the_stage->used[i]) continue;
    the_stage->used[i] = true;
    return new (the_stage->objects[i], (model::scenario *)nullptr) echo_task;
  }
  return NULL;
}

void model_give(void *object) {
  int number = (int)(((char *)object - the_stage->objects[0]) / sizeof(echo_task));
  CHECK(number >= 0 && number < OBJECTS && the_stage->used[number]);
  the_stage->used[number] = false;
  ((echo_task *)object)->argument = NULL; /* must come after every use */
  ((echo_task *)object)->~echo_task();
}

int echo__thread_start(uv_thread_t *thread, void (*run)(void *), void *argument) {
  *thread = (int)the_stage->started++;
  struct start *one = &the_stage->starts[*thread];
  one->run = run;
  one->argument = argument;
  one->started.set();
  return ECHO_OK;
}
int uv_thread_join(uv_thread_t *thread) {
  the_stage->starts[*thread].over.wait();
  return 0;
}
void echo__thread_pin(unsigned) {
}
uint64_t echo__queued(const echo_scheduler *) {
  return 0;
}
void echo__manner_note(echo__manner *) {
}
void echo__manner_adopt(const echo__manner *) {
}
void echo__manner_forget(echo__manner *) {
}
void echo__thread_name(const char *) {
}
void echo__thread_leave_behind(uv_thread_t *) {
}
void echo__cache_close(echo__pool *, echo__cache *) {
}
void echo__pool_close(echo__pool *) {
}
echo_task *echo__object_take_timed(echo__objects *, echo__caches *) {
  return NULL;
}
void echo__object_give_timed(echo__objects *, echo__caches *, echo_task *) {
}
int echo__pool_init(echo__pool *, size_t, void *) {
  return ECHO_OK;
}
void *echo__pool_owner(const void *) {
  return the_stage->s;
}
void echo__plan_close(echo__plan *) {
}

static void nothing(void *) {
  the_stage->ran++;
}
static void on_end(void *, int status) {
  the_stage->ended++;
  if (status == ECHO_CANCELLED) the_stage->ended_cancelled++;
}
static const echo_task_options options = {.priority = ECHO_PRIORITY_NORMAL, .on_end = on_end};

static int submit(echo_task_function function, echo_task **handle) {
  return echo_scheduler_submit(the_stage->s, &options, function, NULL, handle);
}

static handover stuck_ends;

static void stuck(void *) {
  stuck_ends.wait();
}

#endif
