/* The whole scheduler through its own interface: submit, run, wait, cancel, stop, release. */
#include "stage.hpp"

/* What was accepted has run when a drain is over. */
struct drain : stage {
  void outside() override {
    for (int i = 0; i < 2; i++)
      CHECK(submit(nothing, NULL) == ECHO_OK);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ran == 2 && ended == 2);
    CHECK(submit(nothing, NULL) == ECHO_STOPPED);
    echo_scheduler_release(s);
  }
};

/* Two threads submit, one stops: a submit is refused or its task runs. */
struct race_to_stop : stage {
  int accepted = 0;
  handover over;

  void one() {
    int status = submit(nothing, NULL);
    CHECK(status == ECHO_OK || status == ECHO_STOPPED);
    accepted += status == ECHO_OK;
  }
  void outside() override {
    one();
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    int ended_now = ended;
    over.wait();
    CHECK(ended == ended_now && ended == accepted && ran == accepted);
    echo_scheduler_release(s);
  }
  void other() override {
    one();
    one();
    over.set();
  }
};

static void spawn_two(void *) {
  the_stage->ran++;
  for (int i = 0; i < 2; i++)
    CHECK(submit(nothing, NULL) == ECHO_OK);
}

/* A drain runs children too. */
struct drain_children : stage {
  void outside() override {
    CHECK(submit(spawn_two, NULL) == ECHO_OK);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ran == 3 && ended == 3);
    echo_scheduler_release(s);
  }
};

/* Somebody finds only now that a worker might be needed: there is none to be had any more. */
struct late_call : stage {
  handover submitted, over;

  void outside() override {
    submitted.wait();
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    unsigned threads = started;
    over.wait();
    CHECK(started == threads);
    echo_scheduler_release(s);
  }
  void other() override {
    CHECK(submit(nothing, NULL) == ECHO_OK);
    submitted.set();
    echo__idle_notify(&s->idle);
    over.set();
  }
};

/* Each of what was queued ends, once; what a cancel ended never runs. */
struct stop_cancel : stage {
  void outside() override {
    for (int i = 0; i < 2; i++)
      CHECK(submit(nothing, NULL) == ECHO_OK);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_CANCEL, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ended == 2 && ran + ended_cancelled == 2);
    echo_scheduler_release(s);
  }
};

/* A wait ends when the task does, in whatever order; the effects are seen. */
struct wait_outside : stage {
  model::plain<int> result;

  static void work(void *) {
    ((wait_outside *)the_stage)->result = 7;
  }
  void outside() override {
    echo_task *task;
    CHECK(submit(work, &task) == ECHO_OK);
    CHECK(echo_task_wait(task, ECHO_FOREVER) == ECHO_OK);
    CHECK(result == 7 && ended == 1);
    echo_task_release(task);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    echo_scheduler_release(s);
  }
};

/* Cancelling, running, waiting on another thread, and giving up the handle. */
struct cancel : stage {
  echo_task *task;
  handover there, seen;
  int waited = 1;

  void outside() override {
    CHECK(submit(nothing, &task) == ECHO_OK);
    there.set();
    int status = echo_task_cancel(task);
    CHECK(status == ECHO_OK || status == ECHO_INVALID);
    seen.wait();
    CHECK(ended == 1 && ran + ended_cancelled >= 1);
    CHECK(waited == (status == ECHO_OK ? ECHO_CANCELLED : ECHO_OK));
    CHECK((status == ECHO_OK) == (ended_cancelled == 1));
    echo_task_release(task);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    echo_scheduler_release(s);
  }
  void other() override {
    there.wait();
    do {
      waited = echo_task_wait(task, model::choose(2) ? 0.5 : ECHO_FOREVER);
    } while (waited == ECHO_TIMEOUT);
    seen.set();
  }
};

/* A handle that outlives the scheduler: the last one to go frees it. */
struct orphan : stage {
  echo_task *task;
  handover submitted, stopped, released;

  void outside() override {
    CHECK(submit(nothing, &task) == ECHO_OK);
    submitted.set();
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    stopped.set();
    echo_scheduler_release(s);
    released.set();
  }
  void other() override {
    submitted.wait();
    unsigned when = model::choose(4);
    if (when > 0) stopped.wait(); /* mostly into the middle of the release */
    if (when > 2) released.wait();
    echo_task_release(task);
  }
};

/* A task that is called again, against a cancel. */
struct again : stage {
  static void twice(void *) {
    if (++the_stage->ran == 1) CHECK(echo_task_again() == ECHO_OK);
  }
  void outside() override {
    echo_task *task;
    CHECK(submit(twice, &task) == ECHO_OK);
    int status = echo_task_cancel(task);
    int outcome = echo_task_wait(task, ECHO_FOREVER);
    CHECK(ended == 1 && (status == ECHO_OK) == (outcome == ECHO_CANCELLED));
    CHECK(outcome == ECHO_CANCELLED || ran == 2);
    echo_task_release(task);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    echo_scheduler_release(s);
  }
};

/* A named queue with one slot. */
struct named_stage : stage {
  alignas(16) char named_memory[sizeof(echo__named_queue) + 2];
  echo__named_queue *queues[1];
  int inside = 0;

  static void one_at_a_time(void *) {
    named_stage *self = (named_stage *)the_stage;
    CHECK(++self->inside == 1);
    model::pause();
    self->inside--;
    self->ran++;
  }
  void one(echo_task **handle = NULL) {
    echo_task_options in_queue = options;
    in_queue.queue = "n";
    CHECK(echo_scheduler_submit(s, &in_queue, one_at_a_time, NULL, handle) == ECHO_OK);
  }
  void before() override {
    memset(named_memory, 0, sizeof named_memory);
    queues[0] = new (named_memory, (model::scenario *)nullptr) echo__named_queue;
    queues[0]->limit = 1;
    queues[0]->number = 1;
    queues[0]->name[0] = 'n';
    s->plan.queues = queues;
    s->plan.queue_count = 1;
  }
  void after() override {
    CHECK(queues[0]->running == 0 && queues[0]->spares == 0 && queues[0]->classes[0].waiting == 0);
    stage::after();
  }
};

/* One at a time, and all of them. */
struct named : named_stage {
  handover over;

  void outside() override {
    one();
    over.wait();
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ran == 2 && ended == 2);
    echo_scheduler_release(s);
  }
  void other() override {
    one();
    over.set();
  }
};

/* One that is cancelled while it waits for the slot, has it or had it; another comes after it. */
struct named_cancel : named_stage {
  handover over;

  void outside() override {
    one();
    over.wait();
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ended == 3 && ran + ended_cancelled >= 3);
    echo_scheduler_release(s);
  }
  void other() override {
    echo_task *task;
    one(&task);
    one();
    int status = echo_task_cancel(task);
    CHECK((echo_task_wait(task, ECHO_FOREVER) == ECHO_CANCELLED) == (status == ECHO_OK));
    echo_task_release(task);
    over.set();
  }
};

/* A bound of one, and two who wait for room whenever there is none. */
struct full : stage {
  struct producer {
    echo_room room;
    event told;
  } producers[2];
  handover over;

  static void tell(void *told) {
    ((event *)told)->set();
  }
  void produce(unsigned number) {
    producer *p = &producers[number];
    for (int left = 2; left > 0;) {
      int status = submit(nothing, NULL);
      CHECK(status == ECHO_OK || status == ECHO_FULL);
      CHECK(echo__load(&s->rooms.taken, relaxed) <= 1);
      if (status == ECHO_OK) {
        left--;
        continue;
      }
      p->told.happened = false;
      echo_scheduler_watch_room(s, &p->room, ECHO_PRIORITY_NORMAL, tell, &p->told);
      p->told.wait();
    }
  }
  void before() override {
    s->plan.capacity = s->rooms.capacity = 1;
  }
  void outside() override {
    produce(0);
    over.wait();
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ran == 4 && ended == 4);
    echo_scheduler_release(s);
  }
  void other() override {
    produce(1);
    over.set();
  }
};

/* A stop that runs out of time, and a thread that waits for the stuck task. */
struct abandon : stage {
  echo_task *task;
  handover there, seen;

  void outside() override {
    stuck_ends = handover();
    CHECK(submit(stuck, &task) == ECHO_OK);
    there.set();
    size_t abandoned = 0;
    int status = echo_scheduler_stop(s, ECHO_STOP_CANCEL, 0.5, &abandoned);
    seen.wait();
    stuck_ends.set();
    int outcome = echo_task_wait(task, ECHO_FOREVER);
    CHECK(outcome == ECHO_OK || outcome == ECHO_CANCELLED || outcome == ECHO_LOST);
    CHECK(outcome != ECHO_LOST || status == ECHO_TIMEOUT);
    echo_task_release(task);
    echo_scheduler_release(s);
  }
  void other() override {
    there.wait();
    int outcome = echo_task_wait(task, ECHO_FOREVER);
    CHECK(outcome == ECHO_OK || outcome == ECHO_CANCELLED || outcome == ECHO_LOST);
    seen.set();
  }
};

static void parent_of_stuck(void *) {
  echo_task *child;
  int status = submit(stuck, &child);
  if (status == ECHO_STOPPED) return;
  CHECK(status == ECHO_OK);
  int outcome = echo_task_wait(child, ECHO_FOREVER);
  CHECK(outcome == ECHO_OK || outcome == ECHO_CANCELLED || outcome == ECHO_LOST);
  echo_task_release(child);
}

/* The same where the thread that waits is a worker. */
struct abandon_inside : stage {
  void outside() override {
    stuck_ends = handover();
    CHECK(submit(parent_of_stuck, NULL) == ECHO_OK);
    echo_scheduler_stop(s, ECHO_STOP_CANCEL, 0.5, NULL);
    stuck_ends.set();
    echo_scheduler_release(s);
  }
};

static event child_ran;

static void set_child_ran(void *) {
  child_ran.set();
}

/* A task that waits for a child, queues another and then needs a second worker to run that. */
static void family(void *) {
  echo_task *child;
  CHECK(submit(nothing, &child) == ECHO_OK);
  CHECK(echo_task_wait(child, ECHO_FOREVER) == ECHO_OK);
  echo_task_release(child);
  CHECK(submit(set_child_ran, NULL) == ECHO_OK);
  child_ran.wait();
}

struct wait_inside : stage {
  void outside() override {
    child_ran = event();
    CHECK(submit(family, NULL) == ECHO_OK);
    CHECK(echo_scheduler_stop(s, ECHO_STOP_DRAIN, ECHO_FOREVER, NULL) == ECHO_OK);
    CHECK(ended == 3);
    echo_scheduler_release(s);
  }
};

SCENARIO(drain, 3, 10000, 1, 1)
SCENARIO(race_to_stop, 4, 20000, 1, 0)
SCENARIO(late_call, 4, 10000, 1, 0)
SCENARIO(drain_children, 3, 20000, 1, 1)
SCENARIO(stop_cancel, 3, 10000, 1, 1)
SCENARIO(wait_outside, 3, 10000, 1, 1)
SCENARIO(wait_inside, 3, 30000, 1, 0)
SCENARIO(cancel, 4, 15000, 1, 0)
SCENARIO(again, 3, 15000, 1, 1)
SCENARIO(named, 4, 15000, 1, 0)
SCENARIO(named_cancel, 4, 15000, 0, 0)
SCENARIO(full, 4, 15000, 0, 0)
SCENARIO(orphan, 4, 15000, 1, 0)
/* A deadline may pass at any step: too many schedules for all of them. */
SCENARIO(abandon, 4, 20000, 0, 0)
SCENARIO(abandon_inside, 3, 20000, 0, 0)
