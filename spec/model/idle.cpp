/*
 * Sleeping and waking: no worker sleeps while work waits, and the count of those that search is
 * right. The queue, idle.c and worker.c are the real ones; tasks are mere functions here.
 *
 * Whoever ends the last task stops the workers. If a worker sleeps while there is something for it,
 * the others wait in a task for it to come: all sleep, and relacy calls it a deadlock.
 */
#include "variant.h" /* before all that tells the model something */

#include <stdio.h>
#include <stdlib.h>

#include "system.hpp"

#include "queue/deque.c"
#include "queue/injector.c"
#include "queue/pinned.c"
#define class class_
#include "queue/queue.c"
#include "queue/take.c"
#undef class
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
  event all_started, child_ran;
  bool timed = false;

  stage(unsigned count, int tasks_expected) : expected(tasks_expected) {
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
        sides[i].announced[c] = sides[i].yields[c] = sides[i].passed[c] = 0;
      workers[i].scheduler = &s;
      workers[i].index = i;
      workers[i].current = NULL;
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
    echo__idle_init(&s.idle, count);
    echo__store(&s.phase, ECHO__RUNNING, relaxed);
    for (echo_task &task : tasks) {
      task.scheduler = &s;
      echo__store(&task.priority, ECHO_PRIORITY_NORMAL, relaxed);
      task.flags = ECHO__DETACHED;
    }
  }

  /* From now on the worker sleeps in a loop. */
  void give_loop(unsigned worker) {
    echo__store(&loops[worker].rung, 0, relaxed);
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

  void work_as(unsigned worker) {
    model_here()->worker = &workers[worker];
    work(&workers[worker]);
    model_here()->worker = NULL;
  }

  void end() {
    if (++ended < expected) return;
    echo__store(&s.phase, ECHO__STOPPED, release);
    echo__fence(seq_cst);
    echo__idle_nudge_all(&s.idle);
  }

  void after() override {
    CHECK(ended == expected);
    for (unsigned i = 0; i < s.plan.workers; i++)
      CHECK(!echo_queue_has_work_for(&q, i, ECHO_PRIORITY_LOW));
    unsigned searching = 0;
    for (unsigned i = 0; i < s.plan.workers; i++)
      searching += workers[i].searching;
    CHECK(echo__load(&s.idle.searching, relaxed) == searching);
    CHECK(echo__load(&s.idle.parked[0], relaxed) == 0);
    for (unsigned i = 0; i < s.plan.workers; i++)
      CHECK(!(echo__load(&s.idle.sleepers[i].token, relaxed) & ECHO__CLAIMED));
  }
};

/* What the rest of the scheduler does, made short. */
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
int uv_thread_join(uv_thread_t *) {
  return 0;
}
void echo__thread_pin(unsigned) {
}
void echo__thread_name(const char *) {
}
void echo__thread_leave_behind(uv_thread_t *) {
}
int echo__thread_start(uv_thread_t *, void (*)(void *), void *) {
  return ECHO_THREAD;
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

/* One worker, submits from outside: behind each there may be a sleep. */
struct one_worker : stage {
  one_worker() : stage(1, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(0);
    for (int i = 0; i < 3; i++)
      inject(i, nothing);
  }
};

/* As many tasks as workers, from outside: all workers must come. */
struct two_meet : stage {
  two_meet() : stage(2, 2) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    for (unsigned i = 0; i < s.plan.workers; i++)
      inject((int)i, meet);
  }
};

struct three_meet : stage {
  three_meet() : stage(3, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    for (unsigned i = 0; i < s.plan.workers; i++)
      inject((int)i, meet);
  }
};

/* A task's child in its worker's deque. */
struct child : stage {
  child() : stage(2, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    inject(0, spawn);
    inject(2, nothing);
  }
};

/* Two submitters: each may rely on what the other does. */
struct two_submit : stage {
  two_submit() : stage(2, 2) {
  }
  void thread(unsigned index) override {
    if (index > 1) return work_as(index - 2);
    inject((int)index, meet);
  }
};

/* A worker that also wakes for nothing, and one whose time is up now and then. */
struct nudged : stage {
  nudged() : stage(2, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) {
      echo__worker *worker = &workers[index - 1];
      if (index == 1)
        for (int i = 0; i < 2; i++) /* as a wait with a limit does */
          if (echo__worker_step(worker) == ECHO_STEAL_EMPTY) echo__worker_rest(worker, NULL, 1);
      return work_as(index - 1);
    }
    inject(0, meet);
    echo__idle_nudge(&s.idle, 0);
    inject(1, meet);
    echo__idle_nudge(&s.idle, 1);
    inject(2, nothing);
  }
};

/* Work for one worker alone, which nobody else may take. */
struct one_pinned : stage {
  one_pinned() : stage(1, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(0);
    for (int i = 0; i < 3; i++)
      pin(0, i, nothing);
  }
};

/* Two workers: what is pinned to each, and what is for both, from two threads. */
struct pinned_meet : stage {
  pinned_meet() : stage(2, 2) {
  }
  void thread(unsigned index) override {
    if (index > 1) return work_as(index - 2);
    pin(index, (int)index, meet);
  }
};

/* A worker that was claimed for other work finds what is pinned to it, and the other way round. */
struct pinned_and_not : stage {
  pinned_and_not() : stage(2, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    pin(0, 0, nothing);
    inject(1, nothing);
    pin(1, 2, nothing);
  }
};

/* As above, of workers that sleep in their loops, or of which one does. */
struct one_in_loop : one_worker {
  one_in_loop() {
    give_loop(0);
  }
};

struct one_pinned_in_loop : one_pinned {
  one_pinned_in_loop() {
    give_loop(0);
  }
};

struct two_meet_in_loops : two_meet {
  two_meet_in_loops() {
    give_loop(0);
    give_loop(1);
  }
};

struct one_of_two_in_loop : pinned_and_not {
  one_of_two_in_loop() {
    give_loop(0);
  }
};

struct nudged_in_loop : nudged {
  nudged_in_loop() {
    give_loop(0);
  }
};

SCENARIO(one_in_loop, 2, 60000, 3, 1)
SCENARIO(one_pinned_in_loop, 2, 60000, 3, 1)
SCENARIO(two_meet_in_loops, 3, 60000, 1, 0)
SCENARIO(one_of_two_in_loop, 3, 60000, 1, 0)
SCENARIO(nudged_in_loop, 3, 40000, 0, 0)
SCENARIO(one_worker, 2, 60000, 3, 1)
SCENARIO(two_meet, 3, 60000, 2, 1)
SCENARIO(three_meet, 4, 60000, 1, 0)
SCENARIO(child, 3, 40000, 2, 0)
SCENARIO(two_submit, 4, 60000, 2, 0)
SCENARIO(one_pinned, 2, 60000, 3, 1)
SCENARIO(pinned_meet, 4, 60000, 1, 0)
SCENARIO(pinned_and_not, 3, 60000, 1, 0)
SCENARIO(nudged, 3, 40000, 0, 0)
