/*
 * Making way: no urgent task waits while every worker is in an endless loop of less urgent ones.
 * The queue, idle.c, worker.c and interrupt.c are the real ones.
 *
 * A signal is delivered at a few points that stand for all others: before a task becomes current,
 * between that and the look at what was rung, and inside of the loop. A loop does nothing but wait
 * for one. If none comes while something urgent waits, all sleep, and relacy calls it a deadlock.
 */
#include "variant.h" /* before all that tells the model something */

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
#include "scheduler/idle.c"
#define WORD_BITS INTERRUPT_WORD_BITS
#include "scheduler/interrupt.c"
#undef WORD_BITS
#define WORD_BITS ASK_WORD_BITS
#define class_of  ask_class_of
#include "scheduler/ask.c"
#undef class_of
#undef WORD_BITS
#undef class
#include "scheduler/branch.c"
#include "scheduler/worker.c"

enum { WORKERS = 2, TASKS = 4 };

struct stage;
static stage *the_stage;

static void call_back(void *, unsigned worker);
static void maybe_deliver(void);

static echo_priority task_priority(const echo_node *node) {
  return echo__task_priority((const echo_task *)node);
}

struct stage : model::scenario {
  echo_scheduler s;
  echo_queue q;
  echo__presence present;
  echo__side sides[WORKERS];
  echo__worker workers[WORKERS];
  echo__bell bells[WORKERS];
  echo_task tasks[TASKS];
  bool told[WORKERS] = {}; /* what the call-back leaves for the loop */
  int urgent_left, expected, ended = 0, met = 0;
  event all_met, left_first, over;

  /* So many urgent tasks end the loops; so many tasks end all in all. */
  stage(unsigned count, int urgent, int all) : urgent_left(urgent), expected(all) {
    the_stage = this;
    model_signal_point = maybe_deliver;
    for (echo__here &here : model_heres)
      here = echo__here();
    s.plan.workers = q.workers = count;
    s.plan.pinning = false;
    q.words = 1;
    q.fairness = 0;
    q.priority_of = task_priority;
    q.present = &present;
    q.sides = sides;
    for (unsigned i = 0; i < count; i++) {
      side_init(&sides[i], i);
      sides[i].since_turn = sides[i].streak = 0;
      for (int c = 0; c < ECHO_PRIORITIES; c++)
        sides[i].announced[c] = sides[i].yields[c] = sides[i].passed[c] = sides[i].fed[c] = 0;
      workers[i].scheduler = &s;
      workers[i].index = i;
      workers[i].current = NULL;
      workers[i].searching = false;
      workers[i].bound = {};
      workers[i].ran = 0;
      bells[i].shown = 0;
      bells[i].gate.pending = 0;
    }
    for (echo__injector &injector : q.injectors)
      echo__injector_init(&injector);
    s.queue = &q;
    s.workers = workers;
    s.interrupts.call = call_back;
    s.interrupts.silent = false;
    s.interrupts.bells = bells;
    echo__idle_init(&s.idle, count);
    echo__idle_init(&s.urgent, 0);
    s.idle.beyond = &s.urgent;
    echo__store(&s.phase, ECHO__RUNNING, relaxed);
  }

  void inject(int number, echo_priority priority, echo_task_function function) {
    echo_task *task = &tasks[number];
    task->function = function;
    task->argument = task;
    echo__store(&task->priority, (int8_t)priority, relaxed);
    task->flags = ECHO__DETACHED | ECHO__INTERRUPTIBLE;
    echo_queue_inject(&q, priority, &task->node);
    echo__notify_injected(&s, priority);
  }

  void pin(int number, echo_priority priority, echo_task_function function) {
    echo_task *task = &tasks[number];
    task->function = function;
    task->argument = task;
    echo__store(&task->priority, (int8_t)priority, relaxed);
    task->flags = ECHO__DETACHED | ECHO__INTERRUPTIBLE;
    echo_queue_pin(&q, 0, &task->node);
    echo__idle_notify_pinned(&s.idle, 0);
    echo__interrupts_ask_worker(&s, 0, priority);
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
    CHECK(!echo_queue_has_work(&q));
  }
};

static void call_back(void *, unsigned worker) {
  the_stage->told[worker] = true;
}

/* -- signals ---------------------------------------------------------------------------------- */

static void deliver(unsigned worker) {
  echo__gate *gate = &the_stage->bells[worker].gate;
  if (gate->pending == 0) return;
  gate->pending = 0;
  model::record(__func__, __LINE__, "a signal comes");
  receive();
}

/* A signal comes here, or later. */
static void maybe_deliver(void) {
  model::step();
  if (model::choose(2) == 0) deliver(model_here()->worker->index);
}

bool echo__gate_send(echo__gate *gate) {
  model::step();
  gate->pending = 1;
  model::wake(gate, true);
  return true;
}

/* -- tasks ------------------------------------------------------------------------------------ */

static void look_round(unsigned worker) {
  stage *stage = the_stage;
  for (;;) {
    deliver(worker);
    if (stage->told[worker] || stage->urgent_left == 0) return;
    model::sleep_on(&stage->bells[worker].gate, false);
  }
}

/* Endless, until what is urgent has run. */
static void loop(void *) {
  stage *stage = the_stage;
  unsigned worker = model_here()->worker->index;
  while (stage->urgent_left > 0) {
    look_round(worker);
    if (!stage->told[worker]) continue;
    stage->told[worker] = false;
    if (!echo_task_should_make_way()) continue;
    echo_task_again();
    return;
  }
}

static void no_longer_urgent() {
  if (--the_stage->urgent_left > 0) return;
  for (echo__bell &bell : the_stage->bells)
    model::wake(&bell.gate, true);
}

static void urgent(void *) {
  no_longer_urgent();
}

/* Ends when as many run as there are workers. */
static void meet(void *) {
  stage *stage = the_stage;
  if (++stage->met == (int)stage->s.plan.workers) stage->all_met.set();
  stage->all_met.wait();
  no_longer_urgent();
}

static void nothing(void *) {
}

/* -- the rest of the scheduler, made short ------------------------------------------------------
 */

void *echo__pool_owner(const void *) {
  return &the_stage->s;
}
echo_task *echo__begin_taken(echo_scheduler *, echo_node *node) {
  maybe_deliver();
  return echo__task_of(node);
}
echo_task *echo__begin_pinned(echo__worker *, echo_node *node) {
  maybe_deliver();
  return echo__task_of(node);
}
void echo__finish(echo_scheduler *, echo_task *task, echo_task_state) {
  CHECK(task->function != NULL);
  task->function = NULL;
  the_stage->end();
}
void echo__task_adopt(echo_task *) {
}
bool echo__task_requeue(echo_task *) {
  return true;
}
void echo__after_suspend(echo__worker *, echo_task *) {
}
bool echo__task_go_on(echo_task *) {
  return false;
}
void echo__obey(echo__worker *) {
}
void echo__obey_sorting(echo__worker *) {
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
bool echo__signal_open(void (*)(void)) {
  return true;
}
bool echo__signal_works(void) {
  return true;
}
int echo__gate_init(echo__gate *) {
  return ECHO_OK;
}
void echo__gate_destroy(echo__gate *) {
}
void echo__gate_open(echo__gate *) {
}
void echo__gate_shut(echo__gate *) {
}

/* -- scenarios -------------------------------------------------------------------------------- */

/* A loop begins while something urgent is submitted. */
struct one_loop : stage {
  one_loop() : stage(1, 1, 2) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(0);
    inject(0, ECHO_PRIORITY_LOW, loop);
    inject(1, ECHO_PRIORITY_HIGH, urgent);
  }
};

/* The same behind a task of the loop's own priority: nothing changes in what the worker shows. */
struct in_a_row : stage {
  in_a_row() : stage(1, 1, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(0);
    inject(0, ECHO_PRIORITY_LOW, nothing);
    inject(1, ECHO_PRIORITY_LOW, loop);
    inject(2, ECHO_PRIORITY_HIGH, urgent);
  }
};

/* Three priorities on one worker. */
struct three_classes : stage {
  three_classes() : stage(1, 1, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(0);
    inject(0, ECHO_PRIORITY_LOW, loop);
    inject(1, ECHO_PRIORITY_NORMAL, loop);
    inject(2, ECHO_PRIORITY_HIGH, urgent);
  }
};

/* Both workers must come, one of them perhaps out of the loop. */
struct both : stage {
  both() : stage(2, 2, 3) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    inject(0, ECHO_PRIORITY_LOW, loop);
    inject(1, ECHO_PRIORITY_HIGH, meet);
    inject(2, ECHO_PRIORITY_HIGH, meet);
  }
};

/* The same with two who submit: each may rely on what the other has rung. */
struct two_submit : stage {
  two_submit() : stage(2, 2, 4) {
  }
  void thread(unsigned index) override {
    if (index > 1) return work_as(index - 2);
    if (index == 0) inject(0, ECHO_PRIORITY_LOW, loop);
    if (index == 1) inject(3, ECHO_PRIORITY_LOW, loop);
    inject(1 + (int)index, ECHO_PRIORITY_HIGH, meet);
  }
};

/* Something urgent for the one worker alone, which is perhaps in the loop. */
struct pinned : stage {
  pinned() : stage(2, 1, 2) {
  }
  void thread(unsigned index) override {
    if (index > 0) return work_as(index - 1);
    inject(0, ECHO_PRIORITY_LOW, loop);
    pin(1, ECHO_PRIORITY_HIGH, urgent);
  }
};

SCENARIO(one_loop, 2, 40000, 1, 1)
SCENARIO(in_a_row, 2, 40000, 1, 0)
SCENARIO(three_classes, 2, 40000, 1, 0)
SCENARIO(both, 3, 60000, 0, 0)
SCENARIO(pinned, 3, 60000, 0, 0)
SCENARIO(two_submit, 4, 60000, 0, 0)
