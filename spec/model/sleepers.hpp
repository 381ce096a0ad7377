/* Workers on a stage: the queue, idle.c, worker.c and branch.c are the real ones; tasks are mere
 * functions here.
 *
 * Whoever ends the last task stops the workers. If a worker sleeps while there is something for it,
 * the others wait in a task for it to come: all sleep, and relacy calls it a deadlock.
 */
#include <stdio.h>
#include <stdlib.h>

#include "system.hpp"

#include "queue/deque.c"
#include "queue/injector.c"
#include "queue/pinned.c"
#define class class_
#include "queue/offer.c"
#include "queue/queue.c"
#include "queue/take.c"
#undef class
#include "scheduler/branch.c"
#include "scheduler/idle.c"
#include "scheduler/worker.c"

#include "quiet.hpp"

enum { WORKERS = model::THREADS - 1, TASKS = 6 };

struct stage;
static stage *the_stage;

struct stage : model::scenario {
  echo_scheduler s;
  echo_queue q;
  echo__presence present;
  echo__side sides[WORKERS];
  echo__worker workers[WORKERS];
  echo__loop loops[WORKERS];
  echo_task tasks[TASKS];
  int expected, ended = 0, started = 0;
  event all_started, child_ran, high_ran;
  bool timed = false;

  /* The last `urgent` of `count` workers take high tasks only. */
  stage(unsigned count, int tasks_expected, unsigned urgent = 0) : expected(tasks_expected) {
    the_stage = this;
    for (echo__here &here : model_heres)
      here = echo__here();
    s.plan.workers = q.workers = count;
    q.words = 1;
    q.fairness = 0;
    q.priority_of = normal;
    q.present = &present;
    q.sides = sides;
    for (unsigned i = 0; i < count; i++) {
      side_init(&sides[i], i);
      sides[i].since_turn = sides[i].streak = 0;
      for (int c = 0; c < ECHO_PRIORITIES; c++)
        sides[i].announced[c] = sides[i].offering[c] = sides[i].yields[c] = sides[i].passed[c] = 0;
      workers[i].scheduler = &s;
      workers[i].index = i;
      workers[i].current = NULL;
      workers[i].branch = NULL;
      workers[i].searching = false;
      workers[i].ran = 0;
      workers[i].bound = {};
      workers[i].loop = NULL;
    }
    for (echo__injector &injector : q.injectors)
      echo__injector_init(&injector);
    s.queue = &q;
    s.interrupts.call = NULL;
    s.workers = workers;
    echo__idle_init(&s.idle, count - urgent);
    echo__idle_init(&s.urgent, urgent);
    s.idle.beyond = &s.urgent;
    echo__store(&s.phase, ECHO__RUNNING, relaxed);
    for (echo_task &task : tasks) {
      echo__store(&task.priority, ECHO_PRIORITY_NORMAL, relaxed);
      task.flags = ECHO__DETACHED;
    }
  }

  /* From now on the worker sleeps in a loop. */
  void give_loop(unsigned worker) {
    echo__store(&loops[worker].rung, 0, relaxed);
    loops[worker].turn = NULL;
    echo__store(&s.idle.sleepers[worker].loop, &loops[worker], relaxed);
    workers[worker].loop = &loops[worker];
  }

  void fill(int number, echo_task_function function) {
    tasks[number].function = function;
    tasks[number].argument = &tasks[number];
  }

  void inject(int number, echo_task_function function) {
    fill(number, function);
    echo_queue_inject(&q, ECHO_PRIORITY_NORMAL, &tasks[number].node);
    echo__idle_notify_injected(&s.idle);
  }

  void submit(int number, echo_priority priority, echo_task_function function) {
    fill(number, function);
    echo__store(&tasks[number].priority, priority, relaxed);
    echo_queue_inject(&q, priority, &tasks[number].node);
    echo__notify_injected(&s, priority);
  }

  void push_high(unsigned worker, int number, echo_task_function function) {
    fill(number, function);
    echo__store(&tasks[number].priority, ECHO_PRIORITY_HIGH, relaxed);
    echo_queue_push(&q, worker, ECHO_PRIORITY_HIGH, &tasks[number].node);
    echo__notify(&s, ECHO_PRIORITY_HIGH);
  }

  void push(unsigned worker, int number, echo_task_function function) {
    fill(number, function);
    echo_queue_push(&q, worker, ECHO_PRIORITY_NORMAL, &tasks[number].node);
    echo__idle_notify(&s.idle);
  }

  void pin(unsigned worker, int number, echo_task_function function) {
    fill(number, function);
    echo_queue_pin(&q, worker, &tasks[number].node);
    echo__idle_notify_pinned(&s.idle, worker);
  }

  virtual void work_as(unsigned worker) {
    model_here()->worker = &workers[worker];
    echo__worker_live(&workers[worker]);
    model_here()->worker = NULL;
  }

  void end() {
    if (++ended < expected) return;
    echo__store(&s.phase, ECHO__STOPPED, release);
    echo__fence(seq_cst);
    echo__idle_nudge_all(&s.idle);
    ends();
  }

  /* The last task has ended. */
  virtual void ends() {
  }

  void after() override {
    CHECK(ended == expected);
    for (unsigned i = 0; i < s.plan.workers; i++)
      CHECK(!echo_queue_has_work_for(&q, i, ECHO_PRIORITY_LOW));
    check_idle(&s.idle, 0);
    check_idle(&s.urgent, s.idle.workers);
  }

  void check_idle(echo__idle *idle, unsigned first) {
    unsigned searching = 0;
    for (unsigned i = 0; i < idle->workers; i++)
      searching += workers[first + i].searching;
    CHECK(echo__load(&idle->searching, relaxed) == searching);
    CHECK(echo__load(&idle->parked[0], relaxed) == echo__load(&idle->absent[0], relaxed));
    for (unsigned i = 0; i < idle->workers; i++)
      CHECK(!(echo__load(&idle->sleepers[i].token, relaxed) & ECHO__CLAIMED));
  }
};

/* What the rest of the scheduler does, made short. */
void *echo__pool_owner(const void *) {
  return &the_stage->s;
}
echo_task *echo__begin_taken(echo_scheduler *, echo_node *node) {
  return echo__task_of(node);
}
void echo__finish(echo_scheduler *, echo_task *task, echo_task_state) {
  CHECK(task->function != NULL);
  task->function = NULL;
  the_stage->end();
}
echo_task *echo__begin_pinned(echo__worker *, echo_node *node) {
  return echo__task_of(node);
}
void echo__task_adopt(echo_task *) {
}
bool echo__task_requeue(echo_task *) {
  return false;
}
void echo__after_suspend(echo__worker *, echo_task *) {
}
bool echo__task_go_on(echo_task *) {
  return false;
}
void echo__obey(echo__worker *) {
}
void echo__rouse_suspended(echo__worker *) {
}
void echo__end_lost(echo__worker *) {
}
void echo__progress(echo_scheduler *) {
}

static void nothing(void *) {
}

/* Ends when as many run as there are workers. */
static void meet(void *) {
  if (++the_stage->started == (int)the_stage->s.plan.workers) the_stage->all_started.set();
  the_stage->all_started.wait();
}

static void set_child_ran(void *) {
  the_stage->child_ran.set();
}

/* Queues a child into its own worker's deque, which another worker has to take. */
static void spawn(void *argument) {
  unsigned worker = model_here()->worker->index;
  the_stage->push(worker, 1, set_child_ran);
  the_stage->child_ran.wait();
}
